//! The liquid time-constant unit in its conductance form: leaky units that are joined by synapses.
//!
//! ```text
//! C dv/dt = g (V - v) + Σ w σ(sigma (u - mu)) (E - v)      (sum over the synapses of a unit, u the potential of the source)
//! v' = (C v + Δ Σ g E) / (C + Δ Σ g)        Δ = dt / unfolds, for `unfolds` sub-steps
//! y  = a v + b                              (the units that are outputs)
//! ```
//! where Σ g E and Σ g contain the leak, the synapses from inputs and those from units, at the potentials before the sub-step. The
//! sources of the synapses from inputs are `input_scale x + input_bias`, constant during a step.
//!
//! | letter | field | shape | constraint | initial values |
//! |---|---|---|---|---|
//! | g, V | `g_leak`, `v_leak` | `[N]` | g > 0 | 0.001 to 1, -0.2 to 0.2 |
//! | C | `capacitance` | `[N]` | > 0 | 0.4 to 0.6 |
//! | w | `w`, `sensory_w` | `[N, N]`, `[I, N]` | > 0 | 0.001 to 1 |
//! | sigma, mu | `sigma`, `mu`, `sensory_sigma`, `sensory_mu` | the same | | 3 to 8, 0.3 to 0.8 |
//! | E | `reversal`, `sensory_reversal` | the same | | the polarity of the synapse |
//! | | `polarity`, `sensory_polarity` | the same | -1, 1, or 0 where there is no synapse | those of the wiring, fixed |
//! | | `input_scale`, `input_bias` | `[I]` | | 1, 0 |
//! | a, b | `output_scale`, `output_bias` | `[O]` | | 1, 0 |
//!
//! What is positive is stored as a parameter whose softplus it is. Sources are by rows. Entries without a synapse take part in nothing.
//!
//! Source: Hasani et al., "Liquid Time-constant Networks" (AAAI 2021), with the initial values of ncps 1.0.1. It deviates from
//! `ncps.torch.LTC` in this: the sub-step is multiplied by Δ, not divided, so that a step of no time changes nothing; nothing is added to the
//! denominator, which is at least C, so that outputs differ by about 1e-8; `dt` may differ between the samples of a batch, where ncps
//! 1.0.1 raises an error or, with as many samples as units, takes the wrong ones.

use crate::cells::liquid_time_constant_script::script;
use crate::error::Error;
use crate::parameters::init::Init;
use crate::parameters::script::Script;
use crate::parameters::store::Scope;
use crate::recurrence::cell::{Cell, recur};
use crate::recurrence::sequence::Sequence;
use crate::recurrence::state::{Run, State};
use crate::scan::fused::{self, Form, FusedCell};
use crate::synapses::conductances::Conductances;
use crate::synapses::plan::Plan;
use crate::synapses::sensory::sensory_currents;
use crate::synapses::stream::{StreamTensors, StreamUnits};
use crate::synapses::sub_steps::{OdeSolver, SubStep};
use crate::synapses::unit_loop::UnitLoop;
use crate::wiring::Wiring;
use std::cell::RefCell;
use std::sync::Arc;
use tch::{Device, Kind, Tensor};

/// The settings of a layer of liquid time-constant units.
#[derive(Debug, Clone)]
pub struct LiquidTimeConstantConfig {
    /// The units and their synapses.
    pub wiring: Wiring,
    /// How a sub-step is computed.
    pub solver: OdeSolver,
    /// Number of sub-steps of a step.
    pub unfolds: i64,
}

/// Synapses of one kind.
#[derive(Debug)]
struct SynapseTensors {
    w: Tensor,
    sigma: Tensor,
    mu: Tensor,
    reversal: Tensor,
    polarity: Tensor,
    /// The layout for the loops on plain numbers, where they can run.
    plan: Option<Arc<Plan>>,
}

impl SynapseTensors {
    fn new(scope: &mut Scope<'_>, prefix: &str, polarity: &Tensor) -> Result<Self, Error> {
        let (sources, units) = polarity.size2()?;
        let shape = [sources, units];
        let name = |name: &str| format!("{prefix}{name}");
        let known = scope.buffer(&name("polarity"), &shape, &Init::Values(polarity.shallow_clone()))?;
        let w = scope.trainable(&name("w"), &shape, &Init::PositiveRange([0.001, 1.0]))?;
        Ok(Self {
            sigma: scope.trainable(&name("sigma"), &shape, &Init::Range([3.0, 8.0]))?,
            mu: scope.trainable(&name("mu"), &shape, &Init::Range([0.3, 0.8]))?,
            reversal: scope.trainable(&name("reversal"), &shape, &Init::Values(polarity.shallow_clone()))?,
            w,
            polarity: known,
            plan: None,
        })
    }

    fn conductances(&self) -> Conductances {
        let conductance = self.w.softplus() * self.polarity.abs();
        Conductances {
            slope: self.sigma.shallow_clone(),
            offset: -(&self.sigma * &self.mu),
            drive: &conductance * &self.reversal,
            conductance,
        }
    }
}

