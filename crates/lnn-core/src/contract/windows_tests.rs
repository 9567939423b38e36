//! Tests of windows.

use super::*;

/// Ten rows `[i, 10 i]` with the value `100 i` and the time `i` since the row before.
fn rows(per: Per) -> Rows {
    let time = Tensor::arange(10, (Kind::Float, Device::Cpu));
    Rows {
        features: Tensor::stack(&[&time, &(&time * 10.0)], 1),
        targets: (&time * 100.0).unsqueeze(1),
        dt: Some(time),
        per,
    }
}

fn table(window: i64, horizon: i64, part: [i64; 2]) -> Option<Windows> {
    Windows::within(&rows(Per::Sequence), part, Cut::new(window, horizon))
}

fn all(windows: &Windows) -> Samples {
    windows.gather(&Tensor::arange(windows.len(), (Kind::Int64, Device::Cpu)))
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor.to_kind(Kind::Float).view([-1])).unwrap()
}

#[test]
fn the_last_value_is_the_last_one_that_is_known_in_the_window() {
    let gap = f64::NAN;
    let table = Tensor::from_slice(&[1.0, 2.0, gap, gap, gap, 6.0, gap]).view([-1, 1]);
    let rows = Rows { features: table.shallow_clone(), dt: None, targets: table, per: Per::Sequence };
    let windows = Windows::within(&rows, [0, 7], Cut::new(3, 1)).unwrap();
    let last = Vec::<f64>::try_from(windows.last_values(0, 4).unwrap().view(-1)).unwrap();
    assert_eq!(last[..2], [2.0, 2.0]);
    assert!(last[2].is_nan() && (last[3] - 6.0).abs() < 1e-12);
}

#[test]
fn a_window_shows_consecutive_rows_and_its_target_lies_a_horizon_after_them() {
    let windows = table(3, 2, [1, 9]).unwrap();
    assert_eq!(windows.len(), 4);
    let batch = windows.gather(&Tensor::from_slice(&[3i64, 0]));
    let expected = [4.0f32, 40.0, 5.0, 50.0, 6.0, 60.0, 1.0, 10.0, 2.0, 20.0, 3.0, 30.0];
    assert_eq!(batch.input.x, Tensor::from_slice(&expected).view([2, 3, 2]));
    assert_eq!(numbers(&batch.input.dt.unwrap()), [4.0, 5.0, 6.0, 1.0, 2.0, 3.0]);
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
    let reaching = |part, cut| {
        Windows::with_targets_in(&rows(Per::Sequence), part, cut).map(|windows| all(&windows).targets)
    };
    let windows = Windows::with_targets_in(&rows(Per::Sequence), [6, 10], Cut::new(3, 2)).unwrap();
    assert_eq!(numbers(&all(&windows).targets), [600.0, 700.0, 800.0, 900.0]);
    assert_eq!(numbers(&windows.last_values(1, 2).unwrap()), [500.0, 600.0]);
    // Not before the first row.
    assert_eq!(reaching([1, 10], Cut::new(3, 2)).unwrap().size()[0], 6);
    assert!(reaching([1, 4], Cut::new(3, 2)).is_none());
}

