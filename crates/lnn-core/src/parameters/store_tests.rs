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

#[test]
fn stored_parameters_take_their_values_from_the_file_and_memory_only_for_shapes_that_fit() {
    let drawn = example(3);
    let create = |parameters: &mut Parameters, shape: &[i64]| -> Result<(), Error> {
        let mut root = parameters.root();
        let _ = root.child("a").trainable("weight", shape, &Init::Constant(5.0))?;
        let _ = root.child("b").buffer("weight", &[2], &Init::Constant(5.0))?;
        Ok(())
    };
    let stored = |tensors: &[(String, Tensor)]| Parameters::stored(tensors, Kind::Float, Device::Cpu);
    let mut parameters = stored(&drawn.snapshot()).unwrap();
    create(&mut parameters, &[3, 2]).unwrap();
    parameters.check_none_left().unwrap();
    for (taken, drawn) in parameters.entries().iter().zip(drawn.entries()) {
        assert_eq!((&taken.tensor, taken.role), (&drawn.tensor, drawn.role));
    }
    // 2⁶⁰ bytes: the shape is refused before there could be a failure of the allocation.
    let error = create(&mut stored(&drawn.snapshot()).unwrap(), &[1 << 29, 1 << 29]).unwrap_err();
    assert!(matches!(error, Error::Mismatch { name, .. } if name == "a.weight"));
    let mut more = drawn.snapshot();
    more.push(("c".into(), Tensor::zeros([1], (Kind::Float, Device::Cpu))));
    let mut parameters = stored(&more).unwrap();
    create(&mut parameters, &[3, 2]).unwrap();
    let error = parameters.check_none_left().unwrap_err();
    assert!(matches!(error, Error::UnexpectedTensor(name) if name == "c"));
    more.push(("c".into(), Tensor::zeros([1], (Kind::Float, Device::Cpu))));
    assert!(matches!(stored(&more).unwrap_err(), Error::DuplicateName(name) if name == "c"));
    let error = create(&mut stored(&[]).unwrap(), &[3, 2]).unwrap_err();
    assert!(matches!(error, Error::MissingTensor(name) if name == "a.weight"));
}

#[test]
fn shapes_of_a_petabyte_take_no_memory() {
    let mut parameters = Parameters::shapes(Kind::Double);
    let _ = parameters.root().trainable("a", &[1 << 24, 1 << 24], &Init::Constant(1.0)).unwrap();
    assert_eq!(parameters.count(Role::Trainable), 1 << 48);
}
