//! What is said of a configuration at the start of a run: settings that have no effect on this data and model, and columns that the
//! standardisation leaves in units in which they are hardly learned.

use crate::config::RunConfig;
use crate::policies::{Schedule, Selection};
use lnn_core::{InputShape, InputSpec, Moments, Per, Role, SampleSet, Samples, Statistics, Task};
use lnn_data::Content;
use lnn_models::{Growth, GrowthRule, Model, Standardization};
use tch::Kind;

/// Number of training samples whose columns are looked at.
const SEEN: i64 = 4096;
/// The mean and the deviations within which columns are learned without a standardisation.
const NEAR: f64 = 3.0;
const DEVIATIONS: std::ops::RangeInclusive<f64> = 0.2..=5.0;

/// Returns the remarks on `config` for a model that is trained on the samples `train`.
pub(crate) fn remarks(config: &RunConfig, model: &Model, train: &SampleSet) -> Vec<String> {
    let mut remarks =
        if config.method.is_ridge() { of_ridge(config, model) } else { of_gradients(config, model) };
    if config.standardization == Standardization::None {
        remarks.extend(raw_columns(model.input(), train));
    }
    remarks.extend(divergence(model, train));
    remarks.extend(left_out(model));
    remarks
}

/// Says which targets of a series are left out, in training and in an evaluation.
pub fn left_out(model: &Model) -> Option<String> {
    let steps = model.washout();
    (steps > 0 && model.input().per == Per::Step).then(|| {
        let first = if steps == 1 { "step".to_owned() } else { format!("{steps} steps") };
        format!("note: the first {first} of each series have no target: model.washout")
    })
}

/// Names a time step with which an explicit method can diverge.
fn divergence(model: &Model, train: &SampleSet) -> Option<String> {
    let [stiffness, limit] = model.stiffness()?;
    let unit = model.input().timing.as_ref().map_or(1.0, |timing| timing.unit);
    let longest = |samples: Samples| samples.input.dt.map_or(unit, |dt| dt.max().double_value(&[]));
    let longest = train.blocks(SEEN).map(longest).fold(0.0, f64::max);
    let found = stiffness * longest / unit;
    (found > limit).then(|| {
        format!(
            "warning: with steps of up to {longest} the method of model.solver can diverge: a sub-step is up to {found:.1}, the limit is \
             {limit}; hint: --set model.solver=semi-implicit, which is stable for any step, or more model.unfolds"
        )
    })
}

fn no_effect(setting: &str, reason: &str) -> String {
    format!("warning: {setting} has no effect: {reason}")
}

/// The settings that gradient descent ignores.
fn of_gradients(config: &RunConfig, model: &Model) -> Vec<String> {
    let parameters = model.parameters();
    let kernels =
        parameters.entries().iter().any(|entry| entry.role == Role::Trainable && entry.tensor.dim() == 4);
    let values = matches!(model.task(), Task::Regression { .. });
    let mut remarks = Vec::new();
    let mut say = |ignored: bool, setting: &str, reason: &str| {
        if ignored {
            remarks.push(no_effect(setting, reason));
        }
    };
    say(
        values && config.label_smoothing > 0.0,
        "label_smoothing",
        "it smooths the labels of classes, and this model predicts values",
    );
    say(
        values && config.selection == Selection::Accuracy,
        "selection=accuracy",
        "values have no accuracy, so the lowest loss selects the epoch",
    );
    say(
        config.optimizer.muon.is_some() && !kernels,
        "optimizer.muon",
        "it is for the kernels of convolutions, and this model trains none",
    );
    say(
        matches!(config.schedule, Schedule::OneCycle { warmup, start } if warmup == 0.0 && start < 1.0),
        "schedule.start",
        "with warmup=0 the rate starts at its maximum",
    );
    say(
        // The usual patience is left alone: a short run is no mistake.
        matches!(config.schedule, Schedule::Plateau { patience, .. } if patience > 2 && patience >= config.epochs),
        "schedule.patience",
        "it is not below the number of epochs, so the rate stays constant",
    );
    say(
        matches!(
            model.growth(),
            Some(Growth {
                rule: GrowthRule::Plateau { .. } | GrowthRule::Never {},
                every_steps: Some(_),
                ..
            })
        ),
        "model.growth.every_steps",
        "only the rule `activity` checks between epochs",
    );
    remarks
}

