//! What a network put out, in the words of the data set.

use serde_json::{Map, Number, Value};

use super::batcher::Rows;
use crate::data::{TargetKind, TargetScale};
use crate::nn::losses::{GaussianNll, Task};
use crate::spec::Shape;
use crate::train::model::ModelOutput;

/// How a network's outputs are read: the targets, in their order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reading {
    pub(super) targets: Vec<TargetReading>,
    /// Outputs have names of their own in an answer: there are several targets.
    pub(super) named: bool,
}

/// Where a target's prediction stands among the outputs, and what it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TargetReading {
    pub(super) name: String,
    /// The index of the output.
    pub(super) output: usize,
    /// The first of its elements.
    pub(super) first: usize,
    pub(super) kind: ReadingKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum ReadingKind {
    /// A probability for each class.
    Classes(Vec<String>),
    /// The probability of the second of two classes.
    Binary([String; 2]),
    /// A score, above nought for the second of two classes.
    Margin([String; 2]),
    /// The mean of a number, and so many elements behind it what makes its deviation.
    Gaussian { behind: usize, scale: Option<TargetScale> },
    /// A number, or numbers in this shape.
    Numbers { shape: Shape, scale: Option<TargetScale> },
}

impl Reading {
    /// As a model's outputs say it.
    pub(super) fn of(outputs: &[ModelOutput]) -> Self {
        let mut targets = Vec::new();
        for (index, output) in outputs.iter().enumerate() {
            if output.is_one_of_columns() {
                let classes = output.columns.iter().map(|column| column.column.clone()).collect();
                let kind = ReadingKind::Classes(classes);
                targets.push(TargetReading { name: output.target.clone(), output: index, first: 0, kind });
                continue;
            }
            for (first, column) in output.columns.iter().enumerate() {
                let kind = ReadingKind::of(output, &column.kind);
                targets.push(TargetReading { name: column.column.clone(), output: index, first, kind });
            }
        }
        Self { named: targets.len() > 1, targets }
    }

    /// The predictions, in the order of the rows.
    pub(super) fn predictions(&self, outputs: &Rows) -> Vec<Value> {
        (0..outputs.count).map(|row| self.prediction(outputs, row)).collect()
    }

    fn prediction(&self, outputs: &Rows, row: usize) -> Value {
        let one = |target: &TargetReading| {
            let output = &outputs.values[target.output];
            let width = output.len() / outputs.count;
            target.kind.read(&output[row * width + target.first..(row + 1) * width])
        };
        match &self.targets[..] {
            [target] if !self.named => one(target),
            targets => {
                targets.iter().map(|target| (target.name.clone(), one(target))).collect::<Map<_, _>>().into()
            }
        }
    }
}

impl ReadingKind {
    fn of(output: &ModelOutput, kind: &TargetKind) -> Self {
        let alone = output.columns.len() == 1;
        let width: u64 = output.shape.iter().product();
        match kind {
            TargetKind::Category { classes } => match &classes[..] {
                [first, second] if output.task == Some(Task::Margin) => {
                    Self::Margin([first.clone(), second.clone()])
                }
                [first, second] if !alone || width == 1 => Self::Binary([first.clone(), second.clone()]),
                _ => Self::Classes(classes.clone()),
            },
            TargetKind::Number { scale } if output.task == Some(Task::Gaussian) => {
                Self::Gaussian { behind: output.columns.len(), scale: *scale }
            }
            // One number is no list of one.
            TargetKind::Number { scale } => {
                let shape = if alone && width > 1 { output.shape.clone() } else { Vec::new() };
                Self::Numbers { shape, scale: *scale }
            }
        }
    }

    /// The most probable class, of a target that has any.
    pub(super) fn class(&self, values: &[f32]) -> &str {
        match self {
            Self::Classes(classes) => classes.get(best(&values[..classes.len()])).map_or("", String::as_str),
            Self::Binary(classes) => &classes[usize::from(values[0] > 0.5)],
            Self::Margin(classes) => &classes[usize::from(values[0] > 0.0)],
            Self::Gaussian { .. } | Self::Numbers { .. } => "",
        }
    }

    /// Of the class that it takes.
    pub(super) fn probability(&self, values: &[f32]) -> Option<f32> {
        match self {
            Self::Classes(classes) => values[..classes.len()].iter().copied().reduce(f32::max),
            Self::Binary(_) => Some(values[0].max(1.0 - values[0])),
            Self::Margin(_) | Self::Gaussian { .. } | Self::Numbers { .. } => None,
        }
    }

