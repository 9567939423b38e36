//! Windows of a series, gathered from one table of rows.

use super::input::Input;
use super::samples::Samples;
use tch::{Device, Kind, Tensor};

/// Windows of a table of rows. A window is the place of its first row, so that any number of overlapping windows takes the memory
/// of the table.
#[derive(Debug)]
pub struct Windows {
    /// `[R, I]`, the rows in the order of time.
    rows: Tensor,
    /// `[R]`, the time since the row before.
    dt: Option<Tensor>,
    /// `[R, O]`, what each row may be the target of.
    values: Tensor,
    /// `[N]`, int64: the first row of each window.
    starts: Tensor,
    /// Rows of a window.
    window: i64,
    /// How many rows after the last row of a window its target lies.
    horizon: i64,
}

impl Windows {
    /// All windows of `window` rows in the rows `first..end` of a table whose target, `horizon` rows after their last, lies there,
    /// too: `rows [R, I]`, `dt [R]`, `values [R, O]`. `None` if there is no such window.
    ///
    /// # Panics
    /// If the tensors differ in R, or `first..end` is not within it.
    pub fn within(
        tables: [&Tensor; 2],
        dt: Option<&Tensor>,
        [first, end]: [i64; 2],
        extents: [i64; 2],
    ) -> Option<Self> {
        Self::starting_at(tables, dt, [first, first, end], extents)
    }

    /// All windows whose target lies in the rows `first..end`; their inputs may reach back to the first row of the table. Otherwise
    /// as [`within`](Self::within).
    ///
    /// # Panics
    /// As [`within`](Self::within).
    pub fn with_targets_in(
        tables: [&Tensor; 2],
        dt: Option<&Tensor>,
        [first, end]: [i64; 2],
        [window, horizon]: [i64; 2],
    ) -> Option<Self> {
        let start = first.saturating_sub(window).saturating_sub(horizon).saturating_add(1).max(0);
        Self::starting_at(tables, dt, [start, first, end], [window, horizon])
    }

    /// The windows whose first row is `start` or later and whose target lies before `end`.
    fn starting_at(
        [rows, values]: [&Tensor; 2],
        dt: Option<&Tensor>,
        [start, first, end]: [i64; 3],
        [window, horizon]: [i64; 2],
    ) -> Option<Self> {
        let count = rows.size()[0];
        assert!(
            values.size()[0] == count && dt.is_none_or(|dt| dt.size() == [count]),
            "one row of each per time"
        );
        assert!(0 <= first && first <= end && end <= count, "the part lies within the table");
        let last_start = end.checked_sub(window)?.checked_sub(horizon)?;
        if window < 1 || horizon < 0 || last_start < start {
            return None;
        }
        Some(Self {
            rows: rows.shallow_clone(),
            dt: dt.map(Tensor::shallow_clone),
            values: values.shallow_clone(),
            starts: Tensor::arange_start(start, last_start + 1, (Kind::Int64, rows.device())),
            window,
            horizon,
        })
    }

    /// Number of windows N.
    pub(super) fn len(&self) -> i64 {
        self.starts.size()[0]
    }

    pub(super) fn device(&self) -> Device {
        self.rows.device()
    }

    /// The windows at `indices [M]`, int64: inputs `[M, window, I]`, `dt [M, window]` and targets `[M, O]`.
    pub(super) fn gather(&self, indices: &Tensor) -> Samples {
        let starts = self.starts.index_select(0, indices);
        let steps = Tensor::arange(self.window, (Kind::Int64, self.device()));
        let places = (starts.unsqueeze(1) + steps).view([-1]);
        let windows = |table: &Tensor, shape: &[i64]| table.index_select(0, &places).view(shape);
        let x = windows(&self.rows, &[-1, self.window, self.rows.size()[1]]);
        let dt = self.dt.as_ref().map(|dt| windows(dt, &[-1, self.window]));
        let targets = self.values.index_select(0, &(starts + (self.window + self.horizon - 1)));
        Samples { input: Input { dt, ..Input::new(x) }, targets }
    }

    /// The values `[M, O]` at the last row of each of the `count` windows from `start` on: what a forecast says that expects no change.
    pub(super) fn last_values(&self, start: i64, count: i64) -> Tensor {
        self.values.index_select(0, &(self.starts.narrow(0, start, count) + (self.window - 1)))
    }

