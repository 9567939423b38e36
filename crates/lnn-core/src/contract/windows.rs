//! Windows of a series, gathered from one table of rows.

use super::input::Input;
use super::samples::Samples;
use super::task::Per;
use tch::{Device, Kind, Tensor};

/// The rows of a series in the order of time.
#[derive(Debug)]
pub struct Rows {
    /// `[R, I]`, the features.
    pub features: Tensor,
    /// `[R]`, the time since the row before.
    pub dt: Option<Tensor>,
    /// What each row may be the target of: values `[R, O]`, or labels `[R]`, int64.
    pub targets: Tensor,
    /// Whether a window has one target, or one for each of its rows.
    pub per: Per,
}

impl Rows {
    /// Number of rows R.
    ///
    /// # Panics
    /// If the features are a scalar.
    pub fn len(&self) -> i64 {
        self.features.size()[0]
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn map(&self, part: impl Fn(&Tensor) -> Tensor) -> Self {
        let Self { features, dt, targets, per } = self;
        Self { features: part(features), dt: dt.as_ref().map(&part), targets: part(targets), per: *per }
    }
}

/// How windows are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Rows of a window.
    pub window: i64,
    /// How many rows after the last row of a window, or after each of its rows, the target lies.
    pub horizon: i64,
    /// How many rows after the first row of a window the next one begins.
    pub stride: i64,
}

impl Cut {
    /// Windows that begin at every row.
    pub fn new(window: i64, horizon: i64) -> Self {
        Self { window, horizon, stride: 1 }
    }
}

/// Windows of a table of rows. A window is the place of its first row, so that any number of overlapping windows takes the memory
/// of the table.
#[derive(Debug)]
pub struct Windows {
    pub(super) rows: Rows,
    /// `[N]`, int64: the first row of each window.
    pub(super) starts: Tensor,
    /// `[N]`, int64: the rows of each window, where they differ. A batch is then padded to its longest window.
    pub(super) lengths: Option<Tensor>,
    pub(super) cut: Cut,
    /// How many horizons the targets of a row are for.
    pub(super) horizons: i64,
}

impl Windows {
    /// The same windows, where the values of a row are those of several `horizons`, one after the other: those of the longest come last and
    /// belong to the row itself, those of a shorter one to a row before.
    ///
    /// # Panics
    /// If the number of values is not a multiple of `horizons`.
    #[must_use]
    pub fn of_horizons(self, horizons: i64) -> Self {
        let targets = self.rows.targets.size();
        assert!(
            horizons == 1 || targets.get(1).is_some_and(|values| horizons > 0 && values % horizons == 0),
            "as many values for each horizon"
        );
        Self { horizons, ..self }
    }

    /// All windows whose rows and targets lie in the rows `first..end`. `None` if there is no such window.
    ///
    /// # Panics
    /// If the tensors of `rows` differ in R, or `first..end` is not within it.
    pub fn within(rows: &Rows, [first, end]: [i64; 2], cut: Cut) -> Option<Self> {
        Self::starting_at(rows, [first, first, end], cut)
    }

    /// All windows whose targets lie in the rows `first..end`; their features may reach back to the first row of the table. Otherwise
    /// as [`within`](Self::within).
    ///
    /// # Panics
    /// As [`within`](Self::within).
    pub fn with_targets_in(rows: &Rows, [first, end]: [i64; 2], cut: Cut) -> Option<Self> {
        let first_target = match rows.per {
            Per::Sequence => cut.window.saturating_add(cut.horizon).saturating_sub(1),
            Per::Step => cut.horizon,
        };
        Self::starting_at(rows, [first.saturating_sub(first_target).max(0), first, end], cut)
    }

    /// The windows whose first row is `start` or later and whose targets lie before `end`.
    fn starting_at(rows: &Rows, [start, first, end]: [i64; 3], cut: Cut) -> Option<Self> {
        let count = rows.len();
        assert!(
            rows.targets.size()[0] == count && rows.dt.as_ref().is_none_or(|dt| dt.size() == [count]),
            "one row of each per time"
        );
        assert!(0 <= first && first <= end && end <= count, "the part lies within the table");
        let last_start = end.checked_sub(cut.window)?.checked_sub(cut.horizon)?;
        if cut.window < 1 || cut.horizon < 0 || cut.stride < 1 || last_start < start {
            return None;
        }
        let options = (Kind::Int64, rows.features.device());
        let starts = Tensor::arange_start_step(start, last_start + 1, cut.stride, options);
        Some(Self { rows: rows.map(Tensor::shallow_clone), starts, lengths: None, cut, horizons: 1 })
    }

