//! What stands after `--data`.

use std::path::Path;

use super::catalog::{self, KNOWN_SETS, KnownSet};
use super::fetch::ensure;
use super::format::Format;
use super::{Cache, DataError, ImageData, Progress, cifar10, idx_folder, image_folder};

/// Reads the set at a path.
type Reader = fn(&Path, &mut dyn FnMut(Progress<'_>)) -> Result<ImageData, DataError>;

/// What can be read from any path, as `NAME:PATH`. A new format gets its line here.
const READERS: [(&str, Reader); 3] = [
    ("idx", |folder, _| idx_folder::open_dir(folder)),
    ("cifar10", |folder, _| cifar10::open_dir(folder)),
    ("folder", image_folder::open_dir),
];

/// What is opened elsewhere, because it has sequences and no images, as `--data` takes it.
const SEQUENCES: [&str; 2] = ["toy", "csv:FILE,…"];

/// Reads the data that `spec` names: a known set (`mnist`, `fashion-mnist`, `cifar10`), fetched first if need be, or
/// what lies in a folder: `idx:DIR`, `cifar10:DIR` or `folder:DIR`.
///
/// # Errors
/// [`DataError::UnknownDataSet`] with the nearest name, else those of [`super::fetch()`], [`idx_folder::open_dir`],
/// [`cifar10::open_dir`] and [`image_folder::open_dir`].
pub fn open(spec: &str, progress: &mut dyn FnMut(Progress<'_>)) -> Result<ImageData, DataError> {
    match at_path(spec) {
        Some((read, path)) => read(Path::new(path), progress),
        None => open_known(&Cache::from_env()?, known(spec)?, progress),
    }
}

/// The reader and the path of `NAME:PATH`.
fn at_path(spec: &str) -> Option<(Reader, &str)> {
    let (name, path) = spec.split_once(':').filter(|(_, path)| !path.is_empty())?;
    READERS.iter().find(|(known, _)| *known == name).map(|(_, read)| (*read, path))
}

pub(crate) fn open_known(
    cache: &Cache,
    set: &KnownSet,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<ImageData, DataError> {
    Format::read(set, &ensure(cache, set, progress)?)
}

/// The known set called `name`, or an error that helps.
pub(crate) fn known(name: &str) -> Result<&'static KnownSet, DataError> {
    catalog::find(name).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> DataError {
    let sets = KNOWN_SETS.iter().map(|set| set.name.to_owned());
    let formats = READERS.iter().map(|(name, _)| format!("{name}:DIR"));
    let known: Vec<String> = sets.chain(formats).chain(SEQUENCES.map(String::from)).collect();
    let folder = Path::new(name);
    let suggestion = match folder.is_dir() {
        true => Some(format!("{}:{name}", likely_reader(folder))),
        false => nearest(name, &known),
    };
    DataError::UnknownDataSet { name: name.to_owned(), suggestion, known }
}

/// What `folder` looks like.
fn likely_reader(folder: &Path) -> &'static str {
    let has = |name: &str| folder.join(name).exists();
    let cifar10 = has(cifar10::BATCHES[0]) || has(cifar10::FOLDER) || has(cifar10::ARCHIVE);
    match (cifar10, folder.join("train").is_dir()) {
        (true, _) => "cifar10",
        (false, true) => "folder",
        (false, false) => "idx",
    }
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
        for (typo, meant) in [
            ("mnits", "mnist"),
            ("MNIST", "mnist"),
            ("fashion_mnist", "fashion-mnist"),
            ("CIFAR-10", "cifar10"),
            ("toys", "toy"),
        ] {
            let error = refuse(typo);
            assert!(error.contains(&format!("did you mean {meant:?}")), "{error}");
            assert!(
                error.contains(
                    "mnist, fashion-mnist, cifar10, idx:DIR, cifar10:DIR, folder:DIR, toy, csv:FILE,…"
                ),
                "{error}"
            );
        }
        assert!(!refuse("weather").contains("did you mean"));
    }

    #[test]
    fn a_folder_without_its_format_is_met_with_the_format() {
        let folder = tempfile::tempdir().unwrap();
        let error = refuse(folder.path().to_str().unwrap());
        assert!(error.contains("did you mean \"idx:/"), "{error}");
        assert!(refuse("idx:").contains("idx:DIR"));
        for (inner, format) in [("train", "folder"), ("cifar-10-batches-bin", "cifar10")] {
            std::fs::create_dir(folder.path().join(inner)).unwrap();
            let error = refuse(folder.path().to_str().unwrap());
            assert!(error.contains(&format!("did you mean \"{format}:/")), "{error}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_with_its_path() {
        assert!(refuse("idx:/nowhere/at/all").contains("/nowhere/at/all"));
    }
}
