//! HTTP downloads to a file with a checksum: a download is complete and correct, or it fails.

use std::io::{Read, Write};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use ureq::tls::{RootCerts, TlsConfig};

use crate::error::DataError;
use crate::known::cache::LockedFolder;

/// A host that does not answer within this time counts as unreachable, and the next source is tried.
const CONNECT: Duration = Duration::from_secs(5);
/// A download is aborted if the server sends nothing for this time.
const STALL: Duration = Duration::from_secs(30);
/// The maximum size of an index page.
const MOST_PAGE_BYTES: u64 = 4 << 20;

/// The requirements on a download.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    /// The maximum number of bytes; a download that exceeds it is aborted.
    pub(crate) most_bytes: u64,
    /// The SHA-256 checksum in lower-case hexadecimal, if known.
    pub sha256: Option<&'a str>,
}

/// Callback that receives a chunk, the number of bytes including it, and the total if the server sends it.
type Take<'a> = &'a mut dyn FnMut(&[u8], u64, Option<u64>) -> Result<(), DataError>;

/// Fetches files. Uses the proxy variables (`HTTPS_PROXY`, …), the certificates of the operating system and
/// `SSL_CERT_FILE`, so that it works behind a company's gateway.
#[derive(Debug)]
pub(crate) struct Client {
    agent: ureq::Agent,
}

impl Default for Client {
    fn default() -> Self {
        Self::new(CONNECT, STALL)
    }
}

impl Client {
    /// Creates a client that waits `connect` for a connection and `stall` for the next bytes. The whole download has no
    /// time limit, because a slow connection is not an error.
    pub(crate) fn new(connect: Duration, stall: Duration) -> Self {
        let config = ureq::Agent::config_builder()
            .user_agent(concat!("lnn-cli/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(connect))
            .timeout_connect(Some(connect))
            .timeout_recv_response(Some(stall))
            .timeout_per_read(Some(stall))
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .build();
        Self { agent: config.new_agent() }
    }

    /// Downloads `url` into a temporary file in `folder`, which is deleted unless it is kept. `progress` receives the
    /// number of bytes so far and the total, if the server sends it.
    ///
    /// # Errors
    /// [`DataError::Http`], [`DataError::Interrupted`] (also for a body shorter than announced),
    /// [`DataError::TooLong`], [`DataError::ChecksumMismatch`], [`DataError::DataFolderNotWritable`].
    pub(crate) fn download(
        &self,
        url: &str,
        folder: &LockedFolder,
        expected: Expected<'_>,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<NamedTempFile, DataError> {
        let mut file = folder.partial()?;
        let mut hash = Sha256::new();
        self.stream(url, expected.most_bytes, &mut |chunk, received, total| {
            hash.update(chunk);
            file.write_all(chunk).map_err(DataError::not_writable(folder.path()))?;
            progress(received, total);
            Ok(())
        })?;
        let found = format!("{:x}", hash.finalize());
        match expected.sha256 {
            Some(expected) if expected != found => Err(DataError::ChecksumMismatch {
                what: without_password(url),
                expected: expected.to_owned(),
                found,
                hint: "the server sends something else, a login page perhaps",
            }),
            _ => Ok(file),
        }
    }

    /// Downloads a page as text.
    ///
    /// # Errors
    /// Those of [`Client::download`] about the network.
    pub(crate) fn page(&self, url: &str) -> Result<String, DataError> {
        let mut page = Vec::new();
        self.stream(url, MOST_PAGE_BYTES, &mut |chunk, _, _| {
            page.extend_from_slice(chunk);
            Ok(())
        })?;
        Ok(String::from_utf8_lossy(&page).into_owned())
    }

    /// Passes the body of `url` to `take` and checks that its length is as announced.
    fn stream(&self, url: &str, most_bytes: u64, take: Take<'_>) -> Result<(), DataError> {
        let shown = || without_password(url);
        let mut request = self.agent.get(url);
        if request
            .uri_ref()
            .and_then(|uri| uri.host())
            .is_some_and(|host| matches!(host, "127.0.0.1" | "localhost"))
        {
            // A proxy would resolve these names to another machine.
            request = request.config().proxy(None).build();
        }
        let response = request.call().map_err(|error| DataError::Http {
            url: shown(),
            reason: match error {
                ureq::Error::StatusCode(status) => format!("the server answers with status {status}"),
                other => other.to_string(),
            },
        })?;
        let total = response.body().content_length();
        let mut body = response.into_body().into_reader();
        let mut chunk = vec![0; 1 << 16];
        let mut received = 0;
        loop {
            let n = match body.read(&mut chunk) {
                Ok(n) => n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => {
                    let reason = e.to_string();
                    return Err(DataError::Interrupted { url: shown(), received, expected: total, reason });
                }
            };
            received += n as u64;
            if received > most_bytes {
                return Err(DataError::TooLong { url: shown(), limit: most_bytes });
            }
            if n == 0 {
                break;
            }
            take(&chunk[..n], received, total)?;
        }
        if total.is_some_and(|total| total != received) {
            let reason = "the connection was closed early".to_owned();
            return Err(DataError::Interrupted { url: shown(), received, expected: total, reason });
        }
        Ok(())
    }
}

/// Returns `url` without `user:password@`, for messages.
pub(crate) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..host_end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
#[path = "download_tests.rs"]
mod tests;

#[cfg(test)]
pub(crate) use tests::Server;