    /// The same windows of other tables with as many rows.
    pub(super) fn map_tables(&self, [rows, values]: [impl Fn(&Tensor) -> Tensor; 2]) -> Self {
        let shared = self.shared();
        Self { rows: rows(&shared.rows), values: values(&shared.values), ..shared }
    }

    /// The windows at `indices [M]`, int64, of the same table.
    pub(super) fn select(&self, indices: &Tensor) -> Self {
        Self { starts: self.starts.index_select(0, indices), ..self.shared() }
    }

    pub(super) fn to_device(&self, device: Device) -> Self {
        Self {
            rows: self.rows.to_device(device),
            dt: self.dt.as_ref().map(|dt| dt.to_device(device)),
            values: self.values.to_device(device),
            starts: self.starts.to_device(device),
            ..*self
        }
    }

    /// The same tensors, sharing their memory.
    fn shared(&self) -> Self {
        let Self { rows, dt, values, starts, .. } = self;
        Self {
            rows: rows.shallow_clone(),
            dt: dt.as_ref().map(Tensor::shallow_clone),
            values: values.shallow_clone(),
            starts: starts.shallow_clone(),
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten rows `[i, 10 i]` with the value `100 i` and the time `i` since the row before.
    fn table(window: i64, horizon: i64, part: [i64; 2]) -> Option<Windows> {
        let time = Tensor::arange(10, (Kind::Float, Device::Cpu));
        let rows = Tensor::stack(&[&time, &(&time * 10.0)], 1);
        let values = (&time * 100.0).unsqueeze(1);
        Windows::within([&rows, &values], Some(&time), part, [window, horizon])
    }

    #[test]
    fn a_window_shows_consecutive_rows_and_its_target_lies_a_horizon_after_them() {
        let windows = table(3, 2, [1, 9]).unwrap();
        assert_eq!(windows.len(), 4);
        let batch = windows.gather(&Tensor::from_slice(&[3i64, 0]));
        let expected = [4.0f32, 40.0, 5.0, 50.0, 6.0, 60.0, 1.0, 10.0, 2.0, 20.0, 3.0, 30.0];
        assert_eq!(batch.input.x, Tensor::from_slice(&expected).view([2, 3, 2]));
        assert_eq!(
            batch.input.dt.unwrap(),
            Tensor::from_slice(&[4.0f32, 5.0, 6.0, 1.0, 2.0, 3.0]).view([2, 3])
        );
        assert_eq!(batch.targets, Tensor::from_slice(&[800.0f32, 500.0]).view([2, 1]));
    }

    #[test]
    fn a_part_without_room_for_a_window_and_its_target_has_none() {
        assert!(table(3, 2, [0, 4]).is_none());
        assert_eq!(table(3, 2, [0, 5]).unwrap().len(), 1);
        assert!(table(i64::MAX, i64::MAX, [0, 10]).is_none());
    }

    #[test]
    fn inputs_may_reach_back_and_targets_may_not() {
        let time = Tensor::arange(10, (Kind::Float, Device::Cpu)).unsqueeze(1);
        let reaching = |part, extents| Windows::with_targets_in([&time, &time], None, part, extents);
        let windows = reaching([6, 10], [3, 2]).unwrap();
        let targets = windows.gather(&Tensor::arange(windows.len(), (Kind::Int64, Device::Cpu))).targets;
        assert_eq!(Vec::<f32>::try_from(targets.view(-1)).unwrap(), [6.0, 7.0, 8.0, 9.0]);
        assert_eq!(Vec::<f32>::try_from(windows.last_values(1, 2).view(-1)).unwrap(), [5.0, 6.0]);
        // Not before the first row.
        assert_eq!(reaching([1, 10], [3, 2]).unwrap().len(), 6);
        assert!(reaching([1, 4], [3, 2]).is_none());
    }

    #[test]
    fn a_selection_shares_the_table() {
        let windows = table(2, 1, [0, 10]).unwrap();
        let chosen = windows.select(&Tensor::from_slice(&[5i64, 1]));
        assert_eq!(chosen.rows.data_ptr(), windows.rows.data_ptr());
        assert_eq!(chosen.gather(&Tensor::from_slice(&[1i64])).targets.int64_value(&[0, 0]), 300);
    }
}
