//! Convolutions of 3×3 with fewer products and the direct ones of libtorch, forward and backward.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lnn_core::random::randn;
use lnn_core::{Convolution, ConvolutionConfig, Init, Parameters};
use tch::{Device, Kind, Tensor};

/// Batch, input channels, output channels, extent: the layers of the CLLNN and of the residual front.
const SHAPES: [[i64; 4]; 6] = [
    [64, 32, 64, 14],
    [256, 24, 64, 31],
    [256, 64, 64, 15],
    [256, 64, 192, 15],
    [256, 192, 256, 7],
    [256, 256, 256, 3],
];

fn convolutions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("convolution");
    for [batch, inputs, outputs, extent] in SHAPES {
        let mut parameters = Parameters::drawn(0, Kind::Float, Device::Cpu);
        let config = ConvolutionConfig { inputs, outputs, kernel: 3, bias: false };
        let Ok(layer) = Convolution::new(&mut parameters.root(), &config, &Init::HeNormal) else { return };
        let weight = randn([outputs, inputs, 3, 3], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let x = randn([batch, extent, extent, inputs], (Kind::Float, Device::Cpu));
        let x = x.permute([0, 3, 1, 2]).set_requires_grad(true);
        let slope = randn([batch, extent, extent, outputs], (Kind::Float, Device::Cpu)).permute([0, 3, 1, 2]);
        let name = format!("{batch}x{inputs}x{outputs}x{extent}");
        let sums = batch * inputs * outputs * extent * extent * 9;
        group.throughput(Throughput::Elements(6 * sums as u64));
        group.bench_function(BenchmarkId::new("fewer products", &name), |bencher| {
            bencher.iter(|| layer.forward(&x).map(|y| (y * &slope).sum(Kind::Float).backward()));
        });
        group.bench_function(BenchmarkId::new("direct", &name), |bencher| {
            let direct = || x.conv2d(&weight, None::<Tensor>, 1, 1, 1, 1);
            bencher.iter(|| (direct() * &slope).sum(Kind::Float).backward());
        });
    }
    group.finish();
}

criterion_group!(benches, convolutions);
criterion_main!(benches);
