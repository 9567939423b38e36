//! Whole, damaged and lying `.npy` files.

use super::*;
use std::fs;

/// Returns a file with this header and body.
fn file(header: &str, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), body].concat()
}

fn read(content: &[u8]) -> Result<Tensor, NpyError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, content).unwrap();
    super::read(file.path())
}

fn header(descr: &str, fortran: &str, shape: &str) -> String {
    format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}   \n")
}

#[test]
fn arrays_of_both_orders_and_dtypes_come_back_with_their_numbers_in_place() {
    let numbers = [1.0_f64, 2.5, -3.0, 4.0, 5.0, 6.0];
    let expected = Tensor::from_slice(&numbers).view([2, 3]);
    // The same array, column by column.
    let columns = [1.0_f64, 4.0, 2.5, 5.0, -3.0, 6.0];
    for (descr, kind) in
        [("<f4", Kind::Float), (">f4", Kind::Float), ("<f8", Kind::Double), (">f8", Kind::Double)]
    {
        for (fortran, values) in [("False", numbers), ("True", columns)] {
            let body: Vec<u8> = values
                .iter()
                .flat_map(|&value| match descr {
                    "<f4" => (value as f32).to_le_bytes().to_vec(),
                    ">f4" => (value as f32).to_be_bytes().to_vec(),
                    "<f8" => value.to_le_bytes().to_vec(),
                    _ => value.to_be_bytes().to_vec(),
                })
                .collect();
            let tensor = read(&file(&header(descr, fortran, "(2, 3)"), &body)).unwrap();
            assert_eq!((tensor.kind(), tensor.is_contiguous()), (kind, true));
            assert_eq!(tensor, expected.to_kind(kind), "{descr} {fortran}");
        }
    }
}

#[test]
fn every_form_of_a_shape_and_a_later_version_are_read() {
    for (shape, expected) in
        [("()", vec![]), ("(1,)", vec![1]), ("(1L, 1)", vec![1, 1]), ("( 1 ,1 , )", vec![1, 1])]
    {
        assert_eq!(read(&file(&header("<f4", "False", shape), &[0; 4])).unwrap().size(), expected, "{shape}");
    }
    assert_eq!(read(&file(&header("<f4", "False", "(0, 5)"), &[])).unwrap().size(), [0, 5]);
    let header = "{\"shape\":(1,),\"descr\":\"<f4\",\"fortran_order\":False}";
    let length = u32::try_from(header.len()).unwrap().to_le_bytes();
    let content = [b"\x93NUMPY\x02\0", &length[..], header.as_bytes(), &[0; 4]].concat();
    assert_eq!(read(&content).unwrap().size(), [1]);
}

#[test]
fn a_header_that_claims_another_size_is_refused_with_both_sizes() {
    for (shape, expected) in [
        ("(10000000, 10000, 3)", 1_200_000_000_000_u128),
        ("(4294967296, 4294967296, 4294967296, 4294967296, 4294967296)", u128::MAX),
        ("(1, 1)", 4),
        ("(3,)", 12),
    ] {
        let error = read(&file(&header("<f4", "False", shape), &[0; 8])).unwrap_err();
        let NpyError::Size { expected: found, found: there, .. } = error else { panic!("{error}") };
        assert_eq!((found, there), (expected, 8));
    }
}

#[test]
fn brackets_braces_and_long_headers_are_refused_at_once() {
    let braces = "{".repeat(300);
    let brackets = "[]".to_owned() + &"[".repeat(4000) + &"]".repeat(4000);
    let extents = header("<f4", "False", &format!("({})", "1,".repeat(65)));
    for text in
        [&braces, &brackets, &extents, &" ".repeat(20_000), "", "{}", "{'descr': '<f4'}", "{'shape': (-1,)}"]
    {
        let start = std::time::Instant::now();
        let error = read(&file(text, &[])).unwrap_err();
        assert!(matches!(error, NpyError::Damaged { .. }), "{error}");
        assert!(start.elapsed().as_secs() < 1);
    }
}

#[test]
fn other_numbers_and_other_files_are_refused_with_what_they_are() {
    for (descr, found) in [("|u1", "|u1"), ("<i8", "<i8"), ("<f2", "<f2"), ("=f4", "=f4"), ("", "found ;")] {
        let error = read(&file(&header(descr, "False", "(1,)"), &[0; 8])).unwrap_err();
        assert!(matches!(error, NpyError::Kind { .. }) && error.to_string().contains(found), "{error}");
    }
    let records = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}";
    assert!(matches!(read(&file(records, &[0; 4])).unwrap_err(), NpyError::Kind { .. }));
    for other in [&b""[..], b"PK\x03\x04", b"pixels, more or less", b"\x93NUMPY\x09\0\0\0"] {
        assert!(matches!(read(other).unwrap_err(), NpyError::Damaged { .. }));
    }
    assert!(matches!(super::read(Path::new("/nowhere/x.npy")).unwrap_err(), NpyError::Io { .. }));
}

#[test]
fn every_truncation_is_an_error() {
    let whole = file(&header("<f8", "True", "(2, 2)"), &[1; 32]);
    assert!(read(&whole).is_ok());
    for length in 0..whole.len() {
        assert!(read(&whole[..length]).is_err(), "{length}");
    }
}
