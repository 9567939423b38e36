//! How many rows ahead targets lie: one number, or several that follow one another.

use std::fmt;

/// Numbers of rows from a row to its targets, `first..=last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Horizons {
    first: usize,
    last: usize,
}

impl Horizons {
    /// The maximum number of horizons.
    const MOST: usize = 1000;

    /// What the text of one may be.
    pub(super) const EXPECTED: &'static str =
        "a whole number from 0, or A..B, the rows from A to B, at most 1000";

    /// One horizon.
    pub const fn one(rows: usize) -> Self {
        Self { first: rows, last: rows }
    }

    /// Parses `N`, or `A..B` with B.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let Some((first, last)) = text.split_once("..") else { return Some(Self::one(text.parse().ok()?)) };
        let horizons = Self { first: first.parse().ok()?, last: last.parse().ok()? };
        (horizons.first <= horizons.last && horizons.last - horizons.first < Self::MOST).then_some(horizons)
    }

    /// The smallest one.
    pub fn first(self) -> usize {
        self.first
    }

    /// The largest one.
    pub fn last(self) -> usize {
        self.last
    }

    /// How many there are.
    pub fn count(self) -> usize {
        self.last - self.first + 1
    }

    /// The names of the values of `columns`: those of the columns, or of several horizons `load+1`, `load+2`, …, all columns for each
    /// horizon.
    pub(super) fn value_names(self, columns: &[String]) -> Vec<String> {
        if self.count() == 1 {
            return columns.to_vec();
        }
        let of = |horizon| columns.iter().map(move |column| format!("{column}+{horizon}"));
        (self.first..=self.last).flat_map(of).collect()
    }

    /// The columns of values that have these names.
    pub(super) fn columns(self, value_names: &[String]) -> Vec<String> {
        if self.count() == 1 {
            return value_names.to_vec();
        }
        let end = format!("+{}", self.first);
        let first = value_names.iter().take(value_names.len() / self.count());
        first.map(|name| name.strip_suffix(&end).unwrap_or(name).to_owned()).collect()
    }
}

impl fmt::Display for Horizons {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count() {
            1 => write!(formatter, "{}", self.first),
            _ => write!(formatter, "{}..{}", self.first, self.last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_horizons_has_its_end() {
        assert_eq!(Horizons::parse("3"), Some(Horizons::one(3)));
        assert_eq!(Horizons::parse("3..3"), Some(Horizons::one(3)));
        let day = Horizons::parse("1..24").unwrap();
        assert_eq!((day.count(), day.to_string().as_str()), (24, "1..24"));
        for text in ["", "..", "1..", "5..1", "-1", "1..x", "1..=3", "0..1000"] {
            assert_eq!(Horizons::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_names_of_values_tell_the_column_and_the_horizon() {
        let columns = ["a".to_owned(), "b+1".to_owned()];
        let names = Horizons::parse("1..2").unwrap().value_names(&columns);
        assert_eq!(names, ["a+1", "b+1+1", "a+2", "b+1+2"]);
        assert_eq!(Horizons::parse("1..2").unwrap().columns(&names), columns);
        assert_eq!(Horizons::one(7).value_names(&columns), columns);
    }
}
