//! The contract: nothing in it is empty, it is what the routes are, and the committed copy is the current one.

use axum::body::Body;
use axum::http::header;
use lyceum::http::openapi;
use serde_json::Value;

use crate::support::{request, server};

const METHODS: [&str; 6] = ["get", "put", "post", "delete", "patch", "head"];

/// Every schema of the document, with its place.
fn schemas<'a>(value: &'a Value, at: &str, found: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let here = format!("{at}/{name}");
                match name.as_str() {
                    "example" | "examples" | "default" | "enum" | "const" | "required" => {}
                    "schema" | "items" | "additionalProperties" => {
                        found.push((here.clone(), member));
                        schemas(member, &here, found);
                    }
                    "schemas" | "properties" => {
                        for (name, schema) in member.as_object().into_iter().flatten() {
                            found.push((format!("{here}/{name}"), schema));
                            schemas(schema, &format!("{here}/{name}"), found);
                        }
                    }
                    "anyOf" | "oneOf" | "allOf" | "prefixItems" => {
                        for (index, schema) in member.as_array().into_iter().flatten().enumerate() {
                            found.push((format!("{here}/{index}"), schema));
                            schemas(schema, &format!("{here}/{index}"), found);
                        }
                    }
                    _ => schemas(member, &here, found),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                schemas(item, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn no_schema_is_empty() {
    let document = openapi::document();
    let mut found = Vec::new();
    schemas(&document, "", &mut found);
    assert!(found.len() > 20);
    let notes = ["description", "example", "examples", "default", "title", "deprecated"];
    for (at, schema) in found {
        let says = match schema {
            Value::Object(members) => members.keys().any(|keyword| !notes.contains(&keyword.as_str())),
            Value::Bool(allowed) => !allowed,
            _ => false,
        };
        assert!(says, "{at} says nothing: {schema}");
        let bare = schema["type"] == "object"
            && ["properties", "additionalProperties", "anyOf", "oneOf", "allOf", "propertyNames"]
                .iter()
                .all(|k| schema.get(k).is_none());
        assert!(!bare, "{at} says of an object nothing more: {schema}");
        let bare =
            schema["type"] == "array" && ["items", "prefixItems"].iter().all(|k| schema.get(k).is_none());
        assert!(!bare, "{at} says of an array nothing more: {schema}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(document: &Value, value: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
                }
                members.values().for_each(|member| walk(document, member));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(document, item)),
            _ => {}
        }
    }
    let document = openapi::document();
    walk(&document, &document);
}

#[test]
fn every_operation_is_described() {
    let document = openapi::document();
    let mut ids = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(METHODS.contains(&method.as_str()), "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{method} {path} shares its id");
            let responses = operation["responses"].as_object().unwrap();
            assert!(
                responses.keys().any(|status| status.starts_with(['2', '3'])),
                "{method} {path} never succeeds"
            );
            for (status, response) in responses {
                let described = response["description"].as_str().is_some_and(|text| !text.is_empty());
                assert!(
                    described || response["$ref"].is_string(),
                    "{status} of {method} {path} is not described"
                );
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let described = parameter["description"].as_str().is_some_and(|text| !text.is_empty());
                assert!(described, "{} of {method} {path} is not described", parameter["name"]);
            }
        }
    }
}

/// The router knows each path with exactly the methods that the contract lists.
#[tokio::test]
async fn the_routes_are_the_contracts() {
    let document = openapi::document();
    let server = server().await;
    for (path, item) in document["paths"].as_object().unwrap() {
        let uri = path
            .split('/')
            .map(|part| if part.starts_with('{') { "1" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        let answer = server.ask(request("OPTIONS", &uri), Body::empty()).await;
        assert_eq!(answer.status, 204, "{path}");
        let allow = answer.headers[header::ALLOW].to_str().unwrap().to_ascii_lowercase();
        let mut allowed: Vec<&str> = allow.split(',').filter(|m| !matches!(*m, "head" | "options")).collect();
        let mut documented: Vec<&str> = item.as_object().unwrap().keys().map(String::as_str).collect();
        allowed.sort_unstable();
        documented.sort_unstable();
        assert_eq!(allowed, documented, "{path}");
    }
    let list = include_str!("../../src/http/routes/mod.rs");
    assert!(!list.contains(".route("), "a route that the contract does not know");
}

#[test]
fn the_committed_contract_is_current() {
    let committed =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.yaml")).unwrap_or_default();
    assert!(committed == openapi::yaml(), "openapi.yaml is stale: run `lyceum openapi > openapi.yaml`");
}

#[test]
#[ignore = "writes the committed contract"]
fn write_the_contract() {
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.yaml"), openapi::yaml()).unwrap();
}
