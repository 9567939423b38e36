//! Sets that are known by name: their files, their sources, and their presence in the data folder.

pub(crate) mod cache;
pub mod catalog;
pub(crate) mod format;
pub(crate) mod listing;
pub(crate) mod local;
pub(crate) mod set;
pub(crate) mod source;
pub(crate) mod ucr;
pub(crate) mod verified;
