//! Entries to readers that otherwise need a whole file around their bytes, for the fuzz targets.

use crate::files::torchscript::Module;
use std::io::{Cursor, Write};
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

/// Reads the bytes as the pickle of a module whose archive is otherwise in order.
///
/// # Panics
/// If the archive cannot be written.
pub fn pickle(bytes: &[u8]) {
    let code = b"class M(Module):\n  __parameters__ = [\"w\", ]\n  __buffers__ = [\"b\", ]\n";
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [("data.pkl", bytes), ("data/0", &[0; 16]), ("code/__torch__.py", code)] {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        zip.start_file(format!("archive/{name}"), options).expect("memory can be written");
        zip.write_all(content).expect("memory can be written");
    }
    let archive = zip.finish().expect("memory can be written").into_inner();
    let _ = Module::read(&archive, "about", "about.json");
}