    /// The windows of several series that lie one after the other in the table, each from its first row to its `end`: no window has rows
    /// of two of them. `None` if there is no such window.
    ///
    /// # Panics
    /// As [`within`](Self::within).
    pub fn within_each(rows: &Rows, series: &[[i64; 2]], cut: Cut) -> Option<Self> {
        let windows = series.iter().filter_map(|part| Self::within(rows, *part, cut));
        let starts: Vec<Tensor> = windows.map(|windows| windows.starts).collect();
        if starts.is_empty() {
            return None;
        }
        let rows = rows.map(Tensor::shallow_clone);
        Some(Self { rows, starts: Tensor::cat(&starts, 0), lengths: None, cut, horizons: 1 })
    }

    /// One window for each of several series that lie one after the other in the table, with all of its rows but the last `horizon` ones:
    /// the target is that of the last row of the series, or per step the row `horizon` rows after each. Series without a row before their
    /// target are left out; `None` if all are.
    ///
    /// # Panics
    /// If a series is not within the table.
    pub fn whole(rows: &Rows, series: &[[i64; 2]], horizon: i64) -> Option<Self> {
        let fits = |[first, end]: &[i64; 2]| 0 <= *first && first <= end && *end <= rows.len();
        assert!(horizon >= 0 && series.iter().all(fits), "each series has rows of the table");
        let shown = series.iter().map(|[first, end]| [*first, end.saturating_sub(horizon)]);
        let series: Vec<[i64; 2]> = shown.filter(|[first, end]| first < end).collect();
        let longest = series.iter().map(|[first, end]| end - first).max()?;
        let column = |of: fn(&[i64; 2]) -> i64| {
            Tensor::from_slice(&series.iter().map(of).collect::<Vec<_>>()).to_device(rows.features.device())
        };
        Some(Self {
            rows: rows.map(Tensor::shallow_clone),
            starts: column(|[first, _]| *first),
            lengths: Some(column(|[first, end]| end - first)),
            cut: Cut::new(longest, horizon),
            horizons: 1,
        })
    }

    /// The windows that have a target: one whose values are all numbers, or whose label is not negative. `None` if there is none.
    #[must_use]
    pub fn with_a_target(&self) -> Option<Self> {
        let targets = &self.rows.targets;
        let present = match targets.kind() {
            Kind::Int64 => targets.ge(0),
            _ => targets.isnan().any_dim(-1, false).logical_not(),
        };
        // The targets of a window are those from `first` to `last`; they are counted without a list of them.
        let last = self.last_target_rows(&self.starts, self.lengths.as_ref());
        let first = match self.rows.per {
            Per::Sequence => last.shallow_clone(),
            Per::Step => &self.starts + self.cut.horizon,
        };
        let count = present.cumsum(0, Kind::Int64);
        let before = count.index_select(0, &first) - present.index_select(0, &first).to_kind(Kind::Int64);
        let windows = (count.index_select(0, &last) - before).gt(0).nonzero().squeeze_dim(1);
        (windows.size()[0] > 0).then(|| self.select(&windows))
    }

    /// Number of windows N.
    pub fn len(&self) -> i64 {
        self.starts.size()[0]
    }

