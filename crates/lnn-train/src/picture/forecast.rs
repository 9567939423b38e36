//! A forecast as a picture: the last stretch of the series, what is predicted, and what came, as far as it is known.

use super::axis::Axis;
use super::{Area, FRAME, GRID, thinned};
use plotters::prelude::{
    ChartBuilder, Color, IntoDrawingArea, IntoFont, LineSeries, PathElement, Polygon, RGBColor, SVGBackend,
    Text, WHITE,
};
use plotters::style::FontDesc;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::error::Error;

const HISTORY: RGBColor = RGBColor(0x1f, 0x77, 0xb4);
const FORECAST: RGBColor = RGBColor(0xd6, 0x27, 0x28);
const TRUTH: RGBColor = RGBColor(0x2c, 0x2c, 0x2c);

/// Width and height of a panel in pixels.
const PANEL: [u32; 2] = [900, 280];

/// The maximum number of values that have a panel.
const MOST_PANELS: usize = 6;

/// Rows of a series.
#[derive(Debug, Clone, Default)]
pub struct Stretch {
    /// Where each row lies on the axis of time; increasing.
    pub places: Vec<f64>,
    /// The time of each row as text.
    pub texts: Vec<String>,
    /// The numbers of each value, one list for each value; NaN where there is none.
    pub values: Vec<Vec<f64>>,
}

/// What a picture shows.
#[derive(Debug, Clone, Default)]
pub struct ForecastPicture {
    /// The names of the values, each of which has a panel.
    pub names: Vec<String>,
    /// The name of the axis of time.
    pub time: String,
    /// The last known rows.
    pub history: Stretch,
    /// The rows that are predicted.
    pub forecast: Stretch,
    /// The lower and the upper edge of a band around the forecast, in its rows.
    pub band: Option<[Vec<Vec<f64>>; 2]>,
    /// What came, in the rows of the forecast.
    pub truth: Option<Vec<Vec<f64>>>,
}

/// Draws one panel below the other, as SVG; values beyond the sixth have none.
///
/// # Errors
/// Those of the drawing.
pub fn draw_forecast(picture: &ForecastPicture) -> Result<String, Box<dyn Error>> {
    let panels = picture.names.len().clamp(1, MOST_PANELS);
    let mut svg = String::new();
    {
        let size = (PANEL[0], PANEL[1] * panels as u32);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE)?;
        for (value, panel) in area.split_evenly((panels, 1)).iter().enumerate() {
            draw_panel(panel, picture, value)?;
        }
        area.present()?;
    }
    Ok(svg)
}

/// The points of a value that are numbers.
fn points(places: &[f64], values: Option<&Vec<f64>>) -> Vec<(f64, f64)> {
    let values = values.map_or(&[][..], |values| values);
    let points = places.iter().copied().zip(values.iter().copied());
    points.filter(|(_, value)| value.is_finite()).collect()
}

