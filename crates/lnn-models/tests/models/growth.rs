//! Reservoirs that spike and grow.

use crate::{assert_close, build, configs, forward, images, saved_and_loaded};
use lnn_core::Role;
use lnn_models::{AddedUnits, Input, Mode, Model, ModelConfig};

/// Every model that can grow: 6 units are active, and 9 are the maximum.
fn growing() -> impl Iterator<Item = (ModelConfig, Model)> {
    let configs = configs().into_iter().filter(|config| matches!(config, ModelConfig::Snlnn(_)));
    configs.map(|mut config| {
        let ModelConfig::Snlnn(snlnn) = &mut config else { unreachable!("others were left out") };
        snlnn.growth.units = 2;
        (config.clone(), build(config, 0))
    })
}

#[test]
fn added_units_leave_the_logits_as_they_were_until_the_maximum_is_reached() {
    for (config, model) in growing() {
        let before = forward(&model, &images(5));
        assert_eq!(model.active_units(), Some(6));
        let added = [(); 3].map(|()| model.grow(3, 40).unwrap());
        let first = AddedUnits { step: 40, added: 2, active: 8, capacity: 9 };
        let last = AddedUnits { added: 1, active: 9, ..first };
        assert_eq!(added, [Some(first), Some(last), None], "{config:?}");
        assert_eq!(model.active_units(), Some(9));
        assert_close(&forward(&model, &images(5)), &before, &format!("{config:?}"));
    }
}

#[test]
fn an_added_unit_learns_from_the_first_step_on() {
    for (config, model) in growing() {
        let _ = model.grow(3, 0).unwrap();
        let logits = model.forward(&images(5), true).unwrap();
        logits.square().sum(tch::Kind::Float).backward();
        let entries = model.parameters().entries();
        let readout = entries.iter().find(|entry| entry.name == "readout.weight").unwrap();
        assert_eq!(readout.role, Role::Trainable);
        // [classes, summaries, capacity]: units 6 and 7 are new, 8 is not active.
        let columns = readout.tensor.grad().view([3, -1, 9]).abs().amax([0, 1], false);
        let columns = Vec::<f32>::try_from(columns).unwrap();
        assert!(columns[6] > 0.0 && columns[7] > 0.0 && columns[8] == 0.0, "{config:?}: {columns:?}");
    }
}

#[test]
fn a_grown_model_comes_back_from_its_file_and_grows_on_as_it_would_have() {
    for (config, model) in growing() {
        let _ = model.grow(3, 10).unwrap();
        let loaded = saved_and_loaded(&model);
        assert_eq!(loaded.active_units(), Some(8), "{config:?}");
        assert_eq!(forward(&loaded, &images(5)), forward(&model, &images(5)), "{config:?}");
        assert_eq!(loaded.grow(4, 20).unwrap(), model.grow(4, 20).unwrap());
        for ((name, a), (_, b)) in loaded.parameters().snapshot().iter().zip(model.parameters().snapshot()) {
            assert_eq!(*a, b, "{name} of {config:?}");
        }
    }
}

#[test]
fn added_units_are_decided_by_their_seed() {
    let grown = |seed| {
        let (_, model) = growing().next().unwrap();
        let _ = model.grow(seed, 0).unwrap();
        let snapshot = model.parameters().snapshot();
        snapshot.into_iter().find(|(name, _)| name == "reservoir.input_weights").unwrap().1
    };
    assert_eq!(grown(1), grown(1));
    assert_ne!(grown(1), grown(2));
}

#[test]
fn spiking_models_report_their_activity_and_others_have_none() {
    for config in configs() {
        let model = build(config.clone(), 0);
        let output = tch::no_grad(|| model.run(Input::new(images(5)), Mode::Evaluation).unwrap());
        let ModelConfig::Snlnn(snlnn) = &config else {
            assert!(output.activity.is_none() && model.active_units().is_none() && model.growth().is_none());
            continue;
        };
        let activity = output.activity.unwrap();
        let (rate, state) = (activity.spike_rate.double_value(&[]), activity.mean_state.double_value(&[]));
        assert!(!activity.spike_rate.requires_grad() && !activity.mean_state.requires_grad());
        assert!(state > 0.0 && state < 1.0, "{config:?}: {state}");
        match snlnn.threshold {
            // Membranes stay within ±1, so the article's threshold is never reached.
            1.0 => assert!(rate == 0.0, "{config:?}: {rate}"),
            0.2 => assert!(rate > 0.0 && rate < 1.0, "{config:?}: {rate}"),
            _ => assert!((0.0..1.0).contains(&rate), "{config:?}: {rate}"),
        }
    }
}
