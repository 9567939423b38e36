//! The state of a stream: one safetensors file, from which another process goes on.

use crate::error::Error;
use crate::files::atomic_write::write_atomically;
use crate::files::checkpoint::{Stored, tensor};
use safetensors::tensor::SafeTensors;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;
use tch::Tensor;

/// The format that this crate reads and writes.
const FORMAT_VERSION: u64 = 1;

/// The metadata key of the description.
const KEY: &str = "lnn_stream";

/// What a stream needs to go on.
#[derive(Debug)]
pub struct StreamState {
    /// [`Checkpoint::fingerprint`](crate::Checkpoint::fingerprint) of the model.
    pub model: u64,
    /// What its reader has to remember, as JSON.
    pub reader: serde_json::Value,
    /// What [`Stream::tensors`](crate::Stream::tensors) returned.
    pub tensors: Vec<(String, Tensor)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Description {
    format_version: u64,
    /// In hexadecimal digits, because JSON's numbers are float64.
    model: String,
    reader: serde_json::Value,
}

impl StreamState {
    /// Writes the file atomically.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let description = Description {
            format_version: FORMAT_VERSION,
            model: format!("{:016x}", self.model),
            reader: self.reader.clone(),
        };
        let description = serde_json::to_string(&description).map_err(|error| io(error.into()))?;
        let views = self.tensors.iter().map(|(name, tensor)| (name.clone(), Stored::of(tensor)));
        let bytes = safetensors::serialize(views, Some(HashMap::from([(KEY.to_owned(), description)])))
            .map_err(|error| io(std::io::Error::other(error)))?;
        write_atomically(path, &bytes).map_err(io)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::DamagedState`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
        let damaged = |reason: String| Error::DamagedState { path: path.to_owned(), reason };
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| damaged(error.to_string()))?;
        let text = header.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
        let text = text.ok_or_else(|| damaged(format!("expected the metadata key `{KEY}`")))?;
        let description: Description =
            serde_json::from_str(text).map_err(|error| damaged(format!("its description: {error}")))?;
        if description.format_version != FORMAT_VERSION {
            let found = description.format_version;
            return Err(damaged(format!("expected format {FORMAT_VERSION}, found {found}")));
        }
        let model =
            u64::from_str_radix(&description.model, 16).map_err(|error| damaged(error.to_string()))?;
        let stored = SafeTensors::deserialize(&bytes).map_err(|error| damaged(error.to_string()))?;
        let tensors = stored.iter().map(|(name, view)| Ok((name.to_owned(), tensor(&view)?)));
        let tensors = tensors.collect::<Result<_, String>>().map_err(damaged)?;
        Ok(Self { model, reader: description.reader, tensors })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_as_it_was_written_and_other_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.safetensors");
        let tensors = vec![("rows".to_owned(), Tensor::from_slice(&[7_i64]))];
        let state = StreamState { model: u64::MAX - 1, reader: serde_json::json!({"rows": 7}), tensors };
        state.save(&path).unwrap();
        let found = StreamState::load(&path).unwrap();
        assert_eq!((found.model, &found.reader), (state.model, &state.reader));
        assert_eq!((found.tensors[0].0.as_str(), found.tensors[0].1.int64_value(&[0])), ("rows", 7));
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 3]).unwrap();
        assert!(StreamState::load(&path).unwrap_err().to_string().contains("not the state of a stream"));
        std::fs::write(&path, "rows").unwrap();
        assert!(StreamState::load(&path).is_err());
    }
}