    /// Whether there is no window.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn device(&self) -> Device {
        self.starts.device()
    }

    /// The rows `[M, T]` of the windows that begin at `starts [M]`; behind a shorter one its last row again.
    fn places(&self, starts: &Tensor, lengths: Option<&Tensor>) -> Tensor {
        let longest = lengths.map_or(self.cut.window, |lengths| lengths.max().int64_value(&[]));
        let steps = Tensor::arange(longest, (Kind::Int64, self.device()));
        starts.unsqueeze(1)
            + lengths.map_or_else(|| steps.unsqueeze(0), |n| steps.minimum(&(n - 1).unsqueeze(1)))
    }

    /// The rows `[M]` of the targets of the last rows of windows.
    fn last_target_rows(&self, starts: &Tensor, lengths: Option<&Tensor>) -> Tensor {
        match lengths {
            Some(lengths) => starts + lengths + (self.cut.horizon - 1),
            None => starts + (self.cut.window + self.cut.horizon - 1),
        }
    }

    /// The rows of all targets of windows: `[M]` or, per step, `[M, T]`.
    pub(super) fn target_rows(&self, starts: &Tensor, lengths: Option<&Tensor>) -> Tensor {
        match self.rows.per {
            Per::Sequence => self.last_target_rows(starts, lengths),
            Per::Step => self.places(starts, lengths) + self.cut.horizon,
        }
    }

    /// The windows at `indices [M]`, int64: features `[M, T, I]`, `dt [M, T]`, where lengths differ a mask `[M, T]`, and targets `[M, O]`
    /// or labels `[M]`, per step `[M, T, O]` or `[M, T]`.
    ///
    /// # Panics
    /// If windows of different lengths are asked for and there are no indices.
    pub(super) fn gather(&self, indices: &Tensor) -> Samples {
        let starts = self.starts.index_select(0, indices);
        let lengths = self.lengths.as_ref().map(|lengths| lengths.index_select(0, indices));
        let places = self.places(&starts, lengths.as_ref());
        let targets = at(&self.rows.targets, &self.target_rows(&starts, lengths.as_ref()));
        let x = at(&self.rows.features, &places);
        let dt = self.rows.dt.as_ref().map(|dt| at(dt, &places));
        let mask = lengths.map(|lengths| {
            let steps = Tensor::arange(places.size()[1], (Kind::Int64, self.device()));
            lengths.unsqueeze(1).gt_tensor(&steps)
        });
        let mask = mask.filter(|mask| mask.all().int64_value(&[]) == 0);
        Samples { input: Input { dt, mask, ..Input::new(x) }, targets }
    }

    /// The values `[M, O]` at the last row of each of the `count` windows from `start` on, or per step at each row, `[M, window, O]`: what a
    /// forecast says that expects no change. Where a value is missing in that row it is the last one of the window, NaN if that has none.
    /// `None` for labels, and where the target is that row.
    pub(super) fn last_values(&self, start: i64, count: i64) -> Option<Tensor> {
        if self.cut.horizon == 0 || self.rows.targets.kind() == Kind::Int64 {
            return None;
        }
        let lengths = self.lengths.as_ref().map(|lengths| lengths.narrow(0, start, count));
        let starts = self.starts.narrow(0, start, count);
        let rows = self.target_rows(&starts, lengths.as_ref()) - self.cut.horizon;
        let table = self.own_values();
        let last = at(&table, &rows);
        let own =
            if last.isnan().any().int64_value(&[]) == 1 { last_known(&table, &rows, &starts) } else { last };
        if self.horizons == 1 {
            return Some(own);
        }
        let copies: Vec<&Tensor> = std::iter::repeat_n(&own, self.horizons as usize).collect();
        Some(Tensor::cat(&copies, -1))
    }

    /// The values `[R, O]` that each row has of its own: of several horizons those of the longest.
    pub(super) fn own_values(&self) -> Tensor {
        let targets = &self.rows.targets;
        if self.horizons == 1 {
            return targets.shallow_clone();
        }
        let values = targets.size()[1] / self.horizons;
        targets.narrow(1, values * (self.horizons - 1), values)
    }

    /// The same windows of other features and targets of as many rows.
    pub(super) fn map_tables(&self, [features, targets]: [impl Fn(&Tensor) -> Tensor; 2]) -> Self {
        let rows = self.rows.map(Tensor::shallow_clone);
        let rows = Rows { features: features(&rows.features), targets: targets(&rows.targets), ..rows };
        self.with(rows, Tensor::shallow_clone)
    }

    /// The windows at `indices [M]`, int64, of the same table.
    pub(super) fn select(&self, indices: &Tensor) -> Self {
        self.with(self.rows.map(Tensor::shallow_clone), |places| places.index_select(0, indices))
    }

    pub(super) fn to_device(&self, device: Device) -> Self {
        let moved = |tensor: &Tensor| tensor.to_device(device);
        self.with(self.rows.map(moved), moved)
    }

    /// Windows of `rows`, whose starts and lengths are a `part` of those of these windows.
    fn with(&self, rows: Rows, part: impl Fn(&Tensor) -> Tensor) -> Self {
        let (starts, lengths) = (part(&self.starts), self.lengths.as_ref().map(&part));
        Self { rows, starts, lengths, cut: self.cut, horizons: self.horizons }
    }
}

/// The last numbers of the columns of `table [R, O]` up to the rows `places [M, ..]` that are not before `starts [M]`, NaN where there is none.
///
/// # Panics
/// If a place is not in the table, or the shapes do not fit.
pub fn last_known(table: &Tensor, places: &Tensor, starts: &Tensor) -> Tensor {
    let missing = table.isnan();
    let rows = Tensor::arange(table.size()[0], (Kind::Int64, table.device())).unsqueeze(1).expand_as(table);
    let (latest, _) = rows.masked_fill(&missing, -1).cummax(0);
    let latest = at(&latest, places);
    let first = starts.view_([&[-1][..], &vec![1; latest.dim() - 1]].concat());
    let found = latest.clamp_min(0).flatten(0, -2);
    let values = table.gather(0, &found, false).view_as(&latest);
    values.masked_fill(&latest.lt_tensor(&first), f64::NAN)
}

/// The rows of `table [R, ..]` at `places [..]`.
pub(super) fn at(table: &Tensor, places: &Tensor) -> Tensor {
    let shape = [&places.size()[..], &table.size()[1..]].concat();
    table.index_select(0, &places.view([-1])).view(&shape[..])
}

#[cfg(test)]
#[path = "windows_tests.rs"]
mod tests;