    /// A number in the data set's own terms.
    pub(super) fn number(&self, values: &[f32]) -> f64 {
        self.scale().unwrap_or(TargetScale::NONE).undo(f64::from(values[0]))
    }

    /// Whether it takes one of classes, and not a number.
    pub(super) fn is_of_classes(&self) -> bool {
        matches!(self, Self::Classes(_) | Self::Binary(_) | Self::Margin(_))
    }

    /// How far off a number may be, where the network says it.
    pub(super) fn deviation(&self, values: &[f32]) -> f32 {
        let Self::Gaussian { behind, scale } = self else { return f32::NAN };
        let raw = values.get(*behind).map_or(f64::NAN, |raw| f64::from(*raw));
        let scale = scale.unwrap_or(TargetScale::NONE);
        scale.undo_deviation(f64::from(values[0]), GaussianNll::deviation(raw)) as f32
    }

    /// How a number was scaled for the network.
    pub(super) fn scale(&self) -> Option<TargetScale> {
        match self {
            Self::Gaussian { scale, .. } | Self::Numbers { scale, .. } => *scale,
            Self::Classes(_) | Self::Binary(_) | Self::Margin(_) => None,
        }
    }

    fn read(&self, values: &[f32]) -> Value {
        match self {
            Self::Classes(classes) => category(classes, values),
            Self::Binary(classes) => category(classes, &[1.0 - values[0], values[0]]),
            Self::Margin(_) => object([("class", self.class(values).into()), ("score", number(values[0]))]),
            Self::Gaussian { scale, .. } => {
                let scale = scale.unwrap_or(TargetScale::NONE);
                object([("value", scaled(&scale, values[0])), ("deviation", number(self.deviation(values)))])
            }
            Self::Numbers { shape, scale } => {
                let number = |value: f32| scale.map_or_else(|| number(value), |scale| scaled(&scale, value));
                object([("value", nested(shape, values, &number))])
            }
        }
    }
}

fn category(classes: &[String], probabilities: &[f32]) -> Value {
    let best = best(&probabilities[..classes.len().min(probabilities.len())]);
    let all: Map<String, Value> =
        classes.iter().zip(probabilities).map(|(class, value)| (class.clone(), number(*value))).collect();
    object([
        ("class", classes.get(best).cloned().into()),
        ("probability", probabilities.get(best).map_or(Value::Null, |value| number(*value))),
        ("probabilities", all.into()),
    ])
}

/// The place of the greatest, the first among equals.
fn best(probabilities: &[f32]) -> usize {
    let mut best = 0;
    for (class, probability) in probabilities.iter().enumerate() {
        if *probability > probabilities[best] {
            best = class;
        }
    }
    best
}

fn nested(shape: &[u64], values: &[f32], number: &dyn Fn(f32) -> Value) -> Value {
    match shape {
        [] => values.first().map_or(Value::Null, |value| number(*value)),
        [_, inner @ ..] => {
            let width: u64 = inner.iter().product();
            let count: u64 = shape.iter().product();
            let chunks = values[..count as usize].chunks(width.max(1) as usize);
            chunks.map(|chunk| nested(inner, chunk, number)).collect()
        }
    }
}

fn scaled(scale: &TargetScale, value: f32) -> Value {
    Number::from_f64(scale.undo(f64::from(value))).map_or(Value::Null, Value::Number)
}

