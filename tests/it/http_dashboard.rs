//! The dashboard's pages and files, as a browser asks for them.

use axum::body::Body;
use axum::http::header;
use lyceum::dashboard;

use crate::support::{Answer, request, server};

async fn ask(uri: &str, headers: &[(header::HeaderName, &str)]) -> Answer {
    let request =
        headers.iter().fold(request("GET", uri), |request, (name, value)| request.header(name, *value));
    server().await.ask(request, Body::empty()).await
}

#[tokio::test]
async fn every_page_is_the_shell_under_the_strict_policy() {
    let shell = std::str::from_utf8(&dashboard::asset(dashboard::SHELL).unwrap().bytes).unwrap();
    for page in dashboard::PAGES {
        let path = page.replace("{id}", "0193a5a0-7c1e-7b3a-9d2f-0d3c7a1b2c3d").replace("{name}", "iris");
        let answer = ask(&path.replace("{version}", "1"), &[]).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.text(), shell, "{path}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(answer.header("content-security-policy"), dashboard::POLICY);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
    }
    for forbidden in ["unsafe-inline", "unsafe-eval", "*"] {
        assert!(!dashboard::POLICY.contains(forbidden));
    }
    // What stands in a query is the page's business.
    assert_eq!(ask("/jobs?status=failed&label=a%3Db", &[]).await.status, 200);
}

#[tokio::test]
async fn files_are_sent_once_and_compressed() {
    let plain = ask("/assets/app.js", &[]).await;
    assert_eq!(plain.status, 200);
    assert_eq!(plain.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(plain.header("content-encoding"), "");
    assert_eq!(plain.header("cache-control"), "no-cache");
    assert_eq!(plain.bytes, *dashboard::asset("app.js").unwrap().bytes);

    let packed = ask("/assets/app.js", &[(header::ACCEPT_ENCODING, "gzip, br")]).await;
    assert_eq!((packed.header("content-encoding"), packed.header("vary")), ("gzip", "accept-encoding"));
    let mut unpacked = String::new();
    let mut decoder = flate2::read::GzDecoder::new(&packed.bytes[..]);
    std::io::Read::read_to_string(&mut decoder, &mut unpacked).unwrap();
    assert_eq!(unpacked, plain.text());

    let tag = plain.header("etag").to_owned();
    assert_eq!(packed.header("etag"), tag);
    let again = ask("/assets/app.js", &[(header::IF_NONE_MATCH, &format!("\"other\", {tag}"))]).await;
    assert_eq!((again.status.as_u16(), again.bytes.len(), again.header("etag")), (304, 0, &*tag));
    let other = ask("/assets/app.js", &[(header::IF_NONE_MATCH, "\"other\"")]).await;
    assert_eq!(other.status, 200);
}

/// What the editor of a job knows of components is much, and hardly changes.
#[tokio::test]
async fn components_are_sent_compressed() {
    for path in ["/v1/components", "/v1/schemas/job"] {
        let plain = ask(path, &[]).await;
        let packed = ask(path, &[(header::ACCEPT_ENCODING, "gzip")]).await;
        assert_eq!((packed.header("content-encoding"), packed.header("vary")), ("gzip", "accept-encoding"));
        assert_eq!(packed.header("content-type"), plain.header("content-type"));
        assert!(packed.bytes.len() * 5 < plain.bytes.len(), "{path} takes {} bytes", packed.bytes.len());
        assert!(plain.body.is_object());
        assert_eq!(packed.body, plain.body);
    }
}

#[tokio::test]
async fn what_is_no_file_is_a_problem() {
    for path in ["/assets/nowhere.js", "/assets/../mod.rs", "/assets/lib", "/assets/app.js?x=1", "/jobs/a/b"]
    {
        let answer = ask(path, &[]).await;
        let expected = if path.contains('?') { 400 } else { 404 };
        assert_eq!(answer.status, expected, "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
    }
}
