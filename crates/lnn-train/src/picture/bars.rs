//! Horizontal bars of shares, one below the other.

use super::{FRAME, GRID};
use plotters::prelude::{
    Color, IntoDrawingArea, IntoFont, PathElement, RGBColor, Rectangle, SVGBackend, Text, WHITE,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{BLACK, TextStyle};
use std::error::Error;

const BAR: RGBColor = RGBColor(0x1f, 0x77, 0xb4);

/// The widths of the names, the bars and the figures beside them, in pixels.
const NAMES: i32 = 280;
const BARS: i32 = 360;
const FIGURES: i32 = 90;

/// The heights of a row and of the title.
const ROW: i32 = 26;
const TOP: i32 = 44;

/// Draws a bar for each share, 0 to 1, under a title, as SVG; one that is unknown has a word instead.
///
/// # Errors
/// Those of the drawing.
pub(crate) fn draw_bars(title: &str, bars: &[(String, Option<f64>)]) -> Result<String, Box<dyn Error>> {
    let mut svg = String::new();
    let (width, height) = (NAMES + BARS + FIGURES, TOP + ROW * bars.len() as i32 + 12);
    {
        let area = SVGBackend::with_string(&mut svg, (width as u32, height as u32)).into_drawing_area();
        area.fill(&WHITE)?;
        let text = |text: String, place: (i32, i32), side: HPos, size: i32| {
            let style: TextStyle<'static> = ("sans-serif", size).into_font().color(&BLACK);
            Text::new(text, place, style.pos(Pos::new(side, VPos::Center)))
        };
        area.draw(&text(title.to_owned(), (12, TOP / 2), HPos::Left, 16))?;
        for quarter in 0..=4 {
            let x = NAMES + BARS * quarter / 4;
            area.draw(&PathElement::new([(x, TOP), (x, height - 12)], GRID.stroke_width(1)))?;
        }
        for (row, (name, share)) in (0..).zip(bars) {
            let middle = TOP + ROW * row + ROW / 2;
            area.draw(&text(name.clone(), (NAMES - 10, middle), HPos::Right, 13))?;
            let length = (share.unwrap_or(0.0).clamp(0.0, 1.0) * f64::from(BARS)).round() as i32;
            let corners = [(NAMES, middle - ROW / 3), (NAMES + length, middle + ROW / 3)];
            area.draw(&Rectangle::new(corners, BAR.filled()))?;
            let figure = share.map_or("too few trials".into(), |share| format!("{share:.2}"));
            area.draw(&text(figure, (NAMES + length + 8, middle), HPos::Left, 12))?;
        }
        area.draw(&PathElement::new([(NAMES, TOP), (NAMES, height - 12)], FRAME.stroke_width(1)))?;
        area.present()?;
    }
    Ok(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bar_has_its_name_and_its_figure() {
        let svg = draw_bars("share", &[("units".into(), Some(0.5)), ("kind".into(), None)]).unwrap();
        for text in ["share", "units", "0.50", "kind", "too few trials", "width=\"180\""] {
            assert!(svg.contains(text), "{text} is missing in {svg}");
        }
        assert!(draw_bars("share", &[]).unwrap().starts_with("<svg"));
    }
}