/// A layer of liquid time-constant units.
#[derive(Debug)]
pub struct LiquidTimeConstant {
    input_scale: Tensor,
    input_bias: Tensor,
    g_leak: Tensor,
    v_leak: Tensor,
    capacitance: Tensor,
    sensory: SynapseTensors,
    recurrent: SynapseTensors,
    output_scale: Tensor,
    output_bias: Tensor,
    wiring: Wiring,
    solver: OdeSolver,
    unfolds: i64,
    /// The numbers of the steps of a stream, as they were last needed.
    stream: RefCell<Option<StreamUnits>>,
}

impl LiquidTimeConstant {
    /// A trainable layer. In a model from a file the synapses are those of the file.
    ///
    /// # Errors
    /// [`Error::Value`] if `unfolds` is below 1, [`Error::Wiring`] if the file holds no wiring of these sizes; those of
    /// [`Scope::trainable`].
    pub fn new(scope: &mut Scope<'_>, config: &LiquidTimeConstantConfig) -> Result<Self, Error> {
        let LiquidTimeConstantConfig { wiring, solver, unfolds } = config;
        Error::refuse_empty(&[("unfolds", *unfolds)])?;
        let [inputs, units, outputs] =
            [wiring.inputs(), wiring.units(), wiring.outputs()].map(|count| count as i64);
        let constant = Init::Constant;
        let mut cell = Self {
            input_scale: scope.trainable("input_scale", &[inputs], &constant(1.0))?,
            input_bias: scope.trainable("input_bias", &[inputs], &constant(0.0))?,
            g_leak: scope.trainable("g_leak", &[units], &Init::PositiveRange([0.001, 1.0]))?,
            v_leak: scope.trainable("v_leak", &[units], &Init::Range([-0.2, 0.2]))?,
            capacitance: scope.trainable("capacitance", &[units], &Init::PositiveRange([0.4, 0.6]))?,
            sensory: SynapseTensors::new(scope, "sensory_", &wiring.sensory_matrix())?,
            recurrent: SynapseTensors::new(scope, "", &wiring.recurrent_matrix())?,
            output_scale: scope.trainable("output_scale", &[outputs], &constant(1.0))?,
            output_bias: scope.trainable("output_bias", &[outputs], &constant(0.0))?,
            wiring: wiring.clone(),
            solver: *solver,
            unfolds: *unfolds,
            stream: RefCell::new(None),
        };
        if scope.has_values() {
            let (sensory, recurrent) = (&cell.sensory.polarity, &cell.recurrent.polarity);
            cell.wiring =
                Wiring::of_matrices(wiring.outputs(), wiring.layers().to_vec(), sensory, recurrent)?;
        }
        let (sensory, recurrent) = (cell.wiring.sensory(), cell.wiring.recurrent());
        let [inputs, units] = [cell.wiring.inputs(), cell.wiring.units()];
        let plans = match (cell.capacitance.device(), cell.capacitance.kind()) {
            (Device::Cpu, Kind::Float) => {
                Some((Plan::sensory::<f32>(sensory, inputs, units), Plan::recurrent::<f32>(recurrent, units)))
            }
            (Device::Cpu, Kind::Double) => {
                Some((Plan::sensory::<f64>(sensory, inputs, units), Plan::recurrent::<f64>(recurrent, units)))
            }
            _ => None,
        };
        (cell.sensory.plan, cell.recurrent.plan) =
            plans.map(|(sensory, recurrent)| (Arc::new(sensory), Arc::new(recurrent))).unzip();
        Ok(cell)
    }

    /// One step on plain numbers; `None` where the general form is to be used.
    fn step_on_numbers(&self, x: &Tensor, dt: Option<&Tensor>, v: &Tensor) -> Option<Tensor> {
        let (sensory, recurrent) = (self.sensory.plan.as_ref()?, self.recurrent.plan.as_ref()?);
        if self.solver != OdeSolver::SemiImplicit || lnn_sys::gradients_are_collected() {
            return None;
        }
        let own = [&self.input_scale, &self.input_bias, &self.g_leak, &self.v_leak, &self.capacitance];
        let synapses = [&self.sensory, &self.recurrent];
        let of_synapses =
            synapses.map(|known| [&known.w, &known.sigma, &known.mu, &known.reversal, &known.polarity]);
        let parameters: Vec<&Tensor> = own.into_iter().chain(of_synapses.into_iter().flatten()).collect();
        let mut stream = self.stream.borrow_mut();
        if !stream.as_ref().is_some_and(|units| units.are_of(&parameters)) {
            let tensors = StreamTensors {
                sensory: (sensory, self.sensory.conductances()),
                recurrent: (recurrent, self.recurrent.conductances()),
                input: [&self.input_scale, &self.input_bias],
                leak: self.leak(),
                capacitance: self.capacitance.softplus(),
                unfolds: self.unfolds,
            };
            *stream = StreamUnits::new(&parameters, &tensors);
        }
        stream.as_ref()?.step(x, dt, v)
    }

