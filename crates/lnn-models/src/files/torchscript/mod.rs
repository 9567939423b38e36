//! The reader of `.pt` files: TorchScript modules as `torch.jit.save` writes them.
//!
//! A `.pt` is a zip archive with code, a pickle of the module's attributes and the bytes of its tensors. libtorch compiles the code when
//! it loads the file, and both its compiler and its unpickler trust what they read. This reader takes the attributes and the tensors
//! alone: it runs nothing, and its memory is bounded by the size of the file.

mod archive;
mod module;
mod pickle;
mod roles;
mod storage;
mod value;

pub(crate) use module::Module;
pub use module::NamedTensor;

/// The reason why a file cannot be read, in one sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreadable(String);

/// Returns the error with this reason.
fn unreadable(reason: impl Into<String>) -> Unreadable {
    Unreadable(reason.into())
}

#[cfg(test)]
mod tests;
