//! The header of a `.npy` file: a Python dict with three keys, as
//! `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
//!
//! A parser of Python's literals would follow any nesting that a file makes up. This one knows the three keys and what each may
//! hold, and therefore has no recursion.

use super::error::NpyError;
use std::io::Read;
use std::path::Path;

const MAGIC: &[u8] = b"\x93NUMPY";

/// The maximum length of the dict in bytes; NumPy has the same.
const LONGEST: usize = 10_000;

/// The maximum number of extents; NumPy has the same.
const MOST_EXTENTS: usize = 64;

/// What a header says.
#[derive(Debug, PartialEq)]
pub(crate) struct Header {
    pub(crate) number: Number,
    pub(crate) fortran: bool,
    pub(crate) shape: Vec<u64>,
    /// Bytes before the numbers.
    pub(crate) length: u64,
}

/// The kind of the numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Number {
    pub(crate) element: Element,
    pub(crate) big_endian: bool,
}

/// What an array has one of at each place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    /// A float of 4 or 8 bytes.
    Float(usize),
    /// A whole number of 1, 2, 4 or 8 bytes.
    Signed(usize),
    Unsigned(usize),
    Bool,
    /// A text of as many letters of 4 bytes, zeros behind a shorter one.
    Text(usize),
}

impl Element {
    /// The maximum number of letters.
    const MOST_LETTERS: usize = 10_000;

    /// Parses NumPy's description without the order of the bytes.
    fn parse(text: &str) -> Option<Self> {
        let (kind, size) = text.split_at_checked(1)?;
        let size: usize = size.parse().ok()?;
        Some(match kind {
            "f" if [4, 8].contains(&size) => Self::Float(size),
            "i" if [1, 2, 4, 8].contains(&size) => Self::Signed(size),
            "u" if [1, 2, 4, 8].contains(&size) => Self::Unsigned(size),
            "b" if size == 1 => Self::Bool,
            "U" if size <= Self::MOST_LETTERS => Self::Text(size),
            _ => return None,
        })
    }

    /// Bytes of one.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Float(bytes) | Self::Signed(bytes) | Self::Unsigned(bytes) => bytes,
            Self::Bool => 1,
            Self::Text(letters) => 4 * letters,
        }
    }
}

/// NumPy's description of the numbers.
impl std::fmt::Display for Number {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let order = match (self.element.bytes(), self.big_endian) {
            (1, _) => "|",
            (_, true) => ">",
            (_, false) => "<",
        };
        match self.element {
            Element::Float(bytes) => write!(formatter, "{order}f{bytes}"),
            Element::Signed(bytes) => write!(formatter, "{order}i{bytes}"),
            Element::Unsigned(bytes) => write!(formatter, "{order}u{bytes}"),
            Element::Bool => write!(formatter, "|b1"),
            Element::Text(letters) => write!(formatter, "{order}U{letters}"),
        }
    }
}

/// The reason why a header cannot be read.
#[derive(Debug)]
pub(crate) enum Problem {
    Io(std::io::Error),
    /// Contains what was found.
    Damaged(String),
    /// Contains the description of the numbers.
    Kind(String),
}

impl Problem {
    pub(super) fn at(self, path: &Path) -> NpyError {
        let path = path.to_owned();
        match self {
            Self::Io(source) => NpyError::Io { path, source },
            Self::Damaged(found) => NpyError::Damaged { path, found },
            Self::Kind(found) => NpyError::Kind { path, found },
        }
    }
}

fn damaged(found: impl Into<String>) -> Problem {
    Problem::Damaged(found.into())
}

impl Header {
    /// Reads up to the first number.
    pub(crate) fn read(file: &mut impl Read) -> Result<Self, Problem> {
        let mut take = |bytes: usize| {
            let mut content = Vec::with_capacity(bytes);
            file.by_ref().take(bytes as u64).read_to_end(&mut content).map_err(Problem::Io)?;
            if content.len() == bytes { Ok(content) } else { Err(damaged("a file that ends in its header")) }
        };
        let start = take(MAGIC.len() + 2).map_err(|problem| match problem {
            Problem::Io(error) => Problem::Io(error),
            _ => damaged("a shorter file"),
        })?;
        let [magic @ .., version, _] = &start[..] else { unreachable!("eight bytes were taken") };
        if magic != MAGIC {
            return Err(damaged("another format"));
        }
        let (field, length) = match version {
            1 => take(2).map(|bytes| (2, usize::from(u16::from_le_bytes([bytes[0], bytes[1]]))))?,
            2 | 3 => take(4)
                .map(|bytes| (4, u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize))?,
            _ => return Err(damaged(format!("version {version} of the format"))),
        };
        if length > LONGEST {
            return Err(damaged(format!(
                "a header of {length} bytes, more than the {LONGEST} that there can be"
            )));
        }
        let text = String::from_utf8(take(length)?).map_err(|_| damaged("a header that is not text"))?;
        let (number, fortran, shape) = parse(&text)?;
        Ok(Self { number, fortran, shape, length: (start.len() + field + length) as u64 })
    }
}

