//! The recurrent network: images or sequences are read by layers of recurrent cells, and a linear readout sees a summary of
//! their states.
//!
//! ```text
//! images ─ front ─ reading order ─┐                ┌─ whitening ─ layer ─ layer … ─ summary ─┐
//!                                 ├─ for each reading                                        ├─ dropout ─ readout
//! sequences ──────────────────────┘                └─ whitening ─ layer ─ layer … ─ summary ─┘
//! ```
//! The front, the whitening, further readings and further layers are optional. The models `liquid`, `cifar`, `ltc`, `cfc`, `lstm` and `gru` are
//! configurations of it: their files say which, and hold their presets.

mod branch;
pub(crate) mod config;
mod forward;
pub(crate) mod network;
mod script;
