//! The SNLNN: a spiking reservoir that grows, trained by surrogate gradients.
//!
//! An image becomes a sequence of currents or spikes; a linear readout sees a summary of the reservoir's states. Units are added during
//! training. An added unit leaves the predictions as they are, because all weights that read it start at 0.
//!
//! Source: Bacay, "Spiking Neurogenic Liquid Neural Networks (SNLNN) for Handwritten Digit Recognition". There the image is
//! one step from rest, the threshold is never reached and nothing grows; the article's preset keeps the equations and
//! numbers, so it does not spike either.

pub(crate) mod config;
mod forward;
mod network;
mod presets;
mod script;
