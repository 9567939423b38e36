//! Import: a TorchScript module that was exported, and perhaps fine-tuned in Python, becomes a checkpoint.

use crate::error::Error;
use crate::files::checkpoint::{Checkpoint, Description, FORMAT_VERSION};
use crate::files::export::{ATTRIBUTE, EXPORT_VERSION, EXTRA_FILE, ExportDescription};
use crate::model::Model;
use lnn_core::Role;
use lnn_sys::{ScriptModule, ScriptTensor};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use tch::Device;

/// How a `.pt` file begins: it is a zip archive.
const ZIP: &[u8] = b"PK\x03\x04";

/// An exported module that was read from its file.
#[derive(Debug)]
pub struct Exported {
    /// The description in the file.
    pub description: ExportDescription,
    /// The module's tensors, on the CPU.
    pub tensors: Vec<ScriptTensor>,
    path: PathBuf,
}

impl Exported {
    /// Whether a file looks like a `.pt`, by its first bytes.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read.
    pub fn recognizes(path: &Path) -> Result<bool, Error> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let mut start = Vec::new();
        let file = std::fs::File::open(path).map_err(io)?;
        std::io::Read::read_to_end(&mut std::io::Read::take(file, ZIP.len() as u64), &mut start)
            .map_err(io)?;
        Ok(start == ZIP)
    }

    /// Reads a `.pt` file. Its code is compiled but not run.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Damaged`], [`Error::NewerExport`] or [`Error::OlderExport`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
        let damaged = |reason: String| Error::Damaged { path: path.to_owned(), reason };
        let (module, extra) = ScriptModule::load(&bytes, EXTRA_FILE).map_err(|error| {
            let reason = error.to_string();
            let reason = reason.lines().next().unwrap_or_default();
            damaged(format!("expected a TorchScript module, found {} bytes ({reason})", bytes.len()))
        })?;
        // The attribute first: it is the one that cannot be written apart from the module.
        let text = match module.text(ATTRIBUTE).map_err(lnn_core::Error::from)? {
            Some(text) => Some(text),
            None => extra.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        };
        let text = text.ok_or_else(|| {
            damaged(format!(
                "expected the attribute `{ATTRIBUTE}` or the extra file `{EXTRA_FILE}`, found neither; hint: the \
                 module was not exported by lnn-cli, or it was frozen; save it before torch.jit.freeze"
            ))
        })?;
        check_version(path, &text)?;
        let description =
            serde_json::from_str(&text).map_err(|error| damaged(format!("its {EXTRA_FILE}: {error}")))?;
        let tensors = module.tensors().map_err(lnn_core::Error::from)?;
        Ok(Self { description, tensors, path: path.to_owned() })
    }

    /// A checkpoint with the module's weights, after names, roles, dtypes and shapes were compared with the model's. Its state of
    /// training says which file the weights are from.
    ///
    /// # Errors
    /// [`Error::Unfit`] if a tensor does not fit, [`Error::Config`] or [`Error::Core`] if there is no such model.
    pub fn to_checkpoint(&self) -> Result<Checkpoint, Error> {
        let stored = &self.description.checkpoint;
        let options = (self.description.kind(), Device::Cpu);
        let model =
            Model::blank(stored.model.clone(), stored.input.clone(), stored.standardization, options)?;
        let unfit = |reason: String| Error::Unfit { path: self.path.clone(), reason };
        for entry in model.parameters().entries() {
            let name = &entry.name;
            let word = |parameter| if parameter { "a parameter" } else { "a buffer" };
            let expected = word(entry.role == Role::Trainable);
            let found = self.tensors.iter().find(|found| found.name == *name);
            match found.map(|found| word(found.parameter)) {
                Some(found) if found == expected => {}
                found => {
                    let found = found.unwrap_or("nothing");
                    return Err(unfit(format!("expected `{name}` as {expected}, found {found}")));
                }
            }
        }
        let tensors = self.tensors.iter().map(|found| (found.name.clone(), found.tensor.detach()));
        let tensors: Vec<_> = tensors.collect();
        model.load(&tensors).map_err(|error| unfit(error.to_string()))?;
        let training =
            serde_json::json!({ "imported_from": self.path.file_name().map(|name| name.to_string_lossy()) });
        let description = Description { training, format_version: FORMAT_VERSION, ..stored.clone() };
        Ok(Checkpoint { description, model: model.parameters().snapshot(), optimizer: Vec::new(), data: Vec::new() })
    }
}

/// Reads the version alone first: a newer description may have other fields.
fn check_version(path: &Path, text: &str) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Version {
        export_version: u64,
    }
    let Version { export_version: found } = serde_json::from_str(text).map_err(|error| Error::Damaged {
        path: path.to_owned(),
        reason: format!("the version in its {EXTRA_FILE}: {error}"),
    })?;
    if found > EXPORT_VERSION {
        return Err(Error::NewerExport { path: path.to_owned(), found, supported: EXPORT_VERSION });
    }
    if found < EXPORT_VERSION {
        return Err(Error::OlderExport { path: path.to_owned(), found, supported: EXPORT_VERSION });
    }
    Ok(())
}
