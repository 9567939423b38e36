//! Small series in files of their own.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder with a series.
pub(crate) struct SeriesFile(TempDir);

impl SeriesFile {
    /// A file with the given text.
    pub(crate) fn of(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join("series.csv"), text).expect("the file can be written");
        Self(folder)
    }

    /// A file with a [`wave`].
    pub(crate) fn wave() -> Self {
        Self::of(&wave(1.0))
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    /// The file.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder().join("series.csv")
    }

    /// What `--data` takes, with options such as `,window=8`.
    pub(crate) fn spec(&self, options: &str) -> String {
        format!("csv:{}{options}", self.path().display())
    }
}

/// 160 rows of a time `t` that does not tick evenly, and a sine `a` and a cosine `b` of it, times `scale`.
pub(crate) fn wave(scale: f64) -> String {
    let mut text = "t,a,b\n".to_owned();
    let mut t = 0.0_f64;
    for i in 0..160 {
        writeln!(text, "{t},{},{}", t.sin() * scale, (10.0 + 5.0 * t.cos()) * scale).expect("text grows");
        t += 0.3 + 0.04 * f64::from(i * 7 % 5);
    }
    text
}
