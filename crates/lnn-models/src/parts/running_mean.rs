//! The mean of the states since the first step, carried from one part of a series to the next.

use tch::Tensor;

/// The means after each step of `states [B, T, H]`, `[B, T, H]`, and the sums after the last one: total `[B, H]` and number of steps `[B, 1]`.
/// `sums` are those before the first step. The first `washout` steps are part of no mean. Everything is summed in the dtype of the sums: a count of float32 ends at 2²⁴.
pub(crate) fn running_mean(
    states: &Tensor,
    [total, steps]: [&Tensor; 2],
    washout: i64,
) -> (Tensor, [Tensor; 2]) {
    let options = (total.kind(), total.device());
    let count = states.size()[1];
    let numbers = steps.unsqueeze(1) + Tensor::arange_start(1, count + 1, options).view([1, count, 1]);
    let counted = states.to_kind(total.kind()) * numbers.gt(washout as f64).to_kind(total.kind());
    let totals = total.unsqueeze(1) + counted.cumsum(1, total.kind());
    let means = &totals / (&numbers - washout as f64).clamp_min(1.0);
    (
        means.to_kind(states.kind()),
        [totals.select(1, count - 1), numbers.select(1, count - 1).expand_as(steps)],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn parts_one_after_the_other_have_the_means_of_the_whole() {
        let options = (Kind::Float, Device::Cpu);
        let states = Tensor::arange(2 * 7 * 3, options).view([2, 7, 3]).sin();
        let rest = || {
            [
                Tensor::zeros([2, 3], (Kind::Double, Device::Cpu)),
                Tensor::zeros([2, 1], (Kind::Double, Device::Cpu)),
            ]
        };
        for washout in [0, 2] {
            let [total, steps] = rest();
            let (whole, _) = running_mean(&states, [&total, &steps], washout);
            let (first, [total, steps]) = running_mean(&states.narrow(1, 0, 4), [&total, &steps], washout);
            let (second, [_, steps]) = running_mean(&states.narrow(1, 4, 3), [&total, &steps], washout);
            assert!((Tensor::cat(&[first, second], 1) - &whole).abs().max().double_value(&[]) < 1e-6);
            let plain = states.narrow(1, washout, 7 - washout).mean_dim(1, false, Kind::Float);
            assert!((whole.select(1, 6) - plain).abs().max().double_value(&[]) < 1e-6);
            assert_eq!(Vec::<f64>::try_from(steps.view(-1)).unwrap(), [7.0, 7.0]);
        }
    }

    #[test]
    fn a_count_goes_on_where_float32_cannot_count() {
        let sums = [16_777_216.0, 16_777_216.0].map(|x: f64| Tensor::from_slice(&[x]).view([1, 1]));
        let (_, [_, steps]) =
            running_mean(&Tensor::ones([1, 1, 1], (Kind::Float, Device::Cpu)), [&sums[0], &sums[1]], 0);
        assert_eq!(steps.to_kind(Kind::Int64).int64_value(&[0, 0]), 16_777_217);
    }
}
