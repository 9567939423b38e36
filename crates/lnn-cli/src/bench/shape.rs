//! The four numbers of a shape: B,T,I,H for sequences, B,C,H,W for images.

use serde::Serialize;
use std::fmt::{Display, Formatter};
use std::str::FromStr;

/// Maximum extent.
const LARGEST: i64 = 1 << 20;

/// Maximum number of values, 8 GB, that a shape may imply.
const MOST: i64 = 1 << 31;

/// The shape of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Shape(pub [i64; 4]);

impl Display for Shape {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, d] = self.0;
        write!(formatter, "{a},{b},{c},{d}")
    }
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let extents: Result<Vec<i64>, _> = text.split(',').map(|part| part.trim().parse()).collect();
        let extents = extents.ok().and_then(|extents| <[i64; 4]>::try_from(extents).ok());
        let Some(extents) = extents else {
            return Err("expected four whole numbers, as 64,28,28,128".into());
        };
        if let Some(wrong) = extents.iter().find(|extent| !(1..=LARGEST).contains(*extent)) {
            return Err(format!("expected extents of 1 to {LARGEST}, found {wrong}"));
        }
        // The number of inputs, states and weights for sequences; images need no more.
        let [batch, steps, inputs, units] = extents.map(i128::from);
        let numbers = (batch * steps + units) * (inputs + units);
        if numbers > i128::from(MOST) {
            return Err(format!("expected at most {MOST} numbers in all, found {numbers}"));
        }
        Ok(Self(extents))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_read_from_the_text_it_shows() {
        let shape = Shape([64, 28, 28, 128]);
        assert_eq!(shape.to_string().parse(), Ok(shape));
        assert_eq!("1, 2, 3, 4".parse(), Ok(Shape([1, 2, 3, 4])));
    }

    #[test]
    fn what_is_no_shape_is_refused() {
        for (text, expected) in [
            ("", "four whole numbers"),
            ("64,28,28", "four whole numbers"),
            ("64,28,28,128,1", "four whole numbers"),
            ("64x28x28x128", "four whole numbers"),
            ("64,28,0,128", "found 0"),
            ("64,-1,28,128", "found -1"),
            ("9999999,1,1,1", "found 9999999"),
            ("1000000,1000000,1000000,1000000", "numbers in all"),
        ] {
            let error = text.parse::<Shape>().unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
