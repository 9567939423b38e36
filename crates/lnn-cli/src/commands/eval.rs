//! `lnn-cli eval`.

use super::run_data::test_samples;
use super::{fetching, prepare};
use crate::args::EvalArguments;
use crate::failure::Failure;
use crate::observers::{print_line, print_text};
use crate::run_folder::checkpoint_file;
use crate::training::{Event, evaluate_with_noise};
use lnn_models::Checkpoint;

pub(super) fn run(arguments: &EvalArguments) -> Result<(), Failure> {
    let device = prepare(&arguments.compute)?;
    if let Some(bad) = arguments.noise.iter().find(|noise| !(noise.is_finite() && **noise > 0.0)) {
        return Err(Failure::request(format!("--noise: expected finite numbers above 0, found {bad}")));
    }
    let checkpoint = Checkpoint::load(&checkpoint_file(&arguments.source)?)?;
    let spec = arguments.data.as_ref().unwrap_or(&checkpoint.description.data);
    let data = fetching::open(spec)?;
    checkpoint.description.input.check_same(&data.input_spec())?;
    let model = checkpoint.model(device)?;
    let test = test_samples(&data, device)?;
    // The noisy ones first: the test result comes last.
    let levels = arguments.noise.iter().copied().chain([0.0]);
    for deviation in levels {
        let bar = super::progress_bar("test", test.len() as u64);
        let result =
            evaluate_with_noise(&model, &test, deviation, &mut |done| bar.set_position(done as u64))?;
        bar.finish_and_clear();
        let noisy = deviation > 0.0;
        if arguments.json {
            print_line(&if noisy { Event::Noise { deviation, result } } else { Event::Test(result) })?;
        } else if noisy {
            print_text(&format!("noise {deviation}: {}", result.in_words()))?;
        } else {
            print_text(&format!("test {}, {} samples of {spec}", result.in_words(), result.samples))?;
        }
    }
    Ok(())
}
