//! Uploads and images made to harm: each is refused with its reason, the server stays as large as it was, and nothing of
//! them stays on the disk.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::bodies::{IRIS, cnn};
use crate::support::bombs::{gzipped, gzipped_zeros, idx_zeros, overlapping_zip, png, tar_head, tar_of};
use crate::support::served::Served;
use crate::support::{Answer, alone, idx};

/// By how much the server may grow, in KiB.
const GROWTH: i64 = 20 << 10;

/// A server that has done everything once, so that what it grows by is what hostility costs.
struct Target {
    server: Served,
    files: BTreeSet<PathBuf>,
    most: i64,
}

impl Target {
    async fn start(arguments: &[&str]) -> Self {
        let server = Served::start(arguments);
        let images = idx::squares(16);
        let squares = idx::tar(&idx::files("", &images));
        server
            .post_as("/v1/datasets?name=squares&format=idx", "application/x-tar", squares)
            .await
            .expect(201);
        server.post_as("/v1/datasets?name=iris&format=csv", "text/csv", IRIS).await.expect(201);
        let (files, most) = (server.files(), server.memory("VmHWM"));
        Self { server, files, most }
    }

    async fn upload(&self, format: &str, bytes: Vec<u8>) -> Answer {
        let path = format!("/v1/datasets?name=hostile&format={format}");
        self.server.post_as(&path, "application/octet-stream", bytes).await
    }

