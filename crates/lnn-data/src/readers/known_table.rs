//! A series of one number per row, whole numbers `[R, 1]` in a `.npy` file, as the text of a table.

use crate::error::DataError;
use crate::readers::npy::elements::{Content, array};
use std::fmt::Write;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// The known sets of this format, which take the options of a table.
pub(crate) const NAMES: [&str; 1] = ["santa-fe-laser"];

/// Whether data are such a set, with options or without.
pub(crate) fn is_named(data: &str) -> bool {
    data.split(',').next().is_some_and(|name| NAMES.contains(&name))
}

/// The name of the one column.
const COLUMN: &str = "intensity";

/// The table with its header.
pub(crate) fn text(path: &Path) -> Result<String, DataError> {
    let file = File::open(path).map_err(DataError::io("open", path))?;
    let most = file.metadata().map_err(DataError::io("read", path))?.len();
    let problem = |problem: String| DataError::Archive { path: path.to_owned(), problem };
    let found = array(&mut BufReader::new(file), most)
        .map_err(|(expected, found)| problem(format!("expected {expected}, found {found}")))?;
    let Content::Integers(numbers) = found.content else {
        return Err(problem("expected whole numbers, found others".to_owned()));
    };
    let mut text = format!("{COLUMN}\n");
    for number in numbers {
        writeln!(text, "{number}").expect("a text grows");
    }
    Ok(text)
}
