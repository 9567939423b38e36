//! Least squares without gradient descent, and the moments of data.

pub(crate) mod moments;
pub(crate) mod ridge;

pub use moments::{Moments, Statistics};
pub use ridge::{RidgeRegression, RidgeSolution, RidgeSystem};
