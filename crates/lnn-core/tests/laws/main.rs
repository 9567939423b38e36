//! Laws that hold for every cell, whatever its sizes and weights.
//!
//! A law is a function of a [`Subject`]: a cell with an input, an initial state and a mask that fit it. Every law is
//! tested on every cell, on sizes and values that are drawn anew in each run. A new cell needs one line below.

mod closed_form;
mod gradients;
mod masks;
mod reservoir;
mod scripts;
mod shapes;
mod spiking;
mod synapses;
mod time;
mod truncation;
mod unrolling;

use lnn_core::random::{rand, randn, seeded};
use lnn_core::{Cell, Gru, LinearLiquid, Lstm, Parameters, Scope, State};
use proptest::prelude::*;
use tch::{Device, Kind, Tensor};

/// Draws a cell with the given numbers of inputs and units.
type Draw = fn(&mut Scope<'_>, i64, i64) -> Box<dyn Cell>;

const OPTIONS: (Kind, Device) = (Kind::Double, Device::Cpu);

#[derive(Debug, Clone, Copy)]
struct Sizes {
    batch: i64,
    steps: i64,
    inputs: i64,
    units: i64,
    seed: u64,
}

fn sizes() -> impl Strategy<Value = Sizes> {
    (1_i64..5, 1_i64..7, 1_i64..5, 1_i64..6, 0_u64..10_000)
        .prop_map(|(batch, steps, inputs, units, seed)| Sizes { batch, steps, inputs, units, seed })
}

/// A cell in float64, and arguments for it. All but the mask collect gradients.
struct Subject {
    cell: Box<dyn Cell>,
    parameters: Parameters,
    /// `[B, T, I]`
    x: Tensor,
    initial: State,
    /// `[B, T]`, about half of it true.
    mask: Tensor,
}

impl Subject {
    fn draw(draw: Draw, sizes: Sizes) -> Self {
        let Sizes { batch, steps, inputs, units, seed } = sizes;
        // On tensors this small a second thread costs more than it saves, and on a busy machine a hundred times more:
        // waiting threads spin. The setting is that of the calling thread.
        tch::set_num_threads(1);
        let mut parameters = Parameters::drawn(seed, OPTIONS.0, OPTIONS.1);
        let cell = draw(&mut parameters.root(), inputs, units);
        let random = |shape: &[i64]| randn(shape, OPTIONS).set_requires_grad(true);
        let (x, initial, mask) = seeded(seed, || {
            let initial = cell.state_sizes().iter().map(|width| random(&[batch, *width])).collect();
            let x = random(&[batch, steps, inputs]);
            (x, State::new(initial), rand([batch, steps], OPTIONS).lt(0.5))
        });
        Self { cell, parameters, x, initial, mask }
    }

    fn batch(&self) -> i64 {
        self.x.size()[0]
    }

    fn steps(&self) -> i64 {
        self.x.size()[1]
    }
}

fn for_all(draw: Draw, law: fn(&Subject)) {
    let config = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(sizes in sizes())| law(&Subject::draw(draw, sizes)));
}

/// The state with `change` applied to each of its tensors.
fn map_state(state: &State, change: impl Fn(&Tensor) -> Tensor) -> State {
    State::new(state.tensors().iter().map(change).collect())
}

#[track_caller]
fn assert_close(found: &Tensor, expected: &Tensor) {
    assert_eq!(found.size(), expected.size());
    let error = (found - expected).abs().max().double_value(&[]);
    // Written so that NaN fails.
    assert!(error <= 1e-12, "off by {error:e}");
}

#[track_caller]
fn assert_states_close(found: &State, expected: &State) {
    assert_eq!(found.tensors().len(), expected.tensors().len());
    for (found, expected) in found.tensors().iter().zip(expected.tensors()) {
        assert_close(found, expected);
    }
}

/// One test for each law, for one cell.
macro_rules! test_laws {
    ($draw:expr; $($topic:ident: $($law:ident),+;)+) => {
        $($(
            #[test]
            fn $law() {
                for_all($draw, crate::$topic::$law);
            }
        )+)+
    };
}

