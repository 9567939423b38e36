//! A set in one archive: from a local server, or found in the data folder.

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::tests::sizes;
use super::*;
use crate::fetch::download::Server;
use crate::known::format::Format;
use crate::known::listing::listing;
use crate::opened::open_known;
use crate::readers::cifar10::{ARCHIVE, BATCHES, FOLDER};
use crate::source::DataSource;

/// Six files of two records.
fn contents() -> [Vec<u8>; 6] {
    std::array::from_fn(|file| [vec![1; 3073], vec![file as u8 % 2; 3073]].concat())
}

fn archive() -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, content) in BATCHES.iter().zip(contents()) {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, Path::new(FOLDER).join(name), &content[..]).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn leak(text: String) -> &'static str {
    text.leak()
}

/// A set of [`contents`] that the server at `url` provides.
fn set(url: &str) -> KnownSet {
    let sum = |content: &[u8]| leak(format!("{:x}", Sha256::digest(content)));
    let files = BATCHES.iter().zip(contents()).map(|(name, content)| KnownFile {
        name,
        bytes: content.len() as u64,
        sha256: sum(&content),
    });
    let (url, bytes) = (leak(format!("{url}{ARCHIVE}")), archive().len() as u64);
    KnownSet {
        name: "tiny",
        title: "squares",
        licence: "none",
        class_names: &["dark", "light"],
        format: Format::Cifar,
        files: files.collect::<Vec<_>>().leak(),
        sources: vec![Source::Archive(Download { url, sha256: sum(&archive()), bytes })].leak(),
    }
}

/// A set that no server provides.
fn unreachable_set() -> KnownSet {
    set("http://127.0.0.1:9/")
}

fn open(cache: &Cache, set: &KnownSet) -> Box<dyn DataSource> {
    open_known(cache, (set, ""), None, &mut |_| ()).unwrap()
}

#[test]
fn an_archive_is_fetched_once_and_then_read_without_any_server() {
    let root = tempfile::tempdir().unwrap();
    let cache = Cache::at(root.path());
    let server = Server::with_files(vec![(format!("/{ARCHIVE}"), archive())]);
    let data = open(&cache, &set(&server.url));
    assert_eq!((sizes(&*data), data.spec().image()), ([10, 2], Some([3, 32, 32])));
    assert_eq!(data.spec().task.names(), ["dark", "light"]);
    let again = open(&cache, &unreachable_set());
    assert_eq!(again.test().unwrap().narrow(0, 2).input.x, data.test().unwrap().narrow(0, 2).input.x);
    let listed = listing(&cache, &unreachable_set());
    assert!(listed.cached && listed.verified && listed.bytes == 6 * 2 * 3073);
    assert!(!root.path().join("tiny").join(ARCHIVE).exists(), "the archive itself is not kept");
}

#[test]
fn an_archive_in_the_data_folder_is_unpacked_once() {
    for place in ["", "tiny"] {
        let root = tempfile::tempdir().unwrap();
        let (cache, folder) = (Cache::at(root.path()), root.path().join(place));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(ARCHIVE), archive()).unwrap();
        let before = listing(&cache, &unreachable_set());
        assert!(before.cached && !before.verified && before.path == folder);
        assert_eq!(local::recheck(&cache, &unreachable_set()).unwrap(), [folder.join(ARCHIVE)]);
        assert_eq!(sizes(&*open(&cache, &unreachable_set())), [10, 2]);
        assert!(listing(&cache, &unreachable_set()).verified);
        assert_eq!(local::recheck(&cache, &unreachable_set()).unwrap().len(), 6);
    }
}

#[test]
fn an_unpacked_folder_is_read_where_it_lies() {
    for place in [FOLDER.to_owned(), format!("tiny/{FOLDER}"), "tiny".to_owned()] {
        let root = tempfile::tempdir().unwrap();
        let (cache, folder) = (Cache::at(root.path()), root.path().join(&place));
        fs::create_dir_all(&folder).unwrap();
        for (name, content) in BATCHES.iter().zip(contents()) {
            fs::write(folder.join(name), content).unwrap();
        }
        assert_eq!(sizes(&*open(&cache, &unreachable_set())), [10, 2]);
        let listed = listing(&cache, &unreachable_set());
        assert!(listed.cached && listed.verified && listed.path == folder, "{place}: {listed:?}");
    }
}

#[test]
fn a_damaged_archive_in_the_data_folder_is_told_and_fetched_again() {
    let root = tempfile::tempdir().unwrap();
    let cache = Cache::at(root.path());
    fs::write(root.path().join(ARCHIVE), &archive()[..100]).unwrap();
    let error = local::recheck(&cache, &unreachable_set()).unwrap_err();
    assert!(matches!(error, DataError::ChecksumMismatch { .. }), "{error}");
    let error = ensure(&cache, &unreachable_set(), &mut |_| ()).unwrap_err();
    let DataError::AllSourcesFailed { failures, .. } = &error else { panic!("{error}") };
    assert!(matches!(failures[0].1, DataError::Archive { .. }), "{error}");
    assert!(error.to_string().contains(ARCHIVE) && error.to_string().contains("cifar10:DIR"), "{error}");
    let server = Server::with_files(vec![(format!("/{ARCHIVE}"), archive())]);
    assert_eq!(sizes(&*open(&cache, &set(&server.url))), [10, 2]);
}

#[test]
fn files_that_are_not_the_known_ones_are_not_let_in() {
    let root = tempfile::tempdir().unwrap();
    let mut other = unreachable_set();
    let mut files = other.files.to_vec();
    files[3].sha256 = "00";
    other.files = files.leak();
    fs::write(root.path().join(ARCHIVE), archive()).unwrap();
    let error = ensure(&Cache::at(root.path()), &other, &mut |_| ()).unwrap_err();
    let DataError::AllSourcesFailed { failures, .. } = &error else { panic!("{error}") };
    assert!(matches!(failures[0].1, DataError::ChecksumMismatch { .. }), "{error}");
    assert!(!root.path().join("tiny").join(BATCHES[3]).exists());
}
