//! The LNN: fixed leaky reservoirs with a trained linear readout.
//!
//! ```text
//! images ─ reading order ─ reservoir … ─ summary of each stretch ─┐ for each reading
//!                                                                ├─ features ─ readout
//! series ────────────────  reservoir … ─ summary, or every step ──┘ and, if asked for, the input itself
//! ```
//! The article shows a whole image at one step, from a zero state, therefore its recurrent weights have no effect. The tuned form
//! reads the image as sequences, with one reservoir per direction, takes several states from each, and standardises them. A series has
//! one reading. Only the readout is trainable, by gradient descent or in closed form.
//!
//! Source: Bacay, "Liquid Neural Networks (LNN) for Handwritten Digit Recognition"; for series, Lukoševičius, "A practical guide to applying
//! echo state networks" (2012), and for reservoirs in a row Gallicchio, Micheli and Pedrelli, "Deep reservoir computing" (2017).

pub(crate) mod config;
mod images;
mod presets;
mod series;
mod series_forward;
mod series_script;
mod stack;
