//! A job's reference to a data set, and what is known of a data set without opening it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::field::{did_you_mean, found};
use super::{Component, Field, Fraction, Name, Pointer, Shape, SpecErrors, Version};

crate::record! {
    /// The examples of a job: which data set, which columns, which parts.
    pub struct DatasetRef {
        /// The data set's name.
        pub name: Name,
        /// Its version; the latest where it is absent.
        pub version: Option<Version> = None,
        /// The split that is trained on: `train`, or `all` where the set has no splits.
        pub split: Option<String> = None,
        /// What the network sees: a column, a list of columns, or an object of named inputs; where it is absent, every
        /// column that is no target and by which no part is held out.
        pub input: Option<Input> = None,
        /// The column to predict, or a list of columns.
        pub target: Target,
        /// The part held out to watch training by: `{"fraction": 0.1}`, drawn, by class where the target is one;
        /// `{"fraction": 0.1, "group": "patient"}`, drawn by groups, so that rows of one value in that column never
        /// stand on both sides (a row whose cell is empty is a group of its own); `{"fraction": 0.1, "order": "date"}`,
        /// the last rows in that column's order (numbers by size, classes and texts by code point, as ISO dates are
        /// ordered); `{"fold": 1, "folds": 5}`, one of five parts of the same size, drawn, by class where the target is
        /// one; or `{"split": "…"}`.
        pub validation: Option<Holdout> = None,
        /// The part that the finished model is tested on: `{"split": "test"}` (the default where there is one),
        /// `{"every": 5, "offset": 4}`, or one of `validation`'s.
        pub test: Option<Holdout> = None,
        /// `"auto"`, or what is done to which columns.
        pub transforms: Transforms = Transforms::Auto,
        /// What is done to a target of numbers, and undone in answers and metrics: `standardize`, `min_max` or `log`.
        pub target_transform: Option<RawComponent> = None,
    }
}

/// Columns as the network's inputs: one unnamed input, or several by name.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    Column(String),
    Columns(Vec<String>),
    /// In the order of the body.
    Named(Vec<(String, Vec<String>)>),
}

impl Field for Input {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        match value {
            Value::String(column) => Some(Self::Column(column.clone())),
            Value::Array(_) => column_list(value, at, errors).map(Self::Columns),
            Value::Object(members) if !members.is_empty() => {
                let read: Vec<Option<(String, Vec<String>)>> = members
                    .iter()
                    .map(|(name, columns)| {
                        let at = at.key(name);
                        let named = super::NodeName::read(&json!(name), &at, errors);
                        let columns = match columns {
                            Value::String(column) => Some(vec![column.clone()]),
                            other => column_list(other, &at, errors),
                        };
                        Some((named?.as_str().to_owned(), columns?))
                    })
                    .collect();
                read.into_iter().collect::<Option<_>>().map(Self::Named)
            }
            other => {
                errors.push(
                    at,
                    format!(
                        "must be a column, a list of columns or an object of inputs, not {}",
                        found(other)
                    ),
                );
                None
            }
        }
    }

    fn write(&self) -> Value {
        match self {
            Self::Column(column) => json!(column),
            Self::Columns(columns) => json!(columns),
            Self::Named(inputs) => inputs
                .iter()
                .map(|(name, columns)| (name.clone(), json!(columns)))
                .collect::<Map<_, _>>()
                .into(),
        }
    }

    fn schema() -> Value {
        let columns = json!({"type": "array", "items": {"type": "string"}, "minItems": 1});
        json!({"anyOf": [{"type": "string"}, columns,
            {"type": "object", "additionalProperties": {"anyOf": [{"type": "string"}, columns]}, "minProperties": 1}]})
    }
}

fn column_list(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Vec<String>> {
    let columns = Vec::<String>::read(value, at, errors)?;
    if columns.is_empty() {
        errors.push(at, "must name at least one column");
        return None;
    }
    for (index, column) in columns.iter().enumerate() {
        if columns[..index].contains(column) {
            errors.push(&at.index(index), format!("\"{column}\" is named twice"));
            return None;
        }
    }
    Some(columns)
}

/// The columns to predict.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    Column(String),
    Columns(Vec<String>),
}

impl Target {
    pub fn columns(&self) -> &[String] {
        match self {
            Self::Column(column) => std::slice::from_ref(column),
            Self::Columns(columns) => columns,
        }
    }
}

impl Field for Target {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        match value {
            Value::String(column) => Some(Self::Column(column.clone())),
            Value::Array(_) => column_list(value, at, errors).map(Self::Columns),
            other => {
                errors.push(at, format!("must be a column or a list of columns, not {}", found(other)));
                None
            }
        }
    }

    fn write(&self) -> Value {
        match self {
            Self::Column(column) => json!(column),
            Self::Columns(columns) => json!(columns),
        }
    }

    fn schema() -> Value {
        json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]})
    }
}

