//! What stands after `--data`.

use std::path::Path;

use super::catalog::{self, KNOWN_SETS, KnownSet};
use super::fetch::{Progress, ensure};
use super::{Cache, DataError, ImageData, idx_folder};

const IDX_FOLDER: &str = "idx:";

/// Reads the data that `spec` names: a known set (`mnist`, `fashion-mnist`), fetched first if need be, or `idx:DIR`
/// for a folder of IDX files.
///
/// # Errors
/// [`DataError::UnknownDataSet`] with the nearest name, else those of [`super::fetch()`] and [`idx_folder::open_dir`].
pub fn open(spec: &str, progress: &mut dyn FnMut(Progress<'_>)) -> Result<ImageData, DataError> {
    // A new file format gets its line here.
    match spec.strip_prefix(IDX_FOLDER) {
        Some(folder) if !folder.is_empty() => idx_folder::open_dir(Path::new(folder)),
        _ => open_known(&Cache::from_env()?, known(spec)?, progress),
    }
}

pub(crate) fn open_known(
    cache: &Cache,
    set: &KnownSet,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<ImageData, DataError> {
    let files = ensure(cache, set, progress)?;
    idx_folder::read(set.name, &files, set.class_names.iter().map(ToString::to_string).collect())
}

/// The known set called `name`, or an error that helps.
pub(crate) fn known(name: &str) -> Result<&'static KnownSet, DataError> {
    catalog::find(name).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> DataError {
    let known = KNOWN_SETS.iter().map(|set| set.name.to_owned());
    let known: Vec<String> = known.chain([format!("{IDX_FOLDER}DIR")]).collect();
    let suggestion =
        if Path::new(name).is_dir() { Some(format!("{IDX_FOLDER}{name}")) } else { nearest(name, &known) };
    DataError::UnknownDataSet { name: name.to_owned(), suggestion, known }
}

/// The known name that is close enough to be meant.
fn nearest(name: &str, known: &[String]) -> Option<String> {
    let name = name.to_lowercase().replace('_', "-");
    let scored = known.iter().map(|known| (strsim::jaro_winkler(&name, known), known));
    let (score, best) = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (score > 0.75).then(|| best.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuse(spec: &str) -> String {
        open(spec, &mut |_| panic!("nothing may be fetched")).unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest_and_all_known_ones() {
        for (typo, meant) in [("mnits", "mnist"), ("MNIST", "mnist"), ("fashion_mnist", "fashion-mnist")] {
            let error = refuse(typo);
            assert!(error.contains(&format!("did you mean {meant:?}")), "{error}");
            assert!(error.contains("mnist, fashion-mnist, idx:DIR"), "{error}");
        }
        assert!(!refuse("weather").contains("did you mean"));
    }

    #[test]
    fn a_folder_without_its_format_is_met_with_the_format() {
        let folder = tempfile::tempdir().unwrap();
        let error = refuse(folder.path().to_str().unwrap());
        assert!(error.contains("did you mean \"idx:/"), "{error}");
        assert!(refuse("idx:").contains("idx:DIR"));
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_with_its_path() {
        assert!(refuse("idx:/nowhere/at/all").contains("/nowhere/at/all"));
    }
}
