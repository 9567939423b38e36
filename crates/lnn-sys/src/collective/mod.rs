//! Processes that compute together: libtorch's c10d, with Gloo on the CPU and NCCL on CUDA.
//!
//! Each process has a rank from 0 and knows how many there are. They find each other by a [`Store`], a table of keys at an address that
//! all of them know, and form a [`ProcessGroup`], whose operations all of them call in the same order.

mod group;
mod store;

pub use group::{GroupDevice, ProcessGroup};
pub use store::{Place, Store, StoreAddress};
