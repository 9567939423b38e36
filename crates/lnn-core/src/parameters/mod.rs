//! Named tensors of a model, their initial values, and their TorchScript module.

pub(crate) mod init;
pub(crate) mod script;
pub(crate) mod spectral_radius;
pub(crate) mod store;

pub use init::Init;
pub use script::Script;
pub use spectral_radius::{scale_to_radius, spectral_radius};
pub use store::{Parameter, Parameters, Role, Scope};
