//! Initialisers: how a tensor gets its initial values.

use crate::error::Error;
use crate::parameters::spectral_radius::scale_to_radius;
use crate::random::{f_rand, f_randn};
use tch::{Device, Kind, Tensor};

/// An initialiser. Values are drawn in float32 on the CPU by the generator of the calling thread.
///
/// `fan_in` of a shape `[out, in, …]` is the product of all extents but the first, `fan_out` that of all but the
/// second.
#[derive(Debug)]
pub enum Init {
    /// One number for all elements.
    Constant(f64),
    /// N(0, deviation²).
    Normal {
        /// Standard deviation.
        deviation: f64,
    },
    /// Uniform in ±√(6 / (`fan_in` + `fan_out`)): Glorot and Bengio (2010), the default of Keras.
    GlorotUniform,
    /// N(0, 2 / `fan_in`): He et al. (2015), for layers before a rectifier.
    HeNormal,
    /// Rows or columns are orthonormal: Saxe et al. (2014). Blocks of `[H, H]` stacked along the first extent are drawn
    /// one by one.
    OrthogonalBlocks,
    /// `[H, H]` from N(0, 1), scaled so that the largest modulus of an eigenvalue is the given radius.
    SpectralRadius(f64),
    /// The same where each row has `density` H numbers, rounded, at least one and at random places, and zeros elsewhere.
    SparseSpectralRadius {
        /// The largest modulus of an eigenvalue.
        radius: f64,
        /// The part of a row that is not zero, above 0 and at most 1.
        density: f64,
    },
    /// Uniform between ±`limit`; PyTorch's linear layers draw weight and bias with the limit 1 / √`fan_in`.
    Uniform {
        /// The largest absolute value.
        limit: f64,
    },
    /// Uniform between two numbers.
    Range([f64; 2]),
    /// A number whose logarithm is uniform between those of two positive numbers.
    LogRange([f64; 2]),
    /// A number whose softplus ln(1 + e^y) is uniform between two positive numbers.
    PositiveRange([f64; 2]),
    /// A kernel `[out, in, k, k]` that passes its inputs on: output channel i is input channel i where there is one, and the
    /// others are uniform within 1 / √`fan_in`.
    Identity,
    /// Another initialiser, multiplied.
    Scaled {
        /// The factor.
        factor: f64,
        /// The initialiser.
        init: Box<Init>,
    },
    /// Another initialiser for the first rows, and zeros for the others.
    Leading {
        /// Number of rows.
        rows: i64,
        /// Their initialiser.
        init: Box<Init>,
    },
    /// Another initialiser for the square at the upper left, and zeros elsewhere.
    LeadingSquare {
        /// Its extent.
        extent: i64,
        /// Its initialiser.
        init: Box<Init>,
    },
    /// Given values.
    Values(Tensor),
}

