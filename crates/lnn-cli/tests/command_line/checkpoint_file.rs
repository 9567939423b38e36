//! Checkpoints read byte by byte, as the format of safetensors says: an independent reader, which can also spoil them.

use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A safetensors file in its parts.
pub(crate) struct CheckpointFile {
    header: Map<String, Value>,
    data: Vec<u8>,
}

/// Element type, shape and bytes.
pub(crate) type StoredTensor = (String, Vec<u64>, Vec<u8>);

/// Removes from the metrics of an epoch what depends on the pace of the machine, and the number of epochs that was asked for.
pub(crate) fn timeless(line: &mut Value) {
    for key in ["samples_per_second", "seconds", "eta_seconds", "epochs"] {
        line[key] = Value::Null;
    }
}

impl CheckpointFile {
    /// Reads a file: eight bytes with the length of the header, little endian; the header, JSON; the tensors.
    pub(crate) fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (length, rest) = bytes.split_first_chunk().expect("the file has a length");
        let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
        Self { header: serde_json::from_slice(header).expect("the header is JSON"), data: data.to_vec() }
    }

    /// Writes the parts together.
    pub(crate) fn write(&self, path: &Path) {
        let header = serde_json::to_vec(&self.header).expect("the header is plain data");
        let length = (header.len() as u64).to_le_bytes();
        fs::write(path, [&length[..], &header, &self.data].concat()).expect("the file can be written");
    }

    /// The JSON under the only metadata key, `lnn`.
    pub(crate) fn description(&self) -> Value {
        let metadata = self.header["__metadata__"].as_object().expect("there is metadata");
        assert_eq!(metadata.keys().collect::<Vec<_>>(), ["lnn"]);
        serde_json::from_str(metadata["lnn"].as_str().expect("metadata is text")).expect("the text is JSON")
    }

    /// The description without the time that training took.
    pub(crate) fn timeless_description(&self) -> Value {
        let mut description = self.description();
        assert!(description["training"]["seconds"].take().is_number());
        // The checkpoint that a run is resumed from also holds the lines of its epochs.
        for line in description["training"]["recorded_epochs"].as_array_mut().into_iter().flatten() {
            timeless(line);
        }
        description
    }

    /// Changes the description.
    pub(crate) fn describe(&mut self, change: impl FnOnce(&mut Value)) {
        let mut description = self.description();
        change(&mut description);
        self.header["__metadata__"]["lnn"] = Value::String(description.to_string());
    }

    /// Changes the header.
    pub(crate) fn header(&mut self) -> &mut Map<String, Value> {
        &mut self.header
    }

    /// All tensors whose names start with `prefix`.
    pub(crate) fn tensors(&self, prefix: &str) -> BTreeMap<String, StoredTensor> {
        let tensors =
            self.header.iter().filter(|(name, _)| *name != "__metadata__" && name.starts_with(prefix));
        tensors.map(|(name, entry)| (name.clone(), self.tensor(entry))).collect()
    }

    fn tensor(&self, entry: &Value) -> StoredTensor {
        let numbers = |key: &str| -> Vec<u64> {
            serde_json::from_value(entry[key].clone()).unwrap_or_else(|error| panic!("{key}: {error}"))
        };
        let offsets = numbers("data_offsets");
        let bytes = self.data[offsets[0] as usize..offsets[1] as usize].to_vec();
        (entry["dtype"].as_str().expect("a type is text").to_owned(), numbers("shape"), bytes)
    }
}