/// The laws of every cell; `smooth` adds those of cells whose gradient is the derivative of their values.
macro_rules! cells_obey_the_laws {
    ($($cell:ident: $draw:expr $(, $smooth:ident)?;)+) => {
        $(mod $cell {
            use super::*;

            test_laws! {
                $draw;
                unrolling:
                    permuting_the_batch_permutes_the_output,
                    a_row_of_a_batch_is_a_batch_of_one,
                    a_sequence_in_two_parts_ends_as_the_whole,
                    a_scan_is_its_steps_taken_by_hand,
                    no_initial_state_is_a_zero_state,
                    an_empty_batch_gives_empty_outputs;
                masks:
                    a_masked_step_leaves_the_state_and_repeats_the_output,
                    masked_steps_at_the_end_change_nothing,
                    a_mask_of_ones_is_no_mask,
                    what_stands_at_a_masked_step_does_not_matter;
                gradients:
                    a_scan_has_the_gradients_of_its_steps,
                    a_masked_input_gets_no_gradient,
                    one_step_from_rest_has_no_gradient_for_what_takes_no_part;
                scripts:
                    the_scripted_sequence_has_the_values_and_gradients_of_the_scan,
                    scripted_steps_are_the_scripted_sequence,
                    a_script_starts_at_rest_where_it_is_given_no_state;
                shapes:
                    an_input_that_does_not_fit_is_named,
                    a_mask_that_does_not_fit_is_named,
                    an_initial_state_that_does_not_fit_is_named,
                    a_wrong_number_of_state_tensors_is_refused;
                time:
                    time_is_taken_or_refused;
                truncation:
                    a_scan_in_parts_has_the_values_of_the_scan,
                    the_gradient_of_an_output_stays_within_its_part,
                    the_last_state_keeps_the_gradient_of_its_last_step_that_counts;
            }
            $(cells_obey_the_laws!(@$smooth $draw);)?
        })+
    };
    (@smooth $draw:expr) => {
        test_laws! {
            $draw;
            gradients:
                gradients_are_those_of_central_differences,
                gradients_with_a_mask_are_those_of_central_differences;
        }
    };
}

cells_obey_the_laws! {
    leaky_reservoir: reservoir::draw, smooth;
    leaky_reservoir_without_bias: reservoir::draw_without_bias, smooth;
    leaky_reservoir_of_few_synapses: reservoir::draw_sparse, smooth;
    lstm: |scope, inputs, units| Box::new(Lstm::new(scope, inputs, units).unwrap()), smooth;
    gru: |scope, inputs, units| Box::new(Gru::new(scope, inputs, units).unwrap()), smooth;
    liquid_time_step: time::draw, smooth;
    liquid_time_step_of_the_article: time::draw_article, smooth;
    liquid_time_step_by_input: time::draw_by_input, smooth;
    liquid_time_constant: synapses::draw, smooth;
    liquid_time_constant_of_a_policy: synapses::draw_policy, smooth;
    liquid_time_constant_by_euler_steps: synapses::draw_euler, smooth;
    liquid_time_constant_by_runge_kutta_steps: synapses::draw_runge_kutta, smooth;
    closed_form_with_a_backbone: closed_form::draw, smooth;
    closed_form_without_a_gate: closed_form::draw_no_gate, smooth;
    closed_form_of_the_equation: closed_form::draw_pure, smooth;
    closed_form_step_by_step: closed_form::draw_gelu, smooth;
    closed_form_of_a_policy: closed_form::draw_wired, smooth;
    closed_form_with_memory: closed_form::draw_mixed, smooth;
    policy_with_memory: closed_form::draw_wired_mixed;
    liquid_time_constant_with_memory: closed_form::draw_synaptic_mixed;
    linear_liquid: |scope, inputs, units| Box::new(LinearLiquid::new(scope, inputs, units, 0.3).unwrap()), smooth;
    spiking_reservoir: spiking::draw;
    spiking_reservoir_without_bias: spiking::draw_without_bias;
}
