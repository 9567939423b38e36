//! The step of `AdamW` for all parameters in one call.

use crate::error::Error;
use crate::ffi;
use tch::{Device, Kind, Tensor};
use torch_sys::C_tensor;

/// The constants of one step of Adam with decoupled weight decay (Loshchilov and Hutter, 2019).
#[derive(Debug, Clone, Copy)]
pub struct AdamWStep<'a> {
    /// The number of the step, from 1, which corrects the bias of the moments: a float32 scalar on the device.
    pub step: &'a Tensor,
    /// Learning rate: a float32 scalar on CUDA, a float64 scalar on the CPU.
    pub learning_rate: &'a Tensor,
    /// Decay of the first moment, in [0, 1).
    pub beta1: f64,
    /// Decay of the second moment, in [0, 1).
    pub beta2: f64,
    /// Decoupled weight decay, per unit of learning rate.
    pub weight_decay: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
}

/// Updates `parameters` and both moments in place, all tensors in one call of libtorch.
///
/// The four lists have the same length and at each index the same shape; all tensors have the same dtype and device. Moments have
/// the strides of their parameters, which must be dense; gradients may have other strides.
///
/// # Errors
/// [`Error::Argument`] if the lists do not fit each other, [`Error::Torch`] if libtorch throws.
pub fn fused_adamw(
    parameters: &[Tensor],
    gradients: &[Tensor],
    first_moments: &[Tensor],
    second_moments: &[Tensor],
    constants: AdamWStep<'_>,
) -> Result<(), Error> {
    for (what, list) in
        [("gradients", gradients), ("first moments", first_moments), ("second moments", second_moments)]
    {
        check_alike(parameters, what, list)?;
    }
    for (what, list) in [("first moments", first_moments), ("second moments", second_moments)] {
        if let Some(i) = parameters.iter().zip(list).position(|(p, m)| p.stride() != m.stride()) {
            return Err(Error::Argument(format!("{what}[{i}] must have the strides of its parameter")));
        }
    }
    if let Some(i) = parameters.iter().position(|parameter| !is_dense(parameter)) {
        let strides = parameters[i].stride();
        return Err(Error::Argument(format!("parameters[{i}] must be dense, found strides {strides:?}")));
    }
    let Some(first) = parameters.first() else { return Ok(()) };
    let of_rate = if first.device() == Device::Cpu { Kind::Double } else { Kind::Float };
    for (what, scalar, kind) in
        [("step", constants.step, Kind::Float), ("learning rate", constants.learning_rate, of_rate)]
    {
        let found = (scalar.kind(), scalar.device(), scalar.dim());
        if found != (kind, first.device(), 0) {
            let expected = (kind, first.device(), 0);
            return Err(Error::Argument(format!("the {what} must be {expected:?}, found {found:?}")));
        }
    }
    // SAFETY: every pointer is to a tensor that outlives the call, the lists have `parameters.len()` entries each, and the shapes,
    // strides, dtypes and devices that the kernel takes for granted were checked above.
    ffi::check(unsafe {
        ffi::lnn_fused_adamw(
            pointers(parameters).as_ptr(),
            pointers(gradients).as_ptr(),
            pointers(first_moments).as_ptr(),
            pointers(second_moments).as_ptr(),
            parameters.len(),
            constants.step.as_ptr().cast_mut(),
            constants.learning_rate.as_ptr().cast_mut(),
            constants.beta1,
            constants.beta2,
            constants.weight_decay,
            constants.epsilon,
        )
    })
}

/// Whether the elements fill their memory without gaps and repetitions, in whatever order of the dimensions. The kernel goes through
/// as many elements as the tensor has, one after the other.
fn is_dense(tensor: &Tensor) -> bool {
    let mut extents: Vec<_> = tensor.stride().into_iter().zip(tensor.size()).collect();
    extents.retain(|(_, size)| *size != 1);
    extents.sort_unstable();
    let mut expected = 1;
    let follows = |(stride, size): (i64, i64)| {
        let fits = stride == expected;
        expected *= size;
        fits
    };
    tensor.numel() == 0 || extents.into_iter().all(follows)
}

fn pointers(tensors: &[Tensor]) -> Vec<*mut C_tensor> {
    tensors.iter().map(|tensor| tensor.as_ptr().cast_mut()).collect()
}

