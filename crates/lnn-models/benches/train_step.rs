//! Throughput of whole training steps: forward, loss, backward, optimiser, on random images of the shape of MNIST or CIFAR-10.
//!
//! `cargo bench -p lnn-models --bench train_step` measures, `-- cllnn` measures the names that match. A name says model,
//! preset and batch; `front` is the fixed front of an LNN, which a run computes once, not once an epoch.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lnn_core::{AdamW, AdamWConfig};
use lnn_models::{Input, InputSpec, Mode, Model, ModelConfig, ModelKind, Preset, Standardization};
use std::hint::black_box;
use tch::{Device, Kind};

const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);
const ADAM: AdamWConfig = AdamWConfig { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 };

const MNIST: [i64; 3] = [1, 28, 28];
const CIFAR: [i64; 3] = [3, 32, 32];

fn model(kind: ModelKind, preset: Preset, image: [i64; 3]) -> Model {
    let class_names = (0..10).map(|class| class.to_string()).collect();
    let input = InputSpec::images(image, class_names);
    Model::new(
        ModelConfig::preset(kind, preset).expect("the model has the preset"),
        input,
        Standardization::Channels,
        0,
        FLOAT,
    )
    .expect("a preset can be built")
}

fn train_step(criterion: &mut Criterion) {
    lnn_sys::keep_freed_memory();
    lnn_sys::flush_denormals(true).expect("libtorch answers");
    let mut group = criterion.benchmark_group("train_step");
    group.sample_size(20);
    for (name, kind, preset, batch, image) in [
        ("lnn-article", ModelKind::Lnn, Preset::Article, 64, MNIST),
        ("lnn-tuned", ModelKind::Lnn, Preset::Tuned, 256, MNIST),
        ("snlnn-article", ModelKind::Snlnn, Preset::Article, 64, MNIST),
        ("snlnn-tuned", ModelKind::Snlnn, Preset::Tuned, 128, MNIST),
        ("liquid-article", ModelKind::Liquid, Preset::Article, 64, MNIST),
        ("liquid-tuned", ModelKind::Liquid, Preset::Tuned, 128, MNIST),
        ("cllnn-article", ModelKind::Cllnn, Preset::Article, 64, MNIST),
        ("cllnn-tuned", ModelKind::Cllnn, Preset::Tuned, 128, MNIST),
        ("cifar-article", ModelKind::Cifar, Preset::Article, 64, CIFAR),
        ("cifar-tuned", ModelKind::Cifar, Preset::Tuned, 128, CIFAR),
        ("cifar-conv", ModelKind::Cifar, Preset::Conv, 128, CIFAR),
    ] {
        let model = model(kind, preset, image);
        let images = lnn_core::random::rand([batch, image[0], image[1], image[2]], FLOAT);
        let labels = lnn_core::random::randint(10, [batch], (Kind::Int64, Device::Cpu));
        let front = || model.front(Input::new(images.shallow_clone())).expect("the images fit");
        let features = front();
        let mut optimizer = AdamW::new(model.parameters(), ADAM).expect("the constants are in range");
        group.throughput(Throughput::Elements(batch as u64));
        let id = BenchmarkId::new(name, format!("{batch}x{}x{}x{}", image[0], image[1], image[2]));
        group.bench_function(id, |bencher| {
            bencher.iter(|| {
                let logits = model.head(&features, Mode::Training).expect("the features fit").prediction;
                model.loss(&logits, &labels, None, 0.0).backward();
                optimizer.step(1e-3).expect("gradients are there");
            });
        });
        if model.readout().is_some() {
            let id = BenchmarkId::new(
                format!("{name}-front"),
                format!("{batch}x{}x{}x{}", image[0], image[1], image[2]),
            );
            group.bench_function(id, |bencher| bencher.iter(|| black_box(front())));
        }
    }
    group.finish();
}

criterion_group!(benches, train_step);
criterion_main!(benches);
