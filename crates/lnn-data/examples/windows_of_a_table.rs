//! Reads a CSV file and shows the windows that a model would be trained on.

#![allow(clippy::print_stdout)]

use lnn_data::{DataError, SplitRequest};
use std::path::Path;

/// The shapes of the first training batch of two windows, and the number of windows for training, validation and test.
///
/// # Errors
/// Those of the reader.
pub fn shapes(table: &Path) -> Result<([Vec<i64>; 2], [i64; 3]), DataError> {
    let spec = format!("csv:{},target=load,window=4,horizon=1", table.display());
    let source = lnn_data::open(&spec, &mut |_| ())?;
    let parts = source.parts(&SplitRequest::new(0.25, 0))?;
    let batch = parts.train.narrow(0, 2);
    let counts = [&parts.train, &parts.validation, &parts.test].map(lnn_core::SampleSet::len);
    Ok(([batch.input.x.size(), batch.targets.size()], counts))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let table = folder.path().join("power.csv");
    let rows = (0..40).map(|hour| format!("{},{}\n", hour % 24, 10 * hour));
    std::fs::write(&table, std::iter::once("hour,load\n".to_owned()).chain(rows).collect::<String>())?;
    let (batch, counts) = shapes(&table)?;
    println!(
        "inputs {:?}, targets {:?}; windows for training, validation and test: {counts:?}",
        batch[0], batch[1]
    );
    Ok(())
}
