//! Dates as numbers.

use std::f64::consts::TAU;

use time::{Date, Month};

use super::{Operation, Sample, TransformConfig};
use crate::spec::dataset::Kind;

crate::choices! {
    /// A part of a date.
    pub enum DatePart {
        Year = "year",
        /// 1 to 12.
        Month = "month",
        /// Of the month, 1 to 31.
        Day = "day",
        /// 0 (Monday) to 6.
        Weekday = "weekday",
        /// 0 to 23; 0 where no time is said.
        Hour = "hour",
    }
}

crate::record! {
    /// A column of dates (ISO 8601: `2024-05-31`, `2024-05-31T13:45`, with seconds and an offset that is passed over)
    /// becomes a number for each of `parts`, in their order. With `cyclical`, month, day, weekday and hour are each two
    /// numbers, `sin(2π · part / period)` and `cos(2π · part / period)`, counted from 0, with the periods 12, 31, 7 and
    /// 24: December stands beside January. Steps behind this one are for each number by itself. A text that is no date is
    /// refused.
    pub struct DateParts {
        /// Which numbers a date becomes: `year`, `month`, `day`, `weekday` (0 is Monday), `hour`.
        pub parts: Vec<DatePart> = vec![DatePart::Year, DatePart::Month, DatePart::Day, DatePart::Weekday],
        /// Whether parts that come again are places on a circle.
        pub cyclical: bool = false,
    }
}

impl TransformConfig for DateParts {
    fn takes(&self) -> &'static [Kind] {
        &[Kind::Category, Kind::Text]
    }

    fn fit(&self, sample: &Sample<'_>) -> Result<Operation, String> {
        if self.parts.is_empty() {
            return Err("date_parts needs one of \"parts\"".into());
        }
        let wrong = |text: &&str| CalendarDate::parse(text).is_none();
        let found = match sample {
            Sample::Classes { classes, .. } => classes.iter().map(String::as_str).find(wrong),
            Sample::Texts(texts) => texts.iter().copied().flatten().find(wrong),
            _ => return Err("date_parts is for columns of dates".into()),
        };
        match found {
            Some(text) => Err(no_date(text)),
            None => Ok(Operation::DateParts { parts: self.parts.clone(), cyclical: self.cyclical }),
        }
    }
}

/// What is said of a text that is no date.
pub(super) fn no_date(text: &str) -> String {
    let shown: String = text.chars().take(64).collect();
    format!("{shown:?} is no date such as 2024-05-31 or 2024-05-31T13:45")
}

impl DatePart {
    /// The greatest value and one, counted from 0; none for a part that does not come again.
    fn period(self) -> Option<f64> {
        match self {
            Self::Year => None,
            Self::Month => Some(12.0),
            Self::Day => Some(31.0),
            Self::Weekday => Some(7.0),
            Self::Hour => Some(24.0),
        }
    }

    fn of(self, date: CalendarDate) -> f64 {
        match self {
            Self::Year => f64::from(date.date.year()),
            Self::Month => f64::from(u8::from(date.date.month())),
            Self::Day => f64::from(date.date.day()),
            Self::Weekday => f64::from(date.date.weekday().number_days_from_monday()),
            Self::Hour => f64::from(date.hour),
        }
    }

    /// Counted from 0.
    fn turn(self, date: CalendarDate) -> f64 {
        let first = if matches!(self, Self::Month | Self::Day) { 1.0 } else { 0.0 };
        self.of(date) - first
    }
}

/// How many numbers a date becomes.
pub(super) fn width(parts: &[DatePart], cyclical: bool) -> usize {
    parts.iter().map(|part| if cyclical && part.period().is_some() { 2 } else { 1 }).sum()
}

/// The numbers of a date; none where the text is no date.
pub(super) fn numbers(text: &str, parts: &[DatePart], cyclical: bool) -> Option<Vec<f64>> {
    let date = CalendarDate::parse(text)?;
    let mut numbers = Vec::with_capacity(width(parts, cyclical));
    for part in parts {
        match part.period().filter(|_| cyclical) {
            Some(period) => {
                let (sine, cosine) = (TAU * part.turn(date) / period).sin_cos();
                numbers.extend([sine, cosine]);
            }
            None => numbers.push(part.of(date)),
        }
    }
    Some(numbers)
}

/// A date and its hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CalendarDate {
    date: Date,
    hour: u8,
}

impl CalendarDate {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (day, rest) = text.split_at_checked(10)?;
        let number = |text: &str| -> Option<u16> {
            text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
        };
        let [year, month, day] = day.split('-').map(number).collect::<Option<Vec<_>>>()?[..] else {
            return None;
        };
        let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
        let date = Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok()?;
        let Some(clock) = rest.strip_prefix(['T', 't', ' ']) else {
            return rest.is_empty().then_some(Self { date, hour: 0 });
        };
        let clock = clock.trim_end_matches(['Z', 'z']);
        let clock = clock.rfind(['+', '-']).map_or(clock, |offset| &clock[..offset]).trim_end();
        let mut fields = clock.split(':');
        let hour = number(fields.next()?).filter(|hour| *hour < 24)?;
        let minute = number(fields.next()?).filter(|minute| *minute < 60)?;
        let second = fields.next().map_or(Some(0.0), |second| second.parse().ok())?;
        let whole = fields.next().is_none() && minute < 60 && (0.0..61.0).contains(&second);
        whole.then_some(Self { date, hour: hour as u8 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_taken_apart() {
        let all = [DatePart::Year, DatePart::Month, DatePart::Day, DatePart::Weekday, DatePart::Hour];
        // A Friday.
        for text in ["2024-05-31T13:45", "2024-05-31 13:45:59.5Z", " 2024-05-31T13:45:00+02:00 "] {
            assert_eq!(numbers(text, &all, false), Some(vec![2024.0, 5.0, 31.0, 4.0, 13.0]), "{text}");
        }
        assert_eq!(numbers("2024-02-29", &all[4..], false), Some(vec![0.0]));
        let circle =
            numbers("2024-04-01T06:00", &[DatePart::Month, DatePart::Hour, DatePart::Year], true).unwrap();
        let expected = [1.0, 0.0, 1.0, 0.0, 2024.0];
        assert!(circle.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{circle:?}");
        assert_eq!(width(&all, true), 9);
        for text in [
            "2023-02-29",
            "2024-13-01",
            "24-05-31",
            "2024-05-31T25:00",
            "2024-05-31x",
            "today",
            "",
            "2024-05-3ä",
        ] {
            assert_eq!(numbers(text, &all, false), None, "{text}");
        }
    }
}
