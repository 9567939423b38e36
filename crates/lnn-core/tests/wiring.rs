//! Wirings: their invariants, and what their configurations give.

use lnn_core::{Layer, NcpConfig, Synapse, Wiring, WiringConfig};
use proptest::prelude::*;

fn refusal(result: Result<Wiring, lnn_core::Error>) -> String {
    result.unwrap_err().to_string()
}

proptest! {
    #[test]
    fn a_policy_leads_from_every_input_to_every_output(
        inputs in 1_usize..9, units in 6_usize..40, outputs in 1_usize..4, sparsity in 0.1_f64..=1.0, seed in 0_u64..1000,
    ) {
        let wiring = WiringConfig::AutoNcp { outputs, sparsity, seed }.build(inputs, units).unwrap();
        let names: Vec<_> = wiring.layers().iter().map(|layer| layer.name).collect();
        prop_assert_eq!(names, ["inter", "command", "motor"]);
        let [inter, command, motor] = wiring.layers() else { panic!("three layers") };
        prop_assert_eq!((motor.units.clone(), wiring.units()), (0..outputs, units));
        // Every synapse leads to the next layer, or stays among the command units.
        for synapse in wiring.sensory() {
            prop_assert!(synapse.source < inputs && inter.units.contains(&synapse.target));
        }
        for synapse in wiring.recurrent() {
            let (from, to) = (&synapse.source, &synapse.target);
            let forward = inter.units.contains(from) && command.units.contains(to);
            let among = command.units.contains(from) && (command.units.contains(to) || motor.units.contains(to));
            prop_assert!(forward || among, "{:?}", synapse);
        }
        // No unit is left out.
        let leads = |from: &[Synapse], source: usize| from.iter().any(|synapse| synapse.source == source);
        let reached = |by: &[Synapse], target: usize| by.iter().any(|synapse| synapse.target == target);
        prop_assert!((0..inputs).all(|input| leads(wiring.sensory(), input)));
        prop_assert!(inter.units.clone().all(|unit| reached(wiring.sensory(), unit) && leads(wiring.recurrent(), unit)));
        prop_assert!(command.units.clone().all(|unit| reached(wiring.recurrent(), unit)));
        prop_assert!(motor.units.clone().all(|unit| reached(wiring.recurrent(), unit)));
    }

    #[test]
    fn a_wiring_is_what_its_matrices_say(inputs in 1_usize..6, units in 1_usize..9, sparsity in 0.0_f64..0.9, seed in 0_u64..99) {
        let config = WiringConfig::Random { sparsity, seed };
        let wiring = config.build(inputs, units).unwrap();
        prop_assert_eq!(&config.build(inputs, units).unwrap(), &wiring);
        let count = (units as f64 * units as f64 * (1.0 - sparsity)).round().max(1.0) as usize;
        prop_assert_eq!(wiring.recurrent().len(), count);
        let (sensory, recurrent) = (wiring.sensory_matrix(), wiring.recurrent_matrix());
        let again = Wiring::of_matrices(units, wiring.layers().to_vec(), &sensory, &recurrent).unwrap();
        prop_assert_eq!(again, wiring);
    }
}

#[test]
fn a_full_wiring_has_all_synapses_and_about_a_third_is_inhibitory() {
    let wiring = WiringConfig::Full { seed: 1 }.build(20, 60).unwrap();
    assert_eq!((wiring.sensory().len(), wiring.recurrent().len(), wiring.outputs()), (1200, 3600, 60));
    let inhibitory = wiring.recurrent().iter().filter(|synapse| synapse.polarity < 0).count();
    assert!((1100..1300).contains(&inhibitory), "{inhibitory}");
    assert_ne!(wiring, WiringConfig::Full { seed: 2 }.build(20, 60).unwrap());
}

