//! One trained run of each model and preset, which many tests look at.

use crate::image_sets::{self, SIDE};
use crate::program::{Call, Ended};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, OnceLock};

/// Epochs of the runs.
pub(crate) const EPOCHS: u64 = 4;

/// A model with a preset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) model: &'static str,
    pub(crate) preset: &'static str,
}

pub(crate) const LNN_ARTICLE: Variant = Variant { model: "lnn", preset: "article" };
pub(crate) const LNN_TUNED: Variant = Variant { model: "lnn", preset: "tuned" };
pub(crate) const CLLNN_ARTICLE: Variant = Variant { model: "cllnn", preset: "article" };
pub(crate) const CLLNN_TUNED: Variant = Variant { model: "cllnn", preset: "tuned" };
pub(crate) const SNLNN_ARTICLE: Variant = Variant { model: "snlnn", preset: "article" };
pub(crate) const SNLNN_TUNED: Variant = Variant { model: "snlnn", preset: "tuned" };
pub(crate) const LIQUID_ARTICLE: Variant = Variant { model: "liquid", preset: "article" };
pub(crate) const LIQUID_TUNED: Variant = Variant { model: "liquid", preset: "tuned" };
pub(crate) const CIFAR_ARTICLE: Variant = Variant { model: "cifar", preset: "article" };
pub(crate) const CIFAR_TUNED: Variant = Variant { model: "cifar", preset: "tuned" };
pub(crate) const CIFAR_CONV: Variant = Variant { model: "cifar", preset: "conv" };

/// All of them.
pub(crate) const VARIANTS: [Variant; 11] = [
    LNN_ARTICLE,
    LNN_TUNED,
    CLLNN_ARTICLE,
    CLLNN_TUNED,
    SNLNN_ARTICLE,
    SNLNN_TUNED,
    LIQUID_ARTICLE,
    LIQUID_TUNED,
    CIFAR_ARTICLE,
    CIFAR_TUNED,
    CIFAR_CONV,
];

impl Variant {
    /// Training of a small model of this kind, in `out`; data and epochs are still to be named.
    pub(crate) fn train(self, out: &Path) -> Call {
        self.train_by(Call::new("train"), out)
    }

    /// The same by `call`, which may have asked for more threads.
    pub(crate) fn train_by(self, call: Call, out: &Path) -> Call {
        self.settings(call).flag("out", out)
    }

    /// The same by `call`, in a folder that may hold a part of the run.
    pub(crate) fn job(self, call: Call, folder: &Path) -> Call {
        self.settings(call).flag("resume-or-start", folder)
    }

    fn settings(self, call: Call) -> Call {
        let call = call.flag("model", self.model).flag("preset", self.preset);
        // By key and not by flag, so that a test can still give the flags. Of 200 images, 180 are then trained on in 18
        // steps an epoch, whatever the preset.
        let call = call.set("batch_size=10").set("validation_fraction=0.1");
        let fast = "optimizer.learning_rate=0.01";
        match self.model {
            "lnn" if self == LNN_TUNED => call.set("model.reservoir.units=16"),
            "lnn" => call.set("model.reservoir.units=16").set("optimizer.learning_rate=0.02"),
            "snlnn" => call.set(fast).set("model.units=16").set("model.max_reservoir_dim=40"),
            "liquid" => call.set(fast).set("model.units=16"),
            // A mirrored image may be of another class.
            "cifar" => match self {
                CIFAR_TUNED => call.set("augmentation.crop=1").set("model.stretches=3"),
                CIFAR_CONV => call
                    .set("augmentation.crop=1")
                    .set("augmentation.cutout=0")
                    .set("model.channels=[8,16]")
                    .set("model.mirror=false"),
                _ => call,
            }
            .set(fast)
            .set("augmentation.flip=false")
            .set("model.units=16"),
            _ => call
                .set(fast)
                .set("model.reservoir.units=16")
                .set("model.channels=[4,4,8]")
                .set("model.lstm_units=8"),
        }
    }

    /// Whether the tensor `name` of the model trains; the others are statistics and fixed reservoirs.
    pub(crate) fn trains(self, name: &str) -> bool {
        let fixed =
            ["preprocessing.", "running_", "whitening", "readout.mean", "readout.deviation", "active"];
        let reservoir = name.starts_with("reservoir") && self.model != "snlnn";
        !reservoir && !fixed.iter().any(|part| name.contains(part))
    }

    /// The shared run, trained when first asked for.
    pub(crate) fn run(self) -> &'static TrainedRun {
        static RUNS: [OnceLock<TrainedRun>; 11] = [const { OnceLock::new() }; 11];
        let index = VARIANTS.iter().position(|variant| *variant == self).expect("all variants are listed");
        RUNS[index].get_or_init(|| {
            let folder = shared(&format!("{}-{}", self.model, self.preset));
            let call = self.train(&folder).flag("data", shared_data()).flag("epochs", EPOCHS.to_string());
            TrainedRun { folder, ended: call.succeed() }
        })
    }
}

/// A run that has ended well.
pub(crate) struct TrainedRun {
    pub(crate) folder: PathBuf,
    pub(crate) ended: Ended,
}

/// What `--data` takes for the set that the shared runs are trained on: 200 images to train on, 60 to test on.
pub(crate) fn shared_data() -> String {
    image_sets::spec(&shared("set"))
}

/// A path for what tests share; static values are not dropped, so a temporary folder would stay behind.
pub(crate) fn shared(name: &str) -> PathBuf {
    PLACE.0.join(name)
}

/// Cargo's folder for the files of tests. It is emptied at the start, and locked, because another process may run the
/// same tests.
static PLACE: LazyLock<(PathBuf, File)> = LazyLock::new(|| {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("command_line");
    fs::create_dir_all(&place).expect("the folder can be made");
    let lock = File::create(place.with_extension("lock")).expect("the lock can be made");
    lock.lock().expect("the lock can be held");
    fs::remove_dir_all(&place).expect("the folder can be emptied");
    image_sets::write(&place.join("set"), [200, 60], SIDE);
    (place, lock)
});
