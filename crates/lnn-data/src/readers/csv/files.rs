//! The files that a path names: one, those of a folder, or those of a pattern.

use super::error::SeriesError;
use glob::MatchOptions;
use std::path::{Path, PathBuf};

/// Signs of a pattern.
const PATTERN: [char; 3] = ['*', '?', '['];

/// The endings of the tables in a folder.
const ENDINGS: [&str; 2] = ["csv", "tsv"];

/// Whether a path names several files: it is a folder or a pattern.
pub(super) fn are_several(path: &str) -> bool {
    !Path::new(path).is_file() && (Path::new(path).is_dir() || path.contains(PATTERN))
}

/// The files, sorted by their paths.
pub(super) fn files(path: &str) -> Result<Vec<PathBuf>, SeriesError> {
    let of = Path::new(path);
    if !are_several(path) {
        return Ok(vec![of.to_owned()]);
    }
    let unreadable = |reason: String| SeriesError::Unreadable { path: of.to_owned(), reason };
    let mut files: Vec<PathBuf> = if of.is_dir() {
        let found = std::fs::read_dir(of).and_then(|entries| {
            entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<PathBuf>>>()
        });
        let found = found.map_err(|error| unreadable(error.to_string()))?;
        found.into_iter().filter(|file| is_table(file)).collect()
    } else {
        let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::new() };
        let found = glob::glob_with(path, options).map_err(|error| unreadable(error.to_string()))?;
        let found = found.collect::<Result<Vec<PathBuf>, _>>();
        found.map_err(|error| unreadable(error.to_string()))?
    };
    files.retain(|file| file.is_file());
    files.sort();
    if files.is_empty() { Err(SeriesError::NoFiles { path: of.to_owned() }) } else { Ok(files) }
}

fn is_table(file: &Path) -> bool {
    let ending = file.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let hidden = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    !hidden && ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// The names of files in messages and tables: without their folders, where that tells them apart.
pub(super) fn names(files: &[&Path]) -> Vec<String> {
    let short: Vec<String> = files
        .iter()
        .map(|file| file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()))
        .collect();
    let mut different = short.clone();
    different.sort();
    different.dedup();
    match different.len() == short.len() {
        true => short,
        false => files.iter().map(|file| file.display().to_string()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_and_a_pattern_name_the_same_tables_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.csv", "a.csv", "c.CSV", "d.tsv", ".hidden.csv", "read.me"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("e.csv")).unwrap();
        let of = |text: String| {
            let files = files(&text).unwrap();
            names(&files.iter().map(PathBuf::as_path).collect::<Vec<_>>())
        };
        let path = folder.path().display();
        assert_eq!(of(path.to_string()), ["a.csv", "b.csv", "c.CSV", "d.tsv"]);
        assert_eq!(of(format!("{path}/*.csv")), ["a.csv", "b.csv"]);
        let error = files(&format!("{path}/x*.csv")).unwrap_err().to_string();
        assert!(error.contains("found none"), "{error}");
        assert!(files(&format!("{path}/a[.csv")).is_err());
        assert_eq!(names(&[Path::new("x/a"), Path::new("y/a")]), ["x/a", "y/a"]);
    }
}
