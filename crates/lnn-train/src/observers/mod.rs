//! Observers of a run, including those that write files into its folder.

#[cfg(feature = "plots")]
mod chart;
#[cfg(feature = "plots")]
mod curves;
mod gradients_file;
mod lines_file;
mod metrics_file;
mod observer;
mod test_file;

#[cfg(feature = "plots")]
pub use curves::Curves;
pub use gradients_file::GradientsFile;
pub use metrics_file::MetricsFile;
pub use observer::{Observer, Observers};
pub use test_file::TestFile;