    /// It is as it was: no larger, with no file more, and at work.
    async fn unharmed(&self, after: &str) {
        let grown = self.server.memory("VmHWM") - self.most;
        assert!(grown < GROWTH, "{after}: the server grew by {grown} KiB");
        // What an upload left is removed by whoever received it, behind the answer at times.
        let cleared = async {
            while self.server.files() != self.files {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let cleared = tokio::time::timeout(Duration::from_secs(10), cleared).await;
        assert!(
            cleared.is_ok(),
            "{after}: {:?} stay",
            self.server.files().difference(&self.files).collect::<Vec<_>>()
        );
        self.server.get("/readyz").await.expect(200);
        self.server.get("/v1/datasets/hostile").await.expect(404);
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("part-{number}")).collect()
}

fn splits() -> Vec<String> {
    ["train", "val", "t10k", "all"].map(|split| format!("{split}-images-idx3-ubyte")).to_vec()
}

/// What is uploaded, as which format, the status and a word of why.
fn bombs() -> Vec<(&'static str, &'static str, Vec<u8>, u16, &'static str)> {
    let mib = 1 << 20;
    let zeros = vec![0; 64 * mib];
    let packed_zeros = gzipped_zeros(64 * mib);
    let truthful = idx_zeros(64, 64, 1 << 20);
    let cells = gzipped(&[&b"x\n"[..], &b"0\n".repeat(32 * mib)].concat());
    vec![
        (
            "100 GB of zip that hold no images",
            "idx",
            overlapping_zip(&names(1_600), &zeros, 0),
            422,
            "no IDX files",
        ),
        (
            "100 GB of zip whose first member is too large",
            "idx",
            overlapping_zip(&splits(), &truthful, 0),
            413,
            "unfolds",
        ),
        (
            "a zip whose members add up",
            "idx",
            overlapping_zip(&splits(), &truthful, 400 << 10),
            413,
            "unfolds",
        ),
        (
            "a member longer than it says",
            "idx",
            overlapping_zip(&splits(), &idx_zeros(3, 64, 1 << 20), 0),
            422,
            "holds more",
        ),
        (
            "extents beyond all numbers",
            "idx",
            overlapping_zip(&splits(), &idx_zeros(u32::MAX - 1, 0, 1 << 31), 0),
            413,
            "unfolds",
        ),
        ("gzip in a zip", "idx", overlapping_zip(&splits(), &gzipped(&truthful), 0), 413, "unfolds"),
        (
            "8 GB in a tar.gz",
            "idx",
            [gzipped(&tar_head(8 << 30)), packed_zeros.repeat(128)].concat(),
            413,
            "unfolds",
        ),
        ("10 GB of gzip that is one line", "csv", packed_zeros.repeat(160), 413, "longer than"),
        ("gzip of many lines", "csv", cells.repeat(16), 413, "unfolds"),
    ]
}

#[tokio::test]
async fn what_unfolds_to_much_is_refused_before_it_does() {
    let _alone = alone().await;
    let target = Target::start(&[]).await;
    for (what, format, bytes, status, why) in bombs() {
        let refused = target.upload(format, bytes).await;
        assert_eq!(refused.status, status, "{what}: {}", refused.text());
        assert!(refused.detail().contains(why), "{what}: {}", refused.detail());
        target.unharmed(what).await;
    }
}

#[tokio::test]
async fn members_that_lead_elsewhere_are_refused() {
    use tar::EntryType as Type;
    let target = Target::start(&[]).await;
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("file");
    let absolute = file.to_str().unwrap();
    let up = "../../../train-images-idx3-ubyte";
    for (kind, name, link, why) in [
        (Type::Regular, up, "", "leads out"),
        (Type::Regular, "a/../../b", "", "leads out"),
        (Type::Regular, absolute, "", "absolute path"),
        (Type::Symlink, "images", "/etc/passwd", "no plain file"),
        (Type::Symlink, "images", "../lyceum.db", "no plain file"),
        (Type::Link, "images", absolute, "no plain file"),
        (Type::Char, "images", "", "no plain file"),
        (Type::Block, "images", "", "no plain file"),
        (Type::Fifo, "images", "", "no plain file"),
    ] {
        for bytes in [tar_of(kind, name, link), gzipped(&tar_of(kind, name, link))] {
            let refused = target.upload("idx", bytes).await;
            assert_eq!(refused.status, 422, "{name}: {}", refused.text());
            assert!(refused.detail().contains(why), "{name}: {}", refused.detail());
        }
        target.unharmed(name).await;
    }
    for name in [up, "/train-images-idx3-ubyte", "C:\\train-images-idx3-ubyte"] {
        let refused = target.upload("idx", overlapping_zip(&[name.to_owned()], b"x", 0)).await;
        assert_eq!(refused.status, 422, "{name}: {}", refused.text());
    }
    target.unharmed("a zip").await;
    assert!(!file.exists());
}

/// An image of 3.6 billion pixels in a few kilobytes is judged by its header, whichever way it comes.
#[tokio::test]
async fn a_picture_of_many_pixels_is_refused_by_its_header() {
    let _alone = alone().await;
    let mut target = Target::start(&[]).await;
    let id = target.server.post("/v1/jobs", &cnn("squares", 0)).await.expect(202)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(target.server.finished(&id).await["status"], "succeeded");
    let path = "/v1/models/squares/predict";
    target.server.post_as(path, "image/png", png(8)).await;
    (target.files, target.most) = (target.server.files(), target.server.memory("VmHWM"));
    let picture = png(60_000);
    assert!(picture.len() < 10_000);
    let text = STANDARD.encode(&picture);
    let refused = [
        target.server.post_as(path, "image/png", picture.clone()).await,
        target.server.post(path, &json!({"inputs": [text]})).await,
        target
            .server
            .post(path, &json!({"inputs": [{"image": format!("data:image/png;base64,{text}")}]}))
            .await,
    ];
    for refused in refused {
        assert_eq!(refused.status, 422, "{}", refused.text());
        assert!(refused.text().contains("60000"), "{}", refused.text());
    }
    target.unharmed("a picture").await;
}

/// A conversation by hand: what no well-behaved client would send.
struct Talk(TcpStream);

impl Talk {
    async fn begin(server: &Served, format: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(server.address.trim_start_matches("http://")).await.unwrap();
        let head = format!(
            "POST /v1/datasets?name=hostile&format={format} HTTP/1.1\r\nhost: localhost\r\n\
             content-type: application/octet-stream\r\n{headers}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        Self(stream)
    }

    /// All that is answered until the server closes the connection.
    async fn rest(mut self) -> String {
        let mut answer = Vec::new();
        // A connection that is reset has said what it had to say.
        let _ = tokio::time::timeout(Duration::from_secs(20), self.0.read_to_end(&mut answer)).await.unwrap();
        String::from_utf8(answer).unwrap()
    }
}

/// Of a line of a gigabyte some megabytes are stored, and the rest is thrown away while it comes.
#[tokio::test]
async fn a_line_without_an_end_is_refused_while_it_comes() {
    let _alone = alone().await;
    let target = Target::start(&["--discard-bytes", "16777216"]).await;
    let Talk(stream) = Talk::begin(&target.server, "csv", "content-length: 1073741824").await;
    let (mut from, mut to) = stream.into_split();
    let sending = tokio::spawn(async move {
        let piece = vec![b'7'; 1 << 20];
        let mut sent = 0;
        while sent < 1 << 30 && to.write_all(&piece).await.is_ok() {
            sent += piece.len();
        }
        (sent, to)
    });
    let mut answer = Vec::new();
    let mut buffer = [0; 4_096];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        answer.extend(&buffer[..read]);
    }
    let (sent, _to) = sending.await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 413 ") && answer.contains("the line that begins at byte 0"),
        "{answer:?}"
    );
    assert!(sent < 128 << 20, "{sent} bytes were taken");
    target.unharmed("a long line").await;
}

#[tokio::test]
async fn a_sender_that_trickles_loses_its_place() {
    let target = Target::start(&["--body-seconds", "1", "--uploads", "1"]).await;
    let begun = Instant::now();
    let Talk(stream) = Talk::begin(&target.server, "csv", "content-length: 1000000").await;
    let (mut from, mut to) = stream.into_split();
    let trickling = tokio::spawn(async move {
        while to.write_all(b"1").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let mut answer = String::new();
    let _ = from.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("bytes a second"), "{answer:?}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    trickling.abort();
    target.unharmed("trickling").await;
    target.server.post_as("/v1/datasets?name=iris&format=csv", "text/csv", IRIS).await.expect(200);
}

#[tokio::test]
async fn half_a_body_leaves_nothing() {
    let target = Target::start(&["--uploads", "1"]).await;
    let half = &IRIS.as_bytes()[..IRIS.len() / 2];
    let length = format!("content-length: {}", IRIS.len());
    for headers in [length.as_str(), "transfer-encoding: chunked"] {
        let mut talk = Talk::begin(&target.server, "csv", headers).await;
        let piece = if headers.contains("chunked") {
            [format!("{:x}\r\n", half.len()).as_bytes(), half, b"\r\n"].concat()
        } else {
            half.to_vec()
        };
        talk.0.write_all(&piece).await.unwrap();
        drop(talk);
        target.unharmed(headers).await;
    }
    // The one place for uploads is free again.
    target.server.post_as("/v1/datasets?name=iris&format=csv", "text/csv", IRIS).await.expect(200);
}

/// What goes beyond the length that was told is no part of the body, and no request either.
#[tokio::test]
async fn a_body_ends_where_its_length_says() {
    let target = Target::start(&[]).await;
    let mut talk = Talk::begin(&target.server, "csv", "content-length: 9").await;
    talk.0.write_all(b"a,b\n1,2\n3,4\n5,6\n").await.unwrap();
    let answer = talk.rest().await;
    assert!(answer.starts_with("HTTP/1.1 422 ") && answer.contains("line 3"), "{answer:?}");
    assert!(answer.matches("HTTP/1.1 ").count() <= 2 && !answer.contains("HTTP/1.1 20"), "{answer:?}");
    target.unharmed("a long body").await;
    // Two lengths, or a length beside chunks, are how requests are smuggled past a proxy.
    for headers in
        ["content-length: 4\r\ncontent-length: 9", "content-length: 4\r\ntransfer-encoding: chunked"]
    {
        let mut talk = Talk::begin(&target.server, "csv", headers).await;
        let _ = talk.0.write_all(b"0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        let answer = talk.rest().await;
        assert!(!answer.contains("\"live\":true"), "{headers:?}: {answer:?}");
        target.unharmed(headers).await;
    }
}
