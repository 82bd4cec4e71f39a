//! The client of the HTTP API: what it is asked, and what its refusals mean for how a command ends.

use std::time::Duration;

use reqwest::{Certificate, Method, RequestBuilder, Response, StatusCode, Url, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Exit, output, say};
use crate::config;

const CONNECT: Duration = Duration::from_secs(10);
const PROBLEM: &str = "application/problem+json";
/// As many items as a page may hold.
const PAGE: usize = 1_000;

/// Talks to one server.
pub(super) struct Client {
    http: reqwest::Client,
    server: Url,
    key: Option<String>,
    /// Whether documents are printed as they come.
    pub(super) json: bool,
}

/// What is read of a problem (RFC 9457).
#[derive(Deserialize)]
struct Problem {
    title: String,
    detail: String,
    #[serde(default)]
    errors: Vec<Mistake>,
}

#[derive(Deserialize)]
struct Mistake {
    pointer: String,
    detail: String,
}

impl Client {
    pub(super) fn new(settings: &config::Client) -> Result<Self, Exit> {
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .user_agent(concat!("lyceum/", env!("CARGO_PKG_VERSION")));
        // A proxy has another idea of what this machine is.
        if settings.server.host_str().is_some_and(is_this_machine) {
            http = http.no_proxy();
        }
        if let Some(trusted) = trusted(settings)? {
            http = http.tls_certs_only(trusted);
        }
        let http = http.build().map_err(|error| {
            say(error);
            Exit::Failed
        })?;
        Ok(Self { http, server: settings.server.clone(), key: settings.key.clone(), json: settings.json })
    }

    /// A request for the resource at these segments of a path.
    pub(super) fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.server.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let request = self.http.request(method, url);
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    pub(super) async fn get(&self, path: &[&str]) -> Result<Value, Exit> {
        self.document(self.request(Method::GET, path)).await
    }

    /// Posts JSON as it was written.
    pub(super) async fn post(&self, path: &[&str], body: Vec<u8>) -> Result<Value, Exit> {
        let request = self.request(Method::POST, path).header(header::CONTENT_TYPE, "application/json");
        self.document(request.body(body)).await
    }

    /// Up to so many items of a list, page after page.
    pub(super) async fn list(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        most: usize,
    ) -> Result<Vec<Value>, Exit> {
        let mut items = Vec::new();
        let mut after: Option<String> = None;
        while items.len() < most {
            let limit = (most - items.len()).min(PAGE).to_string();
            let mut request = self.request(Method::GET, path).query(query).query(&[("limit", limit)]);
            if let Some(after) = &after {
                request = request.query(&[("after", after)]);
            }
            let page: Page = self.read(self.document(request).await?)?;
            items.extend(page.data);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(items)
    }

    pub(super) async fn document(&self, request: RequestBuilder) -> Result<Value, Exit> {
        let answer = self.send(request).await?;
        let bytes = answer.bytes().await.map_err(|error| self.silent(&error))?;
        serde_json::from_slice(&bytes).map_err(|_| self.stranger())
    }

    /// An answer that is no failure.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, Exit> {
        let answer = request.send().await.map_err(|error| self.silent(&error))?;
        if answer.status().is_success() { Ok(answer) } else { Err(self.refused(answer).await) }
    }

    /// What a document says, in the terms of the command.
    pub(super) fn read<T: DeserializeOwned>(&self, document: Value) -> Result<T, Exit> {
        serde_json::from_value(document).map_err(|_| self.stranger())
    }

    /// Tells why the server refused.
    pub(super) async fn refused(&self, answer: Response) -> Exit {
        let status = answer.status();
        let is_problem = answer
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|media| media.as_bytes().starts_with(PROBLEM.as_bytes()));
        let body = answer.bytes().await.unwrap_or_default();
        let document: Option<Value> = serde_json::from_slice(&body).ok().filter(|_| is_problem);
        let Some(problem) = document.clone().and_then(|document| Problem::deserialize(document).ok()) else {
            return self.stranger();
        };
        if let Some(document) = document.filter(|_| self.json)
            && let Err(exit) = output::json(&document)
        {
            return exit;
        }
        if problem.errors.is_empty() {
            say(format_args!("{}: {}", problem.title, problem.detail));
        } else {
            say(problem.detail);
        }
        for mistake in problem.errors {
            let place = if mistake.pointer.is_empty() { "(the body)" } else { &mistake.pointer };
            output::note(format_args!("{place}: {}", mistake.detail));
        }
        match status {
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Exit::Failed,
            status if status.is_client_error() => Exit::Refused,
            _ => Exit::Failed,
        }
    }

    /// Tells that nobody answers.
    pub(super) fn silent(&self, error: &reqwest::Error) -> Exit {
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let cause = cause.to_string();
        if cause.contains("certificate") {
            say(format_args!(
                "the server at {} cannot be trusted: {cause}; --ca names the file of a certificate to trust",
                self.address()
            ));
            return Exit::NoServer;
        }
        say(format_args!(
            "no server answers at {}: {cause}; `lyceum serve` starts one, --server names another",
            self.address()
        ));
        Exit::NoServer
    }

    /// Tells that whoever answers is no server of this kind.
    fn stranger(&self) -> Exit {
        say(format_args!("what answers at {} is no Lyceum server of this version", self.address()));
        Exit::NoServer
    }

    fn address(&self) -> &str {
        self.server.as_str().trim_end_matches('/')
    }
}

/// The certificates to trust: those of the file that was named; the system's, where this is nothing; and none where there
/// is no TLS, so that nobody looks for them.
fn trusted(settings: &config::Client) -> Result<Option<Vec<Certificate>>, Exit> {
    let Some(path) = &settings.ca else {
        return Ok((settings.server.scheme() == "http").then(Vec::new));
    };
    let refused = |why: &dyn std::fmt::Display| {
        say(format_args!("{}: {why}", path.display()));
        Exit::Refused
    };
    let bytes = std::fs::read(path).map_err(|error| refused(&error))?;
    let trusted = Certificate::from_pem_bundle(&bytes).map_err(|error| refused(&error))?;
    if trusted.is_empty() {
        return Err(refused(&"it holds no certificate in PEM"));
    }
    Ok(Some(trusted))
}

/// A page of a list.
#[derive(Deserialize)]
struct Page {
    data: Vec<Value>,
    next: Option<String>,
}

fn is_this_machine(host: &str) -> bool {
    matches!(host, "localhost" | "[::1]")
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}
