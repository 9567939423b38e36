//! Models as the trainer meets them.

mod double;
mod forecast;
mod growth;
mod laws;
mod missing;
mod padding;
mod per_step;
mod precision;
mod refusals;
mod reservoirs;
mod ridge;
mod sequences;
mod steps;
mod stream;
mod tracing;

use lnn_core::{Backbone, WiringConfig, seeded};
use lnn_models::{
    CfcConfig, Checkpoint, CifarConfig, CllnnConfig, Description, Encoding, FORMAT_VERSION, GatedConfig,
    GruConfig, Input, InputSpec, LiquidConfig, LnnConfig, LstmConfig, LtcConfig, Model, ModelConfig,
    ModelKind, SampleSet, Samples, Scan, SnlnnConfig, SpikeSummary, Standardization, Summary,
};
use tch::{Device, Kind, Tensor};

const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);

fn input(extent: i64) -> InputSpec {
    let class_names = ["a", "b", "c"].map(String::from).to_vec();
    InputSpec::images([2, extent, extent + 1], class_names)
}

/// Images that fit `input(9)`, the same each time.
fn images(count: i64) -> Tensor {
    seeded(0, || lnn_core::random::rand([count, 2, 9, 10], FLOAT))
}

/// Every preset, small, and the forms that no preset has.
fn configs() -> Vec<ModelConfig> {
    let each =
        |kind: ModelKind| kind.presets().into_iter().map(move |info| kind.preset(info.preset).unwrap());
    ModelKind::ALL.iter().flat_map(|&kind| each(kind)).flat_map(forms).collect()
}

fn forms(preset: ModelConfig) -> Vec<ModelConfig> {
    match preset {
        ModelConfig::Lnn(config) => lnns(config),
        ModelConfig::Cllnn(config) => cllnns(config),
        ModelConfig::Snlnn(config) => snlnns(&config),
        ModelConfig::Liquid(config) => liquids(config),
        ModelConfig::Lstm(config) => lstms(&config),
        ModelConfig::Gru(config) => grus(&config),
        ModelConfig::Ltc(config) => ltcs(&config),
        ModelConfig::Cfc(config) => cfcs(&config),
        ModelConfig::Cifar(config) => cifars(config),
    }
}

fn lnns(mut lnn: LnnConfig) -> Vec<ModelConfig> {
    lnn.reservoir.units = 12;
    let form =
        |(layers, summary)| ModelConfig::Lnn(LnnConfig { stretches: 1, layers, summary, ..lnn.clone() });
    [(1, Summary::Last), (1, Summary::Mean), (2, Summary::Mean)].map(form).to_vec()
}

fn cllnns(mut cllnn: CllnnConfig) -> Vec<ModelConfig> {
    cllnn.reservoir.units = 12;
    // As many channels as the product form of the convolution needs.
    (cllnn.channels, cllnn.lstm_units) = (vec![8, 9], 5);
    let form = |scan| ModelConfig::Cllnn(CllnnConfig { scan, ..cllnn.clone() });
    [Scan::Whole, Scan::Rows, Scan::ColumnsReversed, Scan::Positions].map(form).to_vec()
}

/// The preset as it is, and with numbers that let it spike: each encoding with all summaries, and each summary alone.
fn snlnns(preset: &SnlnnConfig) -> Vec<ModelConfig> {
    let own = SnlnnConfig { units: 6, max_reservoir_dim: 9, ..preset.clone() };
    let spiking = SnlnnConfig { input_scale: 0.3, leak_rate: 0.6, threshold: 0.2, ..own.clone() };
    let all = [SpikeSummary::LastMembrane, SpikeSummary::MeanMembrane, SpikeSummary::SpikeRate];
    let encodings = [
        Encoding::Current { steps: 3 },
        Encoding::Rate { steps: 4 },
        Encoding::Latency { steps: 4 },
        Encoding::Delta { scan: Scan::Rows, threshold: 0.2 },
        Encoding::Scan { scan: Scan::Columns },
    ];
    let encoded =
        encodings.map(|encoding| SnlnnConfig { encoding, summaries: all.to_vec(), ..spiking.clone() });
    let encoding = encodings[0];
    let alone = all.map(|summary| SnlnnConfig { encoding, summaries: vec![summary], ..spiking.clone() });
    [own].into_iter().chain(encoded).chain(alone).map(ModelConfig::Snlnn).collect()
}

/// Each summary, and stacked layers.
fn liquids(preset: LiquidConfig) -> Vec<ModelConfig> {
    let liquid = LiquidConfig { units: 6, ..preset };
    let form =
        |(layers, summaries)| ModelConfig::Liquid(LiquidConfig { layers, summaries, ..liquid.clone() });
    let [last, mean] = [Summary::Last, Summary::Mean];
    [(1, vec![last]), (1, vec![mean]), (1, vec![mean, last]), (3, vec![last, mean])].map(form).to_vec()
}

fn lstms(preset: &LstmConfig) -> Vec<ModelConfig> {
    let form = |layers| ModelConfig::Lstm(LstmConfig(GatedConfig { units: 6, layers, ..preset.0.clone() }));
    [1, 2].map(form).to_vec()
}

fn grus(preset: &GruConfig) -> Vec<ModelConfig> {
    let form = |layers| ModelConfig::Gru(GruConfig(GatedConfig { units: 6, layers, ..preset.0.clone() }));
    [1, 2].map(form).to_vec()
}

