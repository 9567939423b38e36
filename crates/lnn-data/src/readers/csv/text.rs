//! The text of a file, whatever its encoding.

use super::error::SeriesError;
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use std::path::Path;

/// Reads the text of a file: UTF-16 and UTF-8 by their byte order mark, otherwise UTF-8, or Windows-1252, which includes Latin-1, if
/// it is no UTF-8; a note then says so.
pub(super) fn read(path: &Path, notes: &mut Vec<String>) -> Result<String, SeriesError> {
    let unreadable = |reason: &dyn std::fmt::Display| SeriesError::Unreadable {
        path: path.to_owned(),
        reason: reason.to_string(),
    };
    let bytes = std::fs::read(path).map_err(|error| unreadable(&error))?;
    let marked = Encoding::for_bom(&bytes).map(|(encoding, _)| encoding);
    if marked.is_none() && bytes.iter().take(1024).filter(|byte| **byte == 0).count() > 8 {
        return Err(unreadable(&"expected text, found bytes of zero; hint: save it as UTF-8"));
    }
    let (text, encoding, damaged) = marked.unwrap_or(UTF_8).decode(&bytes);
    if !damaged {
        return Ok(text.into_owned());
    }
    if marked.is_some() {
        return Err(unreadable(&format!(
            "expected {}, as its first bytes say, found other bytes",
            encoding.name()
        )));
    }
    notes.push(format!("note: {} is not UTF-8; it is read as Windows-1252 (Latin-1)", path.display()));
    Ok(WINDOWS_1252.decode(&bytes).0.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encodings_in_which_tables_are_saved_give_the_same_text() {
        let text = "größe\n1\n";
        let utf16 = |to: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(to).collect::<Vec<_>>();
        let ways = [
            (text.as_bytes().to_vec(), 0),
            ([b"\xef\xbb\xbf", text.as_bytes()].concat(), 0),
            ([&b"\xff\xfe"[..], &utf16(u16::to_le_bytes)].concat(), 0),
            ([&b"\xfe\xff"[..], &utf16(u16::to_be_bytes)].concat(), 0),
            (b"gr\xf6\xdfe\n1\n".to_vec(), 1),
        ];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        for (bytes, expected) in ways {
            std::fs::write(&path, bytes).unwrap();
            let mut notes = Vec::new();
            assert_eq!(read(&path, &mut notes).unwrap(), text);
            assert_eq!(notes.len(), expected);
        }
        std::fs::write(&path, [0; 64]).unwrap();
        assert!(read(&path, &mut Vec::new()).is_err());
    }
}
