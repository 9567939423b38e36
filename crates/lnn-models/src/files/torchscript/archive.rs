//! The entries of the zip archive.

use super::{Unreadable, unreadable};
use std::io::{Cursor, Read};
use zip::ZipArchive;
use zip::result::ZipError;

/// How many bytes all entries together may have beyond the size of the file: code is compressed, tensors are not.
const COMPRESSED: u64 = 64 << 20;

/// An archive in memory.
pub(super) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// The name of the folder in which all entries are.
    folder: String,
    /// How many bytes may still be read.
    budget: u64,
}

impl<'a> Archive<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let zip = ZipArchive::new(Cursor::new(bytes))
            .map_err(|error| unreadable(format!("expected a zip archive ({error})")))?;
        let mut folders = zip.file_names().filter_map(|name| {
            let name = name.ok()?;
            name.strip_suffix("/data.pkl").filter(|folder| !folder.contains('/')).map(str::to_owned)
        });
        let folder = folders.next().ok_or_else(|| unreadable("expected an entry data.pkl, found none"))?;
        if folders.next().is_some() {
            return Err(unreadable("expected one entry data.pkl, found several"));
        }
        drop(folders);
        Ok(Self { zip, folder, budget: bytes.len() as u64 + COMPRESSED })
    }

    /// Reads the entry `name` of the folder, if there is one.
    pub(super) fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, Unreadable> {
        let problem = |what: String| unreadable(format!("its entry {name:?}: {what}"));
        let mut entry = match self.zip.by_name(&format!("{}/{name}", self.folder)) {
            Ok(entry) => entry,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(error) => return Err(problem(error.to_string())),
        };
        let claimed = entry.size();
        if claimed > self.budget {
            return Err(problem(format!(
                "it claims {claimed} bytes, more than a file of this size can hold"
            )));
        }
        let mut content = Vec::new();
        content
            .try_reserve_exact(claimed as usize)
            .map_err(|_| problem(format!("not enough memory for {claimed} bytes")))?;
        // One byte more than claimed, so that the end is reached, where the checksum is compared.
        entry
            .by_ref()
            .take(claimed + 1)
            .read_to_end(&mut content)
            .map_err(|error| problem(format!("{error}; hint: the file is damaged, copy it again")))?;
        if content.len() as u64 != claimed {
            return Err(problem(format!("expected {claimed} bytes, found {}", content.len())));
        }
        self.budget -= claimed;
        Ok(Some(content))
    }

    /// Reads the entry `name` of the folder.
    pub(super) fn expect(&mut self, name: &str) -> Result<Vec<u8>, Unreadable> {
        self.read(name)?.ok_or_else(|| unreadable(format!("expected an entry {name:?}, found none")))
    }
}
