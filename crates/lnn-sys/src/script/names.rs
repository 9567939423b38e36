//! Names and texts that are passed to the C++.

use crate::error::Error;
use std::ffi::CString;

/// `name` as a C string, if it is an identifier of Python.
pub(super) fn identifier(name: &str) -> Result<CString, Error> {
    let fits = |(i, c): (usize, char)| c == '_' || c.is_ascii_alphabetic() || (i > 0 && c.is_ascii_digit());
    if name.is_empty() || !name.chars().enumerate().all(fits) {
        return Err(Error::Argument(format!(
            "expected a name of letters, digits and underscores, found `{name}`"
        )));
    }
    c_string("name", name)
}

/// `path` as a C string, if it consists of identifiers joined by dots.
pub(super) fn identifiers(what: &str, path: &str) -> Result<CString, Error> {
    path.split('.').try_for_each(|part| identifier(part).map(drop))?;
    c_string(what, path)
}

/// `text` as a C string.
pub(super) fn c_string(what: &str, text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::Argument(format!("the {what} must not contain a NUL character")))
}
