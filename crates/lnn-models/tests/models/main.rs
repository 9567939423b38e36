//! Models as the trainer meets them.

mod growth;
mod laws;
mod precision;
mod refusals;
mod sequences;
mod tracing;

use lnn_core::seeded;
use lnn_models::{
    Checkpoint, CifarConfig, CllnnConfig, Description, Encoding, FORMAT_VERSION, Input, InputSpec,
    LiquidConfig, LnnConfig, Model, ModelConfig, Preset, SampleSet, Samples, Scan, SnlnnConfig, SpikeSummary,
    Standardization, Summary,
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
    let presets = [Preset::Article, Preset::Tuned];
    let each = |forms: fn(Preset) -> Vec<ModelConfig>| presets.into_iter().flat_map(forms);
    each(lnns).chain(each(cllnns)).chain(each(snlnns)).chain(each(liquids)).chain(cifars()).collect()
}

fn lnns(preset: Preset) -> Vec<ModelConfig> {
    let mut lnn = LnnConfig::preset(preset);
    lnn.reservoir.units = 12;
    let form = |summary| ModelConfig::Lnn(LnnConfig { stretches: 1, summary, ..lnn.clone() });
    [Summary::Last, Summary::Mean].map(form).to_vec()
}

fn cllnns(preset: Preset) -> Vec<ModelConfig> {
    let mut cllnn = CllnnConfig::preset(preset);
    cllnn.reservoir.units = 12;
    (cllnn.channels, cllnn.lstm_units) = (vec![3, 4], 5);
    let form = |scan| ModelConfig::Cllnn(CllnnConfig { scan, ..cllnn.clone() });
    [Scan::Whole, Scan::Rows, Scan::ColumnsReversed, Scan::Positions].map(form).to_vec()
}

/// The preset as it is, and with numbers that let it spike: each encoding with all summaries, and each summary alone.
fn snlnns(preset: Preset) -> Vec<ModelConfig> {
    let own = SnlnnConfig { units: 6, max_reservoir_dim: 9, ..SnlnnConfig::preset(preset) };
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

fn liquids(preset: Preset) -> Vec<ModelConfig> {
    let liquid = LiquidConfig { units: 6, ..LiquidConfig::preset(preset) };
    let form = |summaries| ModelConfig::Liquid(LiquidConfig { summaries, ..liquid.clone() });
    [vec![Summary::Last], vec![Summary::Mean], vec![Summary::Mean, Summary::Last]].map(form).to_vec()
}

fn cifars() -> Vec<ModelConfig> {
    let form = |preset| {
        let mut cifar = CifarConfig { units: 6, ..CifarConfig::preset(preset) };
        match preset {
            Preset::Article => {}
            Preset::Tuned => {
                cifar.scans =
                    vec![Scan::Patches { size: 4, stride: 2 }, Scan::PatchesByColumn { size: 4, stride: 2 }];
            }
            Preset::Conv => cifar.channels = vec![4, 6],
        }
        ModelConfig::Cifar(cifar)
    };
    [Preset::Article, Preset::Tuned, Preset::Conv].map(form).to_vec()
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

/// A model of `input(9)`.
fn build(config: ModelConfig, seed: u64) -> Model {
    // On tensors this small a second thread costs more than it gives. The setting belongs to the calling thread.
    tch::set_num_threads(1);
    let images =
        Tensor::arange(2 * 9 * 10 * 20, (Kind::Int64, Device::Cpu)).remainder(251).to_kind(Kind::Uint8);
    let standardization = standardization(&config);
    let mut model = Model::new(config, input(9), standardization, seed, Device::Cpu).unwrap();
    let input = Input::new(images.view([20, 2, 9, 10]));
    let targets = Tensor::zeros([20], (Kind::Int64, Device::Cpu));
    model.fit(&SampleSet::Stored(Samples { input, targets })).unwrap();
    model
}

fn forward(model: &Model, x: &Tensor) -> Tensor {
    tch::no_grad(|| model.forward(x, false).unwrap())
}

/// The model that comes back from a file.
fn saved_and_loaded(model: &Model) -> Model {
    let checkpoint = Checkpoint {
        description: Description {
            format_version: FORMAT_VERSION,
            program_version: "1.2.3".into(),
            program_commit: "abc".into(),
            model: model.config().clone(),
            input: model.input().clone(),
            standardization: model.standardization(),
            data: "made-up".into(),
            seed: 7,
            training: serde_json::Value::Null,
        },
        model: model.parameters().snapshot(),
        optimizer: Vec::new(),
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    checkpoint.save(&path).unwrap();
    Checkpoint::load(&path).unwrap().model(Device::Cpu).unwrap()
}

#[track_caller]
fn assert_close(a: &Tensor, b: &Tensor, what: &str) {
    assert_eq!(a.size(), b.size(), "{what}");
    let difference = (a - b).abs().max().double_value(&[]);
    assert!(difference < 1e-5, "{what}: {difference}");
}
