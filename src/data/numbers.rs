//! Numbers in texts: one reading of them for uploads, predictions and the names of classes.

/// A finite decimal number, blanks around it allowed. Words such as `nan` and `inf` are no numbers, and neither is
/// what a double cannot hold.
pub(super) fn parse_number(text: &str) -> Option<f64> {
    let text = text.trim_matches([' ', '\t']);
    let digits = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
    if !text.bytes().all(digits) {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Sorts numerically where all are numbers, else by code point.
pub(super) fn sort_classes(classes: &mut [String]) {
    if classes.iter().all(|class| parse_number(class).is_some()) {
        classes.sort_by(|a, b| {
            let number = |class: &str| parse_number(class).unwrap_or(f64::NAN);
            number(a).total_cmp(&number(b)).then_with(|| a.cmp(b))
        });
    } else {
        classes.sort();
    }
}

/// The name of a class that is a whole number.
pub(super) fn whole_name(number: f64) -> String {
    format!("{}", number as i64)
}

/// Whether a number is whole and small enough to be a class.
pub(super) fn is_whole(number: f64) -> bool {
    number.fract() == 0.0 && number.abs() < 9e15
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal_and_finite() {
        for (text, number) in [("5.1", 5.1), (" -3e2\t", -300.0), (".5", 0.5), ("5.", 5.0), ("+7", 7.0)] {
            assert_eq!(parse_number(text), Some(number), "{text}");
        }
        for text in ["", " ", "nan", "inf", "1e999", "0x10", "1,5", "1_000", "5 1", "-", "e"] {
            assert_eq!(parse_number(text), None, "{text}");
        }
    }

    #[test]
    fn classes_sort_as_numbers_or_as_texts() {
        let sorted = |classes: &[&str]| {
            let mut classes: Vec<String> = classes.iter().map(ToString::to_string).collect();
            sort_classes(&mut classes);
            classes
        };
        assert_eq!(sorted(&["10", "9", "-1"]), ["-1", "9", "10"]);
        assert_eq!(sorted(&["10", "9", "b", "B"]), ["10", "9", "B", "b"]);
    }
}