impl Holdout {
    /// The column by which the rows are parted, and the member that names it.
    pub fn column(&self) -> Option<(&str, &'static str)> {
        match self {
            Self::Group { group, .. } => Some((group, "group")),
            Self::Last { order, .. } => Some((order, "order")),
            Self::Fraction(_) | Self::Split(_) | Self::Every { .. } | Self::Fold { .. } => None,
        }
    }
}

/// A part that is held out of training.
#[derive(Clone, Debug, PartialEq)]
pub enum Holdout {
    /// A share, drawn; stratified for classes.
    Fraction(Fraction),
    /// About a share, drawn by groups: rows of one value in the column are all in it, or none is.
    Group { fraction: Fraction, group: String },
    /// The last rows in the order of a column, a share of them.
    Last { fraction: Fraction, order: String },
    /// A split of the set.
    Split(String),
    /// The rows whose index leaves `offset` when divided by `every`.
    Every { every: u64, offset: u64 },
    /// One of so many parts of about the same size, drawn; stratified for classes. Folds are counted from 1.
    Fold { fold: u64, folds: u64 },
}

impl Field for Holdout {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        const MEMBERS: [&str; 8] =
            ["fraction", "split", "every", "fold", "folds", "offset", "group", "order"];
        let Some(members) = value.as_object() else {
            errors.push(at, format!("must be an object such as {{\"fraction\": 0.1}}, not {}", found(value)));
            return None;
        };
        let what = at.as_str().rsplit('/').next().unwrap_or_default();
        super::record::refuse_unknown(members, &MEMBERS, &[], at, what, errors);
        let said: Vec<&str> =
            MEMBERS[..4].iter().copied().filter(|member| members.contains_key(*member)).collect();
        if members.contains_key("offset") && matches!(said[..], ["fraction" | "split" | "fold"]) {
            errors.push(&at.key("offset"), "goes with \"every\" alone");
            return None;
        }
        let by: Vec<&str> =
            MEMBERS[6..].iter().copied().filter(|member| members.contains_key(*member)).collect();
        if let [first, ..] = by[..]
            && (said != ["fraction"] || by.len() > 1)
        {
            errors.push(&at.key(first), "goes with \"fraction\" alone: \"group\" or \"order\", a column");
            return None;
        }
        match said[..] {
            ["fraction"] => {
                let fraction = Fraction::read(&members["fraction"], &at.key("fraction"), errors)?;
                let Some(by) = by.first() else { return Some(Self::Fraction(fraction)) };
                let column = String::read(&members[*by], &at.key(by), errors)?;
                Some(match *by {
                    "group" => Self::Group { fraction, group: column },
                    _ => Self::Last { fraction, order: column },
                })
            }
            ["split"] => String::read(&members["split"], &at.key("split"), errors).map(Self::Split),
            ["every"] => {
                let every = super::Size::read(&members["every"], &at.key("every"), errors)?.get();
                let offset = match members.get("offset") {
                    Some(offset) => super::Count::read(offset, &at.key("offset"), errors)?.get(),
                    None => 0,
                };
                if every < 2 || offset >= every {
                    let member = if every < 2 { "every" } else { "offset" };
                    errors.push(&at.key(member), "\"every\" must be at least 2, and \"offset\" below it");
                    return None;
                }
                Some(Self::Every { every, offset })
            }
            ["fold"] => {
                let folds = members.get("folds").unwrap_or(&Value::Null);
                let folds = super::Size::read(folds, &at.key("folds"), errors)?.get();
                let fold = super::Size::read(&members["fold"], &at.key("fold"), errors)?.get();
                if folds < 2 || fold > folds {
                    let member = if folds < 2 { "folds" } else { "fold" };
                    errors.push(
                        &at.key(member),
                        "\"folds\" must be at least 2, and \"fold\" one of them, counted from 1",
                    );
                    return None;
                }
                Some(Self::Fold { fold, folds })
            }
            _ => {
                errors.push(at, "must have one of \"fraction\", \"split\", \"every\" and \"fold\"");
                None
            }
        }
    }

    fn write(&self) -> Value {
        match self {
            Self::Fraction(fraction) => json!({"fraction": fraction.get()}),
            Self::Group { fraction, group } => json!({"fraction": fraction.get(), "group": group}),
            Self::Last { fraction, order } => json!({"fraction": fraction.get(), "order": order}),
            Self::Split(split) => json!({"split": split}),
            Self::Every { every, offset } => json!({"every": every, "offset": offset}),
            Self::Fold { fold, folds } => json!({"fold": fold, "folds": folds}),
        }
    }

    fn schema() -> Value {
        let object = |properties: Value, required: Value| json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
        json!({"anyOf": [
            object(json!({"fraction": Fraction::schema()}), json!(["fraction"])),
            object(json!({"fraction": Fraction::schema(), "group": {"type": "string"}}), json!(["fraction", "group"])),
            object(json!({"fraction": Fraction::schema(), "order": {"type": "string"}}), json!(["fraction", "order"])),
            object(json!({"split": {"type": "string"}}), json!(["split"])),
            object(json!({"every": {"type": "integer", "minimum": 2}, "offset": {"type": "integer", "minimum": 0}}), json!(["every"])),
            object(json!({"fold": {"type": "integer", "minimum": 1}, "folds": {"type": "integer", "minimum": 2}}), json!(["fold", "folds"])),
        ]})
    }
}

