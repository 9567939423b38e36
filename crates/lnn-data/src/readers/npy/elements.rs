//! An array of numbers of any kind, or of texts, as `numpy.save` writes it.

use super::header::{Element, Header, Number, Problem};
use ndarray::{ArrayD, IxDyn, ShapeBuilder};
use std::io::Read;

/// An array.
#[derive(Debug, PartialEq)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) content: Content,
    /// Bytes of its content in the file.
    pub(crate) bytes: u64,
}

/// The elements of an array, the last index running fastest.
#[derive(Debug, PartialEq)]
pub(crate) enum Content {
    Floats(Vec<f64>),
    /// Also truth values, as 0 and 1.
    Integers(Vec<i64>),
    Texts(Vec<String>),
}

/// Reads one array of at most `most` bytes. An error is what was expected and what was found.
pub(crate) fn array(file: &mut impl Read, most: u64) -> Result<Array, (&'static str, String)> {
    const WHOLE: &str = "an array as numpy.savez writes it";
    let header = Header::read(file).map_err(|problem| match problem {
        Problem::Io(error) => (WHOLE, error.to_string()),
        Problem::Damaged(found) => (WHOLE, found),
        Problem::Kind(found) if found.contains('O') => (
            "numbers or texts",
            "Python objects, which are pickled and not read; hint: np.asarray(a, dtype=float), sequences of unequal length \
             padded to one array with lengths"
                .to_owned(),
        ),
        Problem::Kind(found) => (
            "floats of 4 or 8 bytes, whole numbers, truth values or texts",
            format!("{found}; hint: a.astype(\"float64\")"),
        ),
    })?;
    let Header { number, fortran, shape, .. } = header;
    let bytes = shape
        .iter()
        .try_fold(number.element.bytes() as u64, |product, &extent| product.checked_mul(extent))
        .filter(|bytes| *bytes <= most);
    let bytes = bytes.ok_or_else(|| {
        let found = format!(
            "the shape {shape:?}, more than the {most} bytes that are left for a file of this size; hint: np.savez, which does \
             not compress"
        );
        (WHOLE, found)
    })?;
    let mut content = Vec::new();
    file.take(bytes + 1).read_to_end(&mut content).map_err(|error| (WHOLE, error.to_string()))?;
    if content.len() as u64 != bytes {
        let found = if content.len() as u64 > bytes { "more" } else { "fewer" };
        return Err((WHOLE, format!("{found} bytes than the {bytes} of the shape {shape:?}")));
    }
    let shape: Vec<usize> = shape.iter().map(|&extent| extent as usize).collect();
    let content = decoded(&content, number)?;
    let in_order = |order| (WHOLE, order);
    let content = match content {
        Content::Floats(numbers) => Content::Floats(ordered(numbers, &shape, fortran).map_err(in_order)?),
        Content::Integers(numbers) => Content::Integers(ordered(numbers, &shape, fortran).map_err(in_order)?),
        Content::Texts(texts) => Content::Texts(ordered(texts, &shape, fortran).map_err(in_order)?),
    };
    Ok(Array { shape, content, bytes })
}

/// The elements in the order in which the last index runs fastest.
fn ordered<T: Clone>(content: Vec<T>, shape: &[usize], fortran: bool) -> Result<Vec<T>, String> {
    let array = ArrayD::from_shape_vec(IxDyn(shape).set_f(fortran), content);
    let array = array.map_err(|error| format!("the shape {shape:?} ({error})"))?;
    Ok(array.iter().cloned().collect())
}

/// The elements in the order of the file.
fn decoded(bytes: &[u8], number: Number) -> Result<Content, (&'static str, String)> {
    let Number { element, big_endian } = number;
    // At most 8 bytes as a number of 8 bytes, the low ones first.
    let word = |chunk: &[u8]| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        if big_endian {
            word[..chunk.len()].reverse();
        }
        u64::from_le_bytes(word)
    };
    let words = |size: usize| bytes.chunks_exact(size).map(word);
    Ok(match element {
        Element::Float(4) => {
            Content::Floats(words(4).map(|bits| f64::from(f32::from_bits(bits as u32))).collect())
        }
        Element::Float(size) => Content::Floats(words(size).map(f64::from_bits).collect()),
        Element::Signed(size) => {
            let unused = 64 - 8 * size as u32;
            Content::Integers(words(size).map(|bits| ((bits << unused) as i64) >> unused).collect())
        }
        Element::Unsigned(size) => {
            let numbers = words(size).map(i64::try_from).collect::<Result<_, _>>();
            Content::Integers(numbers.map_err(|_| ("whole numbers below 2^63", "a larger one".to_owned()))?)
        }
        Element::Bool => Content::Integers(words(1).map(|byte| i64::from(byte != 0)).collect()),
        Element::Text(0) => return Err(("texts", "empty ones".to_owned())),
        Element::Text(letters) => {
            let text = |chunk: &[u8]| -> Option<String> {
                let letters = chunk.chunks_exact(4).map(|letter| word(letter) as u32);
                letters.take_while(|letter| *letter != 0).map(char::from_u32).collect()
            };
            let texts = bytes.chunks_exact(4 * letters).map(text).collect::<Option<_>>();
            Content::Texts(texts.ok_or_else(|| ("texts", "something that is no letter".to_owned()))?)
        }
    })
}
