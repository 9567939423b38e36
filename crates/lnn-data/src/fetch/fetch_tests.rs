//! Fetching from local servers, and finding files that are already present.

use std::fs;

use sha2::{Digest, Sha256};

use super::*;
use crate::fetch::download::Server;
use crate::known::format::Format;
use crate::known::listing::listing;
use crate::opened::open_known;
use crate::source::{DataSource, SplitRequest};

/// The four files of a set of 3 + 2 images.
fn contents() -> [Vec<u8>; 4] {
    let images = |n| {
        let mut file = Vec::new();
        idx::write_images(&mut file, &ndarray::Array4::from_elem((n, 1, 2, 2), 9)).unwrap();
        file
    };
    let labels = |labels: &[u8]| {
        let mut file = Vec::new();
        idx::write_labels(&mut file, labels).unwrap();
        file
    };
    [images(3), labels(&[0, 1, 0]), images(2), labels(&[1, 1])]
}

const NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// A set of [`contents`] that `mirrors` provide.
fn set(mirrors: &[&str]) -> KnownSet {
    let contents = contents().into_iter().zip(NAMES).map(|(content, name)| KnownFile {
        name,
        bytes: content.len() as u64,
        sha256: leak(format!("{:x}", Sha256::digest(&content))),
    });
    let sources: Vec<_> = mirrors.iter().map(|url| Source::Mirror(leak((*url).to_owned()))).collect();
    KnownSet {
        name: "tiny",
        title: "squares",
        licence: "none",
        class_names: &["dark", "light"],
        format: Format::Idx,
        files: contents.collect::<Vec<_>>().leak(),
        sources: sources.leak(),
    }
}

fn gz(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn good_files() -> Vec<(String, Vec<u8>)> {
    NAMES.iter().zip(contents()).map(|(name, content)| (format!("/{name}.gz"), gz(&content))).collect()
}

/// The numbers of samples for training and validation together, and for the test.
pub(super) fn sizes(data: &dyn DataSource) -> [i64; 2] {
    let parts = data.parts(&SplitRequest::new(0.1, 0)).unwrap();
    [parts.train.len() + parts.validation.len(), parts.test.len()]
}

/// Runs `ensure` and returns its result with the reported events.
fn run(cache: &Cache, set: &KnownSet) -> (Result<Vec<PathBuf>, DataError>, Vec<String>) {
    let mut events = Vec::new();
    let result = ensure(cache, set, &mut |event| {
        events.push(match event {
            Progress::Trying { .. } => "trying",
            Progress::Downloading { .. } => "downloading",
            Progress::SourceFailed { .. } => "failed",
            Progress::Damaged { .. } => "damaged",
            _ => "other",
        });
    });
    events.dedup();
    (result, events.into_iter().map(str::to_owned).collect())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_set_is_fetched_once_and_then_read_without_any_server() {
    let root = tempfile::tempdir().unwrap();
    let cache = Cache::at(root.path());
    let server = Server::with_files(good_files());
    let (files, events) = run(&cache, &set(&[&server.url]));
    assert_eq!(files.unwrap()[0], root.path().join("tiny/train-images-idx3-ubyte.gz"));
    assert_eq!(events, ["trying", "downloading"]);

    let (files, events) = run(&cache, &set(&[]));
    assert!(files.is_ok() && events.is_empty(), "{events:?}");
    let data = open_known(&cache, (&set(&[]), ""), None, &mut |_| ()).unwrap();
    assert_eq!(sizes(&*data), [3, 2]);
    assert_eq!(data.spec().task.names(), ["dark", "light"]);

    let listed = listing(&cache, &set(&[]));
    assert!(listed.cached && listed.verified && listed.bytes > 0);
}

#[test]
fn bad_sources_are_skipped_and_each_reason_is_kept() {
    let missing = Server::with_files(Vec::new());
    let broken = Server::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: close\r\n\r\nhalf");
    });
    let mut wrong_files = good_files();
    wrong_files[0].1 = gz(b"something else");
    let wrong = Server::with_files(wrong_files);
    let bad = [missing.url.as_str(), broken.url.as_str(), wrong.url.as_str()];

    let root = tempfile::tempdir().unwrap();
    let cache = Cache::at(root.path());
    let error = run(&cache, &set(&bad)).0.unwrap_err();
    let DataError::AllSourcesFailed { failures, .. } = &error else { panic!("{error}") };
    assert!(matches!(failures[0].1, DataError::Http { .. }), "{error}");
    assert!(matches!(failures[1].1, DataError::Interrupted { received: 4, .. }), "{error}");
    assert!(matches!(failures[2].1, DataError::ChecksumMismatch { .. }), "{error}");
    assert!(error.to_string().contains("idx:DIR"), "{error}");
    let left: Vec<_> = names(&root.path().join("tiny")).into_iter().filter(|n| !n.starts_with('.')).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!names(&root.path().join("tiny")).iter().any(|name| name.starts_with(".partial")));

    let good = Server::with_files(good_files());
    let (files, _) = run(&cache, &set(&[bad[0], bad[1], bad[2], &good.url]));
    assert!(files.is_ok(), "{files:?}");
}

