//! `record!` declares a struct whose fields stand in a body, once: the struct, how it is read with every mistake
//! noted, how it is written with every default, its JSON Schema and its documentation.

use serde_json::{Map, Value, json};

use super::field::did_you_mean;
use super::{Pointer, SpecErrors};

/// What is known of a field without a value.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldInfo {
    pub name: &'static str,
    pub documentation: String,
    /// JSON Schema of the field's value.
    pub schema: Value,
    /// What stands for an absent field; `None` where it is required.
    pub default: Option<Value>,
}

impl FieldInfo {
    /// A value for an example: the one that the field's documentation names behind "such as", else, where the field is
    /// required, one that its schema allows.
    pub fn example(&self) -> Option<Value> {
        let named = self.documentation.split_once("such as `").and_then(|(_, rest)| rest.split_once('`'));
        let named = named.and_then(|(example, _)| serde_json::from_str(example).ok());
        named.or_else(|| self.default.is_none().then(|| allowed_by(&self.schema)))
    }
}

/// A value that a schema allows.
fn allowed_by(schema: &Value) -> Value {
    let listed =
        schema["enum"].as_array().or(schema["examples"].as_array()).and_then(|values| values.first());
    if let Some(value) = listed {
        return value.clone();
    }
    if let Some(choice) = schema["anyOf"].as_array().and_then(|choices| choices.first()) {
        return allowed_by(choice);
    }
    match schema["type"].as_str() {
        Some("integer") => json!(schema["minimum"].as_i64().unwrap_or(0).max(3)),
        Some("number") => json!(0.5),
        Some("boolean") => json!(true),
        Some("array") => json!([allowed_by(&schema["items"])]),
        _ if schema["$ref"] == "#/components/schemas/Activation" => json!("relu"),
        _ => Value::Null,
    }
}

/// A struct declared by `record!`.
pub trait Record: Sized {
    const FIELD_NAMES: &'static [&'static str];

    fn documentation() -> String;
    fn fields() -> Vec<FieldInfo>;
    /// Reads the members of an object at `at`. `what` names it in messages; `also` are members that are read by
    /// somebody else, such as `type`.
    fn read_fields(
        members: &Map<String, Value>,
        at: &Pointer,
        what: &str,
        also: &[&str],
        errors: &mut SpecErrors,
    ) -> Option<Self>;
    fn write_fields(&self) -> Map<String, Value>;
}

/// Notes the members that are none of the fields, each with the field that was probably meant.
pub fn refuse_unknown(
    members: &Map<String, Value>,
    known: &[&str],
    also: &[&str],
    at: &Pointer,
    what: &str,
    errors: &mut SpecErrors,
) {
    for name in members.keys().map(String::as_str) {
        if !known.contains(&name) && !also.contains(&name) {
            let shown: String = name.chars().take(64).collect();
            let hint = did_you_mean(name, known.iter().chain(also).copied());
            errors.push(&at.key(name), format!("\"{shown}\" is not a field of {what}{hint}"));
        }
    }
}

/// JSON Schema of an object with these fields.
pub fn object_schema(documentation: &str, fields: &[FieldInfo]) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in fields {
        let mut schema = field.schema.clone();
        if let Value::Object(members) = &mut schema {
            if !field.documentation.is_empty() {
                members.insert("description".into(), json!(field.documentation));
            }
            match &field.default {
                Some(default) => _ = members.insert("default".into(), default.clone()),
                None => required.push(field.name),
            }
        }
        properties.insert(field.name.into(), schema);
    }
    let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !documentation.is_empty() {
        schema["description"] = json!(documentation);
    }
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// The text of documentation comments, without the blank that begins each line.
pub fn join_documentation(lines: &[&str]) -> String {
    lines
        .iter()
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n")
        .trim()
        .to_owned()
}

