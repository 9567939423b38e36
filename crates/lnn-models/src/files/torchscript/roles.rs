//! Which tensors of a module are parameters and which are buffers: its code lists both at the start of each class.
//!
//! ```text
//! class Dense(Module):
//!   __parameters__ = ["weight", "bias", ]
//!   __buffers__ = []
//! ```

use super::archive::Archive;
use super::{Unreadable, unreadable};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// The names of the tensors of one class.
#[derive(Debug, Default)]
pub(super) struct Roles {
    pub(super) parameters: HashSet<String>,
    pub(super) buffers: HashSet<String>,
}

/// The classes of an archive, read as they are needed.
#[derive(Default)]
pub(super) struct Classes {
    /// The classes of each file of code.
    files: HashMap<String, HashMap<String, Rc<Roles>>>,
}

impl Classes {
    /// Returns the roles of the tensors of `class`, as `__torch__.lnn.Dense`.
    pub(super) fn roles(&mut self, archive: &mut Archive<'_>, class: &str) -> Result<Rc<Roles>, Unreadable> {
        let (file, name) = class.rsplit_once('.').unwrap_or(("", class));
        if !self.files.contains_key(file) {
            let code = archive.expect(&format!("code/{}.py", file.replace('.', "/")))?;
            let code = String::from_utf8(code).map_err(|_| unreadable("its code is not text"))?;
            self.files.insert(file.to_owned(), classes(&code));
        }
        let roles = self.files[file].get(name).cloned();
        roles.ok_or_else(|| unreadable(format!("expected the class {name} in its code, found no such class")))
    }
}

/// Returns the classes of a file of code.
fn classes(code: &str) -> HashMap<String, Rc<Roles>> {
    let mut found = HashMap::new();
    let mut lines = code.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix("class ").and_then(|rest| rest.split(['(', ':']).next()) else {
            continue;
        };
        let mut roles = Roles::default();
        while let Some(line) = lines.next_if(|line| line.starts_with("  __")) {
            let Some((name, list)) = line.trim().split_once(" = ") else { continue };
            match name {
                "__parameters__" => roles.parameters = names(list),
                "__buffers__" => roles.buffers = names(list),
                _ => {}
            }
        }
        found.insert(name.to_owned(), Rc::new(roles));
    }
    found
}

/// Returns the names in a list of texts, as `["weight", "bias", ]`.
fn names(list: &str) -> HashSet<String> {
    // The parts between quotation marks are names and commas in turn.
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}
