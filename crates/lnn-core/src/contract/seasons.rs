//! The value one season before a target: the forecast for a series that repeats itself.

use super::task::Per;
use super::windows::{Windows, at};
use tch::{Kind, Tensor};

/// Steps of time count as equal if they differ from the first one by less than this fraction of it: months do, rows with a gap do not.
const EVEN: f64 = 0.25;

impl Windows {
    /// The values that seasons of `season` rows expect for the targets of the `count` windows from `start` on, `[M, O]`, or per step
    /// `[M, T, O]`: those at the last row of the same phase that is not after the last row that a model sees. Where this row lies before
    /// the window, it is the last row that the model sees. `None` for labels, and where the target is that row.
    pub(super) fn seasonal_values(&self, start: i64, count: i64, season: i64) -> Option<Tensor> {
        let horizon = self.cut.horizon;
        if horizon == 0 || self.rows.targets.kind() == Kind::Int64 {
            return None;
        }
        let starts = self.starts.narrow(0, start, count);
        let lengths = self.lengths.as_ref().map(|lengths| lengths.narrow(0, start, count));
        let targets = self.target_rows(&starts, lengths.as_ref());
        let first = match self.rows.per {
            Per::Sequence => starts,
            Per::Step => starts.unsqueeze(1),
        };
        let (last, own) = (targets - horizon, self.own_values());
        // Of several horizons each has a row of its own.
        let of_horizons = (horizon - self.horizons + 1..=horizon).map(|horizon| {
            let seasonal = &last + (horizon - (horizon + season - 1) / season * season);
            at(&own, &seasonal.where_self(&seasonal.ge_tensor(&first), &last))
        });
        Some(Tensor::cat(&of_horizons.collect::<Vec<_>>(), -1))
    }

    /// Whether the rows of the windows are about equally far apart in time; the first row of each window has no row before it here.
    pub(super) fn evenly_timed(&self) -> bool {
        let Some(dt) = self.rows.dt.as_ref().filter(|dt| dt.size()[0] > 0) else { return true };
        let typical = dt.median().double_value(&[]);
        let farthest = (dt.to_kind(Kind::Double) - typical).abs().max().double_value(&[]);
        farthest <= EVEN * typical.abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::windows::{Cut, Rows};
    use tch::Device;

    /// Twelve rows whose value is their number.
    fn rows(per: Per, dt: Option<Tensor>) -> Rows {
        let numbers = Tensor::arange(12, (Kind::Double, Device::Cpu)).unsqueeze(1);
        Rows { features: numbers.shallow_clone(), dt, targets: numbers, per }
    }

    fn found(windows: &Windows, season: i64) -> Vec<f64> {
        Vec::try_from(windows.seasonal_values(0, windows.len(), season).unwrap().view([-1])).unwrap()
    }

    #[test]
    fn the_seasonal_value_has_the_phase_of_the_target_and_was_known() {
        let windows =
            |horizon| Windows::within(&rows(Per::Sequence, None), [0, 12], Cut::new(8, horizon)).unwrap();
        // Targets 8, 9, 10 and 11 after the rows 7, 8, 9 and 10.
        assert_eq!(found(&windows(1), 4), [4.0, 5.0, 6.0, 7.0]);
        assert_eq!(found(&windows(1), 1), [7.0, 8.0, 9.0, 10.0]);
        // Targets 10 and 11 after the rows 7 and 8: one season of two rows before is not known yet.
        assert_eq!(found(&windows(3), 2), [6.0, 7.0]);
        assert!(windows(1).seasonal_values(0, 0, 4).unwrap().numel() == 0);
    }

    #[test]
    fn each_of_several_horizons_has_the_row_of_its_own_phase() {
        // A row has its value of one row before, and its own.
        let numbers = Tensor::arange(12, (Kind::Double, Device::Cpu));
        let targets = Tensor::stack(&[&numbers - 1.0, numbers.shallow_clone()], 1);
        let table = Rows { targets, ..rows(Per::Sequence, None) };
        let windows = Windows::within(&table, [0, 12], Cut::new(8, 2)).unwrap().of_horizons(2);
        // Targets 8 and 9 after the row 7, and so on; a season of three rows before.
        assert_eq!(found(&windows, 3), [5.0, 6.0, 6.0, 7.0, 7.0, 8.0]);
        assert_eq!(found(&windows, 1), [7.0, 7.0, 8.0, 8.0, 9.0, 9.0]);
    }

    #[test]
    fn the_last_value_stands_in_before_a_season_has_passed() {
        let cut = Cut { window: 4, horizon: 1, stride: 4 };
        let windows = Windows::within(&rows(Per::Step, None), [4, 12], cut).unwrap();
        // Targets 5 to 8 of the window from row 4 on.
        assert_eq!(found(&windows, 2), [4.0, 4.0, 5.0, 6.0]);
    }

    #[test]
    fn a_gap_in_time_is_no_even_time() {
        let even = |dt: Vec<f64>| {
            let rows = rows(Per::Sequence, Some(Tensor::from_slice(&dt)));
            Windows::within(&rows, [0, 12], Cut::new(2, 1)).unwrap().evenly_timed()
        };
        let months = [31.0, 31.0, 28.0, 31.0, 30.0, 31.0, 30.0, 31.0, 31.0, 30.0, 31.0, 30.0].to_vec();
        let mut gap = months.clone();
        gap[7] = 62.0;
        assert!(even(months) && !even(gap));
    }
}