/// What is done to the columns before the network sees them.
#[derive(Clone, Debug, PartialEq)]
pub enum Transforms {
    /// What fits each kind of column.
    Auto,
    /// In this order; columns that no entry names are used as they are.
    Listed(Vec<ColumnTransforms>),
}

crate::record! {
    /// Steps for some columns.
    pub struct ColumnTransforms {
        /// The columns.
        pub columns: Vec<String>,
        /// What is done to each, in this order.
        pub steps: Vec<RawComponent>,
    }
}

impl Field for Transforms {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        match value {
            Value::String(word) if word == "auto" => Some(Self::Auto),
            Value::Array(_) => Vec::<ColumnTransforms>::read(value, at, errors).map(Self::Listed),
            other => {
                let hint = did_you_mean(other.as_str().unwrap_or_default(), ["auto"]);
                errors.push(
                    at,
                    format!("must be \"auto\" or a list of transforms by column, not {}{hint}", found(other)),
                );
                None
            }
        }
    }

    fn write(&self) -> Value {
        match self {
            Self::Auto => json!("auto"),
            Self::Listed(listed) => listed.write(),
        }
    }

    fn schema() -> Value {
        json!({"anyOf": [{"const": "auto"}, Vec::<ColumnTransforms>::schema()]})
    }
}

/// A component that its registry has not read yet, as a field.
#[derive(Clone, Debug, PartialEq)]
pub struct RawComponent(pub Component);

impl Field for RawComponent {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        Component::read(value, "type", at, errors).map(Self)
    }

    fn write(&self) -> Value {
        if self.0.fields.is_empty() { json!(self.0.kind) } else { Value::Object(self.0.fields.clone()) }
    }

    fn schema() -> Value {
        json!({"anyOf": [{"type": "string"}, {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}}]})
    }
}

crate::choices! {
    /// What a column holds.
    pub enum Kind {
        Number = "number",
        Category = "category",
        Image = "image",
        Text = "text",
        Tensor = "tensor",
        Tokens = "tokens",
    }
}

/// What is known of one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
    /// The type of the cells as uploaded: `float64`, `int64`, `uint8`, `string`, …
    pub dtype: String,
    /// Of one cell; empty for a single value, `[C, H, W]` for images.
    pub shape: Shape,
    /// Of a category: sorted, numerically where all are numbers, else by code point.
    #[serde(default)]
    pub classes: Vec<String>,
    /// Empty cells.
    pub missing: u64,
}

/// What is known of a version of a data set without opening it. Rows are stored split after split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DatasetSchema {
    pub name: String,
    pub version: u32,
    pub format: String,
    pub examples: u64,
    /// Of the upload.
    pub bytes: u64,
    /// Of the upload.
    pub sha256: String,
    /// Name and number of examples, in the order of the rows; one split `all` where the upload has none.
    pub splits: Vec<(String, u64)>,
    pub columns: Vec<Column>,
}

impl DatasetSchema {
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The rows of a split.
    pub fn split(&self, name: &str) -> Option<std::ops::Range<u64>> {
        let mut start = 0;
        for (split, examples) in &self.splits {
            if split == name {
                return Some(start..start + examples);
            }
            start += examples;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_and_written() {
        let body = json!({
            "name": "mnist", "version": 1, "split": "train", "input": {"picture": "image", "table": ["age", "fare"]},
            "target": "label", "validation": {"fraction": 0.1}, "test": {"every": 5, "offset": 4},
            "transforms": [{"columns": ["age"], "steps": ["impute_median", {"type": "standardize"}]}],
            "target_transform": "standardize"
        });
        let mut errors = SpecErrors::new();
        let read = DatasetRef::read(&body, &Pointer::root(), &mut errors).unwrap();
        let mut expected = body.clone();
        expected["input"]["picture"] = json!(["image"]);
        assert_eq!(read.write(), expected);
    }

    #[test]
    fn mistakes_have_their_places() {
        let body = json!({
            "name": "Mnist", "target": ["a", "a"], "validation": {"fraction": 1}, "test": {"every": 5, "offset": 5},
            "transforms": "atuo", "inputs": "image"
        });
        let mut errors = SpecErrors::new();
        assert!(DatasetRef::read(&body, &Pointer::root(), &mut errors).is_none());
        let places: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(
            places,
            ["/inputs", "/name", "/target/1", "/validation/fraction", "/test/offset", "/transforms"]
        );
    }

    #[test]
    fn splits_are_rows_one_behind_the_other() {
        let schema = DatasetSchema {
            name: "m".into(),
            version: 1,
            format: "idx".into(),
            examples: 70,
            bytes: 0,
            sha256: String::new(),
            splits: vec![("train".into(), 60), ("test".into(), 10)],
            columns: Vec::new(),
        };
        assert_eq!(schema.split("test"), Some(60..70));
        assert_eq!(schema.split("validation"), None);
    }
}
