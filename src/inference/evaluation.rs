//! What a model is evaluated on, as a body says it.

use serde_json::{Value, json};

use crate::spec::dataset::Target;
use crate::spec::field::found;
use crate::spec::{Field, Name, Pointer, Record, Size, SpecErrors, Version};

crate::record! {
    /// What a model is evaluated on. Without a field: the test part of the data set that it was trained on.
    pub struct Evaluation {
        /// The data set: an object as a job writes it, or its name alone. The one that the model was trained on
        /// where it is absent.
        pub dataset: Option<EvaluatedData> = None,
        /// The data set's version; the latest where it is absent, and of the model's own data set the one that it
        /// was trained on. May stand in `dataset` as well.
        pub version: Option<Version> = None,
        /// The split; `test` where there is one, else `all`. May stand in `dataset` as well.
        pub split: Option<String> = None,
        /// The columns that hold the truth, where they are named otherwise than in training. May stand in `dataset`
        /// as well.
        pub target: Option<Target> = None,
        /// Examples that are computed at once.
        pub batch_size: Size = Size::clamped(256),
    }
}

crate::record! {
    /// A data set, or a part of one, that a model is evaluated on.
    pub struct DataRef {
        /// The data set's name; the one that the model was trained on where it is absent.
        pub name: Option<Name> = None,
        /// Its version.
        pub version: Option<Version> = None,
        /// Its split.
        pub split: Option<String> = None,
        /// The columns that hold the truth.
        pub target: Option<Target> = None,
    }
}

/// `dataset` of an evaluation.
#[derive(Clone, Debug, PartialEq)]
pub enum EvaluatedData {
    Name(Name),
    Object(DataRef),
}

impl Field for EvaluatedData {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        match value {
            Value::String(_) => Name::read(value, at, errors).map(Self::Name),
            Value::Object(_) => DataRef::read(value, at, errors).map(Self::Object),
            other => {
                errors.push(at, format!("must be a data set's name or an object, not {}", found(other)));
                None
            }
        }
    }

    fn write(&self) -> Value {
        match self {
            Self::Name(name) => name.write(),
            Self::Object(data) => data.write(),
        }
    }

    fn schema() -> Value {
        json!({"anyOf": [Name::schema(), DataRef::schema()]})
    }
}

/// An evaluation as it was meant, and where the body says what.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Request {
    pub(super) data: DataRef,
    pub(super) batch_size: usize,
    name_at: Pointer,
    /// Where the fields of `data` stand.
    fields_at: [Pointer; 3],
}

impl Request {
    pub(super) fn read(body: &Value) -> Result<Self, SpecErrors> {
        let root = Pointer::root();
        let mut errors = SpecErrors::new();
        let Some(members) = body.as_object() else {
            return Err(SpecErrors::of(&root, format!("must be an object, not {}", found(body))));
        };
        let read = Evaluation::read_fields(members, &root, "an evaluation", &[], &mut errors);
        let Some(body) = errors.clone().into_result(read).ok() else { return Err(errors) };
        let within = root.key("dataset");
        let (mut data, name_at) = match body.dataset {
            Some(EvaluatedData::Object(data)) => (data, within.key("name")),
            Some(EvaluatedData::Name(name)) => {
                (DataRef { name: Some(name), version: None, split: None, target: None }, within.clone())
            }
            None => (DataRef { name: None, version: None, split: None, target: None }, within.clone()),
        };
        let fields_at = [
            place(&mut data.version, body.version, "version", &mut errors),
            place(&mut data.split, body.split, "split", &mut errors),
            place(&mut data.target, body.target, "target", &mut errors),
        ];
        let batch_size = body.batch_size.get() as usize;
        errors.into_result(Some(Self { data, batch_size, name_at, fields_at }))
    }

    /// Where the data set's name stands.
    pub(super) fn name_at(&self) -> &Pointer {
        &self.name_at
    }

    pub(super) fn version_at(&self) -> &Pointer {
        &self.fields_at[0]
    }

    pub(super) fn split_at(&self) -> &Pointer {
        &self.fields_at[1]
    }

    pub(super) fn target_at(&self) -> &Pointer {
        &self.fields_at[2]
    }
}

/// A field that may stand in `dataset` or beside it, but not in both.
fn place<T>(within: &mut Option<T>, beside: Option<T>, name: &str, errors: &mut SpecErrors) -> Pointer {
    let inner = Pointer::root().key("dataset").key(name);
    let outer = Pointer::root().key(name);
    match (within.is_some(), beside) {
        (true, Some(_)) => {
            errors.push(&outer, format!("stands in {inner} already"));
            inner
        }
        (true, None) => inner,
        (false, None) => outer,
        (false, beside) => {
            *within = beside;
            outer
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_mean_the_same() {
        let nested = json!({"dataset": {"name": "iris", "version": 2, "split": "all", "target": "species"}});
        let flat = json!({"dataset": "iris", "version": 2, "split": "all", "target": "species"});
        let (nested, flat) = (Request::read(&nested).unwrap(), Request::read(&flat).unwrap());
        assert_eq!(nested.data, flat.data);
        assert_eq!(nested.split_at().as_str(), "/dataset/split");
        assert_eq!(flat.split_at().as_str(), "/split");
        assert_eq!((nested.name_at().as_str(), flat.name_at().as_str()), ("/dataset/name", "/dataset"));
        let nothing = Request::read(&json!({})).unwrap();
        assert_eq!((nothing.data.name, nothing.batch_size), (None, 256));
    }

    #[test]
    fn mistakes_have_their_places() {
        let wrong = |body: Value| Request::read(&body).unwrap_err().to_string();
        insta::assert_snapshot!(wrong(json!({"dataset": {"nam": "iris", "version": 0}, "split": 3, "metrics": []})), @r#"
        /metrics: "metrics" is not a field of an evaluation
        /dataset/nam: "nam" is not a field of dataset; did you mean "name"?
        /dataset/version: must be a whole number from 1 to 2147483647, not 0
        /split: must be a text, not 3
        "#);
        insta::assert_snapshot!(wrong(json!({"dataset": {"split": "a"}, "split": "b"})), @"/split: stands in /dataset/split already");
        insta::assert_snapshot!(wrong(json!([])), @"(the body): must be an object, not an array");
        insta::assert_snapshot!(wrong(json!({"dataset": 3})), @"/dataset: must be a data set's name or an object, not 3");
    }
}
