//! The time between steps, for models that know time, and what it must not be.

use crate::image_sets::SIDE;
use crate::program::Call;
use crate::trained_runs::{LNN_ARTICLE, shared};
use ndarray::{Array, Array2, Array3, Array4, Dimension};
use ndarray_npy::{ReadNpyExt, WritableElement, WriteNpyExt};
use std::fmt::Write;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Sequences and steps of the inputs.
const EXTENTS: [usize; 2] = [5, 7];

/// A liquid network, trained for one epoch on a series with a column of time.
static RUN: LazyLock<PathBuf> = LazyLock::new(|| {
    let (table, run) = (shared("timed.csv"), shared("liquid-timed"));
    let mut text = "t,a,b\n".to_owned();
    for i in 0..120 {
        let t = f64::from(i) + 0.4 * f64::from(i % 3);
        writeln!(text, "{t},{},{}", t.sin(), t.cos()).expect("a text takes more");
    }
    fs::write(&table, text).expect("the series can be written");
    let data = format!("csv:{},time=t,target=b,window=7", table.display());
    let call = Call::new("train").flag("model", "liquid").flag("data", data).flag("out", &run);
    call.set("model.units=6").flag("epochs", "1").succeed();
    run
});

fn write<A: WritableElement, D: Dimension>(array: &Array<A, D>, path: &Path) {
    array.write_npy(File::create(path).expect("the file can be made")).expect("the array can be written");
}

/// Sequences of two features.
fn inputs() -> Array3<f32> {
    let [count, steps] = EXTENTS;
    Array3::from_shape_fn((count, steps, 2), |(n, t, i)| ((n * 5 + t * 3 + i) as f32).sin())
}

/// A call of `predict` on a run and an input, with time steps if there are any, in a folder for its files.
fn call<D: Dimension, E: Dimension, A: WritableElement>(
    run: &Path,
    x: &Array<f32, D>,
    dt: Option<&Array<A, E>>,
    folder: &Path,
) -> Call {
    let [input, output, times] = ["x.npy", "y.npy", "dt.npy"].map(|name| folder.join(name));
    write(x, &input);
    let call = Call::new("predict").arg(run).flag("input", input).flag("output", output);
    let Some(dt) = dt else { return call };
    write(dt, &times);
    call.flag("dt", times)
}

fn predicted(dt: &Array2<f32>) -> Array2<f32> {
    let folder = tempfile::tempdir().unwrap();
    call(&RUN, &inputs(), Some(dt), folder.path()).succeed();
    Array2::read_npy(File::open(folder.path().join("y.npy")).unwrap()).unwrap()
}

fn refused<E: Dimension, A: WritableElement>(dt: &Array<A, E>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let message = call(&RUN, &inputs(), Some(dt), folder.path()).refused();
    assert!(!folder.path().join("y.npy").exists(), "there is an output beside the message {message}");
    message
}

fn difference(a: &Array2<f32>, b: &Array2<f32>) -> f32 {
    (a - b).iter().fold(0.0, |largest, number| largest.max(number.abs()))
}

#[test]
fn each_sequence_has_a_time_of_its_own() {
    let even = predicted(&Array2::ones(EXTENTS));
    assert_eq!(even.dim(), (EXTENTS[0], 1));
    let irregular = Array2::from_shape_fn(EXTENTS, |(n, t)| 0.1 + ((n + 2 * t) % 4) as f32);
    assert!(difference(&predicted(&irregular), &even) > 1e-3);
    let mut first = Array2::ones(EXTENTS);
    first.row_mut(0).assign(&irregular.row(0));
    let changed = predicted(&first) - even;
    assert!(changed[[0, 0]].abs() > 1e-4 && changed.iter().skip(1).all(|number| number.abs() < 1e-6));
}

#[test]
fn a_model_that_learned_with_time_is_not_asked_without() {
    let folder = tempfile::tempdir().unwrap();
    let message = call::<_, ndarray::Ix2, f32>(&RUN, &inputs(), None, folder.path()).refused();
    assert!(message.contains("--dt") && message.contains("typical"), "{message}");
}

