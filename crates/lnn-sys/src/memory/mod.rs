//! The elements of tensors as slices, for loops that libtorch has no operation for.
//!
//! A tensor can have several handles (`shallow_clone`, views), and libtorch changes elements through any of them, which the borrow
//! checker of Rust does not see. [`numbers_mut`] therefore takes a tensor that has no other handle, and is sound. [`numbers`] and
//! [`row_numbers`] have to take tensors with other handles, as weights and saved tensors are. Their contract: **while the result is
//! alive, nothing writes to the tensor**, neither on this thread nor on another one. A write breaks the rules of Rust's references
//! (undefined behaviour), and a reallocation leaves them dangling. The guards that they return find in-place operations,
//! `resize_` and `set_` of libtorch when they are dropped, and then panic: a violation becomes a failure of the first test that
//! runs it. They do not find a write through a raw pointer, and not one whose version libtorch does not count (`set_data`'s
//! detached copies, inference tensors).

mod element;
mod layout;
mod numbers;
mod rows;
mod stamp;

pub use element::Element;
pub use numbers::{Numbers, numbers, numbers_mut};
pub use rows::{RowNumbers, Rows, row_numbers};
pub use stamp::Stamp;
