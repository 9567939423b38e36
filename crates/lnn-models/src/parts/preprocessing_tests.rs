//! Tests of the standardisation.

// Statistics of constants are exact.
#![allow(clippy::float_cmp)]

use super::*;
use lnn_core::random::{randint, randn, seeded};
use lnn_core::{Parameters, Timing};
use tch::Device;

fn stored(x: &Tensor, targets: &Tensor) -> SampleSet {
    let input = Input::new(x.shallow_clone());
    SampleSet::Stored(Samples { input, targets: targets.shallow_clone() })
}

fn fitted(kind: Standardization, images: &Tensor) -> Tensor {
    let size = images.size();
    let input = InputSpec::images([size[1], size[2], size[3]], vec![]);
    let mut parameters = Parameters::drawn(0, Kind::Float, Device::Cpu);
    let mut preprocessing = Preprocessing::new(&mut parameters.root(), kind, &input).unwrap();
    preprocessing.fit(&stored(images, &images.select(1, 0)), &input).unwrap();
    preprocessing.apply(Input::new(images.to_kind(Kind::Float) / 255.0)).x
}

#[test]
fn the_training_set_has_mean_zero_and_deviation_one_along_its_kind() {
    let images = seeded(0, || randint(256, [5000, 2, 3, 4], (Kind::Uint8, Device::Cpu)));
    for (kind, dims) in [(Standardization::Channels, [0, 2, 3]), (Standardization::Columns, [0, 1, 2])] {
        let x = fitted(kind, &images);
        assert!(x.mean_dim(&dims[..], false, Kind::Float).abs().max().double_value(&[]) < 1e-4);
        let deviation = x.std_dim(&dims[..], false, false);
        assert!((deviation - 1.0).abs().max().double_value(&[]) < 1e-4);
    }
    assert_eq!(fitted(Standardization::None, &images), images.to_kind(Kind::Float) / 255.0);
}

#[test]
fn a_column_that_never_changes_stays_finite() {
    let images = Tensor::full([10, 1, 2, 2], 7, (Kind::Uint8, Device::Cpu));
    assert_eq!(fitted(Standardization::Columns, &images), images.to_kind(Kind::Float) * 0.0);
}

/// A model's preprocessing of sequences with features `a` and `b` and the value `y`, fitted to `x [N, T, 2]` and `y [N, 1]`.
fn of_series(x: &Tensor, y: &Tensor) -> (Preprocessing, InputSpec) {
    let input = InputSpec::sequences(vec!["a".into(), "b".into()], vec!["y".into()]);
    let mut parameters = Parameters::drawn(0, Kind::Float, Device::Cpu);
    let mut preprocessing =
        Preprocessing::new(&mut parameters.root(), Standardization::Channels, &input).unwrap();
    preprocessing.fit(&stored(x, y), &input).unwrap();
    (preprocessing, input)
}

#[test]
fn a_constant_feature_contributes_nothing_and_is_named_where_it_moves() {
    let double = (Kind::Double, Device::Cpu);
    let waves = seeded(0, || randn([50, 20, 1], double));
    let x = Tensor::cat(&[&waves.full_like(5.0), &waves], 2);
    let (preprocessing, input) = of_series(&x, &waves.select(1, 0));
    assert_eq!(preprocessing.constants(&input).len(), 1);
    assert!(preprocessing.constants(&input)[0].contains("\"a\""));
    assert!(preprocessing.unfamiliar(&Input::new(x.shallow_clone()), &input).is_empty());
    let moved = Tensor::cat(&[&(&waves * 1e6), &waves], 2);
    let applied = preprocessing.apply(Input::new(moved.shallow_clone())).x;
    assert_eq!(applied, preprocessing.apply(Input::new(x.shallow_clone())).x);
    assert!(preprocessing.unfamiliar(&Input::new(moved), &input)[0].contains("\"a\" was constant"));
    let far = Tensor::cat(&[&waves.full_like(5.0), &(&waves + 1000.0)], 2);
    assert!(preprocessing.unfamiliar(&Input::new(far), &input)[0].contains("\"b\""));
    assert_eq!(preprocessing.feature_deviation().unwrap().double_value(&[0, 0, 0]), 0.0);
}

