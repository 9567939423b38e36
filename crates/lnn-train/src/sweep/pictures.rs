//! The pictures of a sweep: all trials over their keys, and how much each key matters.

use super::importance::importance;
use super::plan::Plan;
use super::range::{Range, Scale};
use super::ranking::winner;
use super::space::Parameter;
use super::trial::Trial;
use crate::digits::in_digits;
use crate::picture::{ParallelAxis, ParallelLine, draw_bars, draw_parallel};
use crate::policies::Selection;
use serde_json::Value;
use std::error::Error;

/// The part of an axis below its values for trials in which the key has none.
const NONE: f64 = 0.12;

/// Draws a line for each ranked trial that has reached a rung, over one axis for each key and one for its score.
///
/// # Errors
/// Those of the drawing.
pub(super) fn parallel_coordinates(plan: &Plan, ranked: &[Trial]) -> Result<String, Box<dyn Error>> {
    let reached: Vec<&Trial> = ranked.iter().filter(|trial| !trial.results.is_empty()).collect();
    let by_accuracy = plan.base.selection == Selection::Accuracy
        && reached.iter().all(|trial| trial.results.iter().all(|result| result.val_accuracy.is_some()));
    let score = |trial: &Trial| {
        let last = trial.results.last()?;
        if by_accuracy { last.val_accuracy } else { Some(last.val_loss) }
    };
    let scores = || reached.iter().filter_map(|trial| score(trial));
    let (low, high) = (scores().fold(f64::INFINITY, f64::min), scores().fold(f64::NEG_INFINITY, f64::max));
    let place = |score: f64| if high > low { (score - low) / (high - low) } else { 0.5 };
    let mut axes: Vec<ParallelAxis> = plan.space.parameters().iter().map(axis).collect();
    let ticks = match reached.is_empty() {
        true => Vec::new(),
        false if high > low => vec![(0.0, in_digits(low)), (1.0, in_digits(high))],
        false => vec![(0.5, in_digits(low))],
    };
    let name = if by_accuracy { "val_accuracy" } else { "val_loss" };
    axes.push(ParallelAxis { name: name.into(), ticks });
    let best = winner(ranked).map(|winner| winner.number);
    let lines: Vec<ParallelLine> = reached
        .iter()
        .enumerate()
        .map(|(rank, trial)| ParallelLine {
            places: plan
                .space
                .parameters()
                .iter()
                .map(|parameter| place_of(parameter, trial))
                .chain([score(trial).map_or(0.5, place)])
                .collect(),
            rank: rank as f64 / (reached.len().max(2) - 1) as f64,
            winner: best == Some(trial.number),
        })
        .collect();
    draw_parallel(&axes, &lines)
}

/// Draws a bar for each key.
///
/// # Errors
/// Those of the drawing.
pub(super) fn importance_bars(plan: &Plan, trials: &[Trial]) -> Result<String, Box<dyn Error>> {
    let mut bars: Vec<(String, Option<f64>)> =
        importance(plan, trials).into_iter().map(|importance| (importance.key, importance.share)).collect();
    bars.sort_by(|a, b| b.1.unwrap_or(-1.0).total_cmp(&a.1.unwrap_or(-1.0)));
    draw_bars("variance of the ranks that a key explains alone", &bars)
}

/// Where a trial crosses the axis of a key.
fn place_of(parameter: &Parameter, trial: &Trial) -> f64 {
    let place = trial.values.get(&parameter.key).and_then(|value| parameter.range.place(value));
    match place {
        Some(place) => raised(parameter, place),
        None => 0.0,
    }
}

/// Leaves room for trials without a value, if there can be any.
fn raised(parameter: &Parameter, place: f64) -> f64 {
    if parameter.when.is_empty() { place } else { NONE + (1.0 - NONE) * place }
}

fn axis(parameter: &Parameter) -> ParallelAxis {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let mut values = parameter.range.ends();
    if let Range::Float { from, to, scale: Scale::Log } = &parameter.range {
        // Powers of ten between the ends.
        let powers = from.log10().ceil() as i32..=to.log10().floor() as i32;
        values.extend(powers.map(|power| Value::from(10_f64.powi(power))));
    }
    let tick = |value: Value| Some((raised(parameter, parameter.range.place(&value)?), text(&value)));
    let mut ticks: Vec<(f64, String)> = values.into_iter().filter_map(tick).collect();
    if !parameter.when.is_empty() {
        ticks.push((0.0, "none".into()));
    }
    ticks.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Ticks that are too close to be read.
    ticks.dedup_by(|next, kept| next.0 - kept.0 < 0.04);
    ParallelAxis { name: parameter.key.clone(), ticks }
}
