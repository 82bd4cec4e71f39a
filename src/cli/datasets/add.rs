//! `lyceum datasets add`.

use std::io::IsTerminal as _;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::{Stream, TryStreamExt as _};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::{Body, Method, header};
use tokio_util::io::ReaderStream;

use super::dataset::Dataset;
use super::pack;
use crate::cli::client::Client;
use crate::cli::{Exit, input, output, say};
use crate::data::Format;

/// Bytes that are read at once.
const PIECE: usize = 1 << 18;

/// Add a data set, or another version of one.
///
/// The file is sent as it is and read by the server. The same content again is the same version.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  lyceum datasets add titanic.csv --types pclass:category
  lyceum datasets add fashion/ --name fashion-mnist --classes top,trousers,pullover,dress,coat,sandal,shirt,sneaker,bag,boot
  lyceum datasets add flowers.zip --format images --size 64x64 --resize crop
  zcat readings.csv.gz | lyceum datasets add - --name readings --format csv

Exit codes: 0 it is there, 2 the file is not what its format says, or too large.")]
pub(super) struct Add {
    /// The file, a folder of IDX files, or `-` for standard input.
    file: PathBuf,
    /// The data set's name; by default the file's.
    #[arg(long)]
    name: Option<String>,
    /// `csv`, `jsonl`, `npz`, or a tar, tar.gz or zip: `idx` (of IDX files) or `images` (of pictures, one folder per
    /// class); by default what the file's name says, and `idx` for an archive.
    #[arg(long)]
    format: Option<String>,
    /// Kinds of columns that are not to be found out: `column:kind,…`; a kind is number, category or text.
    #[arg(long)]
    types: Option<String>,
    /// Height and width that pictures are brought to, such as `64x64`.
    #[arg(long)]
    size: Option<String>,
    /// How pictures are brought to the size: stretch, crop or pad.
    #[arg(long, requires = "size")]
    resize: Option<String>,
    /// Names of the labels 0, 1, 2 … of IDX files and arrays, with commas between them.
    #[arg(long)]
    classes: Option<String>,
}

impl Add {
    pub(super) async fn run(self, client: &Client) -> Result<(), Exit> {
        let (name, format) = self.name_and_format()?;
        let mut query = vec![("name", &name[..]), ("format", &format[..])];
        let hints = [
            ("types", &self.types),
            ("size", &self.size),
            ("resize", &self.resize),
            ("classes", &self.classes),
        ];
        query.extend(hints.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))));
        let (body, length) = self.body().await?;
        let mut request = client
            .request(Method::POST, &["v1", "datasets"])
            .query(&query)
            .header(header::CONTENT_TYPE, "application/octet-stream");
        if let Some(length) = length {
            request = request.header(header::CONTENT_LENGTH, length);
        }
        let document = client.document(request.body(body)).await?;
        if client.json {
            return output::json(&document);
        }
        output::line(client.read::<Dataset>(document)?.line())
    }

    fn name_and_format(&self) -> Result<(String, String), Exit> {
        let missing = |what: &str| {
            say(format_args!("--{what} is needed, since {} does not tell it", self.file.display()));
            Exit::Refused
        };
        let name = self.name.clone().or_else(|| name_of(&self.file)).ok_or_else(|| missing("name"))?;
        let guessed = || format_of(&self.file).map(|format| format.word().to_owned());
        let format = self.format.clone().or_else(guessed).ok_or_else(|| missing("format"))?;
        Ok((name, format))
    }

    /// The content as it is read, and its length where that is known.
    async fn body(&self) -> Result<(Body, Option<u64>), Exit> {
        let unreadable = |error: std::io::Error| input::unreadable(&self.file, &error);
        if self.file == Path::new("-") {
            let stdin = std::io::stdin().as_fd().try_clone_to_owned().map_err(unreadable)?;
            let stdin = tokio::fs::File::from_std(stdin.into());
            return Ok((shown(ReaderStream::with_capacity(stdin, PIECE), None), None));
        }
        if self.file.is_dir() {
            let files = pack::idx_files(&self.file).map_err(unreadable)?;
            return Ok((shown(pack::archive(files), None), None));
        }
        let file = tokio::fs::File::open(&self.file).await.map_err(unreadable)?;
        let length = file.metadata().await.map_err(unreadable)?.len();
        Ok((shown(ReaderStream::with_capacity(file, PIECE), Some(length)), Some(length)))
    }
}

/// The content, with a bar on a terminal that shows how much of it is sent.
fn shown(content: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static, length: Option<u64>) -> Body {
    if !std::io::stderr().is_terminal() {
        return Body::wrap_stream(content);
    }
    let (bar, template) = match length {
        Some(length) => {
            (ProgressBar::new(length), "{bar:20} {percent:>3} %  {bytes} of {total_bytes}, {bytes_per_sec}")
        }
        None => (ProgressBar::no_length(), "{bytes} sent, {bytes_per_sec}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸ "));
    }
    let bar = ClearedBar(bar);
    Body::wrap_stream(content.inspect_ok(move |piece| bar.0.inc(piece.len() as u64)))
}

/// A bar that leaves nothing behind, however its work ends.
struct ClearedBar(ProgressBar);

impl Drop for ClearedBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A name for what stands in a file: its own up to the first dot, as far as a name may be that.
fn name_of(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_str()?;
    let base = name.split('.').next()?.to_ascii_lowercase();
    let name: String = base
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '-' })
        .skip_while(|letter| !letter.is_ascii_alphanumeric())
        .take(63)
        .collect();
    (!name.is_empty()).then_some(name)
}

fn format_of(file: &Path) -> Option<Format> {
    if file.is_dir() {
        return Some(Format::Idx);
    }
    let name = file.file_name()?.to_str()?.to_ascii_lowercase();
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    match () {
        () if ends(&[".csv", ".csv.gz"]) => Some(Format::Csv),
        () if ends(&[".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz"]) => Some(Format::Jsonl),
        () if ends(&[".npz", ".npy"]) => Some(Format::Npz),
        () if ends(&[".tar", ".tar.gz", ".tgz", ".zip"]) => Some(Format::Idx),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_formats_are_guessed() {
        let of = |file: &str| (name_of(Path::new(file)), format_of(Path::new(file)).map(Format::word));
        assert_eq!(of("data/Iris Flowers.csv"), (Some("iris-flowers".into()), Some("csv")));
        assert_eq!(of("mnist.tar.gz"), (Some("mnist".into()), Some("idx")));
        assert_eq!(of("_a.zip"), (Some("a".into()), Some("idx")));
        assert_eq!(of("sums.npz"), (Some("sums".into()), Some("npz")));
        assert_eq!(of("rows.jsonl.gz"), (Some("rows".into()), Some("jsonl")));
        assert_eq!(of("-"), (None, None));
        assert_eq!(of("notes.txt"), (Some("notes".into()), None));
    }
}
