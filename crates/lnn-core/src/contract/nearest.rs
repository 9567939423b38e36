//! What a wrong name was probably meant to be.

/// How alike two names must be for one to be suggested for the other.
const LIKENESS: f64 = 0.75;

/// The name among `known` that `name` was probably meant to be, if one is close enough. Case does not count, underscores are dashes,
/// and of a key with dots, as `optimizer.learning_rate`, the last part alone may be what was written.
pub fn nearest_name<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| name.to_lowercase().replace('_', "-");
    let last_part = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let name = plain(name);
    let likeness = |known: &str| {
        let known = plain(known);
        // A whole name that is as close goes first.
        let by_part = strsim::jaro_winkler(&last_part(&known), &last_part(&name)) * 0.99;
        strsim::jaro_winkler(&known, &name).max(by_part)
    };
    let scored = known.into_iter().map(|known| (likeness(known), known));
    let (score, nearest) = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (score > LIKENESS).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_keyboard_finds_the_name_and_another_word_finds_none() {
        let known = ["mnist", "fashion-mnist", "cifar10", "optimizer.learning_rate", "epochs"];
        for (written, meant) in [
            ("mnits", "mnist"),
            ("MNIST", "mnist"),
            ("fashion_mnist", "fashion-mnist"),
            ("CIFAR-10", "cifar10"),
            ("learning_rate", "optimizer.learning_rate"),
            ("epoch", "epochs"),
        ] {
            assert_eq!(nearest_name(written, known), Some(meant), "{written}");
        }
        assert_eq!(nearest_name("xyzzy", known), None);
        assert_eq!(nearest_name("mnist", []), None);
    }
}
