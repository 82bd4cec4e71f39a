//! What several tests need: a server without a socket or with one, a client that holds every answer to the contract,
//! and what is sent to it.

pub(crate) mod bodies;
pub(crate) mod bombs;
mod contract;
pub(crate) mod disk;
pub(crate) mod idx;
pub(crate) mod mnist;
pub(crate) mod schema;
pub(crate) mod served;
mod server;
pub(crate) mod world;

use axum::http::{HeaderMap, Request, StatusCode, header};
use serde_json::Value;

pub(crate) use server::{Server, server, server_with, server_with_datasets};

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: bytes::Bytes,
    /// The body as JSON, unpacked where it is packed, or `null`.
    pub(crate) body: Value,
}

impl Answer {
    fn new(status: StatusCode, headers: HeaderMap, bytes: bytes::Bytes) -> Self {
        let packed = headers.contains_key("content-encoding");
        let body = if packed {
            serde_json::from_reader(flate2::read::GzDecoder::new(&bytes[..]))
        } else {
            serde_json::from_slice(&bytes)
        };
        let body = body.unwrap_or(Value::Null);
        Self { status, headers, bytes, body }
    }

    /// The body, where the status is this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        let text = String::from_utf8_lossy(&self.bytes);
        assert_eq!(self.status, status, "{text}");
        self.body
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }

    /// The places that a refused body is told to be wrong in.
    pub(crate) fn pointers(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array();
        errors.into_iter().flatten().filter_map(|error| error["pointer"].as_str()).collect()
    }

    pub(crate) fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap_or_default()
    }
}

/// A request as a client on this machine makes it.
pub(crate) fn request(method: &str, uri: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(uri).header(header::HOST, "localhost:8080")
}

/// A client over sockets, which trusts nobody's certificate.
pub(crate) fn client() -> reqwest::Client {
    trusting(Vec::new()).build().unwrap()
}

/// A client that trusts these certificates alone.
pub(crate) fn trusting(certificates: Vec<reqwest::Certificate>) -> reqwest::ClientBuilder {
    // Another test may have chosen it before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().tls_certs_only(certificates)
}

/// One at a time: runs of different tests would have no cores left, and what is timed would mean nothing.
pub(crate) async fn alone() -> tokio::sync::MutexGuard<'static, ()> {
    static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    ONE.lock().await
}

/// A body of `examples/`, as it stands.
pub(crate) fn example(name: &str) -> Value {
    let path = examples().join(format!("{name}.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The data set of an example, by its name: its format and bytes, of MNIST so many images to learn and to be tried on.
pub(crate) fn example_data(name: &str, digits: (u32, u32)) -> (&'static str, Vec<u8>) {
    if name == "mnist" {
        return ("idx", mnist::archive(digits.0, digits.1));
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = [
        ("csv", root.join(format!("datasets/{name}/{name}.csv"))),
        ("csv", examples().join(format!("{name}.csv"))),
        ("npz", examples().join(format!("{name}.npz"))),
    ];
    let (format, path) = places.into_iter().find(|(_, path)| path.exists()).unwrap();
    (format, std::fs::read(path).unwrap())
}

pub(crate) fn examples() -> &'static std::path::Path {
    std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples"))
}