/// All units joined, two layers, and a neural circuit policy with memory.
fn ltcs(preset: &LtcConfig) -> Vec<ModelConfig> {
    let own = LtcConfig { units: 7, unfolds: 2, ..preset.clone() };
    let wiring = WiringConfig::AutoNcp { outputs: 2, sparsity: 0.5, seed: 1 };
    let policy = LtcConfig { wiring, mixed_memory: true, ..own.clone() };
    [own.clone(), LtcConfig { layers: 2, ..own }, policy].map(ModelConfig::Ltc).to_vec()
}

/// With a backbone, and a neural circuit policy in two layers.
fn cfcs(preset: &CfcConfig) -> Vec<ModelConfig> {
    let own =
        CfcConfig { units: 7, backbone: Backbone { units: 5, ..preset.backbone.clone() }, ..preset.clone() };
    let wiring = Some(WiringConfig::AutoNcp { outputs: 2, sparsity: 0.5, seed: 1 });
    let backbone = Backbone { layers: 0, ..own.backbone.clone() };
    let policy = CfcConfig { wiring, backbone, layers: 2, ..own.clone() };
    [own.clone(), CfcConfig { mixed_memory: true, ..own }, policy].map(ModelConfig::Cfc).to_vec()
}

/// The preset, small, and with stacked layers.
fn cifars(mut cifar: CifarConfig) -> Vec<ModelConfig> {
    cifar.units = 6;
    if cifar.whitening {
        cifar.scans =
            vec![Scan::Patches { size: 4, stride: 2 }, Scan::PatchesByColumn { size: 4, stride: 2 }];
    }
    if !cifar.channels.is_empty() {
        cifar.channels = vec![8, 9];
    }
    [1, 2].map(|layers| ModelConfig::Cifar(CifarConfig { layers, ..cifar.clone() })).to_vec()
}

/// The models that take sequences, as [`configs`].
fn sequence_configs() -> Vec<ModelConfig> {
    let takes = |config: &ModelConfig| {
        use ModelConfig::{Cfc, Gru, Liquid, Lstm, Ltc};
        matches!(config, Liquid(_) | Ltc(_) | Cfc(_) | Lstm(_) | Gru(_))
    };
    configs().into_iter().filter(takes).chain(lnns_of_series()).collect()
}

/// Each summary and number of layers, with and without the input in the readout, few synapses, leaks of all units and a washout.
fn lnns_of_series() -> Vec<ModelConfig> {
    let series = |layers, summary, readout_input, washout| {
        let mut config = LnnConfig { layers, summary, readout_input, washout, ..LnnConfig::series() };
        config.reservoir.units = 12;
        if layers > 1 {
            (config.reservoir.density, config.reservoir.leak_range) = (0.07, Some([0.1, 0.9]));
        }
        ModelConfig::Lnn(config)
    };
    let [last, mean] = [Summary::Last, Summary::Mean];
    vec![
        series(1, last, true, 0),
        series(1, mean, false, 0),
        series(2, mean, true, 3),
        series(3, last, false, 2),
    ]
}

/// The encodings rate and latency read intensities.
fn standardization(config: &ModelConfig) -> Standardization {
    match config {
        ModelConfig::Snlnn(config)
            if matches!(config.encoding, Encoding::Rate { .. } | Encoding::Latency { .. }) =>
        {
            Standardization::None
        }
        _ => Standardization::Channels,
    }
}

/// Images in bytes, to which the preprocessing is fitted.
fn training_images() -> Tensor {
    let pixels = Tensor::arange(2 * 9 * 10 * 20, (Kind::Int64, Device::Cpu));
    pixels.remainder(251).to_kind(Kind::Uint8).view([20, 2, 9, 10])
}

/// Samples in memory.
fn stored(x: Tensor, targets: &Tensor) -> SampleSet {
    SampleSet::Stored(Samples { input: Input::new(x), targets: targets.shallow_clone() })
}

/// The training images with labels.
fn training_set() -> SampleSet {
    stored(training_images(), &Tensor::zeros([20], (Kind::Int64, Device::Cpu)))
}

/// A model of `input(9)`.
fn build(config: ModelConfig, seed: u64) -> Model {
    // On tensors this small a second thread costs more than it gives. The setting belongs to the calling thread.
    tch::set_num_threads(1);
    let standardization = standardization(&config);
    let mut model = Model::new(config, input(9), standardization, seed, FLOAT).unwrap();
    model.fit(&training_set()).unwrap();
    model
}

fn forward(model: &Model, x: &Tensor) -> Tensor {
    tch::no_grad(|| model.forward(x, false).unwrap())
}

/// The model with a description of it.
fn checkpoint(model: &Model) -> Checkpoint {
    Checkpoint {
        description: Description {
            format_version: FORMAT_VERSION,
            program_version: "1.2.3".into(),
            program_commit: "abc".into(),
            model: model.config().clone(),
            input: model.input().clone(),
            standardization: model.standardization(),
            data: "made-up".into(),
            seed: 7,
            loss: lnn_core::Loss::Mse,
            input_noise: 0.0,
            training: serde_json::Value::Null,
        },
        model: model.parameters().snapshot(),
        optimizer: Vec::new(),
        data: Vec::new(),
    }
}

/// The model that comes back from a file.
fn saved_and_loaded(model: &Model) -> Model {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    checkpoint(model).save(&path).unwrap();
    Checkpoint::load(&path).unwrap().model(Device::Cpu).unwrap()
}

#[track_caller]
fn assert_close(a: &Tensor, b: &Tensor, what: &str) {
    assert_eq!(a.size(), b.size(), "{what}");
    let difference = (a - b).abs().max().double_value(&[]);
    assert!(difference < 1e-5, "{what}: {difference}");
}