/// The settings of gradient descent in which a closed form differs from its preset.
fn of_ridge(config: &RunConfig, model: &Model) -> Vec<String> {
    let content = match model.input().shape {
        InputShape::Images { .. } => Content::Images,
        InputShape::Sequences { .. } => Content::Sequences,
    };
    let Ok(preset) = RunConfig::preset(config.model.kind(), config.preset) else { return Vec::new() };
    let preset = preset.for_content(content);
    let changed = [
        // The program gives a closed form the one epoch that it has.
        ("epochs", config.epochs != preset.epochs && config.epochs != 1),
        ("batch_size", config.batch_size != preset.batch_size),
        ("label_smoothing", config.label_smoothing > 0.0),
        ("optimizer", config.optimizer != preset.optimizer),
        ("schedule", config.schedule != preset.schedule),
        ("selection", config.selection != preset.selection),
        ("patience", config.patience != preset.patience),
        ("cuda_graph", config.cuda_graph),
    ];
    let changed = changed.iter().filter(|(_, changed)| *changed);
    changed.map(|(key, _)| no_effect(key, "the readout is solved in closed form, in one pass")).collect()
}

/// Names the columns of sequences that are far from a mean of 0 and a deviation of 1.
fn raw_columns(input: &InputSpec, train: &SampleSet) -> Option<String> {
    let InputShape::Sequences { features } = &input.shape else { return None };
    let seen = train.spread(SEEN).input.to_floating(Kind::Double);
    let mut moments = Moments::over(&[0, 1]);
    moments.add(&seen.counted_steps(&seen.x)).ok()?;
    let Statistics { mean, deviation } = moments.statistics()?;
    let [mean, deviation] = [mean, deviation].map(|statistic| statistic.flatten(0, -1));
    let columns = features.iter().enumerate().filter_map(|(i, name)| {
        let [mean, deviation] = [&mean, &deviation].map(|found| found.double_value(&[i as i64]));
        let near = mean.abs() <= NEAR && DEVIATIONS.contains(&deviation);
        (!near).then(|| format!("`{name}` (mean {mean:.3e}, deviation {deviation:.3e})"))
    });
    let columns: Vec<_> = columns.collect();
    (!columns.is_empty()).then(|| {
        format!(
            "warning: standardization=none leaves the columns in their units, and those far from mean 0 and deviation 1 are hardly \
             learned: {}; hint: --set standardization=channels",
            columns.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::MuonSettings;
    use crate::method::{Method, RidgeMethod};
    use lnn_core::random::{randn, seeded};
    use lnn_core::{Input, OdeSolver};
    use lnn_models::{ModelConfig, ModelKind, Preset};
    use tch::{Device, Tensor};

    const OPTIONS: (Kind, Device) = (Kind::Float, Device::Cpu);

    /// The remarks on a preset for series, or for images of four classes, after `change`. The columns of the series have the mean
    /// and deviation of `columns`.
    fn found(
        (kind, preset): (ModelKind, Preset),
        (content, columns): (Content, [f64; 2]),
        change: impl FnOnce(&mut RunConfig),
    ) -> Vec<String> {
        let mut config = RunConfig::preset(kind, preset).unwrap().for_content(content);
        change(&mut config);
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let random = |shape: &[i64]| seeded(0, || randn(shape, OPTIONS)) * columns[1] + columns[0];
        let (input, x, targets) = match content {
            Content::Images => {
                let labels = Tensor::zeros([4], (Kind::Int64, Device::Cpu));
                (
                    InputSpec::images([1, 16, 16], names(&["a", "b", "c", "d"])),
                    random(&[4, 1, 16, 16]),
                    labels,
                )
            }
            Content::Sequences => {
                let input = InputSpec::sequences(names(&["load", "wind"]), names(&["load"]));
                (input, random(&[20, 6, 2]), random(&[20, 1]))
            }
        };
        let model = Model::new(config.model.clone(), input, config.standardization, 0, OPTIONS).unwrap();
        remarks(&config, &model, &SampleSet::Stored(Samples { input: Input::new(x), targets }))
    }

    const SERIES: (Content, [f64; 2]) = (Content::Sequences, [0.0, 1.0]);
    const IMAGES: (Content, [f64; 2]) = (Content::Images, [0.5, 0.1]);

    #[test]
    fn no_preset_has_a_setting_without_effect() {
        for &kind in ModelKind::ALL {
            for info in kind.presets() {
                assert_eq!(found((kind, info.preset), IMAGES, |_| ()), [""; 0], "{kind} {:?}", info.preset);
            }
        }
        for kind in [ModelKind::Liquid, ModelKind::Lstm, ModelKind::Lnn] {
            for info in kind.presets() {
                assert_eq!(found((kind, info.preset), SERIES, |_| ()), [""; 0], "{kind} {:?}", info.preset);
            }
        }
    }

    #[test]
    fn a_setting_without_effect_is_named_with_the_reason() {
        let muon = MuonSettings { relative_rate: 40.0, momentum: 0.6, weight_decay: 0.0 };
        let liquid = (ModelKind::Liquid, Preset::Tuned);
        let of_series = |change: fn(&mut RunConfig)| found(liquid, SERIES, change).join("; ");
        assert!(
            of_series(|config| config.label_smoothing = 0.1)
                .starts_with("warning: label_smoothing has no effect: ")
        );
        assert!(
            of_series(|config| config.selection = Selection::Accuracy)
                .contains("selection=accuracy has no effect")
        );
        assert!(
            of_series(|config| config.schedule = Schedule::OneCycle { warmup: 0.0, start: 0.05 })
                .contains("schedule.start has no effect")
        );
        let plateau = |config: &mut RunConfig| {
            config.schedule = Schedule::Plateau { factor: 0.1, patience: config.epochs, threshold: 0.0 };
        };
        assert!(of_series(plateau).contains("schedule.patience has no effect"));
        let with_muon = |kind| found(kind, IMAGES, |config| config.optimizer.muon = Some(muon)).join("; ");
        assert!(
            with_muon(liquid).contains("optimizer.muon has no effect: it is for the kernels of convolutions")
        );
        assert_eq!(with_muon((ModelKind::Cllnn, Preset::Tuned)), "");
    }

    #[test]
    fn a_closed_form_names_the_keys_of_gradient_descent() {
        let ridge = |change: fn(&mut RunConfig)| {
            found((ModelKind::Lnn, Preset::Tuned), IMAGES, |config| {
                config.method = Method::Ridge(RidgeMethod::default());
                change(config);
            })
        };
        assert_eq!(ridge(|_| ()), [""; 0]);
        let found = ridge(|config| {
            config.optimizer.weight_decay = 0.5;
            config.patience = Some(3);
        });
        assert_eq!(found.len(), 2);
        assert!(found[0].contains("optimizer has no effect") && found[1].contains("patience has no effect"));
    }

    #[test]
    fn a_method_that_can_diverge_on_the_steps_of_the_data_is_named_with_the_number() {
        let with = |solver, unfolds| {
            let remarks = found((ModelKind::Ltc, Preset::Tuned), SERIES, |config| {
                let ModelConfig::Ltc(model) = &mut config.model else { unreachable!() };
                (model.solver, model.unfolds) = (solver, unfolds);
            });
            remarks.join("\n")
        };
        for solver in [OdeSolver::Euler, OdeSolver::RungeKutta] {
            let warned = with(solver, 1);
            assert!(warned.contains("can diverge") && warned.contains("semi-implicit"), "{warned}");
            assert_eq!(with(solver, 1000), "");
        }
        assert_eq!(with(OdeSolver::SemiImplicit, 1), "");
    }

    #[test]
    fn columns_in_raw_units_are_named_where_nothing_standardises_them() {
        let raw = (Content::Sequences, [5000.0, 200.0]);
        let remarks = found((ModelKind::Liquid, Preset::Article), raw, |_| ());
        assert_eq!(remarks.len(), 1);
        for words in
            ["warning: standardization=none", "`load` (mean 5.0", "`wind`", "--set standardization=channels"]
        {
            assert!(remarks[0].contains(words), "{}", remarks[0]);
        }
        assert_eq!(found((ModelKind::Liquid, Preset::Tuned), raw, |_| ()), [""; 0]);
        let tiny = (Content::Sequences, [0.0, 1e-6]);
        assert_eq!(found((ModelKind::Liquid, Preset::Article), tiny, |_| ()).len(), 1);
    }
}
