//! `train --precision`: bf16, a run like any other whose files hold float32, and f64, in which everything is float64.

use crate::checkpoint_file::CheckpointFile;
use crate::program::Call;
use crate::run_contents::{assert_same_run, config, metrics};
use crate::trained_runs::{CLLNN_TUNED, LIQUID_TUNED, VARIANTS, Variant, shared_data};
use std::path::Path;

fn train(variant: Variant, out: &Path) -> Call {
    variant.train(out).flag("data", shared_data()).flag("epochs", "2").flag("precision", "bf16")
}

#[test]
fn a_paused_run_in_bfloat16_ends_as_the_whole_run_and_its_configuration_says_so() {
    for variant in [CLLNN_TUNED, LIQUID_TUNED] {
        let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let ended = train(variant, whole.path()).succeed();
        train(variant, parts.path()).flag("pause-after", "1").succeed();
        let resumed = Call::new("train").flag("resume", parts.path()).succeed();
        assert_eq!(resumed.stdout, ended.stdout);
        assert_eq!(config(parts.path())["precision"], "bf16");
        assert_same_run(whole.path(), parts.path());
    }
}

#[test]
fn a_run_in_bfloat16_is_near_the_one_in_float32_and_holds_float32() {
    let run = tempfile::tempdir().unwrap();
    let ended = train(CLLNN_TUNED, run.path()).succeed();
    let (short, long) = (metrics(run.path()), metrics(&CLLNN_TUNED.run().folder));
    // The one has fewer epochs, so its rate rises sooner.
    let loss = |metrics: &[serde_json::Value]| metrics[0]["loss"].as_f64().unwrap();
    assert!((loss(&short) / loss(&long) - 1.0).abs() < 0.2, "{short:?} {long:?}");
    for (name, (dtype, ..)) in CheckpointFile::read(&run.path().join("last.safetensors")).tensors("") {
        let expected = match name.strip_prefix("data.") {
            None => "F32",
            Some(of_data) => {
                if of_data.starts_with("baseline_") && dtype != "I64" {
                    "F64"
                } else {
                    "I64"
                }
            }
        };
        assert_eq!(dtype, expected, "{name}");
    }
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let has = processor.split_whitespace().any(|flag| flag == "avx512_bf16");
    let said = ended.stderr.contains("this CPU has no bfloat16 instructions, so f32 is likely faster");
    assert!(cfg!(not(target_arch = "x86_64")) || said != has, "{}", ended.stderr);
}

#[test]
fn every_preset_trains_resumes_evaluates_and_exports_in_float64() {
    for variant in VARIANTS {
        let folder = tempfile::tempdir().unwrap();
        let [whole, parts, module] = ["whole", "parts", "model.pt"].map(|name| folder.path().join(name));
        let train = |out: &Path| {
            let call = variant.train(out).flag("data", shared_data()).flag("epochs", "2");
            call.flag("limit", "60").flag("precision", "f64")
        };
        let ended = train(&whole).succeed();
        train(&parts).flag("pause-after", "1").succeed();
        let resumed = Call::new("train").flag("resume", &parts).succeed();
        assert_eq!(resumed.stdout, ended.stdout, "{variant:?}");
        assert_same_run(&whole, &parts);
        for (name, (dtype, ..)) in CheckpointFile::read(&whole.join("last.safetensors")).tensors("model.") {
            assert!(dtype == "F64" || dtype == "I64", "{variant:?}: {name} is {dtype}");
        }
        let evaluated = Call::new("eval").arg(&whole).succeed().stdout;
        assert!(evaluated.starts_with(ended.stdout.trim_end()), "{evaluated} {}", ended.stdout);
        Call::new("export").arg(&whole).flag("out", &module).succeed();
        let shown = Call::new("inspect").arg(&module).arg("--json").succeed().stdout;
        assert!(shown.contains("\"dtype\":\"float64\""), "{shown}");
    }
}

#[test]
fn another_precision_is_refused() {
    let run = tempfile::tempdir().unwrap();
    let call = |name: &str| Call::new("train").flag("model", "lnn").flag("out", run.path().join(name));
    let message = call("a").flag("precision", "fp8").refused();
    assert!(message.contains("f32, bf16"), "{message}");
    let message = call("b").set("precision=fp8").refused();
    assert!(message.contains("the key `precision` does not take \"fp8\""), "{message}");
    assert!(std::fs::read_dir(run.path()).unwrap().next().is_none());
}
