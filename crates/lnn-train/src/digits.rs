//! How numbers are shown to people.

/// Formats a loss for display: `0.1234`, or `1.23e-5` where four decimal places would show zeros.
pub fn in_digits(loss: f64) -> String {
    if loss != 0.0 && loss.abs() < 1e-4 { format!("{loss:.2e}") } else { format!("{loss:.4}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_loss_shows_its_digits_and_nothing_is_nothing() {
        let shown = [0.0, 0.12345, 1e-4, 9.99e-5, 1.234e-9, f64::NAN].map(in_digits);
        assert_eq!(shown, ["0.0000", "0.1235", "0.0001", "9.99e-5", "1.23e-9", "NaN"]);
    }
}
