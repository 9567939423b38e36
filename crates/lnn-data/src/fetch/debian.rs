//! Files from a Debian package, for machines that can reach a Debian mirror but no other server.
//!
//! A `.deb` is an `ar` archive whose member `data.tar.xz` is an xz-compressed tar archive of the files. The `ar` format is a
//! header of fixed fields before each file, therefore this module reads it without an external program.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use lzma_rust2::XzReader;

use crate::error::DataError;
use crate::readers::archive;

/// Reads the files called `names` (without folder) from any folder of the package at `path`; at most `most_bytes` of each.
///
/// # Errors
/// [`DataError::Archive`] if it is not such a package or lacks a file, [`DataError::Io`] if it cannot be opened.
pub(crate) fn extract(path: &Path, names: &[&str], most_bytes: u64) -> Result<Vec<Vec<u8>>, DataError> {
    let file = File::open(path).map_err(DataError::io("open", path))?;
    let tar = data_tar(BufReader::new(file)).map_err(|e| DataError::Archive {
        path: path.to_owned(),
        problem: format!("a Debian package expected: {e}"),
    })?;
    archive::extract(path, tar, names, most_bytes)
}

/// Returns the tar archive inside: 60 bytes of `ar` header before each member, members padded to even length.
fn data_tar<R: Read>(mut package: R) -> io::Result<XzReader<io::Take<R>>> {
    let mut magic = [0; 8];
    package.read_exact(&mut magic)?;
    if magic != *b"!<arch>\n" {
        return Err(invalid("it does not start with \"!<arch>\""));
    }
    loop {
        let mut header = [0; 60];
        package.read_exact(&mut header).map_err(|_| invalid("it holds no data.tar.xz"))?;
        let digits = text(&header[48..58]);
        let size: u64 = digits.parse().map_err(|_| invalid(&format!("{digits:?} is no size")))?;
        if text(&header[..16]).trim_end_matches('/') == "data.tar.xz" {
            return Ok(XzReader::new(package.take(size), false));
        }
        let padded = size + size % 2;
        if io::copy(&mut package.by_ref().take(padded), &mut io::sink())? != padded {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Reads a text field, padded with blanks.
fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field).trim().to_owned()
}

fn invalid(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// `data.tar` with `./usr/share/a` = "alpha" and `./b` = 600 bytes, compressed by `xz -9`.
    const DATA_TAR_XZ: &[u8] = &[
        253, 55, 122, 88, 90, 0, 0, 4, 230, 214, 180, 70, 2, 0, 33, 1, 28, 0, 0, 0, 16, 207, 88, 204, 224,
        39, 255, 0, 158, 93, 0, 23, 11, 203, 39, 137, 242, 235, 251, 178, 254, 137, 225, 249, 201, 8, 29, 28,
        43, 30, 127, 134, 79, 180, 199, 4, 74, 144, 174, 245, 47, 147, 204, 118, 234, 57, 170, 168, 127, 180,
        147, 155, 13, 212, 37, 52, 123, 185, 33, 180, 46, 18, 1, 118, 36, 112, 184, 236, 200, 179, 72, 39,
        235, 223, 89, 180, 30, 149, 225, 134, 117, 199, 2, 192, 112, 226, 169, 91, 14, 241, 39, 112, 86, 191,
        6, 196, 55, 230, 103, 10, 108, 216, 134, 93, 52, 118, 158, 209, 113, 244, 32, 86, 133, 62, 67, 183,
        141, 52, 160, 112, 234, 179, 126, 51, 108, 167, 123, 176, 115, 89, 6, 83, 182, 206, 252, 148, 54, 51,
        206, 31, 175, 104, 53, 184, 215, 41, 99, 20, 100, 189, 225, 21, 244, 178, 246, 94, 46, 156, 12, 102,
        39, 4, 175, 168, 104, 210, 131, 97, 0, 0, 0, 0, 211, 70, 211, 17, 89, 59, 149, 43, 0, 1, 186, 1, 128,
        80, 0, 0, 245, 85, 129, 196, 177, 196, 103, 251, 2, 0, 0, 0, 0, 4, 89, 90,
    ];

    fn package(member: &str, content: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"!<arch>\n").unwrap();
        for (name, content) in [("debian-binary", &b"2.0"[..]), (member, content)] {
            let size = content.len();
            writeln!(file, "{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`", 0, 0, 0, 100_644).unwrap();
            file.write_all(content).unwrap();
            if size % 2 == 1 {
                file.write_all(b"\n").unwrap();
            }
        }
        file
    }

    #[test]
    fn files_are_found_in_any_folder_of_the_package() {
        let package = package("data.tar.xz", DATA_TAR_XZ);
        let found = extract(package.path(), &["b", "a"], 1000).unwrap();
        assert_eq!(found, [&[b'b'; 600][..], b"alpha"]);
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let package = package("data.tar.xz", DATA_TAR_XZ);
        let error = extract(package.path(), &["a", "absent"], 1000).unwrap_err();
        assert!(error.to_string().contains("absent expected"), "{error}");
    }

    #[test]
    fn other_or_broken_archives_are_refused() {
        let half = &DATA_TAR_XZ[..DATA_TAR_XZ.len() / 2];
        for package in
            [package("data.tar.zst", b"x"), package("data.tar.xz", half), package("data.tar.xz", b"x")]
        {
            assert!(matches!(extract(package.path(), &["a"], 1000), Err(DataError::Archive { .. })));
        }
        let mut other = tempfile::NamedTempFile::new().unwrap();
        other.write_all(b"something else entirely").unwrap();
        assert!(matches!(extract(other.path(), &["a"], 1000), Err(DataError::Archive { .. })));
    }
}
