//! A picture of a wiring, as SVG: the inputs and the layers of units are columns, synapses are lines with the colour of their polarity.

use lnn_core::{Synapse, Wiring};
use plotters::coord::Shift;
use plotters::prelude::{
    Circle, Color, DrawingArea, IntoDrawingArea, IntoFont, PathElement, RGBColor, SVGBackend, Text, WHITE,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::error::Error;

const EXCITATORY: RGBColor = RGBColor(0x1f, 0x77, 0xb4);
const INHIBITORY: RGBColor = RGBColor(0xd6, 0x27, 0x28);
const UNIT: RGBColor = RGBColor(0x33, 0x33, 0x33);

/// Distance of columns and of units in a column, and the margin, in pixels.
const COLUMN: i32 = 240;
const ROW: i32 = 16;
const MARGIN: i32 = 60;
/// Inputs of up to this number are labelled by their names.
const NAMED: usize = 40;

/// Draws the wiring of each layer of cells, one below the other. `inputs` are the names of the inputs of the first.
///
/// # Errors
/// Those of the drawing.
pub fn draw_wirings(wirings: &[&Wiring], inputs: &[String]) -> Result<String, Box<dyn Error>> {
    let extents = |wiring: &Wiring| {
        let largest = wiring.layers().iter().map(|layer| layer.units.len()).max().unwrap_or(0);
        let rows = largest.max(wiring.inputs()) as i32;
        [2 * MARGIN + COLUMN * wiring.layers().len() as i32 + COLUMN / 2, 2 * MARGIN + ROW * rows.max(6)]
    };
    let sizes: Vec<[i32; 2]> = wirings.iter().map(|wiring| extents(wiring)).collect();
    let width = sizes.iter().map(|size| size[0]).max().unwrap_or(COLUMN);
    let height = sizes.iter().map(|size| size[1]).sum::<i32>();
    let mut picture = String::new();
    {
        let area = SVGBackend::with_string(&mut picture, (width as u32, height as u32)).into_drawing_area();
        area.fill(&WHITE)?;
        let mut rest = area;
        for (i, (wiring, [_, height])) in wirings.iter().zip(sizes).enumerate() {
            let (own, below) = rest.split_vertically(height);
            let names = if i == 0 { inputs } else { &[] };
            draw_one(&own, wiring, names, height)?;
            rest = below;
        }
        rest.present()?;
    }
    Ok(picture)
}

/// Where the units of a wiring are.
struct Places {
    inputs: Vec<(i32, i32)>,
    units: Vec<(i32, i32)>,
}

fn places(wiring: &Wiring, height: i32) -> Places {
    let column = |place: usize, count: usize| -> Vec<(i32, i32)> {
        let top = (height - ROW * count as i32) / 2 + ROW;
        (0..count).map(|i| (MARGIN + COLUMN / 4 + COLUMN * place as i32, top + ROW * i as i32)).collect()
    };
    let mut units = vec![(0, 0); wiring.units()];
    for (place, layer) in wiring.layers().iter().enumerate() {
        for (unit, at) in layer.units.clone().zip(column(place + 1, layer.units.len())) {
            units[unit] = at;
        }
    }
    Places { inputs: column(0, wiring.inputs()), units }
}

fn draw_one(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    wiring: &Wiring,
    names: &[String],
    height: i32,
) -> Result<(), Box<dyn Error>> {
    let Places { inputs, units } = places(wiring, height);
    let count = wiring.sensory().len() + wiring.recurrent().len();
    // Many lines are drawn lightly, so that where they meet stays visible.
    let strength = (60.0 / count.max(1) as f64).clamp(0.06, 0.6);
    let line = |from: (i32, i32), synapse: &Synapse| {
        let colour = if synapse.polarity > 0 { EXCITATORY } else { INHIBITORY };
        let to = units[synapse.target];
        PathElement::new(curve(from, to), colour.mix(strength).stroke_width(1))
    };
    for synapse in wiring.sensory() {
        area.draw(&line(inputs[synapse.source], synapse))?;
    }
    for synapse in wiring.recurrent() {
        area.draw(&line(units[synapse.source], synapse))?;
    }
    for at in inputs.iter().chain(&units) {
        area.draw(&Circle::new(*at, 4, UNIT.filled()))?;
    }
    let label = |text: String, at: (i32, i32), side: HPos| {
        let style = ("sans-serif", 13).into_font().color(&UNIT).pos(Pos::new(side, VPos::Center));
        area.draw(&Text::new(text, at, style))
    };
    if inputs.len() <= NAMED {
        for (name, (x, y)) in names.iter().zip(&inputs) {
            label(name.clone(), (x - 10, *y), HPos::Right)?;
        }
    }
    let x = |place: usize| MARGIN + COLUMN / 4 + COLUMN * place as i32;
    label(format!("inputs ({})", inputs.len()), (x(0), MARGIN / 2), HPos::Center)?;
    for (place, layer) in wiring.layers().iter().enumerate() {
        label(format!("{} ({})", layer.name, layer.units.len()), (x(place + 1), MARGIN / 2), HPos::Center)?;
    }
    for (i, (text, colour)) in
        [("excitatory", EXCITATORY), ("inhibitory", INHIBITORY)].into_iter().enumerate()
    {
        let at = (MARGIN + 110 * i as i32, height - MARGIN / 3);
        area.draw(&PathElement::new(vec![at, (at.0 + 22, at.1)], colour.stroke_width(2)))?;
        label(text.into(), (at.0 + 28, at.1), HPos::Left)?;
    }
    Ok(())
}

/// A straight line, or an arc to the right within a column.
fn curve(from: (i32, i32), to: (i32, i32)) -> Vec<(i32, i32)> {
    if from.0 != to.0 {
        return vec![from, to];
    }
    let bulge = (f64::from((from.1 - to.1).abs()) / 2.0).clamp(12.0, f64::from(COLUMN) / 3.0);
    (0..=12)
        .map(|i| {
            let part = f64::from(i) / 12.0;
            let y = f64::from(from.1) + part * f64::from(to.1 - from.1);
            // A synapse of a unit with itself is a small loop.
            let loop_of_one = if from == to { 8.0 * (part * std::f64::consts::TAU).sin() } else { 0.0 };
            let x = f64::from(from.0) + bulge * (part * std::f64::consts::PI).sin();
            (x.round() as i32, (y + loop_of_one).round() as i32)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lnn_core::WiringConfig;

    #[test]
    fn every_synapse_is_a_line_and_every_unit_a_mark_under_the_name_of_its_layer() {
        let config = WiringConfig::AutoNcp { outputs: 2, sparsity: 0.5, seed: 1 };
        let wiring = config.build(3, 14).unwrap();
        let names = ["speed", "angle", "load"].map(String::from);
        let picture = draw_wirings(&[&wiring, &wiring], &names).unwrap();
        let synapses = wiring.sensory().len() + wiring.recurrent().len();
        assert_eq!(picture.matches("<circle").count(), 2 * (3 + 14));
        // Two lines of the legend of each.
        assert_eq!(picture.matches("<polyline").count(), 2 * (synapses + 2));
        for text in ["inter (", "command (", "motor (2)", "inputs (3)", "speed", "excitatory"] {
            assert!(picture.contains(text), "{text}");
        }
    }

    #[test]
    fn a_full_wiring_is_drawn_within_its_picture() {
        let wiring = WiringConfig::Full { seed: 1 }.build(1, 40).unwrap();
        let picture = draw_wirings(&[&wiring], &[]).unwrap();
        assert_eq!(picture.matches("<circle").count(), 41);
    }
}
