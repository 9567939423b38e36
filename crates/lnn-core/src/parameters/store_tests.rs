//! Names, roles, snapshots and what loading refuses.

use super::*;

fn example(seed: u64) -> Parameters {
    let mut parameters = Parameters::drawn(seed, Kind::Float, Device::Cpu);
    let mut root = parameters.root();
    let _ = root.child("a").trainable("weight", &[3, 2], &Init::Normal { deviation: 1.0 }).unwrap();
    let _ = root.child("b").buffer("weight", &[2], &Init::Normal { deviation: 1.0 }).unwrap();
    parameters
}

#[test]
fn names_are_paths_and_roles_are_kept_apart() {
    let parameters = example(0);
    let names: Vec<_> = parameters.entries().iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, ["a.weight", "b.weight"]);
    assert_eq!((parameters.count(Role::Trainable), parameters.count(Role::Buffer)), (6, 2));
    assert!(
        parameters.entries()[0].tensor.requires_grad() && !parameters.entries()[1].tensor.requires_grad()
    );
}

#[test]
fn a_second_tensor_of_the_same_name_is_an_error_and_not_renamed() {
    let mut parameters = example(0);
    let error = parameters.root().child("a").buffer("weight", &[1], &Init::Constant(0.0)).unwrap_err();
    assert!(matches!(error, Error::DuplicateName(name) if name == "a.weight"));
}

#[test]
fn a_snapshot_loads_into_a_blank_model_and_the_same_seed_draws_the_same_values() {
    let (drawn, again, blank) = (example(7), example(7), {
        let mut blank = Parameters::blank(Kind::Float, Device::Cpu);
        let mut root = blank.root();
        let _ = root.child("a").trainable("weight", &[3, 2], &Init::Constant(5.0)).unwrap();
        let _ = root.child("b").buffer("weight", &[2], &Init::Constant(5.0)).unwrap();
        blank
    });
    assert_eq!(blank.entries()[0].tensor.count_nonzero_dim_intlist(&[0i64, 1][..]).int64_value(&[]), 0);
    blank.load(&drawn.snapshot()).unwrap();
    for (a, b) in blank.entries().iter().zip(again.entries()) {
        assert_eq!(a.tensor, b.tensor);
    }
}

#[test]
fn loading_checks_names_shapes_and_dtypes_and_changes_nothing_when_one_is_wrong() {
    let parameters = example(0);
    let before = parameters.snapshot();
    let mut stored = parameters.snapshot();
    stored[0].1 = Tensor::zeros([3, 2], (Kind::Float, Device::Cpu));
    stored[1].1 = Tensor::zeros([2], (Kind::Double, Device::Cpu));
    assert!(
        matches!(parameters.load(&stored).unwrap_err(), Error::Mismatch { name, .. } if name == "b.weight")
    );
    stored.pop();
    assert!(
        matches!(parameters.load(&stored).unwrap_err(), Error::MissingTensor(name) if name == "b.weight")
    );
    stored.push(("c".into(), Tensor::new()));
    assert!(matches!(parameters.load(&stored).unwrap_err(), Error::UnexpectedTensor(name) if name == "c"));
    assert_eq!(parameters.entries()[0].tensor, before[0].1);
}