fn draw_panel(area: &Area<'_>, picture: &ForecastPicture, value: usize) -> Result<(), Box<dyn Error>> {
    let ForecastPicture { names, time, history, forecast, band, truth } = picture;
    let known = points(&history.places, history.values.get(value));
    let mut predicted = points(&forecast.places, forecast.values.get(value));
    let came = points(&forecast.places, truth.as_ref().and_then(|truth| truth.get(value)));
    let edges =
        band.as_ref().map(|band| band.each_ref().map(|edge| points(&forecast.places, edge.get(value))));
    let last = known.last().copied();
    // The curve of the forecast begins at the last known row.
    predicted.splice(0..0, last);
    let places = [&history.places[..], &forecast.places].concat();
    let texts = [&history.texts[..], &forecast.texts].concat();
    let x = Axis::of_rows(&places, &texts);
    let shown = known.iter().chain(&predicted).chain(&came).chain(edges.iter().flatten().flatten());
    let y = Axis::of_series(shown.map(|(_, value)| *value));
    let heights = plotters::coord::ranged1d::Ranged::range(&y);
    let mut chart = ChartBuilder::on(area)
        .caption(names.get(value).map_or("", String::as_str), ("sans-serif", 16))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(72)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(WHITE.mix(0.0))
        .axis_style(FRAME)
        .x_desc(time.as_str())
        .axis_desc_style(("sans-serif", 14).into_font())
        .label_style(("sans-serif", 12).into_font())
        .draw()?;
    let label = |colour: RGBColor, side: HPos| {
        let font: FontDesc<'_> = ("sans-serif", 13).into_font();
        font.color(&colour).pos(Pos::new(side, VPos::Top))
    };
    let end = history.places.last().copied().unwrap_or(0.0);
    let line = [heights.start, heights.end].map(|height| (end, height));
    chart.draw_series([PathElement::new(line, FRAME.stroke_width(1))])?;
    if let Some([low, high]) = edges {
        let around = low.into_iter().chain(high.into_iter().rev()).collect::<Vec<_>>();
        chart.draw_series([Polygon::new(around, FORECAST.mix(0.2))])?;
    }
    chart.draw_series(LineSeries::new(thinned(&known), HISTORY.stroke_width(2)))?;
    if !came.is_empty() {
        let came: Vec<(f64, f64)> = last.into_iter().chain(came).collect();
        chart.draw_series(LineSeries::new(thinned(&came), TRUTH.stroke_width(1)))?;
    }
    chart.draw_series(LineSeries::new(thinned(&predicted), FORECAST.stroke_width(2)))?;
    // Each name beside its curve, with spaces that an SVG keeps: to the left and to the right of the last known row.
    let top = (end, heights.end);
    let names = [
        ("history\u{a0}\u{a0}", HISTORY, HPos::Right, 0.0),
        ("\u{a0}\u{a0}forecast", FORECAST, HPos::Left, 0.0),
    ];
    let truth = truth.as_ref().map(|_| ("\u{a0}\u{a0}truth", TRUTH, HPos::Left, 0.08));
    let band = band.as_ref().map(|_| ("\u{a0}\u{a0}10 % to 90 % of the samples", FORECAST, HPos::Left, 0.16));
    let below = (heights.end - heights.start).abs();
    chart.draw_series(names.into_iter().chain(truth).chain(band).map(|(name, colour, side, lower)| {
        Text::new(name, (top.0, top.1 - below * lower), label(colour, side))
    }))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(rows: std::ops::Range<i32>, values: usize) -> Stretch {
        Stretch {
            places: rows.clone().map(f64::from).collect(),
            texts: rows.clone().map(|row| format!("2024-01-{row:02}")).collect(),
            values: vec![rows.map(|row| f64::from(row % 5)).collect(); values],
        }
    }

    fn picture(values: usize) -> ForecastPicture {
        ForecastPicture {
            names: (0..values).map(|value| format!("value {value}")).collect(),
            time: "date".into(),
            history: stretch(1..20, values),
            forecast: stretch(20..28, values),
            band: None,
            truth: None,
        }
    }

    #[test]
    fn a_band_is_filled_around_the_forecast() {
        let band = Some([-1.0, 6.0].map(|edge| vec![vec![edge; 8]]));
        let svg = draw_forecast(&ForecastPicture { band, ..picture(1) }).unwrap();
        assert!(
            svg.contains("<polygon")
                && svg.contains("of the samples")
                && !draw_forecast(&picture(1)).unwrap().contains("<polygon")
        );
    }

    #[test]
    fn each_value_has_a_panel_with_the_times_of_its_rows() {
        let svg = draw_forecast(&picture(2)).unwrap();
        for text in ["value 0", "value 1", "2024-01-01", "2024-01-25", "history", "forecast", "date"] {
            assert!(svg.contains(text), "{text} is missing");
        }
        assert!(!svg.contains("truth"));
        let known = ForecastPicture { truth: Some(vec![vec![1.0; 8]; 2]), ..picture(2) };
        assert!(draw_forecast(&known).unwrap().contains("truth"));
    }

    #[test]
    fn gaps_single_rows_and_many_values_give_a_picture() {
        let mut gaps = picture(9);
        gaps.history.values[0] = vec![f64::NAN; 19];
        gaps.forecast.values[0][3] = f64::NAN;
        assert!(draw_forecast(&gaps).unwrap().starts_with("<svg"));
        let short = ForecastPicture { history: stretch(1..2, 1), forecast: stretch(2..3, 1), ..picture(1) };
        assert!(draw_forecast(&short).unwrap().contains("forecast"));
        assert!(draw_forecast(&ForecastPicture::default()).is_ok());
    }
}
