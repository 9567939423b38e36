//! Tests of reading `.npz` files.

// The numbers are whole.
#![allow(clippy::float_cmp)]

use super::*;
use crate::source::{DataSource, SplitRequest};
use lnn_core::{SampleSet, Samples};
use std::io::Write;
use zip::write::SimpleFileOptions;

/// A file with arrays of their names.
struct Npz(Vec<(&'static str, Vec<u8>)>);

/// The bytes of a `.npy` file.
fn npy(kind: &str, shape: &[usize], content: impl IntoIterator<Item = u8>) -> Vec<u8> {
    let extents: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let extents = extents.join(", ") + ",";
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({extents}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes().chain(content));
    bytes
}

fn floats(shape: &[usize], numbers: impl IntoIterator<Item = f64>) -> Vec<u8> {
    npy("<f8", shape, numbers.into_iter().flat_map(f64::to_le_bytes))
}

fn integers(shape: &[usize], numbers: impl IntoIterator<Item = i64>) -> Vec<u8> {
    npy("<i8", shape, numbers.into_iter().flat_map(i64::to_le_bytes))
}

fn texts(texts: &[&str]) -> Vec<u8> {
    let letters = |text: &&str| {
        let padded = text.chars().map(u32::from).chain(std::iter::repeat(0)).take(4);
        padded.flat_map(u32::to_le_bytes).collect::<Vec<u8>>()
    };
    npy("<U4", &[texts.len()], texts.iter().flat_map(letters))
}

impl Npz {
    /// Twelve sequences of three steps of two numbers, which count, with classes 0 and 1 in turn.
    fn counted() -> Self {
        Self(vec![
            ("x", floats(&[12, 3, 2], (0..72).map(f64::from))),
            ("y", integers(&[12], (0..12).map(|i| i % 2))),
        ])
    }

    /// Sets an array.
    fn with(mut self, name: &'static str, array: Vec<u8>) -> Self {
        self.0.retain(|(other, _)| *other != name);
        self.0.push((name, array));
        self
    }

    fn opened(&self, options: &str) -> Result<SeriesSet, DataError> {
        self.written(options, SimpleFileOptions::default())
    }

    fn written(&self, options: &str, how: SimpleFileOptions) -> Result<SeriesSet, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npz");
        let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
        for (name, bytes) in &self.0 {
            archive.start_file(format!("{name}.npy"), how).unwrap();
            archive.write_all(bytes).unwrap();
        }
        archive.finish().unwrap();
        open(&format!("{}{options}", path.display()), None, &mut |_| ())
    }

    fn refused(&self, options: &str) -> String {
        self.opened(options).unwrap_err().to_string()
    }
}

fn all(set: &SampleSet) -> Samples {
    set.narrow(0, set.len())
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.to_kind(tch::Kind::Double).contiguous().view([-1])).unwrap()
}

#[test]
fn a_class_of_each_sequence_is_read_plain_and_compressed() {
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for how in [stored, SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated)] {
        let data = Npz::counted().written("", how).unwrap();
        let spec = data.spec();
        assert_eq!((spec.per, spec.task.names()), (Per::Sequence, &["0".to_owned(), "1".into()][..]));
        assert_eq!(spec.shape, InputShape::Sequences { features: vec!["0".into(), "1".into()] });
        let parts = data.parts(&SplitRequest::new(0.25, 0)).unwrap();
        assert_eq!([&parts.train, &parts.validation, &parts.test].map(SampleSet::len), [8, 2, 2]);
        let batch = all(&parts.test);
        assert_eq!(batch.input.x.size(), [2, 3, 2]);
        let first = numbers(&batch.input.x.select(1, 0).select(1, 0));
        assert_eq!(first.iter().map(|x| (x / 6.0) % 2.0).collect::<Vec<_>>(), numbers(&batch.targets));
    }
}

#[test]
fn values_and_classes_of_sequences_and_of_steps_have_their_shapes() {
    let count = |n: i32| (0..n).map(f64::from);
    for (y, per, names, size) in [
        (floats(&[12], count(12)), Per::Sequence, "y", vec![12, 1]),
        (floats(&[12, 2], count(24)), Per::Sequence, "y0 y1", vec![12, 2]),
        (floats(&[12, 3, 1], count(36)), Per::Step, "y", vec![12, 3, 1]),
        (floats(&[12, 3, 2], count(72)), Per::Step, "y0 y1", vec![12, 3, 2]),
        (integers(&[12, 3], (0..36).map(|i| i % 4 + 5)), Per::Step, "5 6 7 8", vec![12, 3]),
        (npy("|b1", &[12], (0..12).map(|i| i % 2)), Per::Sequence, "0 1", vec![12]),
    ] {
        let data = Npz::counted().with("y", y).opened("").unwrap();
        let data = data.of(&(0..12).collect::<Vec<_>>(), TestSeries::All);
        assert_eq!((data.spec().per, data.spec().task.names().join(" ").as_str()), (per, names));
        let targets = all(&data.test().unwrap()).targets;
        assert_eq!(targets.size(), size);
        let expected: Vec<f64> = (0..targets.numel()).map(|i| i as f64).collect();
        match names.starts_with('y') {
            true => assert_eq!(numbers(&targets), expected),
            false => assert!(numbers(&targets).iter().all(|label| *label < 4.0)),
        }
    }
}

