//! A table of keys that the processes of a group share.

use crate::error::Error;
use crate::ffi;
use crate::handles::RawStore;
use std::ffi::CString;
use std::ptr::{NonNull, null_mut};
use std::slice;
use std::time::Duration;

/// A process among those that compute together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The number of this process, from 0.
    pub rank: usize,
    /// The number of all processes.
    pub size: usize,
}

impl Place {
    /// The only process.
    pub const ALONE: Self = Self { rank: 0, size: 1 };

    /// Returns the error for an operation that failed.
    pub(super) fn error(self, operation: &'static str, peers: String, reason: &Error) -> Error {
        let reason = match reason {
            Error::Torch(text) => {
                let line = text.lines().next().unwrap_or_default();
                // Messages of Gloo begin with a place in its source.
                let behind = line.strip_prefix('[').and_then(|rest| rest.split_once("] "));
                behind.map_or(line, |(_, behind)| behind).to_owned()
            }
            other => other.to_string(),
        };
        Error::Collective { rank: self.rank, size: self.size, operation, peers, reason }
    }

    /// The other processes in words.
    pub(super) fn others(self) -> String {
        match self.size {
            2 => format!("rank {}", 1 - self.rank.min(1)),
            _ => "the other ranks".into(),
        }
    }
}

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreAddress {
    /// The name or address of the machine of rank 0.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether another program hosts the store there; otherwise rank 0 does.
    pub hosted: bool,
    /// What the keys of this group begin with: groups with other prefixes do not see each other.
    pub prefix: String,
}

/// A table of keys that the processes of a group share.
#[derive(Debug)]
pub struct Store {
    handle: NonNull<RawStore>,
    /// Whether the table is in this process.
    pub(super) hosts: bool,
}

// SAFETY: the handle is to a `c10d::Store`, whose functions lock a mutex of their own, and the handle itself is not changed.
unsafe impl Send for Store {}
// SAFETY: as above.
unsafe impl Sync for Store {}

impl Store {
    /// Opens or joins the store at `address`. Rank 0 waits for the others, and the others wait for rank 0, for `timeout` at most.
    ///
    /// # Errors
    /// [`Error::Collective`] if they do not meet in time, [`Error::Argument`] if the place or a text cannot be.
    pub fn join(address: &StoreAddress, place: Place, timeout: Duration) -> Result<Self, Error> {
        let Place { rank, size } = place;
        if rank >= size || i32::try_from(size).is_err() {
            return Err(Error::Argument(format!(
                "expected a rank below the number of ranks, found {rank} of {size}"
            )));
        }
        let (host, prefix) = (c_string(&address.host)?, c_string(&address.prefix)?);
        let hosts = rank == 0 && !address.hosted;
        let mut handle = null_mut();
        // SAFETY: the texts are NUL-terminated, and the handle is written before a success is reported.
        let joined = ffi::check(unsafe {
            ffi::lnn_store_tcp(
                host.as_ptr(),
                address.port,
                hosts,
                address.hosted,
                size,
                prefix.as_ptr(),
                milliseconds(timeout),
                &raw mut handle,
            )
        });
        let peers = || format!("{} at {}:{}", place.others(), address.host, address.port);
        joined.map_err(|error| place.error("meeting", peers(), &error))?;
        let handle = NonNull::new(handle).ok_or_else(|| Error::Torch("no store was returned".into()))?;
        Ok(Self { handle, hosts })
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// [`Error::Torch`] if the store is gone, [`Error::Argument`] if the key contains a zero byte.
    pub fn set(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        let key = c_string(key)?;
        // SAFETY: the store is alive, the key is NUL-terminated, and the value has as many bytes as are given.
        ffi::check(unsafe {
            ffi::lnn_store_set(self.handle(), key.as_ptr(), value.as_ptr().cast(), value.len())
        })
    }

    /// Returns the value of a key, if there is one now.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let key = c_string(key)?;
        let mut found = false;
        // SAFETY: the store is alive, the key is NUL-terminated, `found` is live.
        ffi::check(unsafe { ffi::lnn_store_has(self.handle(), key.as_ptr(), &raw mut found) })?;
        if !found {
            return Ok(None);
        }
        let (mut bytes, mut length) = (null_mut(), 0);
        // SAFETY: as above; both results are written before a success is reported.
        ffi::check(unsafe {
            ffi::lnn_store_get(self.handle(), key.as_ptr(), &raw mut bytes, &raw mut length)
        })?;
        // SAFETY: the bytes are as many as were reported and belong to the caller; they are freed here, once.
        let value = unsafe {
            let value = slice::from_raw_parts(bytes.cast::<u8>(), length).to_vec();
            ffi::lnn_free_bytes(bytes);
            value
        };
        Ok(Some(value))
    }

    /// Waits until another process has set a key, for `timeout` at most.
    ///
    /// # Errors
    /// [`Error::Torch`] if it was not set in time or the store is gone, [`Error::Argument`] as for [`set`](Self::set).
    pub fn wait(&self, key: &str, timeout: Duration) -> Result<(), Error> {
        let key = c_string(key)?;
        // SAFETY: the store is alive and the key is NUL-terminated.
        ffi::check(unsafe { ffi::lnn_store_wait(self.handle(), key.as_ptr(), milliseconds(timeout)) })
    }

    pub(super) fn handle(&self) -> *mut RawStore {
        self.handle.as_ptr()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: the handle belongs to this value alone and is freed here, once.
        unsafe { ffi::lnn_store_free(self.handle.as_ptr()) }
    }
}

/// A timeout as libtorch takes it.
pub(super) fn milliseconds(timeout: Duration) -> i64 {
    i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX / 2_000_000).clamp(1, i64::MAX / 2_000_000)
}

pub(super) fn c_string(text: &str) -> Result<CString, Error> {
    CString::new(text)
        .map_err(|_| Error::Argument(format!("expected a text without zero bytes, found {text:?}")))
}
