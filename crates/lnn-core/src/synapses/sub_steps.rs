//! The sub-steps of units that are joined by synapses, on tensors.
//!
//! ```text
//! dv/dt = (num - den v) / C
//! ```
//! where num and den contain the currents of the inputs, of the leak and of the other units.

use crate::synapses::conductances::Conductances;
use serde::{Deserialize, Serialize};
use tch::Tensor;

/// How the equation of the potentials is solved, in sub-steps of equal length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OdeSolver {
    /// v' = (C v + Δ num) / (C + Δ den), with num and den at v: bounded for any Δ.
    SemiImplicit,
    /// v' = v + Δ (num - den v) / C: diverges where Δ den / C is above 2.
    Euler,
    /// The classical Runge-Kutta method of order 4, four times the work; diverges where Δ den / C is above 2.78.
    RungeKutta,
}

impl OdeSolver {
    /// The largest Δ den / C with which a unit does not diverge; none where there is no limit.
    pub fn limit(self) -> Option<f64> {
        match self {
            Self::SemiImplicit => None,
            Self::Euler => Some(2.0),
            Self::RungeKutta => Some(2.785),
        }
    }
}

/// What a sub-step needs beside the potentials.
#[derive(Debug)]
pub(crate) struct SubStep<'a> {
    pub(crate) solver: OdeSolver,
    pub(crate) synapses: &'a Conductances,
    /// C `[N]`
    pub(crate) capacitance: &'a Tensor,
}

impl SubStep<'_> {
    /// `num` and `den` of all currents, with those of inputs and leak in `sensed [B, 2N]`.
    pub(crate) fn currents(&self, v: &Tensor, sensed: &Tensor) -> [Tensor; 2] {
        let units = v.size()[1];
        let [num, den] = self.synapses.currents(v);
        [num + sensed.narrow(1, 0, units), den + sensed.narrow(1, units, units)]
    }

    /// (num - den v) / C
    fn slope(&self, v: &Tensor, sensed: &Tensor) -> Tensor {
        let [num, den] = self.currents(v, sensed);
        (num - den * v) / self.capacitance
    }

    /// One sub-step of length `duration [B, 1]`, or a number, of the potentials `v [B, N]`.
    pub(crate) fn of(&self, v: &Tensor, sensed: &Tensor, duration: &Tensor) -> Tensor {
        match self.solver {
            OdeSolver::SemiImplicit => {
                let [num, den] = self.currents(v, sensed);
                (self.capacitance * v + duration * num) / (self.capacitance + duration * den)
            }
            OdeSolver::Euler => v + duration * self.slope(v, sensed),
            OdeSolver::RungeKutta => {
                let first = self.slope(v, sensed);
                let second = self.slope(&(v + duration * &first * 0.5), sensed);
                let third = self.slope(&(v + duration * &second * 0.5), sensed);
                let fourth = self.slope(&(v + duration * &third), sensed);
                v + duration * (first + (second + third) * 2.0 + fourth) / 6.0
            }
        }
    }
}
