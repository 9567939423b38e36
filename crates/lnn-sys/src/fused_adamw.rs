//! One optimiser step for all parameters in one call.

use crate::{Error, ffi};
use tch::{Kind, Tensor};
use torch_sys::C_tensor;

/// The constants of one step of Adam with decoupled weight decay (Loshchilov and Hutter, 2019).
#[derive(Debug, Clone, Copy)]
pub struct AdamWStep {
    /// Which step this is, from 1; it corrects the bias of young moments.
    pub step: u64,
    /// Learning rate.
    pub learning_rate: f64,
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
/// The four lists have one length and, place by place, one shape; all tensors share dtype and device. Parameters and
/// moments must be dense; gradients may have any strides.
///
/// # Errors
/// [`Error::Argument`] if the lists do not fit each other, [`Error::Torch`] if libtorch throws.
pub fn fused_adamw(
    parameters: &[Tensor],
    gradients: &[Tensor],
    first_moments: &[Tensor],
    second_moments: &[Tensor],
    constants: AdamWStep,
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
    let Some(first) = parameters.first() else { return Ok(()) };
    // Filled on the device: a number that is copied there would wait for all work before it.
    let step = Tensor::full([], constants.step as f64, (Kind::Float, first.device()));
    // SAFETY: every pointer is to a live tensor that outlives the call, the lists have `parameters.len()` entries
    // each, and the shapes, strides, dtypes and devices that the kernel takes for granted were checked above.
    ffi::check(unsafe {
        ffi::lnn_fused_adamw(
            pointers(parameters).as_ptr(),
            pointers(gradients).as_ptr(),
            pointers(first_moments).as_ptr(),
            pointers(second_moments).as_ptr(),
            parameters.len(),
            step.as_ptr().cast_mut(),
            constants.learning_rate,
            constants.beta1,
            constants.beta2,
            constants.weight_decay,
            constants.epsilon,
        )
    })
}

fn pointers(tensors: &[Tensor]) -> Vec<*mut C_tensor> {
    tensors.iter().map(|tensor| tensor.as_ptr().cast_mut()).collect()
}

fn check_alike(parameters: &[Tensor], what: &str, list: &[Tensor]) -> Result<(), Error> {
    if list.len() != parameters.len() {
        let (expected, found) = (parameters.len(), list.len());
        return Err(Error::Argument(format!("expected {expected} {what}, one a parameter, found {found}")));
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
                    "{what}[{i}]: all tensors must share one dtype and device"
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    const CONSTANTS: AdamWStep = AdamWStep {
        step: 1,
        learning_rate: 1e-2,
        beta1: 0.9,
        beta2: 0.999,
        weight_decay: 0.1,
        epsilon: 1e-8,
    };

    /// The equation, written down: the reference of the fused kernel.
    fn plain(p: &Tensor, g: &Tensor, m: &Tensor, v: &Tensor, c: AdamWStep) -> (Tensor, Tensor, Tensor) {
        let m = m * c.beta1 + g * (1.0 - c.beta1);
        let v = v * c.beta2 + g * g * (1.0 - c.beta2);
        let m_hat = &m / (1.0 - c.beta1.powi(c.step as i32));
        let v_hat = &v / (1.0 - c.beta2.powi(c.step as i32));
        let p = p * (1.0 - c.learning_rate * c.weight_decay)
            - m_hat / (v_hat.sqrt() + c.epsilon) * c.learning_rate;
        (p, m, v)
    }

    #[test]
    fn the_fused_step_follows_the_plain_equation_over_several_steps() {
        tch::manual_seed(1);
        let options = (Kind::Double, Device::Cpu);
        let parameters = [Tensor::randn([3, 5], options), Tensor::randn([40, 3, 3, 3], options)];
        let moments: Vec<_> = parameters.iter().map(|p| (p.zeros_like(), p.zeros_like())).collect();
        let (first, second): (Vec<_>, Vec<_>) = moments.into_iter().unzip();
        let mut expected: Vec<_> =
            parameters.iter().map(|p| (p.copy(), p.zeros_like(), p.zeros_like())).collect();
        for step in 1..=5 {
            let constants = AdamWStep { step, ..CONSTANTS };
            let gradients: Vec<_> = parameters.iter().map(Tensor::randn_like).collect();
            fused_adamw(&parameters, &gradients, &first, &second, constants).unwrap();
            for (state, g) in expected.iter_mut().zip(&gradients) {
                *state = plain(&state.0, g, &state.1, &state.2, constants);
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
        fused_adamw(&parameters, &[gradient.shallow_clone()], &moments, &second, CONSTANTS).unwrap();
        assert!((&moments[0] - gradient * 0.1).abs().max().double_value(&[]) < 1e-12);
    }

    #[test]
    fn lists_that_do_not_fit_are_refused_before_libtorch_is_called() {
        let options = (Kind::Float, Device::Cpu);
        let p = [Tensor::ones([2], options)];
        let wrong = [Tensor::ones([3], options)];
        let missing = [Tensor::new()];
        let m = [Tensor::zeros([2], options)];
        let error = |result: Result<(), Error>| result.unwrap_err().to_string();
        assert!(error(fused_adamw(&p, &wrong, &m, &m, CONSTANTS)).contains("shape [2], found [3]"));
        assert!(error(fused_adamw(&p, &missing, &m, &m, CONSTANTS)).contains("backward"));
        assert!(error(fused_adamw(&p, &[], &m, &m, CONSTANTS)).contains("expected 1 gradients"));
        let doubles = [Tensor::ones([2], (Kind::Double, Device::Cpu))];
        assert!(error(fused_adamw(&p, &doubles, &m, &m, CONSTANTS)).contains("dtype"));
    }
}
