//! A known set, opened.

use crate::error::DataError;
#[cfg(feature = "fetch")]
use crate::fetch::ensure as present;
use crate::known::cache::Cache;
use crate::known::catalog::KnownSet;
use crate::known::format::Format;
#[cfg(not(feature = "fetch"))]
use crate::known::verified;
use crate::progress::Progress;
use crate::readers::{cifar10, csv, idx_folder, known_table, ts};
use crate::source::{DataSource, Trained};
use std::path::PathBuf;

/// Reads a known set, and fetches missing files if this crate has the feature `fetch`.
pub(crate) fn open_known(
    cache: &Cache,
    (set, options): (&KnownSet, &str),
    trained: Option<&Trained<'_>>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Box<dyn DataSource>, DataError> {
    if !options.is_empty() && set.format != Format::Table {
        return Err(DataError::NoOptions { name: set.name.to_owned(), found: options[1..].to_owned() });
    }
    let files = present(cache, set, progress)?;
    read((set, options), &files, trained, progress)
}

#[cfg(not(feature = "fetch"))]
fn present(
    cache: &Cache,
    set: &KnownSet,
    _progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<PathBuf>, DataError> {
    verified::cached(set, &cache.folder(set.name))
}

/// Reads the `files` of `set`, in the order of `set.files`.
fn read(
    (set, options): (&KnownSet, &str),
    files: &[PathBuf],
    trained: Option<&Trained<'_>>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Box<dyn DataSource>, DataError> {
    let class_names = set.class_names.iter().map(ToString::to_string).collect();
    Ok(match set.format {
        Format::Idx => {
            let files = files.try_into().expect("the catalog lists four files");
            Box::new(idx_folder::read(set.name, files, class_names)?)
        }
        Format::Cifar => {
            let bytes = set.files[0].bytes as usize;
            let batches = files.iter().map(|path| Ok((path.clone(), cifar10::content(path, bytes)?)));
            Box::new(cifar10::read(set.name, batches, class_names, bytes / cifar10::RECORD)?)
        }
        Format::Table => {
            let text = format!("{}{options}", set.name);
            csv::open_known(&text, &files[0], known_table::text(&files[0])?, trained, progress)?
        }
        Format::Ts => Box::new(ts::open_files([&files[0], &files[1]], trained, progress)?),
    })
}

#[cfg(test)]
// The numbers are whole.
#[allow(clippy::float_cmp)]
mod tests {
    use super::*;
    use crate::known::catalog;
    use crate::source::SplitRequest;
    use lnn_core::SampleSet;

    #[test]
    fn a_known_series_takes_the_options_of_a_table_and_a_test_has_those_of_its_training() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("santafe_laser.npy");
        let header = "{'descr': '<i8', 'fortran_order': False, 'shape': (100, 1), }\n";
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.bytes().chain((0..100_i64).flat_map(i64::to_le_bytes)));
        std::fs::write(&path, bytes).unwrap();
        let open = |spec: &'static str, trained: Option<&Trained<'_>>| {
            let known = catalog::with_options(spec).unwrap();
            read(known, std::slice::from_ref(&path), trained, &mut |_| ())
        };
        let spec = "santa-fe-laser,window=5,horizon=1..2,test=0.2";
        let data = open(spec, None).unwrap();
        assert_eq!(data.spec().task.names(), ["intensity+1", "intensity+2"]);
        let parts = data.parts(&SplitRequest::new(0.25, 0)).unwrap();
        // 60 rows for training, then 20 for validation and 20 for the test.
        let first = |set: &SampleSet| set.narrow(0, 1).targets.double_value(&[0, 0]);
        assert_eq!([&parts.train, &parts.validation, &parts.test].map(first), [5.0, 60.0, 85.0]);
        let input = data.spec();
        let trained = Trained { data: spec, input: &input, known: Some(&parts.fingerprints) };
        let tested = open("santa-fe-laser", Some(&trained)).unwrap().test().unwrap();
        assert_eq!((tested.len(), first(&tested)), (parts.test.len(), 85.0));
        assert!(open("santa-fe-laser,horizon=2", Some(&trained)).is_err());
        let error = open("santa-fe-laser,widow=2", None).unwrap_err().to_string();
        assert!(error.contains("widow"), "{error}");
    }
}
