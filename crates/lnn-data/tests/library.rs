//! The readers as a library.

#[allow(dead_code, unreachable_pub)]
#[path = "../examples/windows_of_a_table.rs"]
mod example;

#[test]
fn the_example_reads_windows_of_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("x.csv");
    let rows: Vec<String> = (0..40).map(|i| format!("{},{i}\n", i % 24)).collect();
    std::fs::write(&table, "hour,load\n".to_owned() + &rows.concat()).unwrap();
    let (batch, counts) = example::shapes(&table).unwrap();
    assert_eq!(batch, [vec![2, 4, 2], vec![2, 1]]);
    // 6 of 40 rows are for the test, 9 of the other 34 for validation; a window takes 5 rows with its target, and those that validate
    // reach back.
    assert_eq!(counts, [21, 9, 2]);
}
