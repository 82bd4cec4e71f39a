//! A component in a body: a bare word, or an object whose `type` names it and whose other members are its fields.
//! `components!` declares a closed set of them, one word each.

use serde_json::{Map, Value, json};

use super::field::{did_you_mean, found};
use super::{FieldInfo, Pointer, SpecErrors};

/// A component whose fields nobody has read yet: `spec` knows the envelope, the registries know the rest.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// Its `type` (for a training method, its `method`).
    pub kind: String,
    /// Its other members, the tag included.
    pub fields: Map<String, Value>,
    pub pointer: Pointer,
}

impl Component {
    /// Reads the envelope; `tag` is the member that names the component.
    pub fn read(value: &Value, tag: &str, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let (kind, fields) = match value {
            Value::String(kind) => (kind.clone(), Map::new()),
            Value::Object(fields) => match fields.get(tag) {
                Some(Value::String(kind)) => (kind.clone(), fields.clone()),
                Some(other) => {
                    errors
                        .push(&at.key(tag), format!("must be the name of a component, not {}", found(other)));
                    return None;
                }
                None => {
                    errors.push(&at.key(tag), format!("is missing: \"{tag}\" says what this is"));
                    return None;
                }
            },
            other => {
                errors.push(at, format!("must be a name or an object with \"{tag}\", not {}", found(other)));
                return None;
            }
        };
        Some(Self { kind, fields, pointer: at.clone() })
    }

    /// Where the name itself stands: the member `tag`, or the bare word.
    pub fn name_pointer(&self, tag: &str) -> Pointer {
        if self.fields.contains_key(tag) { self.pointer.key(tag) } else { self.pointer.clone() }
    }

    /// Notes that no component of that name exists.
    pub fn refuse_name(&self, tag: &str, what: &str, names: &[&str], errors: &mut SpecErrors) {
        let shown: String = self.kind.chars().take(64).collect();
        let hint = did_you_mean(&self.kind, names.iter().copied());
        let hint = if hint.is_empty() { format!("; there are {}", names.join(", ")) } else { hint };
        errors.push(&self.name_pointer(tag), format!("\"{shown}\" is not {what} that Lyceum knows{hint}"));
    }
}

/// What is known of a registered component.
#[derive(Clone, Debug, PartialEq)]
pub struct ComponentInfo {
    pub name: &'static str,
    pub documentation: String,
    pub fields: Vec<FieldInfo>,
}

impl ComponentInfo {
    /// JSON Schema of the component as an object, with `tag` naming it.
    pub fn schema(&self, tag: &str) -> Value {
        let mut schema = super::record::object_schema(&self.documentation, &self.fields);
        let mut properties = Map::new();
        properties.insert(tag.into(), json!({"const": self.name}));
        if let Some(Value::Object(rest)) = schema.get("properties").cloned() {
            properties.extend(rest);
        }
        let mut required = vec![json!(tag)];
        if let Some(Value::Array(rest)) = schema.get("required").cloned() {
            required.extend(rest);
        }
        schema["properties"] = Value::Object(properties);
        schema["required"] = Value::Array(required);
        schema
    }

    /// The component as it may stand in a body: with what has to be said, and what mostly is.
    pub fn example(&self, tag: &str) -> Value {
        let mut members = Map::new();
        members.insert(tag.into(), json!(self.name));
        let told = |field: &super::FieldInfo| Some((field.name.to_owned(), field.example()?));
        members.extend(self.fields.iter().filter_map(told));
        Value::Object(members)
    }
}

/// JSON Schema of any of a set: its bare words (of those that need no fields) and its objects.
pub fn any_schema(components: &[ComponentInfo]) -> Value {
    let words: Vec<&str> = components
        .iter()
        .filter(|component| component.fields.iter().all(|field| field.default.is_some()))
        .map(|component| component.name)
        .collect();
    let mut choices: Vec<Value> = Vec::new();
    if !words.is_empty() {
        choices.push(json!({"type": "string", "enum": words}));
    }
    choices.extend(components.iter().map(|component| component.schema("type")));
    json!({"anyOf": choices})
}

