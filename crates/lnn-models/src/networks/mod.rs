//! The networks: what lies between the standardised input and the prediction.

pub(crate) mod cfc;
pub(crate) mod cifar;
pub(crate) mod cllnn;
pub(crate) mod gated;
pub(crate) mod liquid;
pub(crate) mod lnn;
pub(crate) mod ltc;
pub(crate) mod network;
pub(crate) mod recurrent;
pub(crate) mod snlnn;
pub(crate) mod state;
