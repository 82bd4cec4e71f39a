//! Pictures of figures, in SVG.

use std::fmt::Write as _;

use crate::results::{Curve, Group, Row};
use crate::table::Figures;

const WIDTH: f64 = 760.0;
/// Where bars begin and the longest ends.
const LEFT: f64 = 210.0;
const RIGHT: f64 = 620.0;
const BAR: f64 = 22.0;
const OURS: &str = "#2563eb";
const THEIRS: &str = "#94a3b8";

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// All groups and curves, one below the other.
pub(crate) fn picture(groups: &[Group], curves: &[Curve]) -> String {
    let (mut body, mut top) = (String::new(), 12.0);
    for group in groups {
        top = bars(&mut body, group, top);
    }
    for curve in curves {
        top = line(&mut body, curve, top);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {top}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{body}</svg>\n"
    )
}

/// A bar for each program's first measure, its spread as a line across the bar's end; answers where it ends.
fn bars(body: &mut String, group: &Group, top: f64) -> f64 {
    let Some((measure, _)) = group.rows.first().and_then(|row| row.figures.first()) else { return top };
    let title = escaped(&format!("{}: {}, {}", group.name, measure.name, measure.unit));
    let _ = writeln!(body, r#"<text x="12" y="{}" font-weight="bold">{title}</text>"#, top + 18.0);
    let all = group.rows.iter().filter_map(|row| row.figures.first());
    let greatest = all.flat_map(|(_, values)| values).fold(f64::MIN_POSITIVE, |most, value| most.max(*value));
    let mut at = top + 28.0;
    for row in &group.rows {
        bar(body, row, at, greatest, if row.program.starts_with("Lyceum") { OURS } else { THEIRS });
        at += BAR;
    }
    at + 14.0
}

fn bar(body: &mut String, row: &Row, top: f64, greatest: f64, colour: &str) {
    let Some((measure, values)) = row.figures.first() else { return };
    let (figures, places) = (Figures::new(values.clone()), measure.places);
    let at = |value: f64| LEFT + value / greatest * (RIGHT - LEFT);
    let (least, most) = figures.ends();
    let (end, middle, text) = (at(figures.median()), top + BAR / 2.0, top + BAR / 2.0 + 4.0);
    let _ = writeln!(body, r#"<text x="12" y="{text}">{}</text>"#, escaped(&row.program));
    let _ = writeln!(
        body,
        r#"<rect x="{LEFT}" y="{:.1}" width="{:.1}" height="{:.1}" fill="{colour}"/>"#,
        top + 3.0,
        end - LEFT,
        BAR - 6.0
    );
    let _ = writeln!(
        body,
        r##"<path d="M{:.1} {middle}H{:.1}" stroke="#0f172a" stroke-width="2"/>"##,
        at(least),
        at(most)
    );
    let median = figures.median();
    let _ = writeln!(body, r#"<text x="{:.1}" y="{text}">{median:.places$}</text>"#, at(most) + 8.0);
}

/// A curve over two logarithmic axes, which begin at the least and end at the greatest; answers where it ends.
fn line(body: &mut String, curve: &Curve, top: f64) -> f64 {
    const HEIGHT: f64 = 140.0;
    let title = escaped(&format!("{}: {}", curve.name, curve.cost));
    let _ = writeln!(body, r#"<text x="12" y="{}" font-weight="bold">{title}</text>"#, top + 18.0);
    // Nought has no logarithm: it stands where one does.
    let size = |size: f64| size.max(1.0).log10();
    let cost = |cost: f64| cost.max(1e-3).log10();
    let median = |costs: &Vec<f64>| Figures::new(costs.clone()).median();
    let ends = |values: &[f64]| {
        let least = values.iter().copied().fold(f64::MAX, f64::min);
        (least, (values.iter().copied().fold(f64::MIN, f64::max) - least).max(0.3))
    };
    let (left, width) = ends(&curve.points.iter().map(|(one, _)| size(*one)).collect::<Vec<_>>());
    let (low, height) = ends(&curve.points.iter().map(|(_, costs)| cost(median(costs))).collect::<Vec<_>>());
    let (top, bottom) = (top + 40.0, top + 40.0 + HEIGHT);
    let mut path = String::new();
    for (one, costs) in &curve.points {
        let x = 60.0 + (size(*one) - left) / width * (RIGHT - 60.0);
        let y = bottom - (cost(median(costs)) - low) / height * HEIGHT;
        let _ = write!(path, "{}{x:.1} {y:.1}", if path.is_empty() { "M" } else { "L" });
        let (places, median) = (curve.places, median(costs));
        let _ = writeln!(
            body,
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{OURS}"/><text x="{:.1}" y="{:.1}">{median:.places$}</text>"#,
            x + 6.0,
            y - 6.0
        );
        let _ = writeln!(
            body,
            r##"<text x="{x:.1}" y="{:.1}" fill="#64748b" text-anchor="middle">{one}</text>"##,
            bottom + 18.0
        );
    }
    let _ = writeln!(body, r#"<path d="{path}" fill="none" stroke="{OURS}" stroke-width="2"/>"#);
    let _ = writeln!(
        body,
        r##"<path d="M60 {top:.1}V{bottom:.1}H{RIGHT}" fill="none" stroke="#94a3b8"/><text x="{RIGHT}" y="{:.1}" text-anchor="end">{}</text>"##,
        bottom + 34.0,
        escaped(curve.size)
    );
    bottom + 46.0
}
