//! The readers of `--data NAME:PATH`, one file per format. A new format adds its entry to [`READERS`].

pub(crate) mod archive;
pub mod cifar10;
pub(crate) mod content;
pub mod csv;
mod decoding;
mod folder_content;
pub(crate) mod generated;
pub mod horizons;
pub mod idx;
pub mod idx_folder;
pub mod image_folder;
pub mod image_folder_error;
pub(crate) mod known_table;
pub mod npy;
pub mod npy_folder;
pub mod npy_folder_error;
pub mod npz;
pub mod option;
pub(crate) mod picture;
pub mod series;
pub mod series_set;
pub(crate) mod series_table;
pub mod toy;
pub mod ts;
pub mod xor_event;

pub use content::Content;

use crate::error::DataError;
use crate::generators::GENERATORS;
use crate::pixels;
use crate::progress::Progress;
use crate::source::{DataSource, Trained};
use std::path::Path;

/// A data format.
#[derive(Debug)]
pub struct Reader {
    /// Its name, before the colon.
    pub name: &'static str,
    /// A description of the text after the colon; empty for a reader that takes none.
    pub argument: &'static str,
    /// A short description of the data that it reads.
    pub help: &'static str,
    /// The kind of samples that it returns.
    pub content: Content,
    /// Opens the data that the text after the colon describes, for training or to test a trained model.
    pub(crate) open: Open,
    /// Splits the text after the colon into the path and the options with their leading comma.
    pub(crate) split_path: fn(&str) -> (&str, &str),
}

type Open =
    fn(&str, Option<&Trained<'_>>, &mut dyn FnMut(Progress<'_>)) -> Result<Box<dyn DataSource>, DataError>;

impl Reader {
    /// Returns its form as the value of `--data`, as `idx:DIR`.
    pub fn usage(&self) -> String {
        if self.argument.is_empty() {
            self.name.to_owned()
        } else {
            format!("{}:{}", self.name, self.argument)
        }
    }
}

/// All readers.
pub static READERS: [Reader; 15] = [
    Reader {
        name: "idx",
        argument: "DIR",
        help: "four IDX files of images and labels, gzipped or not",
        content: Content::Images,
        open: |folder, trained, _| match trained {
            None => Ok(Box::new(idx_folder::open_dir(Path::new(folder))?)),
            Some(_) => Ok(Box::new(idx_folder::open_test(Path::new(folder))?)),
        },
        split_path: whole,
    },
    Reader {
        name: "cifar10",
        argument: "DIR",
        help: "the binary version of CIFAR-10, unpacked or as its archive",
        content: Content::Images,
        open: |folder, _, _| Ok(Box::new(cifar10::open_dir(Path::new(folder))?)),
        split_path: whole,
    },
    Reader {
        name: "folder",
        argument: "DIR",
        help: "PNG, JPEG, WebP or BMP images in DIR/train/CLASS and DIR/test/CLASS",
        content: Content::Images,
        open: |folder, trained, progress| match trained {
            None => Ok(Box::new(image_folder::open_dir(Path::new(folder), progress)?)),
            Some(_) => Ok(Box::new(image_folder::open_test(Path::new(folder), progress)?)),
        },
        split_path: whole,
    },
    Reader {
        name: "toy",
        argument: "",
        help: "the four random sequences that the LiquidTimeStep article memorizes",
        content: Content::Sequences,
        open: |_, _, _| Ok(Box::new(toy::open())),
        split_path: whole,
    },
    Reader {
        name: "xor-event",
        argument: "",
        help: "the parity of random bits told by their changes: irregular time and 32 steps, generated",
        content: Content::Sequences,
        open: |_, _, _| Ok(Box::new(xor_event::XorEvent)),
        split_path: whole,
    },
    Reader {
        name: "mnist-pixels",
        argument: "",
        help: "the images of mnist pixel by pixel: 784 steps",
        content: Content::Sequences,
        open: |_, trained, progress| Ok(Box::new(pixels::open(pixels::Order::Rows, trained, progress)?)),
        split_path: whole,
    },
    Reader {
        name: "mnist-permuted",
        argument: "",
        help: "the same in one fixed random order of the pixels",
        content: Content::Sequences,
        open: |_, trained, progress| Ok(Box::new(pixels::open(pixels::Order::Permuted, trained, progress)?)),
        split_path: whole,
    },
    Reader {
        name: GENERATORS[0].name,
        argument: "",
        help: GENERATORS[0].help,
        content: Content::Sequences,
        open: |_, _, _| Ok(Box::new(generated::open(&GENERATORS[0]))),
        split_path: whole,
    },
    Reader {
        name: GENERATORS[1].name,
        argument: "",
        help: GENERATORS[1].help,
        content: Content::Sequences,
        open: |_, _, _| Ok(Box::new(generated::open(&GENERATORS[1]))),
        split_path: whole,
    },
    Reader {
        name: GENERATORS[2].name,
        argument: "",
        help: GENERATORS[2].help,
        content: Content::Sequences,
        open: |_, _, _| Ok(Box::new(generated::open(&GENERATORS[2]))),
        split_path: whole,
    },
    Reader {
        name: GENERATORS[3].name,
        argument: "",
        help: GENERATORS[3].help,
        content: Content::Sequences,
        open: |_, _, _| Ok(Box::new(generated::open(&GENERATORS[3]))),
        split_path: whole,
    },
    Reader {
        name: "csv",
        argument: "FILE,…",
        help: "a series as rows of numbers: csv:FILE,target=A,window=N,…",
        content: Content::Sequences,
        open: |text, trained, progress| Ok(csv::open(text, trained, progress)?),
        split_path: csv::split_path,
    },
    Reader {
        name: "ts",
        argument: "FILE",
        help: "whole series with a class each, in the format of the UCR/UEA archive: ts:NAME_TRAIN.ts",
        content: Content::Sequences,
        open: |text, trained, progress| Ok(Box::new(ts::open(text, trained, progress)?)),
        split_path: option::split_path,
    },
    Reader {
        name: "npy-folder",
        argument: "DIR,…",
        help: "traces as .npy files, every row predicted from those before it: npy-folder:DIR,window=N,…",
        content: Content::Sequences,
        open: |text, trained, progress| Ok(Box::new(npy_folder::open(text, trained, progress)?)),
        split_path: option::split_path,
    },
    Reader {
        name: "npz",
        argument: "FILE",
        help: "sequences as arrays in one file, as numpy.savez writes it: x, y, and if there are dt, lengths, train, test",
        content: Content::Sequences,
        open: |text, trained, progress| Ok(Box::new(npz::open(text, trained, progress)?)),
        split_path: option::split_path,
    },
];

/// Splits a path without options.
fn whole(path: &str) -> (&str, &str) {
    (path, "")
}