/// The shortest decimal that reads back as the same `f32`; null where it is not finite. Widening it to a double
/// first would show digits that the network never computed.
pub fn number(value: f32) -> Value {
    let shortest: Option<f64> = format!("{value:e}").parse().ok();
    shortest.and_then(Number::from_f64).map_or(Value::Null, Value::Number)
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn target(name: &str, output: usize, first: usize, kind: ReadingKind) -> TargetReading {
        TargetReading { name: name.into(), output, first, kind }
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn plain() -> ReadingKind {
        ReadingKind::Numbers { shape: vec![], scale: None }
    }

    #[test]
    fn classes_are_answered_in_their_order_with_every_probability() {
        let kind = ReadingKind::Classes(texts(&["setosa", "versicolor", "virginica"]));
        let reading = Reading { targets: vec![target("species", 0, 0, kind)], named: false };
        let outputs = Rows { count: 2, values: vec![vec![0.98, 0.02, 0.0, 0.1, 0.3, 0.6]] };
        let answer = Value::from(reading.predictions(&outputs)).to_string();
        let expected = concat!(
            r#"[{"class":"setosa","probability":0.98,"#,
            r#""probabilities":{"setosa":0.98,"versicolor":0.02,"virginica":0.0}},"#,
            r#"{"class":"virginica","probability":0.6,"#,
            r#""probabilities":{"setosa":0.1,"versicolor":0.3,"virginica":0.6}}]"#
        );
        assert_eq!(answer, expected);
    }

    #[test]
    fn one_sigmoid_answers_both_classes() {
        let kind = ReadingKind::Binary(["0".into(), "1".into()]);
        let reading = Reading { targets: vec![target("survived", 0, 0, kind)], named: false };
        let answers = reading.predictions(&Rows { count: 2, values: vec![vec![0.25, 0.75]] });
        assert_eq!(
            answers[0],
            json!({"class": "0", "probability": 0.75, "probabilities": {"0": 0.75, "1": 0.25}})
        );
        assert_eq!(
            answers[1],
            json!({"class": "1", "probability": 0.75, "probabilities": {"0": 0.25, "1": 0.75}})
        );
    }

    #[test]
    fn scores_tell_their_class_and_densities_their_deviation() {
        let one = |kind, first, values| {
            let reading = Reading { targets: vec![target("x", 0, first, kind)], named: false };
            reading.predictions(&Rows { count: 1, values: vec![values] }).remove(0)
        };
        let kind = ReadingKind::Margin(["no".into(), "yes".into()]);
        assert_eq!(one(kind.clone(), 0, vec![0.5]), json!({"class": "yes", "score": 0.5}));
        assert_eq!(one(kind, 0, vec![-2.5]), json!({"class": "no", "score": -2.5}));
        let scale = Some(TargetScale { mean: 10.0, deviation: 2.0, log: false });
        let answer = one(ReadingKind::Gaussian { behind: 2, scale }, 1, vec![9.0, 1.5, 9.0, 0.0]);
        assert_eq!(answer["value"], 13.0);
        let deviation = answer["deviation"].as_f64().unwrap();
        assert!((deviation - 2.0 * std::f64::consts::LN_2.sqrt()).abs() < 1e-5, "{deviation}");
    }

    #[test]
    fn several_targets_are_an_object_by_name() {
        let binary = ReadingKind::Binary(["no".into(), "yes".into()]);
        let targets = vec![target("a", 0, 0, plain()), target("b", 0, 1, plain()), target("c", 1, 0, binary)];
        let reading = Reading { targets, named: true };
        let answers =
            reading.predictions(&Rows { count: 2, values: vec![vec![1.5, 2.5, 3.5, 4.5], vec![1.0, 0.0]] });
        assert_eq!(answers[1]["a"], json!({"value": 3.5}));
        assert_eq!(answers[1]["b"], json!({"value": 4.5}));
        assert_eq!(answers[0]["c"]["class"], "yes");
        assert_eq!(answers[1]["c"]["probabilities"], json!({"no": 1.0, "yes": 0.0}));
    }

    #[test]
    fn numbers_stand_in_the_shape_of_the_output_and_in_the_terms_of_the_data() {
        let scale = Some(TargetScale { mean: 20.0, deviation: 4.0, log: false });
        let one = |kind, values| {
            let reading = Reading { targets: vec![target("x", 0, 0, kind)], named: false };
            reading.predictions(&Rows { count: 1, values: vec![values] }).remove(0)
        };
        assert_eq!(one(ReadingKind::Numbers { shape: vec![], scale }, vec![0.5]), json!({"value": 22.0}));
        let shape = vec![2, 3];
        let answer = one(ReadingKind::Numbers { shape, scale: None }, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(answer, json!({"value": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]}));
        assert_eq!(one(plain(), vec![f32::NAN]), json!({"value": null}));
    }

    proptest! {
        #[test]
        fn a_number_reads_back_as_itself_in_at_most_nine_digits(bits: u32) {
            let value = f32::from_bits(bits);
            let written = number(value).to_string();
            if value.is_finite() {
                prop_assert_eq!(written.parse::<f32>().unwrap().to_bits(), value.to_bits());
                let mantissa = written.split('e').next().unwrap_or_default();
                let digits = mantissa.trim_matches(|c| "-0.".contains(c)).chars().filter(char::is_ascii_digit);
                prop_assert!(digits.count() <= 17 && written.len() <= 42, "{}", written);
            } else {
                prop_assert_eq!(written, "null");
            }
        }
    }

    #[test]
    fn no_digits_are_made_up() {
        for (value, text) in [(0.3_f32, "0.3"), (0.1 + 0.2, "0.3"), (1e-10, "1e-10"), (0.002_473, "0.002473")]
        {
            assert_eq!(number(value).to_string(), text);
        }
        assert_eq!(number(16_777_216.0).to_string(), "16777216.0");
    }
}
