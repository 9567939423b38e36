//! The signs between cells and within numbers.

use super::options::Options;

/// What separates cells.
const SEPARATORS: [u8; 3] = [b';', b'\t', b','];

/// The signs of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) separator: u8,
    /// The decimal sign, if an option names it.
    pub(super) decimal: Option<u8>,
}

impl Dialect {
    /// The dialect that the options name; a separator that they do not name is the one of `,`, `;` and tab that occurs equally often
    /// in the first two lines that are neither blank nor comments.
    pub(super) fn of(text: &str, options: &Options<'_>) -> Self {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        let [header, row] = [lines.next(), lines.next()].map(Option::unwrap_or_default);
        let count = |line: &str, separator: u8| {
            let mut quoted = false;
            let mut count = 0;
            for byte in line.bytes() {
                quoted ^= byte == b'"';
                count += usize::from(!quoted && byte == separator);
            }
            count
        };
        let in_header = SEPARATORS.into_iter().filter(|&separator| count(header, separator) > 0);
        let candidates: Vec<u8> = in_header.collect();
        let fitting =
            candidates.iter().copied().find(|&separator| count(header, separator) == count(row, separator));
        let found = fitting.or(candidates.first().copied()).unwrap_or(b',');
        Self { separator: options.separator.unwrap_or(found), decimal: options.decimal }
    }
}

/// How the numbers of a column are written, learned from its cells.
#[derive(Debug, Default)]
pub(super) struct Decimals {
    /// A cell with a comma that cannot separate thousands was seen.
    decimal_comma: bool,
    /// The first cell with a comma that could separate thousands: its row.
    thousands: Option<usize>,
    /// A cell with a point was seen.
    point: bool,
}

impl Decimals {
    /// Parses the cell of `row`; `None` if it is no number in this dialect.
    pub(super) fn parse(&mut self, cell: &str, dialect: Dialect, row: usize) -> Option<f64> {
        if dialect.decimal == Some(b'.')
            || dialect.separator == b',' && dialect.decimal.is_none()
            || !cell.contains(',')
        {
            self.point |= cell.contains('.');
            return if dialect.decimal == Some(b',') && cell.contains('.') {
                None
            } else {
                cell.parse().ok()
            };
        }
        let (whole, fraction) = cell.split_once(',')?;
        if fraction.len() == 3 && whole.trim_start_matches(['-', '+']).len() <= 3 {
            self.thousands.get_or_insert(row);
        } else {
            self.decimal_comma = true;
        }
        format!("{whole}.{fraction}").parse().ok()
    }

    /// The row of a comma that may be a decimal comma or may separate thousands; `None` if the commas are clear.
    pub(super) fn unclear(&self, dialect: Dialect) -> Option<usize> {
        match (self.decimal_comma, self.point) {
            _ if dialect.decimal.is_some() => None,
            (true, true) => self.thousands.or(Some(0)),
            (true, false) => None,
            (false, _) => self.thousands,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn separator(text: &str) -> char {
        Dialect::of(text, &Options::default()).separator.into()
    }

    #[test]
    fn the_separator_is_the_sign_that_occurs_in_header_and_rows() {
        assert_eq!(separator("a,b\n1,2\n"), ',');
        assert_eq!(separator("a;b\n1,5;2,5\n"), ';');
        assert_eq!(separator("# x;y,z\n\na\tb\n1\t2\n"), '\t');
        assert_eq!(separator("a;x,b\n1,2\n"), ',');
        assert_eq!(separator("time;\"load, kW\"\n1;2,5\n"), ';');
        assert_eq!(separator("a\n1\n"), ',');
    }

    fn parsed(cells: &[&str], decimal: Option<u8>) -> (Vec<Option<f64>>, bool) {
        let dialect = Dialect { separator: b';', decimal };
        let mut decimals = Decimals::default();
        let numbers =
            cells.iter().enumerate().map(|(row, cell)| decimals.parse(cell, dialect, row)).collect();
        (numbers, decimals.unclear(dialect).is_some())
    }

    #[test]
    fn a_comma_is_a_decimal_comma_unless_it_may_separate_thousands() {
        assert_eq!(
            parsed(&["1,5", "-2,25", "1,234"], None),
            (vec![Some(1.5), Some(-2.25), Some(1.234)], false)
        );
        assert!(parsed(&["1,234", "5,678"], None).1);
        assert_eq!(parsed(&["1,234"], Some(b',')), (vec![Some(1.234)], false));
        assert_eq!(parsed(&["1,234,567", "1,5,2"], None).0, [None, None]);
        assert!(parsed(&["1,5", "2.5"], None).1);
        assert_eq!(parsed(&["1.5", "2"], None), (vec![Some(1.5), Some(2.0)], false));
        assert_eq!(parsed(&["1.5"], Some(b',')).0, [None]);
    }
}
