//! A small JSON Schema check, for what the contract uses. A keyword that it does not know is a failure, so that
//! nothing passes unchecked.

use serde_json::{Map, Value};

/// What says nothing about a value.
const NOTES: &[&str] = &[
    "description",
    "example",
    "examples",
    "default",
    "format",
    "title",
    "contentMediaType",
    "contentEncoding",
    "deprecated",
    "$ref",
    "$defs",
    "$schema",
];

/// Everything about `value` that `schema` forbids; `document` resolves references.
pub(crate) fn mistakes(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    Check { document, found: &mut found }.value(schema, value, "");
    found
}

struct Check<'a> {
    document: &'a Value,
    found: &'a mut Vec<String>,
}

impl Check<'_> {
    fn say(&mut self, at: &str, what: impl std::fmt::Display) {
        self.found.push(format!("{at}: {what}"));
    }

    fn holds(&self, schema: &Value, value: &Value) -> bool {
        mistakes(self.document, schema, value).is_empty()
    }

    fn value(&mut self, schema: &Value, value: &Value, at: &str) {
        let Some(schema) = schema.as_object() else {
            if schema != &Value::Bool(true) {
                self.say(at, "nothing may stand here");
            }
            return;
        };
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            match self.document.pointer(reference.trim_start_matches('#')) {
                Some(schema) => self.value(schema, value, at),
                None => self.say(at, format!("{reference} leads nowhere")),
            }
        }
        for (keyword, rule) in schema {
            self.keyword(keyword, rule, schema, value, at);
        }
    }

    #[expect(clippy::too_many_lines, reason = "one keyword after the other")]
    fn keyword(&mut self, keyword: &str, rule: &Value, schema: &Map<String, Value>, value: &Value, at: &str) {
        let number = |holds: fn(f64, f64) -> bool| match (value.as_f64(), rule.as_f64()) {
            (Some(value), Some(bound)) => holds(value, bound),
            _ => true,
        };
        let size = match value {
            Value::Array(items) => items.len(),
            Value::Object(members) => members.len(),
            Value::String(text) => text.chars().count(),
            _ => 0,
        };
        let bound = rule.as_u64().map_or(0, |bound| bound as usize);
        let holds = match keyword {
            "type" => match rule {
                Value::Array(types) => types.iter().any(|kind| is_a(kind, value)),
                kind => is_a(kind, value),
            },
            "enum" => rule.as_array().is_some_and(|choices| choices.contains(value)),
            "const" => rule == value,
            "minimum" => number(|value, bound| value >= bound),
            "maximum" => number(|value, bound| value <= bound),
            "exclusiveMinimum" => number(|value, bound| value > bound),
            "exclusiveMaximum" => number(|value, bound| value < bound),
            "minItems" => !value.is_array() || size >= bound,
            "maxItems" => !value.is_array() || size <= bound,
            "uniqueItems" => value
                .as_array()
                .is_none_or(|items| (1..items.len()).all(|index| !items[..index].contains(&items[index]))),
            "minProperties" => !value.is_object() || size >= bound,
            "maxProperties" => !value.is_object() || size <= bound,
            "minLength" => !value.is_string() || size >= bound,
            "maxLength" => !value.is_string() || size <= bound,
            // The patterns themselves are tested where the words are read.
            "pattern" | "propertyNames" => true,
            "anyOf" => rule.as_array().is_some_and(|any| any.iter().any(|schema| self.holds(schema, value))),
            "oneOf" => {
                rule.as_array().is_some_and(|one| one.iter().filter(|s| self.holds(s, value)).count() == 1)
            }
            "not" => !self.holds(rule, value),
            "allOf" => {
                for schema in rule.as_array().into_iter().flatten() {
                    self.value(schema, value, at);
                }
                true
            }
            "required" => {
                let names = rule.as_array().into_iter().flatten().filter_map(Value::as_str);
                for name in names.filter(|name| value.as_object().is_some_and(|m| !m.contains_key(*name))) {
                    self.say(at, format!("{name} is missing"));
                }
                true
            }
            "items" => {
                let skipped = schema.get("prefixItems").and_then(Value::as_array).map_or(0, Vec::len);
                for (index, item) in value.as_array().into_iter().flatten().enumerate().skip(skipped) {
                    self.value(rule, item, &format!("{at}/{index}"));
                }
                true
            }
            "prefixItems" => {
                let items = value.as_array().into_iter().flatten();
                for (index, (item, schema)) in items.zip(rule.as_array().into_iter().flatten()).enumerate() {
                    self.value(schema, item, &format!("{at}/{index}"));
                }
                true
            }
            "properties" => {
                for (name, schema) in rule.as_object().into_iter().flatten() {
                    if let Some(member) = value.get(name) {
                        self.value(schema, member, &format!("{at}/{name}"));
                    }
                }
                true
            }
            "additionalProperties" => {
                for (name, member) in value.as_object().into_iter().flatten() {
                    if schema.get("properties").is_none_or(|known| known.get(name).is_none()) {
                        self.value(rule, member, &format!("{at}/{name}"));
                    }
                }
                true
            }
            note if NOTES.contains(&note) => true,
            unknown => {
                self.say(at, format!("the check does not know {unknown}"));
                true
            }
        };
        if !holds {
            let shown: String = value.to_string().chars().take(80).collect();
            self.say(at, format!("{keyword} {rule} refuses {shown}"));
        }
    }
}

fn is_a(kind: &Value, value: &Value) -> bool {
    match kind.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("string") => value.is_string(),
        Some("number") => value.is_number(),
        Some("integer") => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => false,
    }
}

#[test]
fn mistakes_are_found() {
    let document = serde_json::json!({"s": {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer", "minimum": 1}}, "additionalProperties": false}});
    let of = |value: Value| mistakes(&document, &serde_json::json!({"$ref": "#/s"}), &value).len();
    assert_eq!(of(serde_json::json!({"a": 1})), 0);
    assert_eq!(of(serde_json::json!({"a": 0})), 1);
    assert_eq!(of(serde_json::json!({"b": 0})), 2);
    assert_eq!(of(serde_json::json!(3)), 1);
}
