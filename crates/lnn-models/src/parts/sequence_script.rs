//! What the TorchScript of networks of sequences has in common: padding, time, and the checks of what is given.

/// Padding may hold any number, even NaN. What replaces it has no effect on what comes before.
pub(crate) const PADDING: &str = "    if lengths is not None:
        assert lengths.dim() == 1 and lengths.size(0) == x.size(0), 'lengths is [N] = [{}], found {}'.format(x.size(0), lengths.size())
        fits = bool(torch.logical_and(lengths >= 1, lengths <= x.size(1)).all())
        assert fits, 'lengths are 1 to T = {}'.format(x.size(1))
        padding = torch.arange(x.size(1), device=x.device).unsqueeze(0) >= lengths.unsqueeze(1)
        x = x.masked_fill(padding.unsqueeze(2), 0.0)
        TIME_OF_PADDING
";

/// Where a sequence is padded the time of the padding is replaced, too.
pub(crate) const PADDING_OF_TIME: &str = "        if dt is not None:
            assert dt.size() == padding.size(), 'dt is [N, T] = {}, found {}'.format(padding.size(), dt.size())
            dt = dt.masked_fill(padding, self.time.unit)
";

/// NaN would end in a prediction that is NaN, or, behind a comparison, in one that is not.
pub(crate) const CHECK_INPUT: &str = "    self.preprocessing.check(x)
";

/// The output of the last step before the padding.
pub(crate) const LAST: &str = "
def last(self, x: Tensor, lengths: Optional[Tensor]) -> Tensor:
    if lengths is None:
        return x[:, -1]
    return x[torch.arange(x.size(0), device=x.device), lengths - 1]
";

/// Where the cells have no time it is the last input.
pub(crate) const TIME_IS_AN_INPUT: &str = "    time = torch.ones_like(x[:, :, :1])
    if dt is not None:
        expected = [x.size(0), x.size(1)]
        assert dt.size() == expected, 'dt is [N, T] = {}, one number for each step, found {}'.format(expected, dt.size())
        time = dt.unsqueeze(2)
    x = torch.cat([x, time], 2)
";

/// The check of the values of `dt [N, T]`, which a single step does not make.
pub(crate) const CHECK_TIME: &str = "    self.time.check(dt)
";

/// `dt` as the cells take it.
pub(crate) const SCALED_TIME: &str = "    dt = self.time.scaled(dt, x.dtype)
";

/// The time of one step, `[N]`, as that of a sequence.
pub(crate) const TIME_OF_STEP: &str = "    if dt is not None:
        assert dt.dim() == 1, 'dt of one step is [N], found {}'.format(dt.size())
        dt = dt.unsqueeze(1)
";
