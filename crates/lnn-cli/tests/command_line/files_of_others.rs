//! Outputs that are links or pipes, and files that a command must not write over.

use crate::program::Call;
use crate::run_contents::json_lines;
use crate::series_files::SeriesFile;
use crate::trained_runs::{LNN_TUNED, shared_data};
use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::Path;
use std::process::Command;

fn export(out: &Path) -> Call {
    Call::new("export").arg(&LNN_TUNED.run().folder).flag("out", out)
}

#[test]
fn an_output_that_is_a_link_or_a_pipe_stays_one_and_is_written_through() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("store")).unwrap();
    fs::write(path("store/model.safetensors"), "old").unwrap();
    symlink("store/model.safetensors", path("link.safetensors")).unwrap();
    export(&path("link.safetensors")).succeed();
    assert!(path("link.safetensors").is_symlink());
    let written = fs::read(path("store/model.safetensors")).unwrap();
    assert_ne!(written, b"old");

    assert!(Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
    let reader = std::thread::spawn({
        let pipe = path("pipe");
        move || fs::read(pipe).unwrap()
    });
    export(&path("pipe")).flag("format", "safetensors").succeed();
    assert!(reader.join().unwrap() == written);
    assert!(fs::symlink_metadata(path("pipe")).unwrap().file_type().is_fifo());
}

#[test]
fn a_source_is_not_written_over_however_its_name_is_spelled() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let run = path("run");
    LNN_TUNED.train(&run).flag("data", shared_data()).flag("epochs", "1").succeed();
    let model = path("model.pt");
    Call::new("export").arg(&run).flag("out", &model).succeed();
    symlink(&model, path("link.pt")).unwrap();
    fs::hard_link(&model, path("other.pt")).unwrap();
    fs::copy(run.join("best.safetensors"), path("best.safetensors")).unwrap();
    let content = || {
        ["run/best.safetensors", "run/last.safetensors", "model.pt", "best.safetensors"]
            .map(|name| fs::read(path(name)).unwrap())
    };
    let before = content();
    let calls = [
        Call::new("export").arg(&run).flag("out", run.join("best.safetensors")),
        Call::new("export").arg(&run).flag("out", run.join("last.safetensors")),
        Call::new("export")
            .arg(run.join("last.safetensors"))
            .flag("out", path("run/../run/last.safetensors")),
        Call::new("export")
            .arg(path("best.safetensors"))
            .flag("out", "./best.safetensors")
            .inside(folder.path()),
        Call::new("import").arg(&model).flag("out", path("link.pt")),
        Call::new("import").arg(&model).flag("out", path("other.pt")),
        Call::new("import").arg(&model).flag("out", run.join("best.safetensors")),
        Call::new("predict").arg(&run).flag("input", &model).flag("output", path("link.pt")),
    ];
    for call in calls {
        let message = call.refused();
        assert!(message.contains("cannot write"), "{message}");
        assert!(content() == before, "{message}");
    }
    Call::new("import").arg(&model).flag("out", path("imported.safetensors")).succeed();
}

#[test]
fn a_checkpoint_in_the_folder_of_a_new_run_is_not_replaced() {
    let out = tempfile::tempdir().unwrap();
    let best = out.path().join("best.safetensors");
    fs::copy(LNN_TUNED.run().folder.join("best.safetensors"), &best).unwrap();
    let before = fs::read(&best).unwrap();
    let message = LNN_TUNED.train(out.path()).flag("data", shared_data()).refused();
    assert!(message.contains("holds best.safetensors without a config.json"), "{message}");
    assert!(fs::read(&best).unwrap() == before);
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1);
}

#[test]
fn an_export_names_the_file_of_its_data_and_not_its_folders() {
    let series = SeriesFile::wave();
    let run = series.folder().join("run");
    let call = Call::new("train").flag("model", "liquid").set("model.units=4").flag("epochs", "1");
    call.flag("data", series.spec(",target=a,window=8")).flag("out", &run).succeed();
    for name in ["model.pt", "model.safetensors"] {
        let file = series.folder().join(name);
        Call::new("export").arg(&run).flag("out", &file).succeed();
        let bytes = fs::read(&file).unwrap();
        let folder = series.folder().to_str().unwrap().as_bytes();
        assert!(
            !bytes.windows(folder.len()).any(|part| part == folder),
            "{name} has a folder of this machine"
        );
    }
    let inspected = Call::new("inspect").arg(series.folder().join("model.pt")).arg("--json").succeed();
    let description = &json_lines(&inspected.stdout)[0]["description"]["checkpoint"];
    assert_eq!(description["data"], "csv:series.csv,target=a,window=8");
    assert!(description["training"].get("recorded_epochs").is_none());
}
