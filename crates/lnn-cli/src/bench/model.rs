//! The benchmark of a whole model on random images, with the optimiser and the loss of its preset.

use super::pass::Pass;
use super::prepared::Prepared;
use super::shape::Shape;
use super::training_step::{CLASSES, labels};
use crate::failure::Failure;
use lnn_core::Optimizer;
use lnn_models::{Input, InputSpec, Mode, Model, ModelKind, Preset, SampleSet, Samples};
use lnn_train::{Precision, RunConfig};
use tch::{Device, Kind};

pub(super) fn prepare(
    (kind, preset): (ModelKind, Preset),
    Shape([batch, channels, height, width]): Shape,
    pass: Pass,
    (device, precision): (Device, Precision),
) -> Result<Prepared, Failure> {
    let config = RunConfig::preset(kind, preset)?;
    let class_names = (0..CLASSES).map(|class| class.to_string()).collect();
    let input = InputSpec::images([channels, height, width], class_names);
    let mut model = Model::new(
        config.model.clone(),
        input,
        config.standardization,
        config.seed,
        (precision.kind(), device),
    )?;
    let pixels = lnn_core::random::randint(256, [batch, channels, height, width], (Kind::Uint8, device));
    let labels = labels(batch, device);
    let input = Input::new(pixels.shallow_clone());
    model.fit(&SampleSet::Stored(Samples { input, targets: labels.shallow_clone() }))?;
    let images = pixels.to_kind(precision.kind()) / 255.0;
    if pass == Pass::Inference {
        let repeat = move || {
            std::hint::black_box(model.run(Input::new(images.shallow_clone()), Mode::Evaluation)?);
            Ok(())
        };
        return Ok(Prepared { steps: 1, repeat: Box::new(repeat) });
    }
    // If only the readout of a model is trainable, its front is computed once per run.
    let once = match model.readout() {
        Some(_) => Some(model.front(Input::new(images.shallow_clone()))?),
        None => None,
    };
    let optimizer = Optimizer::new(model.parameters(), config.optimizer.constants());
    let mut optimizer = optimizer.map_err(lnn_models::Error::from)?;
    let rate = config.optimizer.learning_rate;
    let repeat = move || {
        // In mixed precision, only this forward pass has a reduced precision.
        let forward = || match &once {
            Some(features) => model.head(features, Mode::Training),
            None => model.run(Input::new(images.shallow_clone()), Mode::Training),
        };
        let logits = precision
            .forward(device, forward)
            .map_err(lnn_core::Error::from)
            .map_err(lnn_models::Error::from)??;
        model.loss(&logits.prediction, &labels, None, config.label_smoothing).backward();
        Ok(optimizer.step(rate).map_err(lnn_models::Error::from)?)
    };
    Ok(Prepared { steps: 1, repeat: Box::new(repeat) })
}
