//! Charts of training and validation over the epochs, as SVG.

use crate::picture::axis::Axis;
use crate::picture::{Area, FRAME, GRID, thinned};
use plotters::coord::ranged1d::Ranged;
use plotters::prelude::{
    ChartBuilder, Circle, Color, IntoDrawingArea, IntoFont, LineSeries, PathElement, RGBColor, SVGBackend,
    Text, WHITE,
};
use std::error::Error;

const TRAINING: RGBColor = RGBColor(0x1f, 0x77, 0xb4);
const VALIDATION: RGBColor = RGBColor(0xd6, 0x27, 0x28);
const MARK: RGBColor = RGBColor(0x44, 0x44, 0x44);

/// Width and height of a chart in pixels, and the height of the legend below the charts.
const SIZE: [u32; 2] = [540, 360];
const LEGEND: u32 = 44;

/// Curves of at most this many points have a marker on each point.
const MARKED: usize = 40;

/// Points `(epoch, value)` of training and validation.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) title: &'static str,
    pub(super) training: Vec<(f64, f64)>,
    pub(super) validation: Vec<(f64, f64)>,
}

/// Draws the charts side by side, with one legend below them. `training` is the label of the training curves.
pub(super) fn draw(charts: &[Chart], training: &str, best: Option<u64>) -> Result<String, Box<dyn Error>> {
    let mut picture = String::new();
    let size = (SIZE[0] * charts.len() as u32, SIZE[1] + LEGEND);
    {
        let area = SVGBackend::with_string(&mut picture, size).into_drawing_area();
        area.fill(&WHITE)?;
        let (upper, lower) = area.split_vertically(SIZE[1]);
        for (area, chart) in upper.split_evenly((1, charts.len())).iter().zip(charts) {
            draw_chart(area, chart, best)?;
        }
        draw_legend(&lower, training, best)?;
        area.present()?;
    }
    Ok(picture)
}

fn draw_chart(area: &Area<'_>, chart: &Chart, best: Option<u64>) -> Result<(), Box<dyn Error>> {
    let both = || chart.training.iter().chain(&chart.validation);
    let x = Axis::of_epochs(both().map(|(epoch, _)| *epoch));
    let y = Axis::of_values(both().map(|(_, value)| *value));
    let height = y.range();
    let mut context = ChartBuilder::on(area)
        .caption(chart.title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d(x, y)?;
    context
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(WHITE.mix(0.0))
        .axis_style(FRAME)
        .x_desc("epoch")
        .axis_desc_style(("sans-serif", 14).into_font())
        .label_style(("sans-serif", 13).into_font())
        .draw()?;
    if let Some(best) = best {
        let ends = [height.start, height.end].map(|end| (best as f64, end));
        context.draw_series([PathElement::new(ends, MARK.mix(0.35).stroke_width(1))])?;
    }
    for (points, colour) in [(&chart.training, TRAINING), (&chart.validation, VALIDATION)] {
        let points = thinned(points);
        if points.len() <= MARKED {
            context.draw_series(points.iter().map(|point| Circle::new(*point, 2, colour.filled())))?;
        }
        context.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
    }
    let chosen = chart.validation.iter().find(|(epoch, _)| best.is_some_and(|best| *epoch as u64 == best));
    if let Some(chosen) = chosen {
        context.draw_series([Circle::new(*chosen, 6, MARK.stroke_width(2))])?;
    }
    Ok(())
}

/// Draws the legend in a row.
fn draw_legend(area: &Area<'_>, training: &str, best: Option<u64>) -> Result<(), Box<dyn Error>> {
    const MIDDLE: i32 = LEGEND as i32 / 2 - 6;
    /// The length of a line, the gap after it and the gap after a text.
    const LINE: i32 = 26;
    const GAP: i32 = 8;
    const NEXT: i32 = 20;
    let mut left = 64;
    let text = |left: i32, text: &str| -> Result<i32, Box<dyn Error>> {
        let style = ("sans-serif", 14).into_font();
        area.draw(&Text::new(text.to_owned(), (left, MIDDLE - 7), style))?;
        // About the width of a letter; the reader of the picture may have another font.
        Ok(left + (text.chars().count() as f64 * 6.4) as i32 + NEXT)
    };
    for (name, colour) in [(training, TRAINING), ("validation", VALIDATION)] {
        area.draw(&PathElement::new([(left, MIDDLE), (left + LINE, MIDDLE)], colour.stroke_width(2)))?;
        left = text(left + LINE + GAP, name)?;
    }
    if let Some(best) = best {
        area.draw(&Circle::new((left + 6, MIDDLE), 6, MARK.stroke_width(2)))?;
        text(left + 12 + GAP, &format!("best epoch: {best}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_epoch_and_one_epoch_give_a_picture() {
        for points in [vec![], vec![(1.0, 0.0)]] {
            let chart = Chart { title: "Loss", training: points.clone(), validation: points };
            assert!(draw(&[chart], "training", None).unwrap().starts_with("<svg"));
        }
    }
}
