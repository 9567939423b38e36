//! A module: its texts and its named tensors.

use super::archive::Archive;
use super::roles::Classes;
use super::storage::Storages;
use super::value::{Object, Value};
use super::{Unreadable, pickle, unreadable};
use tch::Tensor;

/// The maximum number of attributes of all modules together; one submodule may occur several times.
const MOST_ATTRIBUTES: usize = 1_000_000;

/// The maximum length of the full name of a tensor in bytes.
const LONGEST_NAME: usize = 1000;

/// A tensor of a module.
#[derive(Debug)]
pub struct NamedTensor {
    /// Its name: those of the submodules and its own, joined by dots.
    pub name: String,
    /// The tensor; it may share its memory with others, and not be contiguous.
    pub tensor: Tensor,
    /// Whether it is a parameter; otherwise it is a buffer.
    pub parameter: bool,
}

/// What is read of a file.
#[derive(Debug)]
pub(crate) struct Module {
    /// The text that was asked for: that of the attribute, otherwise of the extra file.
    pub(crate) text: Option<String>,
    /// First the parameters, then the buffers.
    pub(crate) tensors: Vec<NamedTensor>,
}

impl Module {
    /// Reads the tensors of a module, and the text in its attribute `attribute` or, failing that, in its extra file `extra`.
    pub(crate) fn read(bytes: &[u8], attribute: &str, extra: &str) -> Result<Self, Unreadable> {
        let mut archive = Archive::open(bytes)?;
        if let Some(order) = archive.read("byteorder")?
            && order != b"little"
        {
            return Err(unreadable(format!(
                "its numbers are {}-endian, expected little",
                String::from_utf8_lossy(&order)
            )));
        }
        let Value::Object(root) = pickle::read(&archive.expect("data.pkl")?)? else {
            return Err(unreadable("expected a module, found another value; hint: use torch.jit.save"));
        };
        let root = &root.content;
        let mut texts = root.attributes.content.iter().rev();
        let text = texts.find(|(name, _)| name.text().is_some_and(|name| &**name == attribute));
        let text = match text {
            Some((_, Value::Text(text))) => Some(text.to_string()),
            _ => archive
                .read(&format!("extra/{extra}"))?
                .map(|text| String::from_utf8_lossy(&text).into_owned()),
        };
        let (mut walk, mut archive) = (Walk::default(), archive);
        walk.visit(&mut archive, "", root)?;
        let (parameters, buffers): (Vec<_>, Vec<_>) =
            walk.found.into_iter().partition(|found| found.parameter);
        Ok(Self { text, tensors: parameters.into_iter().chain(buffers).collect() })
    }
}

/// The tensors found so far.
#[derive(Default)]
struct Walk {
    classes: Classes,
    storages: Storages,
    found: Vec<NamedTensor>,
    attributes: usize,
}

impl Walk {
    /// Visits the tensors of a module, then its submodules. The pickle limits the depth.
    fn visit(&mut self, archive: &mut Archive<'_>, prefix: &str, module: &Object) -> Result<(), Unreadable> {
        let roles = self.classes.roles(archive, &module.class)?;
        for (name, value) in &module.attributes.content {
            let Some(name) = name.text() else { return Err(unreadable("an attribute has no name")) };
            self.attributes += 1;
            if self.attributes > MOST_ATTRIBUTES {
                return Err(unreadable(format!("it has more than {MOST_ATTRIBUTES} attributes")));
            }
            match value {
                Value::Tensor(claim) => {
                    let parameter = roles.parameters.contains(&**name);
                    if parameter || roles.buffers.contains(&**name) {
                        let name = full_name(prefix, name)?;
                        let tensor = self.storages.tensor(archive, claim)?;
                        self.found.push(NamedTensor { name, tensor, parameter });
                    }
                }
                Value::Object(part) => {
                    self.visit(archive, &full_name(prefix, &format!("{name}."))?, &part.content)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn full_name(prefix: &str, name: &str) -> Result<String, Unreadable> {
    match prefix.len() + name.len() > LONGEST_NAME {
        true => Err(unreadable(format!("a name in it is longer than {LONGEST_NAME} bytes"))),
        false => Ok(format!("{prefix}{name}")),
    }
}
