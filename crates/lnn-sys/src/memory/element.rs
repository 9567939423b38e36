//! The dtypes whose elements can be borrowed.

use tch::Kind;

/// A Rust type of tensor elements.
pub trait Element: Copy + Send + Sync + 'static + sealed::Sealed {
    /// Its dtype.
    const KIND: Kind;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    impl Sealed for u8 {}
}

impl Element for f32 {
    const KIND: Kind = Kind::Float;
}

impl Element for f64 {
    const KIND: Kind = Kind::Double;
}

impl Element for u8 {
    const KIND: Kind = Kind::Uint8;
}