#[test]
fn steps_far_longer_than_in_training_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let far = |dt: f32| {
        call(&RUN, &inputs(), Some(&Array2::from_elem(EXTENTS, dt)), folder.path()).succeed().stderr
    };
    assert_eq!(far(1.0), "");
    for dt in [3600.0, 0.001] {
        let message = far(dt);
        assert!(
            message.contains("warning: dt is typically") && message.contains("in training it was"),
            "{message}"
        );
    }
}

/// The same series with a time in other units: what a model learns from it does not depend on the unit.
#[test]
fn the_unit_of_time_is_that_of_the_data_and_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let mut scores = Vec::new();
    for (name, of_hours) in [("hours", 1.0), ("unix", 3600.0)] {
        let (table, run) = (folder.path().join(format!("{name}.csv")), folder.path().join(name));
        let mut text = "t,a\n".to_owned();
        let mut hours = 0.0;
        for i in 0..160 {
            hours += f64::from(1 + i * 7 % 5);
            writeln!(text, "{},{}", 1000.0 + of_hours * hours, (hours / 4.0).sin()).unwrap();
        }
        fs::write(&table, text).unwrap();
        let data = format!("csv:{},time=t,window=8", table.display());
        let call = Call::new("train").flag("model", "liquid").flag("data", data).flag("out", &run);
        let ended = call.set("model.units=6").set("batch_size=16").flag("epochs", "2").succeed();
        scores.push(ended.stdout);
        let inspected = Call::new("inspect").arg(&run).succeed().stdout;
        assert!(inspected.contains(&format!("unit {}", 3.0 * of_hours)), "{inspected}");
    }
    assert_eq!(scores[0], scores[1]);
}

#[test]
fn time_of_another_shape_is_refused_with_both_shapes() {
    for shape in [[EXTENTS[0], EXTENTS[1] + 1], [EXTENTS[0] - 1, EXTENTS[1]], [EXTENTS[1], EXTENTS[0]]] {
        let message = refused(&Array2::<f32>::ones(shape));
        assert!(message.contains("dt must be [N, T] = [5, 7]"), "{message}");
        assert!(message.contains(&format!("found {shape:?}")), "{message}");
    }
    let message = refused(&Array3::<f32>::ones((5, 7, 1)));
    assert!(message.contains("found [5, 7, 1]"), "{message}");
}

#[test]
fn time_that_goes_back_or_is_no_number_is_refused_with_its_place() {
    let mut dt = Array2::<f32>::ones(EXTENTS);
    dt[[3, 2]] = -0.5;
    let message = refused(&dt);
    assert!(message.contains("dt must hold finite numbers of at least 0, found -0.5 at [3, 2]"), "{message}");
    for wrong in [f32::NAN, f32::INFINITY] {
        dt[[3, 2]] = wrong;
        let message = refused(&dt);
        assert!(message.contains("dt must hold finite numbers") && message.contains("[3, 2]"), "{message}");
    }
}

#[test]
fn time_in_another_type_or_in_no_file_is_refused() {
    let message = refused(&Array2::<i32>::ones(EXTENTS));
    assert!(message.contains("dt.npy: expected a float32"), "{message}");
    let folder = tempfile::tempdir().unwrap();
    let call = call::<_, ndarray::Ix2, f32>(&RUN, &inputs(), None, folder.path());
    let message = call.flag("dt", folder.path().join("nothing.npy")).refused();
    assert!(message.contains("nothing.npy"), "{message}");
}

#[test]
fn a_model_that_knows_no_time_is_given_none() {
    let folder = tempfile::tempdir().unwrap();
    let images = Array4::<f32>::zeros((2, 1, SIDE, SIDE));
    let run = &LNN_ARTICLE.run().folder;
    let message = call(run, &images, Some(&Array2::<f32>::ones((2, 1))), folder.path()).refused();
    assert!(message.contains("the model lnn knows no time"), "{message}");
}
