//! Files as answers: whole or a range of them (RFC 9110), streamed from the disk.

use std::io::SeekFrom;
use std::path::Path;

use axum::body::Body;
use axum::http::header::{self, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::etag;
use super::problem::{Kind, Problem};

/// What is told of a file beside its bytes.
pub(crate) struct Told<'a> {
    pub(crate) media_type: &'a str,
    /// The name under which a browser keeps it; shown in place where there is none.
    pub(crate) name: Option<&'a str>,
    /// The digest of a file that never changes.
    pub(crate) sha256: Option<&'a str>,
}

/// The file, or the part of it that `range` asks for.
pub(crate) async fn answer(path: &Path, told: &Told<'_>, headers: &HeaderMap) -> Result<Response, Problem> {
    let mut file = tokio::fs::File::open(path).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Problem::not_found("such file any more"),
        _ => Problem::internal(format!("{} cannot be read: {error}", path.display())),
    })?;
    let size = file.metadata().await.map_err(Problem::internal)?.len();
    let etag = told.sha256.map(|digest| format!("\"{digest}\""));
    let names_it = |condition| etag.as_deref().is_some_and(|tag| etag::names(headers, condition, tag));
    if names_it(header::IF_NONE_MATCH) {
        return Ok(with_head(StatusCode::NOT_MODIFIED.into_response(), told, etag.as_deref()));
    }
    let ranged = !headers.contains_key(header::IF_RANGE) || names_it(header::IF_RANGE);
    let range = headers.get(header::RANGE).filter(|_| ranged).and_then(|range| range.to_str().ok());
    let (start, end, status) = match range.map_or(Asked::All, |range| asked(range, size)) {
        Asked::All => (0, size, StatusCode::OK),
        Asked::Part(start, end) => (start, end, StatusCode::PARTIAL_CONTENT),
        Asked::Nothing => {
            let mut refused = Problem::new(Kind::Range, format!("the file has {size} bytes")).into_response();
            refused.headers_mut().insert(header::CONTENT_RANGE, header_value(&format!("bytes */{size}")));
            return Ok(refused);
        }
    };
    file.seek(SeekFrom::Start(start)).await.map_err(Problem::internal)?;
    let bytes = ReaderStream::with_capacity(file.take(end - start), 64 << 10);
    let mut response = (status, Body::from_stream(bytes)).into_response();
    let answer = response.headers_mut();
    answer.insert(header::CONTENT_LENGTH, HeaderValue::from(end - start));
    answer.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {start}-{}/{size}", end - 1);
        answer.insert(header::CONTENT_RANGE, header_value(&range));
    }
    Ok(with_head(response, told, etag.as_deref()))
}

/// Where the last `lines` lines of a file begin.
pub(crate) async fn tail(path: &Path, lines: u64) -> std::io::Result<u64> {
    const BLOCK: u64 = 64 << 10;
    let mut file = tokio::fs::File::open(path).await?;
    let size = file.metadata().await?.len();
    let (mut end, mut breaks) = (size, 0);
    let mut block = vec![0; BLOCK as usize];
    while end > 0 && lines > 0 {
        let start = end.saturating_sub(BLOCK);
        let part = &mut block[..(end - start) as usize];
        file.seek(SeekFrom::Start(start)).await?;
        file.read_exact(part).await?;
        for (index, _) in part.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
            // The line break at the very end closes the last line.
            let behind = start + index as u64 + 1;
            if behind < size {
                breaks += 1;
            }
            if breaks == lines {
                return Ok(behind);
            }
        }
        end = start;
    }
    Ok(if lines == 0 { size } else { 0 })
}

/// The text of a file from a place on.
pub(crate) async fn text_from(path: &Path, start: u64) -> Result<Response, Problem> {
    let mut file = tokio::fs::File::open(path).await.map_err(Problem::internal)?;
    let size = file.metadata().await.map_err(Problem::internal)?.len();
    let start = start.min(size);
    file.seek(SeekFrom::Start(start)).await.map_err(Problem::internal)?;
    let bytes = ReaderStream::with_capacity(file.take(size - start), 64 << 10);
    let mut response = Body::from_stream(bytes).into_response();
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(size - start));
    Ok(with_head(response, &Told { media_type: TEXT, name: None, sha256: None }, None))
}

