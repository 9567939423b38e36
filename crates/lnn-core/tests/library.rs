//! The cells as a library.

#[allow(unreachable_pub)]
#[path = "../examples/train_a_cell.rs"]
mod example;

#[test]
fn the_example_learns_its_series() {
    example::main().unwrap();
}