#[test]
fn the_file_says_the_parts_the_time_the_lengths_and_the_names() {
    let data = Npz::counted()
        .with("dt", floats(&[12, 3], (0..36).map(|i| if i % 3 == 0 { 0.0 } else { 0.5 })))
        .with("lengths", npy("|u1", &[12], (0..12).map(|i| 1 + i % 3)))
        .with("train", integers(&[6], [11, 1, 3, 5, 7, 9]))
        .with("validation", integers(&[2], [0, 2]))
        .with("test", integers(&[3], [4, 10, 8]))
        .with("features", texts(&["up", "löss"]))
        .with("classes", texts(&["no", "yes", "?"]));
    let mut notes = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    for (name, bytes) in &data.0 {
        archive.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
    let text = path.display().to_string();
    let found = open(&text, None, &mut |progress| {
        if let Progress::Note { text } = progress {
            notes.push(text.to_owned());
        }
    });
    let found = found.unwrap();
    assert_eq!(notes, ["1 of 12 sequences are in no part and are left out"]);
    let spec = found.spec();
    assert_eq!(spec.shape, InputShape::Sequences { features: vec!["up".into(), "löss".into()] });
    assert_eq!((spec.task.names().len(), spec.timing), (3, Some(Timing { unit: 0.5, typical_dt: 1.0 })));
    let parts = found.parts(&SplitRequest::new(0.5, 7)).unwrap();
    let first = |set: &SampleSet| numbers(&(all(set).input.x.select(1, 0).select(1, 0) / 6.0));
    assert_eq!(first(&parts.train), [11.0, 1.0, 3.0, 5.0, 7.0, 9.0]);
    assert_eq!((first(&parts.validation), first(&parts.test)), (vec![0.0, 2.0], vec![4.0, 10.0, 8.0]));
    let test = all(&parts.test);
    assert_eq!(
        numbers(&test.input.mask.unwrap().sum_dim_intlist(1, false, tch::Kind::Int64)),
        [2.0, 2.0, 3.0]
    );
    assert_eq!(numbers(&test.input.dt.unwrap().get(0)), [0.0, 0.5, 0.5]);
    // A test of a trained model has the same sequences.
    let trained = Trained { data: "npz:x.npz", input: &spec, known: Some(&parts.fingerprints) };
    let tested = open(&text, Some(&trained), &mut |_| panic!("no remark")).unwrap();
    assert_eq!(first(&tested.test().unwrap()), [4.0, 10.0, 8.0]);
}

#[test]
fn what_is_missing_is_masked_or_refused_and_padding_is_not_read() {
    let x = |bad: usize| floats(&[12, 3, 2], (0..72).map(move |i| if i == bad { f64::NAN } else { 1.0 }));
    let error = Npz::counted().with("x", x(10)).refused("");
    assert!(error.contains("x[1, 2]") && error.contains("missing=mask"), "{error}");
    assert!(Npz::counted().with("x", x(10)).opened(",missing=mask").is_ok());
    let lengths = || npy("<i4", &[12], (0..12).flat_map(|_| 2_i32.to_le_bytes()));
    assert!(Npz::counted().with("x", x(10)).with("lengths", lengths()).opened("").is_ok());
    let infinite = floats(&[12, 3, 2], (0..72).map(|i| if i == 4 { f64::INFINITY } else { 1.0 }));
    assert!(Npz::counted().with("x", infinite).refused(",missing=mask").contains("inf in x[0, 2]"));
    // Steps without a target have none.
    let y = integers(&[12, 3], (0..36).map(|i| if i % 3 == 0 { -100 } else { i % 2 }));
    let data = Npz::counted().with("y", y).opened("").unwrap();
    let batch = all(&data.parts(&SplitRequest::new(0.2, 0)).unwrap().train);
    assert_eq!(numbers(&batch.targets.select(1, 0)).iter().filter(|label| **label >= 0.0).count(), 0);
}

#[test]
fn arrays_in_the_order_of_fortran_and_of_another_machine_are_the_same() {
    let fortran: Vec<f64> = (0..2)
        .flat_map(|i| (0..3).flat_map(move |t| (0..12).map(move |n| (n, t, i))))
        .map(|(n, t, i)| f64::from(n * 6 + t * 2 + i))
        .collect();
    let bytes = fortran.iter().flat_map(|x| (*x as f32).to_be_bytes());
    let array = npy(">f4", &[12, 3, 2], bytes);
    let text = String::from_utf8_lossy(&array[..20]).into_owned();
    assert!(text.contains("descr"));
    let place = array.windows(5).position(|part| part == b"False").unwrap();
    let mut array = array;
    array.splice(place..place + 5, *b"True ");
    let [one, other] = [Npz::counted(), Npz::counted().with("x", array)].map(|npz| npz.opened("").unwrap());
    assert_eq!((one.rows.features, one.hashes), (other.rows.features, other.hashes));
}

#[test]
fn what_is_not_as_documented_is_refused_with_the_array_and_a_hint() {
    let with = |name, array| Npz::counted().with(name, array);
    let floats_of = |shape: &[usize]| floats(shape, (0..shape.iter().product()).map(|i: usize| i as f64));
    for (npz, words) in [
        (with("x", floats_of(&[12, 3])), ["array x", "x[:, :, None]"]),
        (with("x", floats_of(&[12, 0, 2])), ["array x", "at least one number"]),
        (with("x", npy("|O", &[12, 3, 2], [0; 9])), ["array x", "pickled"]),
        (with("x", npy("<c8", &[1], [0; 8])), ["array x", "astype"]),
        (with("x", npy("<f8", &[12, 3, 2], [0; 9])), ["array x", "fewer bytes"]),
        (with("x", npy("<f8", &[usize::MAX, 3], [0; 9])), ["array x", "bytes that are left"]),
        (with("y", floats_of(&[11])), ["array y", "values of each sequence, [12]"]),
        (with("y", floats_of(&[12, 3])), ["array y", "y[:, :, None]"]),
        (with("y", integers(&[12, 2], [0; 24])), ["array y", "astype(float)"]),
        (with("y", integers(&[12], [7; 12])), ["array y", "different classes"]),
        (with("y", integers(&[12], (0..12).map(|_| -100))), ["array y", "different classes"]),
        (with("y", texts(&["a"; 12])), ["array y", "return_inverse"]),
        (with("classes", texts(&["a"])), ["array y", "places among the 1"]),
        (with("classes", texts(&["a", "a"])), ["array classes", "twice"]),
        (with("features", texts(&["a"])), ["array features", "2 different names"]),
        (with("values", texts(&["a"])), ["array values", "beside y of floats"]),
        (with("lengths", integers(&[12], [4; 12])), ["array lengths", "1..=3"]),
        (with("lengths", integers(&[3], [1; 3])), ["array lengths", "3 numbers"]),
        (with("dt", floats_of(&[12])), ["array dt", "[N, T]"]),
        (with("dt", floats(&[12, 3], [-1.0; 36])), ["array dt", "dt[0, 0]"]),
        (with("train", integers(&[2], [0, 1])), ["array test", "both or none"]),
        (
            with("train", integers(&[2], [0, 1])).with("test", integers(&[1], [1])),
            ["array test", "1, which is twice"],
        ),
        (with("train", integers(&[2], [0, 12])), ["array train", "12"]),
        (with("train", npy("|b1", &[12], [1; 12])), ["array train", "np.flatnonzero"]),
        (with("X", floats_of(&[1])), ["\"X\"", "the names are x, y"]),
        (Npz(vec![("x", floats_of(&[1, 1, 1]))]), ["array y", "among"]),
    ] {
        let error = npz.refused("");
        assert!(words.iter().all(|word| error.contains(word)), "{words:?}: {error}");
    }
    let error = Npz::counted().refused(",window=3");
    assert!(error.contains("window") && error.contains("missing, the one option"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    std::fs::write(&path, "no archive").unwrap();
    let error = open(&path.display().to_string(), None, &mut |_| ()).unwrap_err().to_string();
    assert!(error.contains("as numpy.savez writes it"), "{error}");
}

#[test]
fn an_archive_that_unpacks_to_much_more_than_its_size_is_refused() {
    let how = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    let rows = 3 << 20;
    let npz = Npz(vec![("x", npy("<f8", &[rows, 1, 3], vec![0; rows * 24])), ("y", integers(&[1], [0]))]);
    let error = npz.written("", how).unwrap_err().to_string();
    assert!(
        error.contains("bytes that are left for a file of this size") && error.contains("np.savez"),
        "{error}"
    );
}
