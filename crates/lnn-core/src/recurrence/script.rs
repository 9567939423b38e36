//! What the TorchScript of the cells with a time has in common.

/// The check of the extents of `dt [N, T]`, in a method whose `x` is `[N, T, I]`.
pub(crate) const CHECK_DT: &str = "    if dt is not None:
        expected = [x.size(0), x.size(1)]
        assert dt.size() == expected, 'dt is [N, T] = {}, one number for each step, found {}'.format(expected, dt.size())
";

/// `step`, `sequence` and `forward` of a cell whose state is one tensor, which has `project`, `start` and `advance`. `output` is the
/// expression of the output, in which `STATES` stands for the states.
pub(crate) fn steps_in_time(output: &str) -> String {
    STEPS_IN_TIME
        .replace("    CHECK\n", CHECK_DT)
        .replace("OUTPUT_OF_STEP", &output.replace("STATES", "h"))
        .replace("OUTPUTS", &output.replace("STATES", "torch.stack(states, 1)"))
}

const STEPS_IN_TIME: &str = "
def step(self, x: Tensor, state: Optional[Tensor] = None, dt: Optional[Tensor] = None) -> Tuple[Tensor, Tensor]:
    h = self.advance(self.project(x), self.start(x, state), dt)
    return OUTPUT_OF_STEP, h

def sequence(self, x: Tensor, state: Optional[Tensor] = None, dt: Optional[Tensor] = None) -> Tuple[Tensor, Tensor]:
    CHECK
    projected = self.project(x)
    h = self.start(x, state)
    states: List[Tensor] = []
    for t in range(projected.size(1)):
        if dt is None:
            h = self.advance(projected[:, t], h, None)
        else:
            h = self.advance(projected[:, t], h, dt[:, t])
        states.append(h)
    return OUTPUTS, h

def forward(self, x: Tensor) -> Tensor:
    return self.sequence(x)[0]
";