#[test]
fn the_sizes_of_an_automatic_policy_are_those_of_ncps() {
    // AutoNCP(64, 8) of ncps 1.0.1: 34 inter and 22 command units.
    let sizes = NcpConfig::automatic(64, 8, 0.5, 3).unwrap();
    let expected = NcpConfig {
        command: 22,
        motor: 8,
        sensory_fanout: 17,
        inter_fanout: 11,
        recurrent_command: 22,
        motor_fanin: 11,
        seed: 3,
    };
    assert_eq!(sizes, expected);
}

#[test]
fn the_wiring_of_a_seed_never_changes() {
    // Pinned: a configuration without a checkpoint must give the same model in later versions.
    let wiring = WiringConfig::AutoNcp { outputs: 1, sparsity: 0.5, seed: 7 }.build(2, 8).unwrap();
    let pairs =
        |synapses: &[Synapse]| synapses.iter().map(|s| (s.source, s.target, s.polarity)).collect::<Vec<_>>();
    assert_eq!(pairs(wiring.sensory()), PINNED_SENSORY);
    assert_eq!(pairs(wiring.recurrent()), PINNED);
}

const PINNED_SENSORY: [(usize, usize, i8); 6] =
    [(0, 4, 1), (0, 7, -1), (1, 3, 1), (1, 4, -1), (1, 5, -1), (1, 6, -1)];
const PINNED: [(usize, usize, i8); 9] =
    [(1, 0, 1), (1, 2, 1), (2, 0, -1), (2, 1, -1), (3, 1, 1), (4, 1, -1), (5, 1, 1), (6, 1, 1), (7, 2, 1)];

#[test]
fn what_is_no_wiring_is_refused_with_the_reason() {
    let layers = |units: usize| vec![Layer { name: "units", units: 0..units }];
    let synapse = |source, target, polarity| Synapse { source, target, polarity };
    let one = || vec![synapse(0, 0, 1)];
    for (wrong, reason) in [
        (Wiring::new(1, 3, layers(2), one(), vec![]), "one output"),
        (Wiring::new(1, 1, layers(2), vec![synapse(1, 0, 1)], vec![]), "must come from 0..1"),
        (Wiring::new(1, 1, layers(2), one(), vec![synapse(0, 2, 1)]), "lead to 0..2"),
        (Wiring::new(1, 1, layers(2), one(), vec![synapse(0, 1, 0)]), "polarity 1 or -1"),
        (Wiring::new(1, 1, layers(2), one(), vec![synapse(1, 0, 1), synapse(1, 0, -1)]), "given once"),
        (Wiring::new(1, 1, layers(2), vec![synapse(0, 1, 1)], vec![]), "leads to unit 0"),
        (WiringConfig::Random { sparsity: 1.0, seed: 0 }.build(1, 2), "sparsity of at least 0 and below 1"),
        (WiringConfig::AutoNcp { outputs: 4, sparsity: 0.5, seed: 0 }.build(1, 6), "3 units more"),
        (WiringConfig::Full { seed: 0 }.build(1, 0), "units must be at least 1"),
    ] {
        let text = refusal(wrong);
        assert!(text.contains(reason), "{text}");
    }
    let given = |layers: Vec<usize>, synapses| WiringConfig::Given {
        outputs: 1,
        layers,
        sensory: vec![[0, 1, 1]],
        synapses,
    };
    assert!(refusal(given(vec![1, 2], vec![[1, 0, 1]]).build(1, 2)).contains("layers of 2 units"));
    assert!(refusal(given(vec![], vec![[-1, 0, 1]]).build(1, 2)).contains("numbers of at least 0"));
    let wiring = given(vec![1, 1], vec![[1, 0, -1]]).build(1, 2).unwrap();
    assert_eq!(wiring.layers().iter().map(|layer| layer.units.clone()).collect::<Vec<_>>(), [1..2, 0..1]);
    let policy = NcpConfig { motor_fanin: 9, ..NcpConfig::automatic(12, 2, 0.5, 0).unwrap() };
    assert!(refusal(policy.build(1, 12)).contains("motor_fanin of 1 to 4"));
}
