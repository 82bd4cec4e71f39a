//! Holds every answer to the contract: its status is one that the operation may answer, its media type one of that
//! status, and its JSON what the schema says.

use std::sync::LazyLock;

use axum::http::header;
use lyceum::http::openapi;
use serde_json::Value;

use super::Answer;
use super::schema::mistakes;

static DOCUMENT: LazyLock<Value> = LazyLock::new(openapi::document);

pub(super) fn check(method: &str, uri: &str, answer: &Answer) {
    let path = uri.split('?').next().unwrap_or_default();
    let status = answer.status.as_u16();
    let method = if method == "HEAD" { "get" } else { &method.to_ascii_lowercase() };
    let operation = item(path).and_then(|item| item.get(method));
    let Some(operation) = operation else {
        // No path or no method of the contract's: a problem, what every path answers to OPTIONS, or the dashboard, which
        // is for browsers alone.
        let for_browsers =
            path.starts_with("/assets/") || lyceum::dashboard::PAGES.iter().any(|page| fits(page, path));
        let known = for_browsers || (method == "options" && status == 204);
        assert!(status >= 400 || known, "{method} {path} answers {status}");
        if status >= 400 {
            hold(path, "application/problem+json", &problem(), answer);
        }
        return;
    };
    let mut response = &operation["responses"][status.to_string()];
    assert!(response.is_object(), "{status} of {method} {path} is not in the contract: {}", answer.detail());
    if let Some(reference) = response["$ref"].as_str() {
        response = DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap();
    }
    for name in response["headers"].as_object().into_iter().flat_map(|headers| headers.keys()) {
        assert!(answer.headers.contains_key(name), "{status} of {method} {path} has no {name}");
    }
    match response["content"].as_object() {
        _ if answer.bytes.is_empty() && status < 400 => {}
        None => panic!("{status} of {method} {path} has a body"),
        Some(content) => {
            let media = media_type(answer);
            let found = content.get(&media).or_else(|| content.get("*/*"));
            let found = found.unwrap_or_else(|| panic!("{status} of {method} {path} is {media}"));
            hold(path, &media, &found["schema"], answer);
        }
    }
}

/// Whether a path is one of a pattern's.
fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.split('/'), path.split('/'));
    pattern.clone().count() == path.clone().count()
        && pattern.zip(path).all(|(part, given)| part.starts_with('{') || part == given)
}

fn problem() -> Value {
    serde_json::json!({"$ref": "#/components/schemas/Problem"})
}

fn media_type(answer: &Answer) -> String {
    answer.header(header::CONTENT_TYPE.as_str()).split(';').next().unwrap_or_default().to_owned()
}

fn hold(path: &str, media: &str, schema: &Value, answer: &Answer) {
    assert_eq!(media_type(answer), media, "{path}");
    match media {
        "application/json" | "application/problem+json" => {
            let found = mistakes(&DOCUMENT, schema, &answer.body);
            assert!(found.is_empty(), "{path}: {found:#?}\n{}", answer.body);
        }
        "text/event-stream" => {
            let schema = serde_json::json!({"$ref": "#/components/schemas/EventData"});
            for data in answer.text().lines().filter_map(|line| line.strip_prefix("data: ")) {
                let found = mistakes(&DOCUMENT, &schema, &serde_json::from_str(data).unwrap());
                assert!(found.is_empty(), "{path}: {found:#?}\n{data}");
            }
        }
        _ => {}
    }
}

/// What the contract says of a path: of those that match the one with the most words of its own.
fn item(path: &str) -> Option<&'static Value> {
    let parts: Vec<&str> = path.split('/').collect();
    let own = |template: &str| template.split('/').filter(|part| !part.starts_with('{')).count();
    let matches = |template: &str| {
        template.split('/').count() == parts.len()
            && template
                .split('/')
                .zip(&parts)
                .all(|(wanted, part)| wanted == *part || (wanted.starts_with('{') && !part.is_empty()))
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let found = paths.iter().filter(|(template, _)| matches(template));
    found.max_by_key(|(template, _)| own(template)).map(|(_, item)| item)
}
