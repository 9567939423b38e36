//! Linear readouts without gradient descent: in closed form, and following their targets; and the moments of data.

pub(crate) mod moments;
pub(crate) mod online;
pub(crate) mod ridge;

pub use moments::{Moments, Statistics};
pub use online::{OnlineRegression, OnlineRule};
pub use ridge::{RidgeRegression, RidgeSolution, RidgeSystem};
