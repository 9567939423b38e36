//! The parts that networks are assembled from.

mod familiarity;
pub(crate) mod growth;
pub(crate) mod plateau;
pub(crate) mod preprocessing;
mod preprocessing_script;
pub(crate) mod reading_order;
pub(crate) mod readout;
pub(crate) mod reservoir_settings;
pub(crate) mod residual_front;
pub(crate) mod running_mean;
pub(crate) mod sequence_script;
pub(crate) mod standardization;
pub(crate) mod summary;
pub(crate) mod time_script;
pub(crate) mod washout;
