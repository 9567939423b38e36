//! The season of a series: the number of rows after which it repeats itself best.

use lnn_core::{SampleSet, steps_where};
use tch::{Kind, Tensor};

/// The longest season in rows.
pub(super) const LONGEST: i64 = 1 << 40;

/// The number of training windows on which seasons are compared, and the most values that all comparisons read.
const COMPARED: i64 = 2000;
const MOST_VALUES: i64 = 100_000_000;

/// The season of the training part.
#[derive(Debug, PartialEq)]
pub(super) enum Season {
    /// Its rows.
    Rows(i64),
    /// There is an order of time, but no season can be found, for this reason.
    LeftOut(String),
    /// The targets have no order of time, or are those of the rows that the model sees.
    NoTime,
}

/// Finds the season of at least 2 rows, of which a window has two at least, with the least squared error on the training part, each value in
/// units of its deviation.
pub(super) fn of(train: &SampleSet) -> Season {
    let Some(longest) = train.longest().filter(|_| train.seasonal_values(0, 1, 1).is_some()) else {
        return Season::NoTime;
    };
    let left_out = |reason: &str| {
        Season::LeftOut(format!("the baseline `last value of a season` is left out, because {reason}"))
    };
    if longest < 4 {
        return left_out(&format!("a window of {longest} rows is shorter than two seasons of 2 rows"));
    }
    if !train.evenly_timed() {
        return left_out("the rows are not evenly spaced in time");
    }
    let (seasons, one) = (longest / 2 - 1, train.narrow(0, 1).targets.numel() as i64);
    let count = COMPARED.min(MOST_VALUES / one.max(1) / seasons).clamp(1, train.len());
    let spread: Vec<usize> = (0..count).map(|i| (i * train.len() / count) as usize).collect();
    let compared = train.subset(&spread);
    let samples = compared.narrow(0, count);
    let counted = |values: &Tensor| {
        let values = match samples.counts() {
            Some(counts) => steps_where(values, &counts),
            None => values.shallow_clone(),
        };
        values.to_kind(Kind::Double).reshape([-1, *samples.targets.size().last().unwrap_or(&1)])
    };
    let targets = counted(&samples.targets);
    let unit = targets.std_dim([0i64].as_slice(), false, true).clamp_min(f64::MIN_POSITIVE);
    let error = |season: i64| {
        let found = counted(&compared.seasonal_values(0, count, season)?);
        let error = ((found - &targets) / &unit).square();
        // A value that is missing is no error; the mean is over the others.
        let present = error.isfinite();
        let number = present.sum(Kind::Double).double_value(&[]);
        let sum = error.masked_fill(&present.logical_not(), 0.0).sum(Kind::Double).double_value(&[]);
        (number > 0.0).then_some(sum / number)
    };
    let mut best: Option<(f64, i64)> = None;
    for season in 2..=longest / 2 {
        if let Some(error) = error(season)
            && best.is_none_or(|(least, _)| error < least)
        {
            best = Some((error, season));
        }
    }
    best.map_or_else(|| left_out("no value has one before it"), |(_, season)| Season::Rows(season))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lnn_core::{Cut, Per, Rows, Windows, seeded};
    use tch::Device;

    const DOUBLE: (Kind, Device) = (Kind::Double, Device::Cpu);

    /// A noisy wave of `period` rows on an offset, in windows of 20 rows.
    fn wave(period: f64, window: i64, dt: Option<Tensor>, per: Per) -> SampleSet {
        let noise = seeded(1, || lnn_core::random::randn([300, 1], DOUBLE)) * 0.05;
        let time = Tensor::arange(300, DOUBLE).unsqueeze(1);
        let values = (time * (std::f64::consts::TAU / period)).sin() + noise + 1e6;
        let rows = Rows { features: values.shallow_clone(), dt, targets: values, per };
        SampleSet::Windows(Windows::within(&rows, [0, 300], Cut::new(window, 1)).unwrap())
    }

    #[test]
    fn the_period_of_a_wave_is_found() {
        for per in [Per::Sequence, Per::Step] {
            assert_eq!(of(&wave(7.0, 13, None, per)), Season::Rows(6), "7 rows do not fit twice");
            assert_eq!(of(&wave(7.0, 15, None, per)), Season::Rows(7));
            assert_eq!(of(&wave(9.0, 20, None, per)), Season::Rows(9));
        }
    }

    #[test]
    fn short_windows_and_uneven_times_have_no_season_and_say_why() {
        let Season::LeftOut(reason) = of(&wave(2.0, 3, None, Per::Sequence)) else { panic!("a season") };
        assert!(reason.contains("a window of 3 rows"), "{reason}");
        let dt = Tensor::ones([300], DOUBLE);
        assert_eq!(of(&wave(9.0, 20, Some(dt.copy()), Per::Sequence)), Season::Rows(9));
        let _ = dt.narrow(0, 50, 1).fill_(5.0);
        let Season::LeftOut(reason) = of(&wave(9.0, 20, Some(dt), Per::Sequence)) else { panic!("a season") };
        assert!(reason.contains("not evenly spaced"), "{reason}");
    }
}
