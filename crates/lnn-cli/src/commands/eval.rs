//! `lnn-cli eval`.

use super::{fetching, prepare, run_data::input_spec};
use crate::args::EvalArguments;
use crate::failure::Failure;
use crate::observers::{print_line, print_text};
use crate::run_folder::checkpoint_file;
use crate::training::{Event, Samples, evaluate};
use lnn_models::Checkpoint;

pub(super) fn run(arguments: &EvalArguments) -> Result<(), Failure> {
    let device = prepare(&arguments.compute)?;
    let checkpoint = Checkpoint::load(&checkpoint_file(&arguments.source)?)?;
    let spec = arguments.data.as_ref().unwrap_or(&checkpoint.description.data);
    let data = fetching::open(spec)?;
    checkpoint.description.input.check_same(&input_spec(&data))?;
    let model = checkpoint.model(device)?;
    let test = Samples::on(device, &data.test);
    let bar = super::progress_bar("test", test.len() as u64);
    let result = evaluate(&model, &test, &mut |images| bar.set_position(images as u64))?;
    bar.finish_and_clear();
    if arguments.json {
        return print_line(&Event::Test(result));
    }
    let images = result.images;
    print_text(&format!(
        "test accuracy {:.4}, loss {:.4}, {images} images of {spec}",
        result.accuracy, result.loss
    ))
}