fn check_alike(parameters: &[Tensor], what: &str, list: &[Tensor]) -> Result<(), Error> {
    if list.len() != parameters.len() {
        let (expected, found) = (parameters.len(), list.len());
        return Err(Error::Argument(format!("expected {expected} {what}, one per parameter, found {found}")));
    }
    let kind_and_device = parameters.first().map(|p| (p.kind(), p.device()));
    for (i, (parameter, other)) in parameters.iter().zip(list).enumerate() {
        if !other.defined() {
            return Err(Error::Argument(format!("{what}[{i}] is undefined: was the backward pass run?")));
        }
        if other.size() != parameter.size() {
            let (expected, found) = (parameter.size(), other.size());
            return Err(Error::Argument(format!(
                "{what}[{i}] must have the shape {expected:?}, found {found:?}"
            )));
        }
        for tensor in [parameter, other] {
            if kind_and_device != Some((tensor.kind(), tensor.device())) {
                return Err(Error::Argument(format!(
                    "{what}[{i}]: all tensors must have the same dtype and device"
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Distribution, Generator, fill};

    const RATE: f64 = 1e-2;

    /// The number of the step and the learning rate.
    fn clock(step: i32) -> [Tensor; 2] {
        [(f64::from(step), Kind::Float), (RATE, Kind::Double)]
            .map(|(value, kind)| Tensor::full([], value, (kind, Device::Cpu)))
    }

    fn constants([step, learning_rate]: &[Tensor; 2]) -> AdamWStep<'_> {
        AdamWStep { step, learning_rate, beta1: 0.9, beta2: 0.999, weight_decay: 0.1, epsilon: 1e-8 }
    }

    /// The equation, as the reference of the fused kernel.
    fn plain(
        p: &Tensor,
        g: &Tensor,
        m: &Tensor,
        v: &Tensor,
        (step, c): (i32, AdamWStep<'_>),
    ) -> (Tensor, Tensor, Tensor) {
        let m = m * c.beta1 + g * (1.0 - c.beta1);
        let v = v * c.beta2 + g * g * (1.0 - c.beta2);
        let m_hat = &m / (1.0 - c.beta1.powi(step));
        let v_hat = &v / (1.0 - c.beta2.powi(step));
        let p = p * (1.0 - RATE * c.weight_decay) - m_hat / (v_hat.sqrt() + c.epsilon) * RATE;
        (p, m, v)
    }

    #[test]
    fn the_fused_step_follows_the_plain_equation_over_several_steps() {
        let mut generator = Generator::new(1).unwrap();
        let mut drawn = |shape: &[i64]| {
            let mut drawn = Tensor::empty(shape, (Kind::Double, Device::Cpu));
            fill(&mut drawn, Distribution::Normal, Some(&mut generator)).unwrap();
            drawn
        };
        let parameters = [drawn(&[3, 5]), drawn(&[40, 3, 3, 3])];
        let moments: Vec<_> = parameters.iter().map(|p| (p.zeros_like(), p.zeros_like())).collect();
        let (first, second): (Vec<_>, Vec<_>) = moments.into_iter().unzip();
        let mut expected: Vec<_> =
            parameters.iter().map(|p| (p.copy(), p.zeros_like(), p.zeros_like())).collect();
        for step in 1..=5 {
            let clock = clock(step);
            let constants = constants(&clock);
            let gradients: Vec<_> = parameters.iter().map(|p| drawn(&p.size())).collect();
            fused_adamw(&parameters, &gradients, &first, &second, constants).unwrap();
            for (state, g) in expected.iter_mut().zip(&gradients) {
                *state = plain(&state.0, g, &state.1, &state.2, (step, constants));
            }
        }
        for (i, (p, m, v)) in expected.iter().enumerate() {
            for (fused, plain) in [(&parameters[i], p), (&first[i], m), (&second[i], v)] {
                assert!((fused - plain).abs().max().double_value(&[]) < 1e-12);
            }
        }
    }

    #[test]
    fn a_gradient_with_other_strides_than_its_parameter_is_read_by_shape() {
        let options = (Kind::Double, Device::Cpu);
        let parameters = [Tensor::ones([2, 3], options)];
        let gradient = Tensor::from_slice(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).view([3, 2]).transpose(0, 1);
        let moments = [parameters[0].zeros_like()];
        let second = [parameters[0].zeros_like()];
        fused_adamw(&parameters, &[gradient.shallow_clone()], &moments, &second, constants(&clock(1)))
            .unwrap();
        assert!((&moments[0] - gradient * 0.1).abs().max().double_value(&[]) < 1e-12);
    }

    #[test]
    fn a_parameter_with_gaps_or_repetitions_in_memory_is_refused_and_any_order_of_dimensions_is_not() {
        let ones = |size: &[i64]| Tensor::ones(size, (Kind::Float, Device::Cpu));
        let clock = clock(1);
        let step = |p: Tensor| {
            let m = [p.zeros_like().as_strided(p.size(), p.stride(), 0)];
            fused_adamw(&[p.shallow_clone()], &[p.ones_like()], &m, &m, constants(&clock))
        };
        step(ones(&[2, 3]).tr()).unwrap();
        step(ones(&[4, 1, 5, 3]).permute([0, 3, 1, 2])).unwrap();
        step(ones(&[0, 3])).unwrap();
        assert!(!is_dense(&ones(&[1]).expand([1000], false)) && !is_dense(&ones(&[4, 4]).narrow(1, 0, 2)));
        let p = [ones(&[1]).expand([1000], false)];
        let error = fused_adamw(&p, &p, &p, &p, constants(&clock)).unwrap_err().to_string();
        assert!(error.contains("parameters[0] must be dense, found strides [0]"), "{error}");
    }

    #[test]
    fn lists_that_do_not_fit_are_refused_before_libtorch_is_called() {
        let options = (Kind::Float, Device::Cpu);
        let p = [Tensor::ones([2], options)];
        let wrong = [Tensor::ones([3], options)];
        let missing = [Tensor::new()];
        let m = [Tensor::zeros([2], options)];
        let error = |result: Result<(), Error>| result.unwrap_err().to_string();
        let clock = clock(1);
        let constants = constants(&clock);
        assert!(error(fused_adamw(&p, &wrong, &m, &m, constants)).contains("shape [2], found [3]"));
        assert!(error(fused_adamw(&p, &missing, &m, &m, constants)).contains("backward"));
        assert!(error(fused_adamw(&p, &[], &m, &m, constants)).contains("expected 1 gradients"));
        let doubles = [Tensor::ones([2], (Kind::Double, Device::Cpu))];
        assert!(error(fused_adamw(&p, &doubles, &m, &m, constants)).contains("dtype"));
        let turned = AdamWStep { step: &clock[1], ..constants };
        assert!(error(fused_adamw(&p, &m, &m, &m, turned)).contains("the step must be (Float"));
    }
}