    /// num and den of the leak, `[2N]`.
    fn leak(&self) -> Tensor {
        let g = self.g_leak.softplus();
        Tensor::cat(&[&g * &self.v_leak, g], 0)
    }

    /// The outputs of states `[.., N]`.
    fn read(&self, states: &Tensor) -> Tensor {
        let outputs = self.output_scale.size()[0];
        self.output_bias.addcmul(&states.narrow(-1, 0, outputs), &self.output_scale)
    }

    fn loop_over_units<'a>(
        &'a self,
        synapses: &'a Conductances,
        capacitance: &'a Tensor,
        form: Form,
    ) -> UnitLoop<'a> {
        let plan = self.recurrent.plan.as_ref().filter(|_| form == Form::Rows);
        UnitLoop { synapses, capacitance, unfolds: self.unfolds, plan }
    }
}

impl FusedCell for LiquidTimeConstant {
    fn run_fused(&self, form: Form, sequence: Sequence<'_>, initial: Option<&State>) -> Result<Run, Error> {
        let synapses = self.recurrent.conductances();
        let capacitance = self.capacitance.softplus();
        let units = self.loop_over_units(&synapses, &capacitance, form);
        let time_first = |tensor: Tensor| tensor.transpose(0, 1).contiguous();
        let x = time_first(sequence.without_padding());
        let dt = sequence.time_without_padding().map(time_first);
        let mask = sequence.mask.map(|mask| time_first(mask.to_kind(Kind::Bool)));
        let initial = initial.map(State::output);
        let [states, last] = recur(self, &x, |sensed| units.run(&sensed, initial, dt.as_ref(), mask))??;
        Ok(Run { outputs: self.read(&states.transpose(0, 1)), last: State::new(vec![last]) })
    }
}

impl Cell for LiquidTimeConstant {
    fn input_size(&self) -> i64 {
        self.input_scale.size()[0]
    }

    fn state_sizes(&self) -> Vec<i64> {
        vec![self.capacitance.size()[0]]
    }

    fn output_size(&self) -> i64 {
        self.output_scale.size()[0]
    }

    fn weight(&self) -> &Tensor {
        &self.capacitance
    }

    fn has_time(&self) -> bool {
        true
    }

    fn wiring(&self) -> Option<&Wiring> {
        Some(&self.wiring)
    }

    /// The largest Δ den / C that a step of one unit of time can have.
    fn stiffness(&self) -> Option<[f64; 2]> {
        let limit = self.solver.limit()?;
        tch::no_grad(|| {
            let sum = |synapses: &SynapseTensors| {
                synapses.conductances().conductance.sum_dim_intlist(&[0i64][..], false, Kind::Double)
            };
            let den = self.g_leak.softplus() + sum(&self.sensory) + sum(&self.recurrent);
            let largest = (den / self.capacitance.softplus()).max().double_value(&[]);
            Some([largest / self.unfolds as f64, limit])
        })
    }

    /// The currents of inputs and leak, num and den: `[.., 2N]`.
    fn project(&self, x: &Tensor) -> Tensor {
        let source = self.input_bias.addcmul(x, &self.input_scale);
        let plan = self.sensory.plan.as_ref();
        let currents = sensory_currents(&source, &self.sensory.conductances(), plan);
        currents.unwrap_or_else(|error| panic!("the currents of the inputs: {error}")) + self.leak()
    }

    fn advance(&self, projected: &Tensor, dt: Option<&Tensor>, state: &State) -> State {
        let synapses = &self.recurrent.conductances();
        let step = SubStep { solver: self.solver, synapses, capacitance: &self.capacitance.softplus() };
        let unfolds = self.unfolds as f64;
        let duration = match dt {
            Some(dt) => dt / unfolds,
            None => projected.new_full([1, 1], 1.0 / unfolds, (projected.kind(), projected.device())),
        };
        let mut v = state.output().shallow_clone();
        for _ in 0..self.unfolds {
            v = step.of(&v, projected, &duration);
        }
        State::new(vec![v])
    }

    fn step(&self, x: &Tensor, dt: Option<&Tensor>, state: &State) -> State {
        match self.step_on_numbers(x, dt, state.output()) {
            Some(v) => State::new(vec![v]),
            None => self.advance(&self.project(x), dt.map(|dt| dt.unsqueeze(1)).as_ref(), state),
        }
    }

    fn emit(&self, state: &State) -> Tensor {
        self.read(state.output())
    }

    fn scan(&self, sequence: Sequence<'_>, initial: Option<&State>) -> Result<Run, Error> {
        match self.solver {
            OdeSolver::SemiImplicit => fused::scan(self, sequence, initial),
            OdeSolver::Euler | OdeSolver::RungeKutta => self.scan_stepwise(sequence, initial),
        }
    }

    fn script(&self) -> Script {
        script(self.solver, self.unfolds)
    }
}
