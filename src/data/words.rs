//! A column of classes or texts in the training part, on its way to numbers.

use std::borrow::Cow;

use super::dataset::{ColumnData, Dataset};
use super::storage::NO_CLASS;
use super::transforms::{Operation, Passing, Sample};

/// The cells as the steps so far have made them.
pub(super) enum Words<'a> {
    Classes {
        codes: Vec<u32>,
        classes: Cow<'a, [String]>,
    },
    Texts(Vec<Option<Cow<'a, str>>>),
    Number(Vec<f64>),
    /// Several numbers a cell: each of them over all rows.
    Numbers(Vec<Vec<f64>>),
    /// One of several numbers is 1; no step can follow.
    Placed,
}

/// Whether there is anything to learn from a column.
pub(super) enum Sameness {
    Empty,
    Constant,
    Different,
}

impl<'a> Words<'a> {
    pub(super) fn read(dataset: &'a Dataset, column: usize, rows: &[u32]) -> Self {
        match dataset.column(column) {
            ColumnData::Codes(cells) => Self::Classes {
                codes: rows.iter().map(|row| cells[*row as usize]).collect(),
                classes: Cow::Borrowed(&dataset.schema().columns[column].classes),
            },
            ColumnData::Text { offsets, bytes } => {
                Self::Texts(rows.iter().map(|row| text_at(offsets, bytes, *row).map(Cow::Borrowed)).collect())
            }
            _ => Self::Texts(Vec::new()),
        }
    }

    pub(super) fn sameness(&self) -> Sameness {
        match self {
            Self::Classes { codes, .. } => {
                sameness(codes.iter().map(|code| (*code != NO_CLASS).then_some(code)))
            }
            Self::Texts(texts) => sameness(texts.iter().map(Option::as_ref)),
            Self::Number(_) | Self::Numbers(_) | Self::Placed => Sameness::Different,
        }
    }

    /// Shows the cells to whoever fits the next step.
    pub(super) fn with_sample<T>(&self, mut look: impl FnMut(&Sample<'_>) -> T) -> T {
        match self {
            Self::Classes { codes, classes } => look(&Sample::Classes { codes, classes }),
            Self::Texts(texts) => {
                let texts: Vec<Option<&str>> = texts.iter().map(|text| text.as_deref()).collect();
                look(&Sample::Texts(&texts))
            }
            Self::Number(_) | Self::Numbers(_) | Self::Placed => look(&Sample::Texts(&[])),
        }
    }

    /// Takes a step that was fitted.
    pub(super) fn take(&mut self, operation: &Operation) {
        match (&mut *self, operation) {
            (_, Operation::OneHot { .. } | Operation::Hash { .. }) => *self = Self::Placed,
            (_, Operation::Ordinal { .. }) => {
                *self = Self::Number(self.numbers(operation, 1).concat());
            }
            (_, Operation::DateParts { .. }) => {
                *self = Self::Numbers(self.numbers(operation, operation.width().unwrap_or(1)));
            }
            (Self::Classes { codes, classes }, Operation::FillText { text, .. }) => {
                let code = classes.iter().position(|class| class == text).unwrap_or_else(|| {
                    classes.to_mut().push(text.clone());
                    classes.len() - 1
                });
                codes.iter_mut().filter(|cell| **cell == NO_CLASS).for_each(|cell| *cell = code as u32);
            }
            (Self::Texts(texts), Operation::FillText { text, .. }) => {
                for cell in texts.iter_mut().filter(|cell| cell.is_none()) {
                    *cell = Some(Cow::Owned(text.clone()));
                }
            }
            _ => {}
        }
    }

    /// What an operation makes of the cells: each of `width` numbers over all rows; not a number where it fails.
    fn numbers(&self, operation: &Operation, width: usize) -> Vec<Vec<f64>> {
        let of = |text: Option<&str>| match operation.pass(Passing::Text(text.map(Cow::Borrowed))) {
            Ok(Passing::Number(number)) => vec![number],
            Ok(Passing::Numbers(numbers)) => numbers,
            _ => vec![f64::NAN; width],
        };
        let cells: Vec<Vec<f64>> = match self {
            Self::Classes { codes, classes } => {
                let of_class: Vec<Vec<f64>> = classes.iter().map(|class| of(Some(class))).collect();
                let none = of(None);
                codes.iter().map(|code| of_class.get(*code as usize).unwrap_or(&none).clone()).collect()
            }
            Self::Texts(texts) => texts.iter().map(|text| of(text.as_deref())).collect(),
            Self::Number(_) | Self::Numbers(_) | Self::Placed => Vec::new(),
        };
        (0..width).map(|place| cells.iter().map(|cell| cell[place]).collect()).collect()
    }
}

/// The text of a row; none where it is empty.
pub(super) fn text_at<'a>(offsets: &[u64], bytes: &'a [u8], row: u32) -> Option<&'a str> {
    let row = row as usize;
    let text = std::str::from_utf8(&bytes[offsets[row] as usize..offsets[row + 1] as usize]).ok()?;
    Some(text).filter(|text| !text.trim_matches([' ', '\t']).is_empty())
}

/// Empty cells beside one value are something to learn from.
fn sameness<T: PartialEq>(mut cells: impl Iterator<Item = Option<T>>) -> Sameness {
    let first = cells.next().flatten();
    if cells.any(|cell| cell != first) {
        Sameness::Different
    } else if first.is_some() {
        Sameness::Constant
    } else {
        Sameness::Empty
    }
}