impl Init {
    /// Draws a tensor of the shape `shape` in float32 on the CPU; [`Values`](Self::Values) keep their dtype.
    ///
    /// # Errors
    /// [`Error::Shape`] if the initialiser does not fit the shape, [`Error::Value`] if a random matrix cannot be
    /// scaled, [`Error::Torch`] if libtorch throws.
    pub fn draw(&self, shape: &[i64]) -> Result<Tensor, Error> {
        let options = (Kind::Float, Device::Cpu);
        let wrong_shape = |expected: &str| Error::Shape {
            what: "a tensor to initialise".into(),
            expected: expected.into(),
            found: shape.to_vec(),
        };
        Ok(match self {
            Self::Constant(value) => Tensor::f_full(shape, *value, options)?,
            Self::Normal { deviation } => f_randn(shape, options)? * *deviation,
            Self::GlorotUniform => {
                let [fan_in, fan_out] = fans(shape).ok_or_else(|| wrong_shape("[out, in, ...]"))?;
                let limit = (6.0 / (fan_in + fan_out)).sqrt();
                (f_rand(shape, options)? * 2.0 - 1.0) * limit
            }
            Self::HeNormal => {
                let [fan_in, _] = fans(shape).ok_or_else(|| wrong_shape("[out, in, ...]"))?;
                f_randn(shape, options)? * (2.0 / fan_in).sqrt()
            }
            Self::OrthogonalBlocks => match *shape {
                [rows, columns] if columns > 0 && rows % columns == 0 => {
                    let blocks: Result<Vec<_>, Error> =
                        (0..rows / columns).map(|_| orthogonal(columns)).collect();
                    Tensor::f_cat(&blocks?, 0)?
                }
                _ => return Err(wrong_shape("[k*H, H]")),
            },
            Self::SpectralRadius(radius) => match *shape {
                [rows, columns] if rows == columns => {
                    let drawn = f_randn(shape, options)?;
                    scale_to_radius(&drawn.to_kind(Kind::Double), *radius)?.to_kind(Kind::Float)
                }
                _ => return Err(wrong_shape("[H, H]")),
            },
            Self::SparseSpectralRadius { radius, density } => match *shape {
                [rows, columns] if rows == columns => {
                    let kept = ((columns as f64 * density).round() as i64).clamp(1, columns.max(1));
                    let (_, places) = f_rand(shape, options)?.f_topk(kept, 1, true, false)?;
                    let chosen = Tensor::f_zeros(shape, options)?.f_scatter_value(1, &places, 1.0)?;
                    let drawn = f_randn(shape, options)? * chosen;
                    scale_to_radius(&drawn.to_kind(Kind::Double), *radius)?.to_kind(Kind::Float)
                }
                _ => return Err(wrong_shape("[H, H]")),
            },
            Self::Uniform { limit } => (f_rand(shape, options)? * 2.0 - 1.0) * *limit,
            Self::Range([low, high]) => f_rand(shape, options)? * (high - low) + *low,
            Self::LogRange([low, high]) => {
                Self::Range([low.ln(), high.ln()]).draw(shape)?.exp().clamp(*low, *high)
            }
            Self::PositiveRange(range) => {
                let positive = Self::Range(*range).draw(shape)?;
                // The inverse of softplus: ln(exp(y) - 1), written so that it does not overflow.
                &positive + (-(-&positive).expm1()).log()
            }
            Self::Identity => {
                let [fan_in, _] = fans(shape).ok_or_else(|| wrong_shape("[out, in, ...]"))?;
                let kernel = Self::Uniform { limit: 1.0 / fan_in.sqrt() }.draw(shape)?;
                let [Some(outputs), Some(inputs), Some(height), Some(width)] =
                    [0, 1, 2, 3].map(|i: usize| shape.get(i).copied())
                else {
                    return Err(wrong_shape("[out, in, k, k]"));
                };
                let rows = outputs.min(inputs);
                let mut passed = kernel.narrow(0, 0, rows);
                let _ = passed.f_zero_()?;
                let centre = passed.select(3, width / 2).select(2, height / 2);
                centre.shallow_clone().f_copy_(&Tensor::f_eye(inputs, options)?.narrow(0, 0, rows))?;
                kernel
            }
            Self::Scaled { factor, init } => init.draw(shape)? * *factor,
            Self::Leading { rows, init } => match shape {
                [all, rest @ ..] if rows <= all => {
                    let whole = Tensor::f_zeros(shape, options)?;
                    let leading: Vec<i64> = std::iter::once(*rows).chain(rest.iter().copied()).collect();
                    whole.narrow(0, 0, *rows).f_copy_(&init.draw(&leading)?)?;
                    whole
                }
                _ => return Err(wrong_shape(&format!("[at least {rows}, ...]"))),
            },
            Self::LeadingSquare { extent, init } => match *shape {
                [rows, columns] if rows >= *extent && columns >= *extent => {
                    let whole = Tensor::f_zeros(shape, options)?;
                    let square = whole.narrow(0, 0, *extent).narrow(1, 0, *extent);
                    square.shallow_clone().f_copy_(&init.draw(&[*extent, *extent])?)?;
                    whole
                }
                _ => return Err(wrong_shape(&format!("[at least {extent}, at least {extent}]"))),
            },
            Self::Values(values) if values.size() == shape => values.copy(),
            Self::Values(values) => return Err(wrong_shape(&format!("{:?}", values.size()))),
        })
    }
}

