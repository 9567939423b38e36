//! Prepares a benchmark and times its repetitions.

use super::memory::Memory;
use super::pass::Pass;
use super::prepared::{Prepared, Repetition};
use super::report::Report;
use super::shape::Shape;
use super::timing::Timing;
use super::work::Work;
use super::{continuous, leaky, liquid, model, spiking};
use crate::device;
use crate::failure::Failure;
use lnn_sys::CudaGraph;
use lnn_train::Precision;
use std::time::Duration;
use tch::Device;

/// Number of repetitions before one is recorded in a CUDA graph.
const REPETITIONS_BEFORE: usize = 3;

/// Prepares a benchmark, repeats it for `duration`, and reports the time per repetition and the memory used. With `cuda_graph`,
/// each repetition is a replay of a recorded one.
///
/// # Errors
/// [`Failure::Request`] if the workload does not support the shape; [`Failure::Run`] if libtorch throws.
pub fn run(
    work: Work,
    shape: Shape,
    pass: Pass,
    (device, precision): (Device, Precision),
    cuda_graph: bool,
    duration: Duration,
) -> Result<Report, Failure> {
    wake(work, shape, pass, (device, precision));
    let memory = Memory::now();
    let Prepared { steps, mut repeat } = prepare(work, shape, pass, (device, precision))?;
    Memory::forget_peak();
    let measure = || {
        if cuda_graph {
            repeat = recorded(repeat, device)?;
        }
        Timing::measure(&mut *repeat, device, duration)
    };
    let timing = match pass {
        Pass::Train => measure()?,
        Pass::Inference => tch::no_grad(measure)?,
    };
    Ok(Report {
        work,
        shape,
        pass,
        median_s: timing.median,
        min_s: timing.minimum,
        step_s: timing.median / steps as f64,
        steps_per_s: steps as f64 / timing.median,
        repetitions: timing.repetitions,
        threads: tch::get_num_threads(),
        device: device::name(device),
        cuda_graph,
        peak_memory_mb: Memory::now().peak,
        added_memory_mb: Memory::now().added_since(&memory),
    })
}

fn prepare(
    work: Work,
    shape: Shape,
    pass: Pass,
    (device, precision): (Device, Precision),
) -> Result<Prepared, Failure> {
    match work {
        Work::Liquid => liquid::sequence(shape, pass, device),
        Work::Stream => liquid::stream(shape, device),
        Work::Layer(layer) => continuous::sequence(layer, shape, pass, device),
        Work::LayerStream(layer) => continuous::stream(layer, shape, device),
        Work::Spiking => spiking::prepare(shape, pass, device),
        Work::Leaky => leaky::prepare(shape, device),
        Work::Model { kind, preset } => model::prepare((kind, preset), shape, pass, (device, precision)),
    }
}

/// Records one repetition and returns the replay of its graph.
fn recorded(mut repeat: Repetition, device: Device) -> Result<Repetition, Failure> {
    for _ in 0..REPETITIONS_BEFORE {
        repeat()?;
    }
    let graph = CudaGraph::record(device, &mut repeat)?;
    Ok(Box::new(move || {
        // The graph works on the tensors of the recorded repetition, which must stay allocated.
        let _alive = &repeat;
        Ok(graph.replay()?)
    }))
}

/// Runs the same benchmark once on a minimal size, so that memory for what libtorch loads and starts once is not attributed to
/// the benchmark. A model that cannot be so small is skipped.
fn wake(work: Work, Shape([_, channels, ..]): Shape, pass: Pass, compute: (Device, Precision)) {
    let small = match work {
        Work::Stream => [2, 1, 2, 2],
        // A neural circuit policy has at least four units.
        Work::Layer(_) => [2, 2, 2, 8],
        Work::LayerStream(_) => [2, 1, 2, 8],
        Work::Model { .. } => [2, channels, 8, 8],
        _ => [2, 2, 2, 2],
    };
    if let Ok(mut prepared) = prepare(work, Shape(small), pass, compute) {
        let _ = (prepared.repeat)();
    }
}