/// The text that is not yet parsed.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    /// Skips spaces, and `mark` if it comes next.
    fn skip(&mut self, mark: &str) -> bool {
        self.0 = self.0.trim_start();
        self.0.strip_prefix(mark).map(|rest| self.0 = rest).is_some()
    }

    fn expect(&mut self, mark: &str) -> Result<(), Problem> {
        if self.skip(mark) { Ok(()) } else { Err(self.unexpected(mark)) }
    }

    fn unexpected(&self, expected: &str) -> Problem {
        let found: String = self.0.chars().take(20).collect();
        damaged(format!("{found:?} in the header, where {expected} should be"))
    }

    /// A text in single or double quotes, without escapes.
    fn text(&mut self) -> Result<&'a str, Problem> {
        let quote = ["'", "\""].into_iter().find(|quote| self.skip(quote));
        let found = quote.and_then(|quote| self.0.split_once(quote));
        let (text, rest) = found.ok_or_else(|| self.unexpected("a text in quotes"))?;
        self.0 = rest;
        Ok(text)
    }

    /// A whole number, which Python 2 wrote with an `L`.
    fn extent(&mut self) -> Result<u64, Problem> {
        self.skip("");
        let end = self.0.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(self.0.len());
        let extent = self.0[..end].parse().map_err(|_| self.unexpected("an extent"))?;
        self.0 = &self.0[end..];
        self.skip("L");
        Ok(extent)
    }

    fn shape(&mut self) -> Result<Vec<u64>, Problem> {
        self.expect("(")?;
        let mut shape = Vec::new();
        while !self.skip(")") {
            if shape.len() == MOST_EXTENTS {
                return Err(damaged(format!("a shape of more than {MOST_EXTENTS} extents")));
            }
            shape.push(self.extent()?);
            if !self.skip(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(shape)
    }
}

fn parse(text: &str) -> Result<(Number, bool, Vec<u64>), Problem> {
    let mut rest = Rest(text);
    let (mut number, mut fortran, mut shape) = (None, None, None);
    rest.expect("{")?;
    while !rest.skip("}") {
        let key = rest.text()?;
        rest.expect(":")?;
        match key {
            "descr" if number.is_none() => number = Some(self::number(&mut rest)?),
            "fortran_order" if fortran.is_none() => {
                fortran = Some(rest.skip("True"));
                if fortran == Some(false) {
                    rest.expect("False")?;
                }
            }
            "shape" if shape.is_none() => shape = Some(rest.shape()?),
            _ => return Err(damaged(format!("the key {key:?} in the header"))),
        }
        if !rest.skip(",") {
            rest.expect("}")?;
            break;
        }
    }
    if !rest.0.trim().is_empty() {
        return Err(rest.unexpected("its end"));
    }
    let (Some(number), Some(fortran), Some(shape)) = (number, fortran, shape) else {
        return Err(damaged("a header without one of the keys descr, fortran_order and shape"));
    };
    Ok((number, fortran, shape))
}

fn number(rest: &mut Rest<'_>) -> Result<Number, Problem> {
    // The description of a record is a list.
    rest.skip("");
    if rest.0.starts_with('[') {
        return Err(Problem::Kind("an array of records".to_owned()));
    }
    let text = rest.text()?;
    let (order, kind) = text.split_at_checked(1).unwrap_or_default();
    let Some(element) = Element::parse(kind) else { return Err(Problem::Kind(text.to_owned())) };
    match order {
        "|" if element.bytes() == 1 => Ok(Number { element, big_endian: false }),
        // `=` is the order of the machine that wrote the file.
        "<" | ">" => Ok(Number { element, big_endian: order == ">" }),
        _ => Err(Problem::Kind(text.to_owned())),
    }
}