/// Text as the API tells it.
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

fn with_head(mut response: Response, told: &Told<'_>, etag: Option<&str>) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header_value(told.media_type));
    // A file that a run made is shown as what it is and not run: it may be a page with scripts.
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    if let Some(etag) = etag {
        headers.insert(header::ETAG, header_value(etag));
    }
    if let Some(name) = told.name {
        let plain: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' })
            .collect();
        headers
            .insert(header::CONTENT_DISPOSITION, header_value(&format!("attachment; filename=\"{plain}\"")));
    }
    response
}

fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"))
}

/// What a range header asks of a file.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// Also where several ranges are asked for at once, or in a unit that nobody knows.
    All,
    /// From the first byte to before the second.
    Part(u64, u64),
    /// Bytes that the file has not.
    Nothing,
}

fn asked(range: &str, size: u64) -> Asked {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Asked::All;
    };
    let (first, last) = (first.trim(), last.trim());
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), _) if first >= size && (last.is_empty() || !last.contains(',')) => Asked::Nothing,
        (Ok(first), Ok(last)) if first <= last => Asked::Part(first, size.min(last.saturating_add(1))),
        (Ok(first), Err(_)) if last.is_empty() => Asked::Part(first, size),
        (Err(_), Ok(0)) if first.is_empty() => Asked::Nothing,
        (Err(_), Ok(last)) if first.is_empty() && size > 0 => Asked::Part(size.saturating_sub(last), size),
        (Err(_), Ok(_)) if first.is_empty() => Asked::Nothing,
        _ => Asked::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        assert_eq!(asked("bytes=0-4", 10), Asked::Part(0, 5));
        assert_eq!(asked("bytes=4-", 10), Asked::Part(4, 10));
        assert_eq!(asked("bytes=-3", 10), Asked::Part(7, 10));
        assert_eq!(asked("bytes=-30", 10), Asked::Part(0, 10));
        assert_eq!(asked("bytes=5-99", 10), Asked::Part(5, 10));
        for nothing in ["bytes=10-", "bytes=10-12", "bytes=-0"] {
            assert_eq!(asked(nothing, 10), Asked::Nothing, "{nothing}");
        }
        for all in ["lines=1-2", "bytes=3-1", "bytes=a-b", "bytes=0-1,3-4", "bytes=-", ""] {
            assert_eq!(asked(all, 10), Asked::All, "{all}");
        }
    }

    #[tokio::test]
    async fn the_last_lines_are_found() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let long = format!("{}\nb\n", "a".repeat(100_000));
        for (text, lines, start) in [
            ("a\nb\nc\n", 1, 4),
            ("a\nb\nc", 1, 4),
            ("a\nb\nc\n", 2, 2),
            ("a\nb\n", 9, 0),
            ("a\n", 0, 2),
            ("", 3, 0),
            ("\n\n", 1, 1),
            (&long, 2, 0),
            (&long, 1, 100_001),
        ] {
            std::fs::write(file.path(), text).unwrap();
            assert_eq!(tail(file.path(), lines).await.unwrap(), start, "{lines} of {text:.20}");
        }
    }

    #[tokio::test]
    async fn a_part_of_a_file_is_told_as_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "0123456789").unwrap();
        let told = Told { media_type: "text/plain", name: None, sha256: Some("ab") };
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, "bytes=2-4".parse().unwrap());
        let response = answer(file.path(), &told, &headers).await.unwrap();
        assert_eq!(response.status(), 206);
        assert_eq!(response.headers()[header::CONTENT_RANGE], "bytes 2-4/10");
        let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
        assert_eq!(&body[..], b"234");
        headers.insert(header::IF_NONE_MATCH, "\"ab\"".parse().unwrap());
        assert_eq!(answer(file.path(), &told, &headers).await.unwrap().status(), 304);
    }
}