/// See the module's documentation. A field without `= default` is required; its type implements
/// [`Field`](super::Field).
///
/// ```
/// use lyceum::spec::{Rate, Record, Size};
/// lyceum::record! {
///     /// An example.
///     pub struct Example {
///         /// How wide.
///         pub units: Size,
///         /// How much is dropped.
///         pub rate: Rate = Rate::new(0.5).unwrap_or_else(|| unreachable!()),
///     }
/// }
/// assert_eq!(Example::FIELD_NAMES, ["units", "rate"]);
/// ```
#[macro_export]
macro_rules! record {
    (
        $(#[doc = $documentation:literal])*
        $(#[derive($($derive:ident),*)])?
        $vis:vis struct $name:ident {
            $($(#[doc = $field_documentation:literal])* $field_vis:vis $field:ident: $type:ty $(= $default:expr)?),* $(,)?
        }
    ) => {
        $(#[doc = $documentation])*
        #[derive(Clone, Debug, PartialEq)]
        $(#[derive($($derive),*)])?
        $vis struct $name {
            $($(#[doc = $field_documentation])* $field_vis $field: $type),*
        }

        impl $crate::spec::Record for $name {
            const FIELD_NAMES: &'static [&'static str] = &[$(stringify!($field)),*];

            fn documentation() -> String {
                $crate::spec::record::join_documentation(&[$($documentation),*])
            }

            fn fields() -> Vec<$crate::spec::FieldInfo> {
                vec![$($crate::spec::FieldInfo {
                    name: stringify!($field),
                    documentation: $crate::spec::record::join_documentation(&[$($field_documentation),*]),
                    schema: <$type as $crate::spec::Field>::schema(),
                    default: $crate::record!(@default $type $(, $default)?),
                }),*]
            }

            #[allow(unused_variables, clippy::allow_attributes, reason = "a record may have no fields")]
            fn read_fields(
                members: &serde_json::Map<String, serde_json::Value>,
                at: &$crate::spec::Pointer,
                what: &str,
                also: &[&str],
                errors: &mut $crate::spec::SpecErrors,
            ) -> Option<Self> {
                $crate::spec::record::refuse_unknown(members, Self::FIELD_NAMES, also, at, what, errors);
                $(let $field: Option<$type> = match members.get(stringify!($field)) {
                    Some(value) => {
                        <$type as $crate::spec::Field>::read(value, &at.key(stringify!($field)), errors)
                    }
                    None => $crate::record!(@absent $field, at, what, errors $(, $default)?),
                };)*
                Some(Self { $($field: $field?),* })
            }

            #[allow(unused_mut, clippy::allow_attributes, reason = "a record may have no fields")]
            fn write_fields(&self) -> serde_json::Map<String, serde_json::Value> {
                let mut members = serde_json::Map::new();
                $(members.insert(stringify!($field).into(), $crate::spec::Field::write(&self.$field));)*
                members
            }
        }

        impl $crate::spec::Field for $name {
            fn read(
                value: &serde_json::Value,
                at: &$crate::spec::Pointer,
                errors: &mut $crate::spec::SpecErrors,
            ) -> Option<Self> {
                let Some(members) = value.as_object() else {
                    errors.push(at, format!("must be an object, not {}", $crate::spec::field::found(value)));
                    return None;
                };
                let what = at.as_str().rsplit('/').find(|part| part.parse::<usize>().is_err() && !part.is_empty());
                <Self as $crate::spec::Record>::read_fields(members, at, what.unwrap_or("the body"), &[], errors)
            }

            fn write(&self) -> serde_json::Value {
                serde_json::Value::Object(<Self as $crate::spec::Record>::write_fields(self))
            }

            fn schema() -> serde_json::Value {
                $crate::spec::record::object_schema(
                    &<Self as $crate::spec::Record>::documentation(),
                    &<Self as $crate::spec::Record>::fields(),
                )
            }
        }
    };
    (@default $type:ty, $default:expr) => {{
        let default: $type = $default;
        Some($crate::spec::Field::write(&default))
    }};
    (@default $type:ty) => { None };
    (@absent $field:ident, $at:ident, $what:ident, $errors:ident, $default:expr) => { Some($default) };
    (@absent $field:ident, $at:ident, $what:ident, $errors:ident) => {{
        $errors.push(&$at.key(stringify!($field)), format!("is missing: {} needs \"{}\"", $what, stringify!($field)));
        None
    }};
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::spec::{Field, Pointer, Rate, Size, SpecErrors};

    crate::record! {
        /// A layer for the tests
        /// of two lines.
        struct Example {
            /// How wide.
            units: Size,
            rate: Rate = Rate::literal(0.5),
            bias: Option<bool> = None,
        }
    }

    #[test]
    fn defaults_are_written_out() {
        let mut errors = SpecErrors::new();
        let read = Example::read(&json!({"units": 3}), &Pointer::root(), &mut errors).unwrap();
        assert_eq!(read.write(), json!({"units": 3, "rate": 0.5, "bias": null}));
    }

    #[test]
    fn every_mistake_is_noted_at_its_place() {
        let mut errors = SpecErrors::new();
        let body = json!({"unit": 3, "rate": 1.5, "bias": "yes"});
        assert!(Example::read(&body, &Pointer::root().key("layer"), &mut errors).is_none());
        insta::assert_snapshot!(errors.to_string(), @r#"
        /layer/unit: "unit" is not a field of layer; did you mean "units"?
        /layer/units: is missing: layer needs "units"
        /layer/rate: must be a number of at least 0 and below 1, not 1.5
        /layer/bias: must be true or false, not "yes"
        "#);
    }

    #[test]
    fn the_schema_tells_defaults_and_what_is_required() {
        let schema = Example::schema();
        assert_eq!(schema["description"], "A layer for the tests\nof two lines.");
        assert_eq!(schema["required"], json!(["units"]));
        assert_eq!(schema["properties"]["rate"]["default"], 0.5);
        assert_eq!(schema["properties"]["units"]["description"], "How wide.");
    }
}
