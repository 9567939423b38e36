//! Parallel coordinates: one vertical axis for each quantity, and a line across all of them for each item.

use super::FRAME;
use plotters::prelude::{Color, IntoDrawingArea, IntoFont, PathElement, RGBColor, SVGBackend, Text, WHITE};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{BLACK, TextStyle};
use std::cmp::Ordering;
use std::error::Error;

const WINNER: RGBColor = RGBColor(0xd6, 0x27, 0x28);
const GOOD: RGBColor = RGBColor(0x1f, 0x4e, 0x8c);
const BAD: RGBColor = RGBColor(0xc8, 0xd4, 0xe0);

/// The distance between two axes in pixels.
const APART: i32 = 170;
const HEIGHT: i32 = 420;
const TOP: i32 = 64;
const BOTTOM: i32 = 34;
const SIDE: i32 = 110;

/// An axis.
#[derive(Debug, Clone)]
pub(crate) struct ParallelAxis {
    pub(crate) name: String,
    /// Places on the axis, 0 at the bottom to 1 at the top, with their labels.
    pub(crate) ticks: Vec<(f64, String)>,
}

/// A line.
#[derive(Debug, Clone)]
pub(crate) struct ParallelLine {
    /// Where it crosses each axis, 0 to 1.
    pub(crate) places: Vec<f64>,
    /// Its rank, 0 for the best to 1 for the worst, which determines its colour.
    pub(crate) rank: f64,
    /// Whether it is the winner.
    pub(crate) winner: bool,
}

/// Draws the lines, the best ones on top, as SVG.
///
/// # Errors
/// Those of the drawing.
pub(crate) fn draw_parallel(axes: &[ParallelAxis], lines: &[ParallelLine]) -> Result<String, Box<dyn Error>> {
    let mut svg = String::new();
    let width = 2 * SIDE + APART * (axes.len() as i32 - 1).max(0);
    {
        let area = SVGBackend::with_string(&mut svg, (width as u32, HEIGHT as u32)).into_drawing_area();
        area.fill(&WHITE)?;
        let x = |axis: usize| SIDE + APART * axis as i32;
        let y = |place: f64| {
            let height = f64::from(HEIGHT - TOP - BOTTOM);
            HEIGHT - BOTTOM - (place.clamp(0.0, 1.0) * height).round() as i32
        };
        let mut order: Vec<&ParallelLine> = lines.iter().collect();
        order
            .sort_by(|a, b| (a.winner, -a.rank).partial_cmp(&(b.winner, -b.rank)).unwrap_or(Ordering::Equal));
        for line in order {
            let points: Vec<(i32, i32)> =
                line.places.iter().enumerate().map(|(axis, place)| (x(axis), y(*place))).collect();
            let style = if line.winner { WINNER.stroke_width(3) } else { colour(line.rank).stroke_width(1) };
            area.draw(&PathElement::new(points, style))?;
        }
        for (axis, ParallelAxis { name, ticks }) in axes.iter().enumerate() {
            area.draw(&PathElement::new([(x(axis), y(0.0)), (x(axis), y(1.0))], FRAME.stroke_width(2)))?;
            // The last part of a key below its path, because a whole key is wider than the distance of two axes.
            let (path, last) = name.rsplit_once('.').unwrap_or(("", name));
            let middle = Pos::new(HPos::Center, VPos::Top);
            for (text, height, size) in [(path, 16, 12), (last, 32, 15)] {
                area.draw(&Text::new(text.to_owned(), (x(axis), height), text_of(size).pos(middle)))?;
            }
            for (place, label) in ticks {
                let (left, middle) = (x(axis), y(*place));
                area.draw(&PathElement::new(
                    [(left - 4, middle), (left + 4, middle)],
                    FRAME.stroke_width(2),
                ))?;
                let side = text_of(12).pos(Pos::new(HPos::Right, VPos::Center));
                area.draw(&Text::new(shortened(label), (left - 7, middle), side))?;
            }
        }
        let legend = "red: the winner; dark to light blue: from the best to the worst trial";
        let place = Pos::new(HPos::Left, VPos::Bottom);
        area.draw(&Text::new(legend, (12, HEIGHT - 8), text_of(12).pos(place)))?;
        area.present()?;
    }
    Ok(svg)
}

fn text_of(size: i32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&BLACK)
}

/// A label that fits between two axes.
fn shortened(label: &str) -> String {
    const MOST: usize = 16;
    match label.chars().count() > MOST {
        true => label.chars().take(MOST - 1).chain(['…']).collect(),
        false => label.to_owned(),
    }
}

/// The colour of a rank, between those of the best and the worst.
fn colour(rank: f64) -> RGBColor {
    let mixed =
        |good: u8, bad: u8| (f64::from(good) + rank * (f64::from(bad) - f64::from(good))).round() as u8;
    RGBColor(mixed(GOOD.0, BAD.0), mixed(GOOD.1, BAD.1), mixed(GOOD.2, BAD.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(name: &str) -> ParallelAxis {
        ParallelAxis { name: name.into(), ticks: vec![(0.0, "low".into()), (1.0, "high".into())] }
    }

    #[test]
    fn each_axis_has_its_name_and_its_ticks_and_the_winner_its_colour() {
        let line = |rank, winner| ParallelLine { places: vec![0.0, 0.5, 1.0], rank, winner };
        let axes = [axis("optimizer.learning_rate"), axis("units"), axis("val_loss")];
        let svg = draw_parallel(&axes, &[line(0.0, true), line(1.0, false)]).unwrap();
        for text in ["optimizer", "learning_rate", "units", "val_loss", "low", "high", "#D62728", "#C8D4E0"] {
            assert!(svg.contains(text), "{text} is missing in {svg}");
        }
        assert!(draw_parallel(&[axis("x")], &[]).unwrap().starts_with("<svg"));
        assert!(draw_parallel(&[], &[]).unwrap().starts_with("<svg"));
    }
}
