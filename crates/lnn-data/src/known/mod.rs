//! Sets that are known by name: what they consist of, where they can be had, and whether they are here.

pub(crate) mod cache;
pub mod catalog;
pub(crate) mod format;
pub(crate) mod listing;
pub(crate) mod local;
pub(crate) mod source;
pub(crate) mod verified;
