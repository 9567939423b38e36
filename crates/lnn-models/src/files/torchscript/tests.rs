//! Archives that are not what they seem. Whole ones are read in `tests/export`.

use super::*;
use std::io::{Cursor, Write};
use tch::{Kind, Tensor};
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

/// An archive of these entries in the folder `archive`.
fn archive(entries: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        let options = SimpleFileOptions::default().compression_method(method);
        zip.start_file(format!("archive/{name}"), options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

const CODE: &[u8] =
    b"class M(Module):\n  __parameters__ = [\"w\", ]\n  __buffers__ = [\"b\", ]\n  w : Tensor\n";

/// The pickle of an object of the class `__torch__.M` with the attributes that `items` pushes.
fn object(items: &[u8]) -> Vec<u8> {
    [b"\x80\x02c__torch__\nM\n)\x81}(", items, b"ub."].concat()
}

fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

/// Pushes an attribute that is a tensor of the storage `0` with four numbers.
fn tensor(name: &str, offset: u8, shape: &[i32], strides: &[i32]) -> Vec<u8> {
    let tuple = |values: &[i32]| {
        let values: Vec<u8> = values.iter().flat_map(|v| [&b"J"[..], &v.to_le_bytes()].concat()).collect();
        [b"(", &values[..], b"t"].concat()
    };
    let mut bytes = [text(name), b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec(), text("storage")].concat();
    bytes.extend(b"ctorch\nFloatStorage\n");
    bytes.extend([text("0"), text("cpu"), b"K\x04tQK".to_vec(), vec![offset]].concat());
    bytes.extend([tuple(shape), tuple(strides), b"\x88ccollections\nOrderedDict\n)RtR".to_vec()].concat());
    bytes
}

fn numbers() -> Vec<u8> {
    [1.0_f32, 2.0, 3.0, 4.0].into_iter().flat_map(f32::to_le_bytes).collect()
}

fn read(pickle: &[u8]) -> Result<Module, Unreadable> {
    let entries = [("data.pkl", pickle), ("data/0", &numbers()[..]), ("code/__torch__.py", CODE)];
    Module::read(&archive(&entries, CompressionMethod::Stored), "about", "about.json")
}

#[track_caller]
fn refused(pickle: &[u8], reason: &str) {
    let start = std::time::Instant::now();
    let error = read(pickle).unwrap_err().to_string();
    assert!(error.contains(reason), "{error}");
    assert!(start.elapsed().as_secs() < 10, "refused after {:?}", start.elapsed());
}

#[test]
fn tensors_are_views_of_their_storage_and_have_the_roles_that_the_code_lists() {
    let items = [tensor("b", 0, &[2, 2], &[1, 2]), tensor("w", 1, &[2], &[2]), text("about"), text("words")];
    let module = read(&object(&items.concat())).unwrap();
    assert_eq!(module.text.as_deref(), Some("words"));
    let found: Vec<_> = module.tensors.iter().map(|found| (found.name.as_str(), found.parameter)).collect();
    assert_eq!(found, [("w", true), ("b", false)]);
    assert_eq!(module.tensors[0].tensor, Tensor::from_slice(&[2.0_f32, 4.0]));
    assert_eq!(module.tensors[1].tensor, Tensor::from_slice(&[1.0_f32, 3.0, 2.0, 4.0]).view([2, 2]));
    assert_eq!(module.tensors[1].tensor.kind(), Kind::Float);
}

#[test]
fn a_tensor_beyond_its_storage_or_larger_than_it_is_refused() {
    for (offset, shape, strides) in [
        (0, &[5][..], &[1][..]),
        (3, &[2], &[1]),
        (0, &[2], &[4]),
        (0, &[1000, 1000], &[0, 0]),
        (0, &[i32::MAX; 4], &[i32::MAX; 4]),
        (0, &[-1], &[1]),
        (0, &[2], &[-1]),
        (0, &[2], &[]),
        (5, &[0], &[1]),
    ] {
        refused(&object(&tensor("w", offset, shape, strides)), "a tensor claims the shape");
    }
}

#[test]
fn nesting_claimed_lengths_and_unknown_opcodes_are_refused() {
    refused(&object(&[text("a"), b")".to_vec(), vec![0x85; 100_000]].concat()), "levels of values");
    refused(&object(&[text("a"), b"(".repeat(100_000)].concat()), "expected a module");
    refused(&object(b"X\xff\xff\xff\x7f"), "claims 2147483647 bytes");
    refused(&object(&[text("a"), b"\x8a\x09123456789".to_vec()].concat()), "an integer of 9 bytes");
    refused(b"\x80\x02ios\nsystem\n.", "opcode 0x69");
    refused(b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R.", "expected a module");
    refused(b"\x80\x02h\x07.", "refers to the value 7");
    for length in 0..40 {
        assert!(read(&object(&tensor("w", 0, &[4], &[1]))[..length]).is_err());
    }
}

#[test]
fn a_module_that_is_made_of_itself_again_and_again_is_refused_instead_of_visited_for_ever() {
    let mut pickle = b"\x80\x02c__torch__\nM\n)\x81q\0".to_vec();
    for _ in 0..60 {
        // The object of the level below, twice.
        let twice = [text("l"), b"h\0".to_vec(), text("r"), b"h\0".to_vec()].concat();
        pickle.extend([b"c__torch__\nM\n)\x81}(", &twice[..], b"ubq\0"].concat());
    }
    pickle.push(b'.');
    refused(&pickle, "more than 1000000 attributes");
    let long = text(&"n".repeat(2000));
    refused(&object(&[long, b"c__torch__\nM\n)\x81".to_vec()].concat()), "a name in it is longer");
}

#[test]
fn entries_that_unpack_to_far_more_than_the_file_are_refused() {
    let pickle = object(&tensor("w", 0, &[4], &[1]));
    let zeros = vec![0; 80 << 20];
    let entries = [
        ("data.pkl", &pickle[..]),
        ("data/0", &numbers()),
        ("code/__torch__.py", CODE),
        ("extra/about.json", &zeros),
    ];
    let bytes = archive(&entries, CompressionMethod::Deflated);
    assert!(bytes.len() < 1 << 20);
    let error = Module::read(&bytes, "about", "about.json").unwrap_err().to_string();
    assert!(
        error.contains("about.json") && error.contains("more than a file of this size can hold"),
        "{error}"
    );
}

#[test]
fn a_wrong_checksum_and_a_short_storage_are_announced() {
    let pickle = object(&tensor("w", 0, &[4], &[1]));
    let entries = [("data.pkl", &pickle[..]), ("data/0", &numbers()), ("code/__torch__.py", CODE)];
    let mut bytes = archive(&entries, CompressionMethod::Stored);
    let place = bytes.windows(16).position(|window| window == numbers()).unwrap();
    bytes[place + 5] ^= 1;
    let error = Module::read(&bytes, "about", "about.json").unwrap_err().to_string();
    assert!(error.contains("data/0") && error.to_lowercase().contains("checksum"), "{error}");
    let entries = [("data.pkl", &pickle[..]), ("data/0", &numbers()[..12]), ("code/__torch__.py", CODE)];
    let error =
        Module::read(&archive(&entries, CompressionMethod::Stored), "about", "about.json").unwrap_err();
    assert!(error.to_string().contains("expected 4 numbers in its entry data/0, found 12 bytes"), "{error}");
}

#[test]
fn archives_of_another_kind_are_refused_with_what_they_lack() {
    let load = |entries: &[(&str, &[u8])]| {
        Module::read(&archive(entries, CompressionMethod::Stored), "a", "b").unwrap_err().to_string()
    };
    assert!(load(&[("x", b"")]).contains("expected an entry data.pkl"));
    let pickle = object(&tensor("w", 0, &[4], &[1]));
    assert!(load(&[("data.pkl", &pickle)]).contains("code/__torch__.py"));
    assert!(
        load(&[("data.pkl", &pickle), ("code/__torch__.py", b"class N(Module):\n")]).contains("the class M")
    );
    let big = [("data.pkl", &pickle[..]), ("byteorder", b"big"), ("code/__torch__.py", CODE)];
    assert!(load(&big).contains("big-endian"));
    // Brackets in the code are never parsed.
    let nested = [CODE, &b"(".repeat(8000)[..], &b")".repeat(8000)[..]].concat();
    let entries = [("data.pkl", &pickle[..]), ("data/0", &numbers()), ("code/__torch__.py", &nested)];
    assert_eq!(
        Module::read(&archive(&entries, CompressionMethod::Stored), "a", "b").unwrap().tensors.len(),
        1
    );
}
