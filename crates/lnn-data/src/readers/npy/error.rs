//! The errors of arrays in files.

use std::io;
use std::path::PathBuf;

/// The reason why an array cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NpyError {
    /// The operating system refused to read the file.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason given by the operating system.
        source: io::Error,
    },
    /// The file is not a whole `.npy` file.
    #[error("{}: expected a .npy file as numpy.save writes it, found {found}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        found: String,
    },
    /// The array has numbers of another kind.
    #[error(
        "{}: expected a float32 .npy, or float64 for a model of that dtype, found {found}; hint: x.astype('float32'), after scaling as the model expects it",
        path.display()
    )]
    Kind {
        /// The file.
        path: PathBuf,
        /// NumPy's description of the numbers.
        found: String,
    },
    /// The array has another size than its header claims.
    #[error(
        "{}: expected {expected} bytes of numbers for the shape {shape:?} in the header, found {found}; hint: the file was cut off, or \
         damaged",
        path.display()
    )]
    Size {
        /// The file.
        path: PathBuf,
        /// The shape in the header.
        shape: Vec<u64>,
        /// The bytes that this shape has; far too many for any file if their number overflows.
        expected: u128,
        /// The bytes after the header.
        found: u64,
    },
    /// There is not enough memory.
    #[error("{}: not enough memory for {bytes} bytes; hint: divide the array", path.display())]
    Memory {
        /// The file.
        path: PathBuf,
        /// The bytes that are needed.
        bytes: u64,
    },
}
