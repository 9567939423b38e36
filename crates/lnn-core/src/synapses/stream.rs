//! One step of a stream of units that are joined by synapses, on plain numbers.
//!
//! A step of a few samples is short beside the operations of libtorch that turn parameters into the numbers of synapses. They are
//! therefore kept, and made anew when a parameter was written to. For that the versions of the parameters are compared, which every
//! operation of libtorch counts up.

use crate::kernels::real::Real;
use crate::synapses::conductances::Conductances;
use crate::synapses::loop_passes::sub_step;
use crate::synapses::passes::{SAMPLES, Synapses};
use crate::synapses::plan::Plan;
use crate::synapses::sensory::pack;
use lnn_sys::{Error, PassError, Stamp, numbers, numbers_mut};
use pulp::{Arch, Simd, WithSimd};
use std::sync::Arc;
use tch::{Kind, Tensor};

/// What a step needs of a layer, as tensors.
#[derive(Debug)]
pub(crate) struct StreamTensors<'a> {
    pub(crate) sensory: (&'a Arc<Plan>, Conductances),
    pub(crate) recurrent: (&'a Arc<Plan>, Conductances),
    /// The factor and the summand of the inputs, `[I]` each.
    pub(crate) input: [&'a Tensor; 2],
    /// num and den of the leak, `[2N]`.
    pub(crate) leak: Tensor,
    /// C `[N]`
    pub(crate) capacitance: Tensor,
    pub(crate) unfolds: i64,
}

/// The numbers of a layer, and the parameters that they were made from.
#[derive(Debug)]
pub(crate) struct StreamUnits {
    stamps: Vec<Stamp>,
    numbers: Numbers,
}

#[derive(Debug)]
enum Numbers {
    Single(Units<f32>),
    Double(Units<f64>),
}

impl StreamUnits {
    /// The numbers of a layer whose `parameters` these are; `None` if they are not plain memory on the CPU.
    pub(crate) fn new(parameters: &[&Tensor], tensors: &StreamTensors<'_>) -> Option<Self> {
        let stamps = parameters.iter().map(|tensor| Stamp::of(tensor)).collect::<Option<_>>()?;
        let numbers = match tensors.capacitance.kind() {
            Kind::Float => Numbers::Single(Units::new(tensors).ok()?),
            Kind::Double => Numbers::Double(Units::new(tensors).ok()?),
            _ => return None,
        };
        Some(Self { stamps, numbers })
    }

    /// Whether the parameters are still the same.
    pub(crate) fn are_of(&self, parameters: &[&Tensor]) -> bool {
        self.stamps.len() == parameters.len()
            && self.stamps.iter().zip(parameters).all(|(stamp, tensor)| stamp.holds(tensor))
    }

    /// The potentials `[B, N]` after a step `x [B, I]`, `dt [B]` from `v [B, N]`; `None` where the general form is to be used.
    pub(crate) fn step(&self, x: &Tensor, dt: Option<&Tensor>, v: &Tensor) -> Option<Tensor> {
        match &self.numbers {
            Numbers::Single(units) => units.step(x, dt, v),
            Numbers::Double(units) => units.step(x, dt, v),
        }
    }
}

#[derive(Debug)]
struct Units<R> {
    sensory: (Arc<Plan>, Vec<R>),
    recurrent: (Arc<Plan>, Vec<R>),
    input: [Vec<R>; 2],
    /// `[2N]`, by unit.
    leak: Vec<R>,
    /// By lane.
    capacitance: Vec<R>,
    unfolds: usize,
}

impl<R: Real> Units<R> {
    fn new(tensors: &StreamTensors<'_>) -> Result<Self, PassError> {
        let packed = |(plan, synapses): &(&Arc<Plan>, Conductances)| {
            let tensors = synapses.tensors().map(Tensor::shallow_clone);
            Ok::<_, PassError>((Arc::clone(plan), pack::<R>(plan, &tensors)?))
        };
        let copied = |tensor: &Tensor| Ok::<_, PassError>(numbers::<R>(&tensor.contiguous())?.to_vec());
        let mut capacitance = vec![R::ONE; tensors.recurrent.0.width()];
        tensors.recurrent.0.spread(&copied(&tensors.capacitance)?, &mut capacitance);
        Ok(Self {
            sensory: packed(&tensors.sensory)?,
            recurrent: packed(&tensors.recurrent)?,
            input: [copied(tensors.input[0])?, copied(tensors.input[1])?],
            leak: copied(&tensors.leak)?,
            capacitance,
            unfolds: tensors.unfolds as usize,
        })
    }

    fn step(&self, x: &Tensor, dt: Option<&Tensor>, v: &Tensor) -> Option<Tensor> {
        let (inputs, units) = (self.sensory.0.sources, self.sensory.0.units);
        let samples = v.size().first().copied()?;
        let fits = (1..=SAMPLES as i64).contains(&samples)
            && v.size() == [samples, units as i64]
            && x.size() == [samples, inputs as i64]
            && dt.is_none_or(|dt| dt.size() == [samples]);
        if fits { self.on_numbers(x, dt, v).ok() } else { None }
    }

    fn on_numbers(&self, x: &Tensor, dt: Option<&Tensor>, v: &Tensor) -> Result<Tensor, Error> {
        let mut out = Tensor::empty_like(v);
        Arch::new().dispatch(OneStep {
            units: self,
            x: &numbers(x)?,
            dt: dt.map(numbers).transpose()?.as_deref(),
            v: &numbers(v)?,
            out: numbers_mut(&mut out)?,
        });
        Ok(out)
    }
}

struct OneStep<'a, R> {
    units: &'a Units<R>,
    x: &'a [R],
    dt: Option<&'a [R]>,
    v: &'a [R],
    out: &'a mut [R],
}

impl<R: Real> WithSimd for OneStep<'_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Units { sensory, recurrent, input: [scale, bias], leak, capacitance, unfolds } = self.units;
        let (units, inputs) = (recurrent.0.units, sensory.0.sources);
        let samples = self.v.len() / units;
        let mut scratch = Vec::new();
        let mut sources = self.x.to_vec();
        for row in sources.chunks_mut(inputs) {
            for ((x, scale), bias) in row.iter_mut().zip(scale).zip(bias) {
                *x = x.mul_add(*scale, *bias);
            }
        }
        // From the lanes of the one layout by way of the units to those of the other.
        let (from, to) = (sensory.0.width(), recurrent.0.width());
        let mut by_source = vec![R::ZERO; samples * 2 * from];
        Synapses { plan: &sensory.0, numbers: &sensory.1 }.currents(
            simd,
            (&sources, inputs),
            &mut by_source,
            samples,
            &mut scratch,
        );
        let mut sensed = vec![R::ZERO; samples * 2 * to];
        let mut by_unit = vec![R::ZERO; 2 * units];
        for (by_source, sensed) in by_source.chunks(2 * from).zip(sensed.chunks_mut(2 * to)) {
            for (by_lane, by_unit) in by_source.chunks(from).zip(by_unit.chunks_mut(units)) {
                sensory.0.collect(by_lane, by_unit);
            }
            for (number, leak) in by_unit.iter_mut().zip(leak) {
                *number += *leak;
            }
            for (by_unit, by_lane) in by_unit.chunks(units).zip(sensed.chunks_mut(to)) {
                recurrent.0.spread(by_unit, by_lane);
            }
        }
        let mut v = vec![R::ZERO; samples * to];
        for (v, by_unit) in v.chunks_mut(to).zip(self.v.chunks(units)) {
            recurrent.0.spread(by_unit, v);
        }
        let mut all = vec![R::ZERO; samples * 2 * to];
        let synapses = Synapses { plan: &recurrent.0, numbers: &recurrent.1 };
        for _ in 0..*unfolds {
            synapses.currents(simd, (&v, to), &mut all, samples, &mut scratch);
            let currents = all.chunks(2 * to).zip(sensed.chunks(2 * to));
            for (b, (v, (all, sensed))) in v.chunks_mut(to).zip(currents).enumerate() {
                let duration = self.dt.map_or(R::ONE, |dt| dt[b]) / R::from_f64(*unfolds as f64);
                sub_step(v, capacitance, duration, [all.split_at(to), sensed.split_at(to)], &mut []);
            }
        }
        for (v, out) in v.chunks(to).zip(self.out.chunks_mut(units)) {
            recurrent.0.collect(v, out);
        }
    }
}
