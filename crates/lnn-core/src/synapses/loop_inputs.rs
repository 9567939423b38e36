//! The order of the inputs of a loop over units: the currents of inputs and leak, the capacitance, the four matrices of the synapses, and
//! behind them the initial state and the time, as far as they are given.

use tch::Tensor;

/// Which of the last inputs there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given {
    pub(crate) initial: bool,
    pub(crate) dt: bool,
}

/// Number of inputs that are always there: the currents, the capacitance, and four matrices.
const ALWAYS: usize = 6;

impl Given {
    pub(crate) fn initial(self, inputs: &[Tensor]) -> Option<&Tensor> {
        self.initial.then(|| &inputs[ALWAYS])
    }

    pub(crate) fn dt(self, inputs: &[Tensor]) -> Option<&Tensor> {
        self.dt.then(|| &inputs[ALWAYS + usize::from(self.initial)])
    }

    /// Whether the gradient of dt is asked for.
    pub(crate) fn asks_for_dt(self, needs: &[bool]) -> bool {
        self.dt && needs[ALWAYS + usize::from(self.initial)]
    }

    /// The gradients in the order of the inputs.
    pub(crate) fn gradients(
        self,
        [of_sensed, of_capacitance]: [Tensor; 2],
        of_synapses: impl IntoIterator<Item = Tensor>,
        of_initial: Tensor,
        of_dt: Option<Tensor>,
    ) -> Vec<Option<Tensor>> {
        let mut found: Vec<_> =
            [of_sensed, of_capacitance].into_iter().chain(of_synapses).map(Some).collect();
        found.extend(self.initial.then_some(Some(of_initial)));
        found.extend(self.dt.then_some(of_dt));
        found
    }
}
