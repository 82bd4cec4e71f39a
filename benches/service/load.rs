//! Clients that ask one thing over and over, each on a connection of its own, and what they were answered.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use lyceum::clock::monotonic;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One request, as it goes over the wire.
#[derive(Clone)]
pub(crate) struct Request {
    address: String,
    bytes: Vec<u8>,
}

impl Request {
    pub(crate) fn get(url: &str, path: &str) -> Self {
        Self::new(url, &format!("GET {path}"), "", b"")
    }

    pub(crate) fn post(url: &str, path: &str, json: &str) -> Self {
        Self::new(url, &format!("POST {path}"), "content-type: application/json\r\n", json.as_bytes())
    }

    /// Tensors behind the JSON that tells of them.
    pub(crate) fn post_tensors(url: &str, path: &str, json: &str, tensors: &[u8]) -> Self {
        let length = json.len();
        let fields = format!(
            "content-type: application/octet-stream\r\ninference-header-content-length: {length}\r\n"
        );
        Self::new(url, &format!("POST {path}"), &fields, &[json.as_bytes(), tensors].concat())
    }

    fn new(url: &str, line: &str, fields: &str, body: &[u8]) -> Self {
        let address = url.trim_start_matches("http://").to_owned();
        let length = body.len();
        let head = format!("{line} HTTP/1.1\r\nhost: {address}\r\n{fields}content-length: {length}\r\n\r\n");
        Self { address, bytes: [head.as_bytes(), body].concat() }
    }
}

/// An answer's status and the seconds that it took.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) seconds: f64,
    pub(crate) retry_after: bool,
}

/// A client, which connects again when it is cut.
struct Client {
    stream: Option<TcpStream>,
    read: Vec<u8>,
}

impl Client {
    /// Asks once. A refusal may come, and the connection end, before all of a body has gone.
    async fn ask(&mut self, request: &Request) -> std::io::Result<Answer> {
        let mut stream = if let Some(stream) = self.stream.take() {
            stream
        } else {
            let stream = TcpStream::connect(&request.address).await?;
            stream.set_nodelay(true)?;
            stream
        };
        let begun = monotonic();
        let (mut reader, mut writer) = stream.split();
        let send = writer.write_all(&request.bytes);
        let receive = answer(&mut reader, &mut self.read);
        let (sent, received) = futures::join!(send, receive);
        let (status, retry_after, keep) = received?;
        if keep && sent.is_ok() {
            self.stream = Some(stream);
        }
        Ok(Answer { status, seconds: begun.elapsed().as_secs_f64(), retry_after })
    }
}

/// Reads one answer: its status, whether it says when to come again, and whether the connection stays.
async fn answer(
    reader: &mut (impl AsyncReadExt + Unpin),
    read: &mut Vec<u8>,
) -> std::io::Result<(u16, bool, bool)> {
    let broken = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    read.clear();
    let head = loop {
        if reader.read_buf(read).await? == 0 {
            return Err(broken());
        }
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let text = std::str::from_utf8(&read[..head]).map_err(|_| broken())?;
    let status = text.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(broken)?;
    let (mut length, mut retry_after, mut keep) = (None, false, true);
    for (name, value) in text.lines().filter_map(|line| line.split_once(':')) {
        match name {
            _ if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse().ok(),
            _ if name.eq_ignore_ascii_case("retry-after") => retry_after = true,
            _ if name.eq_ignore_ascii_case("connection") => {
                keep = !value.trim().eq_ignore_ascii_case("close");
            }
            _ => {}
        }
    }
    let length: usize = length.ok_or_else(broken)?;
    while read.len() < head + length {
        if reader.read_buf(read).await? == 0 {
            return Err(broken());
        }
    }
    Ok((status, retry_after, keep))
}

/// What so many clients are answered in a time, each asking again as soon as it has its answer. They share a thread of their
/// own: among several threads of a runtime each answer would wake one of them only for it to wake another, on the cores
/// that the server is to have.
pub(crate) async fn ask(request: &Request, clients: usize, time: Duration) -> Vec<Answer> {
    let request = request.clone();
    let asked = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(ask_here(&request, clients, time))
    };
    tokio::task::spawn_blocking(asked).await.expect("answers")
}

async fn ask_here(request: &Request, clients: usize, time: Duration) -> Vec<Answer> {
    let over = AtomicBool::new(false);
    let client = async || {
        let (mut client, mut answers) = (Client { stream: None, read: Vec::new() }, Vec::new());
        while !over.load(Ordering::Relaxed) {
            // A connection that was cut while its body was on the way is no answer.
            if let Ok(answer) = client.ask(request).await {
                answers.push(answer);
            }
        }
        answers
    };
    let end = async {
        tokio::time::sleep(time).await;
        over.store(true, Ordering::Relaxed);
    };
    let (answers, ()) = futures::join!(join_all((0..clients).map(|_| client())), end);
    answers.into_iter().flatten().collect()
}