/// `[fan_in, fan_out]` of a shape `[out, in, …]`.
fn fans(shape: &[i64]) -> Option<[f64; 2]> {
    let [out, inputs, rest @ ..] = shape else { return None };
    let field: i64 = rest.iter().product();
    Some([(inputs * field) as f64, (out * field) as f64])
}

/// A random orthogonal matrix: the Q of a Gaussian matrix, with the signs of R's diagonal so that it is uniform.
fn orthogonal(extent: i64) -> Result<Tensor, Error> {
    let gaussian = f_randn([extent, extent], (Kind::Float, Device::Cpu))?;
    let (q, r) = Tensor::f_linalg_qr(&gaussian, "reduced")?;
    Ok(q * r.diagonal(0, 0, 1).sign())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded;

    #[test]
    fn orthogonal_blocks_have_orthonormal_rows() {
        let drawn = seeded(0, || Init::OrthogonalBlocks.draw(&[24, 6])).unwrap();
        for block in drawn.split(6, 0) {
            let product = block.matmul(&block.tr());
            let identity = Tensor::eye(6, (Kind::Float, Device::Cpu));
            assert!((product - identity).abs().max().double_value(&[]) < 1e-5);
        }
    }

    #[test]
    fn glorot_and_he_have_the_deviation_of_their_papers() {
        let drawn = |init: Init| seeded(0, || init.draw(&[64, 32, 3, 3])).unwrap();
        let deviation = |init| drawn(init).std(true).double_value(&[]);
        let glorot = (2.0 / (32.0 * 9.0 + 64.0 * 9.0_f64)).sqrt();
        assert!((deviation(Init::GlorotUniform) / glorot - 1.0).abs() < 0.02);
        assert!((deviation(Init::HeNormal) / (2.0 / (32.0 * 9.0_f64)).sqrt() - 1.0).abs() < 0.02);
    }

    #[test]
    fn a_sparse_matrix_has_its_share_in_each_row_and_the_radius() {
        let draw = |density| {
            seeded(0, || Init::SparseSpectralRadius { radius: 0.9, density }.draw(&[40, 40])).unwrap()
        };
        for (density, kept) in [(0.1, 4), (0.5, 20), (1e-9, 1)] {
            let drawn = draw(density);
            let counts = Vec::<i64>::try_from(drawn.ne(0.0).sum_dim_intlist(1, false, Kind::Int64)).unwrap();
            assert_eq!(counts, [kept; 40]);
            assert!((crate::spectral_radius(&drawn).unwrap() - 0.9).abs() < 1e-5);
            assert_eq!(drawn, draw(density), "the seed decides");
        }
    }

    #[test]
    fn a_range_of_logarithms_is_halved_by_its_geometric_mean() {
        let drawn = seeded(0, || Init::LogRange([0.01, 1.0]).draw(&[10_000])).unwrap();
        assert!(drawn.min().double_value(&[]) >= 0.0099 && drawn.max().double_value(&[]) <= 1.0);
        let below = drawn.lt(0.1).to_kind(Kind::Double).mean(Kind::Double).double_value(&[]);
        assert!((below - 0.5).abs() < 0.02, "{below}");
    }

    #[test]
    fn an_initialiser_that_does_not_fit_the_shape_says_what_it_needs() {
        let error = Init::SpectralRadius(0.9).draw(&[3, 4]).unwrap_err().to_string();
        assert_eq!(error, "a tensor to initialise must have the shape [H, H], found [3, 4]");
        assert!(Init::OrthogonalBlocks.draw(&[7, 4]).is_err());
        assert!(Init::GlorotUniform.draw(&[7]).is_err());
    }
}
