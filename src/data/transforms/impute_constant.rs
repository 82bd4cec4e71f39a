//! Empty cells become what the user says.

use serde_json::{Value, json};

use super::{Operation, Sample, TransformConfig};
use crate::spec::dataset::Kind;
use crate::spec::field::found;
use crate::spec::{Field, Finite, Pointer, SpecErrors};

crate::record! {
    /// An empty cell becomes `value`: a number in a column of numbers, a text in one of categories or texts.
    pub struct ImputeConstant {
        /// What an empty cell becomes, such as `0`.
        pub value: Constant,
        /// Whether one number more says if the cell was empty (1) or not (0).
        pub indicator: bool = false,
    }
}

/// A number or a text.
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    Number(Finite),
    Text(String),
}

impl Field for Constant {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        match value {
            Value::Number(_) => Finite::read(value, at, errors).map(Self::Number),
            Value::String(text) if !text.trim().is_empty() => Some(Self::Text(text.clone())),
            other => {
                errors.push(at, format!("must be a number or a text, not {}", found(other)));
                None
            }
        }
    }

    fn write(&self) -> Value {
        match self {
            Self::Number(number) => number.write(),
            Self::Text(text) => json!(text),
        }
    }

    fn schema() -> Value {
        json!({"anyOf": [Finite::schema(), {"type": "string", "minLength": 1}]})
    }
}

impl TransformConfig for ImputeConstant {
    fn takes(&self) -> &'static [Kind] {
        &[Kind::Number, Kind::Category, Kind::Text]
    }

    fn fit(&self, sample: &Sample<'_>) -> Result<Operation, String> {
        let indicator = self.indicator;
        match (sample, &self.value) {
            (Sample::Numbers(_), Constant::Number(number)) => {
                Ok(Operation::Fill { value: number.get(), indicator })
            }
            (Sample::Numbers(_), Constant::Text(_)) => {
                Err("it holds numbers, so the \"value\" of impute_constant must be one".into())
            }
            (_, Constant::Text(text)) => Ok(Operation::FillText { text: text.clone(), indicator }),
            (_, Constant::Number(_)) => {
                Err("it holds texts, so the \"value\" of impute_constant must be one, in quotation marks"
                    .into())
            }
        }
    }

    fn tells_of_empty_cells(&self) -> bool {
        true
    }
}
