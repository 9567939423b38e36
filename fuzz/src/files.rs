//! Targets of readers that take the name of a file.

use lnn_core::InputSpec;
use lnn_data::SplitRequest;
use lnn_data::readers::idx::{read_images, read_labels};
use lnn_models::{Checkpoint, Exported, Model, ModelKind, Preset, StreamState};
use lnn_train::{RunConfig, settings};
use std::cell::RefCell;
use std::io::{Seek, Write};
use std::path::Path;
use tch::{Device, Kind};
use tempfile::NamedTempFile;

thread_local! {
    /// One file for all inputs, in memory where the system has a folder for that.
    static FILE: RefCell<NamedTempFile> = RefCell::new({
        let memory = Path::new("/dev/shm");
        let file = if memory.is_dir() { NamedTempFile::new_in(memory) } else { NamedTempFile::new() };
        file.expect("a temporary file can be made")
    });
}

/// Calls `read` with a file that holds `bytes`.
fn with_file(bytes: &[&[u8]], read: impl FnOnce(&Path)) {
    FILE.with_borrow_mut(|file| {
        file.rewind().expect("a file can be rewound");
        for part in bytes {
            file.write_all(part).expect("there is space");
        }
        let length = bytes.iter().map(|part| part.len() as u64).sum();
        file.as_file().set_len(length).expect("a file can be cut off");
        read(file.path());
    });
}

pub(crate) fn idx(bytes: &[u8]) {
    with_file(&[bytes], |path| {
        let _ = read_images(path);
        let _ = read_labels(path, Some(10));
    });
}

pub(crate) fn gzip(bytes: &[u8]) {
    with_file(&[&[0x1f, 0x8b], bytes], |path| {
        let _ = read_labels(path, None);
    });
}

pub(crate) fn stream_state(bytes: &[u8]) {
    with_file(&[bytes], |path| {
        let _ = StreamState::load(path);
    });
}

pub(crate) fn csv(bytes: &[u8]) {
    with_file(&[bytes], |path| {
        for options in [
            "",
            ",missing=mask",
            ",missing=previous,reverse",
            ",label=b,task=per-step",
            ",time=a,missing=mask",
            ",id=a,window=all,horizon=0,target=b,columns=a",
            ",id=a,horizon=1..3,split=time,static=c,missing=mask",
            ",time=a,duplicates=mean,missing=mask",
        ] {
            let data = format!("csv:{},window=2{options}", path.display());
            if let Ok(series) = lnn_data::open(&data, &mut |_| ()) {
                let _ = series.parts(&SplitRequest::new(0.2, 0));
            }
        }
    });
}

pub(crate) fn ts(bytes: &[u8]) {
    with_file(&[bytes], |path| {
        for options in ["", ",missing=mask"] {
            if let Ok(series) = lnn_data::open(&format!("ts:{}{options}", path.display()), &mut |_| ()) {
                let _ = series.parts(&SplitRequest::new(0.2, 0));
            }
        }
    });
}

pub(crate) fn npy(bytes: &[u8]) {
    with_file(&[bytes], |path| {
        let _ = lnn_data::read_npy(path);
    });
}

pub(crate) fn npz(bytes: &[u8]) {
    with_file(&[bytes], |path| {
        for options in ["", ",missing=mask"] {
            if let Ok(data) = lnn_data::open(&format!("npz:{}{options}", path.display()), &mut |_| ()) {
                let _ = data.parts(&SplitRequest::new(0.2, 0));
            }
        }
    });
}

pub(crate) fn config(bytes: &[u8]) {
    let base = RunConfig::preset(ModelKind::Liquid, Preset::Tuned).expect("the preset exists");
    with_file(&[bytes], |path| {
        let Ok(config) = settings::apply_file(&base, path) else { return };
        if config.validate().is_ok() {
            let input = InputSpec::sequences(vec!["a".to_owned()], vec!["b".to_owned()]);
            let _ = Model::shapes(config.model, input, config.standardization, Kind::Float);
        }
    });
}

pub(crate) fn checkpoint(bytes: &[u8]) {
    with_file(&[bytes], |path| {
        if let Ok(checkpoint) = Checkpoint::load(path) {
            let _ = checkpoint.model(Device::Cpu);
        }
    });
}

pub(crate) fn module(bytes: &[u8]) {
    with_file(&[bytes], |path| {
        if let Ok(module) = Exported::load(path) {
            let _ = module.to_checkpoint();
        }
    });
}