#[test]
fn per_step_each_row_has_the_target_a_horizon_after_it() {
    let cut = Cut { window: 3, horizon: 1, stride: 3 };
    let windows = Windows::with_targets_in(&rows(Per::Step), [2, 10], cut).unwrap();
    let Samples { input, targets } = all(&windows);
    assert_eq!([input.x.size(), targets.size()], [[2, 3, 2], [2, 3, 1]]);
    assert_eq!(numbers(&input.x.select(2, 0)), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(numbers(&targets), [200.0, 300.0, 400.0, 500.0, 600.0, 700.0]);
    assert_eq!(numbers(&windows.last_values(0, 1).unwrap()), [100.0, 200.0, 300.0]);
    let labels = Rows { targets: Tensor::arange(10, (Kind::Int64, Device::Cpu)), ..rows(Per::Step) };
    let windows = Windows::within(&labels, [0, 10], Cut { horizon: 0, ..cut }).unwrap();
    assert_eq!(numbers(&all(&windows).targets), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    assert!(windows.last_values(0, 1).is_none());
}

#[test]
fn the_last_value_is_the_same_for_several_horizons() {
    let one = rows(Per::Sequence);
    // The value of the row before, and that of the row.
    let before = one.targets.roll([1], [0]);
    let two = Rows { targets: Tensor::cat(&[&before, &one.targets], 1), ..one };
    let windows = Windows::within(&two, [0, 10], Cut::new(3, 2)).unwrap().of_horizons(2);
    assert_eq!(numbers(&all(&windows).targets)[..4], [300.0, 400.0, 400.0, 500.0]);
    let chosen = windows.select(&Tensor::from_slice(&[0i64, 1]));
    assert_eq!(numbers(&chosen.last_values(0, 2).unwrap()), [200.0, 200.0, 300.0, 300.0]);
}

#[test]
fn windows_without_a_target_can_be_left_out() {
    let rows = rows(Per::Sequence);
    let _ = rows.targets.narrow(0, 4, 2).fill_(f64::NAN);
    let windows = Windows::within(&rows, [0, 10], Cut::new(3, 1)).unwrap().with_a_target().unwrap();
    assert_eq!(numbers(&all(&windows).targets), [300.0, 600.0, 700.0, 800.0, 900.0]);
    let rows = Rows { per: Per::Step, ..rows };
    let windows = Windows::within(&rows, [0, 10], Cut { window: 2, horizon: 0, stride: 2 }).unwrap();
    assert_eq!(windows.with_a_target().unwrap().len(), 4);
    let _ = rows.targets.shallow_clone().fill_(f64::NAN);
    assert!(windows.with_a_target().is_none());
}

#[test]
fn windows_of_several_series_have_rows_of_one_of_them() {
    let windows =
        Windows::within_each(&rows(Per::Sequence), &[[0, 4], [4, 6], [6, 10]], Cut::new(2, 1)).unwrap();
    assert_eq!(numbers(&all(&windows).targets), [200.0, 300.0, 800.0, 900.0]);
    assert!(Windows::within_each(&rows(Per::Sequence), &[[0, 2], [2, 4]], Cut::new(2, 1)).is_none());
}

#[test]
fn whole_series_of_unequal_lengths_are_padded_behind_a_mask() {
    for per in [Per::Sequence, Per::Step] {
        let windows = Windows::whole(&rows(per), &[[0, 3], [3, 4], [4, 9]], 0).unwrap();
        let Samples { input, targets } = windows.gather(&Tensor::from_slice(&[0i64, 1]));
        assert_eq!(numbers(&input.x.select(2, 0)), [0.0, 1.0, 2.0, 3.0, 3.0, 3.0]);
        assert_eq!(numbers(&input.mask.unwrap()), [1.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
        match per {
            Per::Sequence => assert_eq!(numbers(&targets), [200.0, 300.0]),
            Per::Step => assert_eq!(numbers(&targets), [0.0, 100.0, 200.0, 300.0, 300.0, 300.0]),
        }
        assert_eq!(all(&windows).input.x.size(), [3, 5, 2]);
        assert!(windows.gather(&Tensor::from_slice(&[2i64])).input.mask.is_none());
    }
    let ahead = all(&Windows::whole(&rows(Per::Sequence), &[[0, 3], [3, 4], [4, 9]], 1).unwrap());
    assert_eq!((ahead.input.x.size(), numbers(&ahead.targets)), (vec![2, 4, 2], vec![200.0, 800.0]));
}

#[test]
fn a_selection_shares_the_table() {
    let windows = table(2, 1, [0, 10]).unwrap();
    let chosen = windows.select(&Tensor::from_slice(&[5i64, 1]));
    assert_eq!(chosen.rows.features.data_ptr(), windows.rows.features.data_ptr());
    assert_eq!(chosen.gather(&Tensor::from_slice(&[1i64])).targets.int64_value(&[0, 0]), 300);
}
