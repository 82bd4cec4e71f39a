//! Figures as people read them.

/// A count: `60,000`.
pub(super) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size in bytes: `4.58 MiB`.
pub(super) fn bytes(bytes: u64) -> String {
    scaled(bytes as f64, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB"])
}

/// Operations: `1.22 G`.
pub(super) fn operations(operations: u64) -> String {
    scaled(operations as f64, 1000.0, &["", "k", "M", "G", "T", "P"])
}

fn scaled(mut amount: f64, base: f64, units: &[&str]) -> String {
    let mut unit = 0;
    while amount >= base && unit + 1 < units.len() {
        amount /= base;
        unit += 1;
    }
    let digits = if unit == 0 { 0 } else { 2 };
    format!("{amount:.digits$} {}", units[unit]).trim_end().to_owned()
}

/// A duration: `0.4 s`, `41 s`, `2 min 5 s`, `1 h 3 min`.
pub(super) fn seconds(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        _ if seconds < 9.95 => format!("{:.1} s", seconds.max(0.0)),
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// The value of a metric: `0.1123`.
pub(super) fn value(value: f64) -> String {
    match value.abs() {
        size if size >= 1e7 => format!("{value:.4e}"),
        size if size >= 1_000.0 => format!("{value:.1}"),
        size if size >= 1e-3 || size == 0.0 => format!("{value:.4}"),
        _ => format!("{value:.3e}"),
    }
}

/// A time of the API: `2026-11-25 08:03:26`, in UTC.
pub(super) fn moment(time: &str) -> String {
    time.get(..19).unwrap_or(time).replace('T', " ")
}

/// Seconds between two times of the API.
pub(super) fn between(from: &str, to: &str) -> Option<f64> {
    let read = |text| time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok();
    Some((read(to)? - read(from)?).as_seconds_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_readable() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 1_023, 4_799_528].map(bytes), ["0 B", "1023 B", "4.58 MiB"]);
        assert_eq!([12, 1_220_000_000].map(operations), ["12", "1.22 G"]);
        assert_eq!(
            [0.04, 9.96, 41.2, 125.0, 3_780.0].map(seconds),
            ["0.0 s", "10 s", "41 s", "2 min 5 s", "1 h 3 min"]
        );
        assert_eq!(
            [0.0, 0.112_34, -2_876.04, 1e-5, 3e9].map(value),
            ["0.0000", "0.1123", "-2876.0", "1.000e-5", "3.0000e9"]
        );
        assert_eq!(moment("2026-11-25T08:03:26.000001Z"), "2026-11-25 08:03:26");
        let (from, to) = ("2026-11-25T08:03:26.500000Z", "2026-11-25T08:04:27.000000Z");
        assert!((between(from, to).unwrap() - 60.5).abs() < 1e-9);
        assert_eq!(between("yesterday", to), None);
    }
}