/// Declares a closed set of components: for each name its module, its variant and its word, and for the set its
/// reading, writing, schema and dispatch. `Conv2d` is the struct of that name in `conv2d.rs`, declared by `record!`,
/// which implements the trait named after `dyn`; its word is `conv2d`.
///
/// A set that adds words of another set (every activation is a layer type too) wraps them in a variant of its own.
#[macro_export]
macro_rules! components {
    (
        $(#[doc = $documentation:literal])*
        $vis:vis enum $set:ident: dyn $trait:path, $what:literal { $($name:ident),+ $(,)? }
    ) => { pastey::paste! {
        $(mod [<$name:snake>]; pub use [<$name:snake>]::$name;)+

        $(#[doc = $documentation])*
        #[derive(Clone, Debug, PartialEq)]
        $vis enum $set { $(#[doc = concat!("`", stringify!([<$name:snake>]), "`")] $name($name)),+ }

        impl $set {
            /// The words of the set, in the order of their declaration.
            pub const NAMES: &'static [&'static str] = &[$(stringify!([<$name:snake>])),+];

            /// The word that names this component in a body.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!([<$name:snake>])),+ }
            }

            /// Reads a component's fields. `also` are members that somebody else reads.
            pub fn from_component(
                component: &$crate::spec::Component,
                also: &[&str],
                errors: &mut $crate::spec::SpecErrors,
            ) -> Option<Self> {
                match component.kind.as_str() {
                    $(stringify!([<$name:snake>]) => {
                        let mut members = vec!["type"];
                        members.extend_from_slice(also);
                        <$name as $crate::spec::Record>::read_fields(
                            &component.fields, &component.pointer, &component.kind, &members, errors,
                        ).map(Self::$name)
                    })+
                    _ => {
                        component.refuse_name("type", $what, Self::NAMES, errors);
                        None
                    }
                }
            }

            /// The component's own fields, every default written out, behind its `type`.
            pub fn write_component(&self) -> serde_json::Map<String, serde_json::Value> {
                let mut members = serde_json::Map::new();
                members.insert("type".into(), self.name().into());
                members.extend(match self {
                    $(Self::$name(component) => $crate::spec::Record::write_fields(component)),+
                });
                members
            }

            /// What is known of each component of the set.
            pub fn all() -> Vec<$crate::spec::ComponentInfo> {
                vec![$($crate::spec::ComponentInfo {
                    name: stringify!([<$name:snake>]),
                    documentation: <$name as $crate::spec::Record>::documentation(),
                    fields: <$name as $crate::spec::Record>::fields(),
                }),+]
            }
        }

        impl std::ops::Deref for $set {
            type Target = dyn $trait;

            fn deref(&self) -> &Self::Target {
                match self { $(Self::$name(component) => component),+ }
            }
        }

        impl std::ops::DerefMut for $set {
            fn deref_mut(&mut self) -> &mut Self::Target {
                match self { $(Self::$name(component) => component),+ }
            }
        }

        $(impl From<$name> for $set {
            fn from(component: $name) -> Self {
                Self::$name(component)
            }
        })+

        impl $crate::spec::Field for $set {
            fn read(
                value: &serde_json::Value,
                at: &$crate::spec::Pointer,
                errors: &mut $crate::spec::SpecErrors,
            ) -> Option<Self> {
                let component = $crate::spec::Component::read(value, "type", at, errors)?;
                Self::from_component(&component, &[], errors)
            }

            /// A component without fields is written as its bare word.
            fn write(&self) -> serde_json::Value {
                let members = self.write_component();
                if members.len() == 1 { self.name().into() } else { serde_json::Value::Object(members) }
            }

            fn schema() -> serde_json::Value {
                $crate::spec::component::any_schema(&Self::all())
            }
        }
    } };
}
