//! What a wrong name was probably meant to be.

/// How alike two names must be for one to be suggested for the other.
const LIKENESS: f64 = 0.75;

/// The name among `known` that `name` was probably meant to be, if one is close enough. Case does not count, underscores are dashes,
/// and of a key with dots, as `optimizer.learning_rate`, the last part alone may be what was written.
pub fn nearest_name<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |name: &str| name.to_lowercase().replace('_', "-");
    let last_part = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let name = plain(name);
    let likeness = |known: &str, measure: fn(&str, &str) -> f64| {
        let known = plain(known);
        // A whole name that is as close goes first.
        measure(&known, &name).max(measure(&last_part(&known), &last_part(&name)) * 0.99)
    };
    let close = known.into_iter().filter(|known| likeness(known, strsim::jaro_winkler) > LIKENESS);
    // Among long names with a common beginning, single letters decide.
    let edits = |known: &str| likeness(known, strsim::normalized_damerau_levenshtein);
    close.max_by(|a, b| edits(a).total_cmp(&edits(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_keyboard_finds_the_name_and_another_word_finds_none() {
        let known = [
            "mnist",
            "fashion-mnist",
            "cifar10",
            "optimizer.learning_rate",
            "epochs",
            "a:lnn:b",
            "a:cllnn:b",
        ];
        for (written, meant) in [
            ("mnits", "mnist"),
            ("MNIST", "mnist"),
            ("fashion_mnist", "fashion-mnist"),
            ("CIFAR-10", "cifar10"),
            ("learning_rate", "optimizer.learning_rate"),
            ("epoch", "epochs"),
            ("a:clnn:b", "a:cllnn:b"),
        ] {
            assert_eq!(nearest_name(written, known), Some(meant), "{written}");
        }
        assert_eq!(nearest_name("xyzzy", known), None);
        assert_eq!(nearest_name("mnist", []), None);
    }
}