#[test]
fn padding_is_not_compared_with_the_training_set() {
    let double = (Kind::Double, Device::Cpu);
    let waves = seeded(0, || randn([50, 20, 2], double)) + 30.0;
    let (preprocessing, input) = of_series(&waves, &waves.select(1, 0).narrow(1, 0, 1));
    let input = InputSpec { timing: Some(Timing { unit: 1.0, typical_dt: 1.0 }), ..input };
    let counts = Tensor::arange(20, (Kind::Int64, Device::Cpu)).lt(2).unsqueeze(0).repeat([50, 1]);
    let padded = |mask: Option<Tensor>| Input {
        x: &waves * counts.unsqueeze(2),
        dt: Some(counts.to_kind(Kind::Double)),
        mask,
    };
    assert_eq!(preprocessing.unfamiliar(&padded(Some(counts.shallow_clone())), &input), [""; 0]);
    assert_eq!(preprocessing.unfamiliar(&padded(None), &input).len(), 3);
}

#[test]
fn offsets_and_units_that_float32_cannot_hold_are_standardised_and_given_back() {
    let double = (Kind::Double, Device::Cpu);
    let waves = seeded(0, || randn([50, 20, 2], double));
    let y = seeded(1, || randn([50, 1], double));
    let expected = of_series(&waves, &y).0.apply(Input::new(waves.shallow_clone())).x;
    for (scale, offset) in [(0.1, 3_948_996.0), (1.0, 1.7e9), (1e-15, 0.0), (1e15, 1e20)] {
        let (x, values) = (&waves * scale + offset, &y * scale + offset);
        let (preprocessing, _) = of_series(&x, &values);
        let difference = (preprocessing.apply(Input::new(x)).x - &expected).abs().max().double_value(&[]);
        assert!(difference < 1e-5, "{scale} and {offset}: {difference:.1e}");
        let unit = ((&values - offset) / scale).to_kind(Kind::Float);
        let standardised = (unit - y.mean(Kind::Double)) / y.std(false);
        let error = (preprocessing.to_units(standardised.to_kind(Kind::Float)) - values).abs().max();
        assert!(error.double_value(&[]) < 1e-6 * scale, "{scale} and {offset}");
    }
}

#[test]
fn a_constant_value_keeps_its_size() {
    for (value, size) in [(1e-14, 1e-14), (-3.0, 3.0), (0.0, 1.0)] {
        let x = Tensor::arange(40, (Kind::Double, Device::Cpu)).view([10, 2, 2]);
        let (preprocessing, input) =
            of_series(&x, &Tensor::full([10, 1], value, (Kind::Double, Device::Cpu)));
        assert_eq!(preprocessing.value_deviation().unwrap().double_value(&[0]), size);
        assert!(preprocessing.constants(&input)[0].contains("\"y\""));
    }
}

#[test]
fn time_is_divided_by_its_unit() {
    let timing = Some(lnn_core::Timing { unit: 3600.0, typical_dt: 1.0 });
    let input = InputSpec { timing, ..InputSpec::sequences(vec!["a".into()], vec!["y".into()]) };
    let mut parameters = Parameters::drawn(0, Kind::Float, Device::Cpu);
    let preprocessing =
        Preprocessing::new(&mut parameters.root(), Standardization::Channels, &input).unwrap();
    let dt = preprocessing.time(&Tensor::from_slice(&[1800.0, 7200.0]));
    assert_eq!(dt, Tensor::from_slice(&[0.5f32, 2.0]));
}

#[test]
fn features_and_values_of_sequences_have_numbers_of_their_own() {
    let names = |count: i64| (0..count).map(|i| i.to_string()).collect();
    let input = InputSpec::sequences(names(3), names(2));
    let mut parameters = Parameters::drawn(0, Kind::Float, Device::Cpu);
    let mut preprocessing =
        Preprocessing::new(&mut parameters.root(), Standardization::Channels, &input).unwrap();
    let scale = Tensor::from_slice(&[1.0f32, 10.0, 100.0]);
    let x = (seeded(0, || randn([50, 20, 3], (Kind::Float, Device::Cpu))) + 3.0) * scale;
    let values = seeded(1, || randn([50, 2], (Kind::Float, Device::Cpu))) * 7.0 - 2.0;
    preprocessing.fit(&stored(&x, &values), &input).unwrap();
    let applied = preprocessing.apply(Input::new(x)).x;
    let mean = applied.mean_dim(&[0i64, 1][..], false, Kind::Float).abs().max().double_value(&[]);
    assert!(mean < 1e-4, "{mean}");
    let unit =
        (&values - &preprocessing.values.as_ref().unwrap()[0]) / preprocessing.value_deviation().unwrap();
    assert!((unit.std(false).double_value(&[]) - 1.0).abs() < 1e-3);
    assert!((preprocessing.to_units(unit) - values).abs().max().double_value(&[]) < 1e-4);
    assert!(Preprocessing::new(&mut parameters.root(), Standardization::Columns, &input).is_err());
}
