//! Synapses on tensors.

use tch::Tensor;

/// The numbers of all synapses from some sources to some units, matrices `[S, N]`; p and q are 0 where there is no synapse.
#[derive(Debug)]
pub(crate) struct Conductances {
    /// a, how fast the conductance rises.
    pub(crate) slope: Tensor,
    /// c = -a μ.
    pub(crate) offset: Tensor,
    /// p, the largest conductance, at least 0.
    pub(crate) conductance: Tensor,
    /// q = p E, with the reversal potential E.
    pub(crate) drive: Tensor,
}

impl Conductances {
    /// The numbers as the operations take them.
    pub(crate) fn tensors(&self) -> [&Tensor; 4] {
        [&self.slope, &self.offset, &self.conductance, &self.drive]
    }

    /// The same numbers without a graph, from those of [`tensors`](Self::tensors).
    pub(crate) fn of_tensors(tensors: &[Tensor]) -> Self {
        let [slope, offset, conductance, drive] = [0, 1, 2, 3].map(|i| tensors[i].shallow_clone());
        Self { slope, offset, conductance, drive }
    }

    /// s, `[B, S, N]`, of the potentials `x [B, S]`.
    pub(crate) fn open(&self, x: &Tensor) -> Tensor {
        self.offset.addcmul(&x.unsqueeze(2), &self.slope).sigmoid()
    }

    /// `num` and `den`, `[B, N]` each, of `x [B, S]`.
    pub(crate) fn currents(&self, x: &Tensor) -> [Tensor; 2] {
        let open = self.open(x);
        let sum = |weights: &Tensor| (&open * weights).sum_dim_intlist(&[1i64][..], false, open.kind());
        [sum(&self.drive), sum(&self.conductance)]
    }

    /// The gradients of x and of the four tensors from those of `num` and `den`.
    pub(crate) fn backward(&self, x: &Tensor, [of_num, of_den]: [&Tensor; 2]) -> (Tensor, [Tensor; 4]) {
        let open = self.open(x);
        let (of_num, of_den) = (of_num.unsqueeze(1), of_den.unsqueeze(1));
        let over_batch = |tensor: Tensor| tensor.sum_dim_intlist(&[0i64][..], false, open.kind());
        let of_open = &of_num * &self.drive + &of_den * &self.conductance;
        let of_argument = Tensor::sigmoid_backward(&of_open, &open);
        let of_x = (&of_argument * &self.slope).sum_dim_intlist(&[2i64][..], false, open.kind());
        let of_slope = over_batch(&of_argument * x.unsqueeze(2));
        let numbers =
            [of_slope, over_batch(of_argument), over_batch(&open * of_den), over_batch(&open * of_num)];
        (of_x, numbers)
    }
}