#[test]
fn what_one_source_brought_is_not_fetched_from_the_next() {
    let (first, second) = (good_files()[..2].to_vec(), good_files()[2..].to_vec());
    let (first, second) = (Server::with_files(first), Server::with_files(second));
    let root = tempfile::tempdir().unwrap();
    let (files, _) = run(&Cache::at(root.path()), &set(&[&first.url, &second.url]));
    assert!(files.is_ok(), "{files:?}");
}

#[test]
fn files_put_there_by_hand_count_once_their_sum_is_right() {
    let root = tempfile::tempdir().unwrap();
    let (cache, folder) = (Cache::at(root.path()), root.path().join("tiny"));
    fs::create_dir(&folder).unwrap();
    for (name, content) in NAMES.iter().zip(contents()) {
        fs::write(folder.join(name), content).unwrap();
    }
    let before = listing(&cache, &set(&[]));
    assert!(before.cached && !before.verified);
    assert_eq!(run(&cache, &set(&[])).0.unwrap()[3], folder.join(NAMES[3]));
    assert!(listing(&cache, &set(&[])).verified);
}

#[test]
fn a_file_that_changed_is_noticed_and_fetched_again() {
    let root = tempfile::tempdir().unwrap();
    let cache = Cache::at(root.path());
    let server = Server::with_files(good_files());
    let images = &run(&cache, &set(&[&server.url])).0.unwrap()[0];
    fs::write(images, &gz(&contents()[0])[..20]).unwrap();
    assert!(!listing(&cache, &set(&[])).verified);
    let error = verified::recheck(&set(&[]), &cache.folder("tiny")).unwrap_err();
    assert!(matches!(error, DataError::Gzip { .. } | DataError::ChecksumMismatch { .. }), "{error}");
    let (files, events) = run(&cache, &set(&[&server.url]));
    assert_eq!(events, ["damaged", "trying", "downloading"]);
    assert_eq!(idx::read_images(&files.unwrap()[0]).unwrap().dim(), (3, 1, 2, 2));
}

#[test]
fn a_sound_file_beside_a_damaged_one_of_another_spelling_is_used() {
    let root = tempfile::tempdir().unwrap();
    let (cache, folder) = (Cache::at(root.path()), root.path().join("tiny"));
    fs::create_dir(&folder).unwrap();
    for (name, content) in NAMES.iter().zip(contents()) {
        fs::write(folder.join(name), content).unwrap();
        fs::write(folder.join(format!("{name}.gz")), b"damaged").unwrap();
    }
    let data = open_known(&cache, (&set(&[]), ""), None, &mut |_| ()).unwrap();
    assert_eq!(sizes(&*data), [3, 2]);
}

#[test]
fn a_set_that_is_not_there_is_not_cached_and_names_the_command() {
    let root = tempfile::tempdir().unwrap();
    let error = verified::recheck(&set(&[]), &root.path().join("tiny")).unwrap_err();
    assert!(error.to_string().contains("data fetch tiny"), "{error}");
    assert!(!listing(&Cache::at(root.path()), &set(&[])).cached);
    assert!(names(root.path()).is_empty(), "asking makes no folder");
}
