//! Uploads of data sets.

use axum::extract::{Request, State};
use axum::response::Response;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use utoipa::IntoParams;

use super::DatasetView;
use crate::data::{Digest, Format, Hints, LONGEST_SIDE, Resize, content_digest};
use crate::http::body::{Incoming, expect_media_type};
use crate::http::extract::Query;
use crate::http::idempotency::{IdempotencyKey, Turn, repeated};
use crate::http::{AppState, Kind, Problem, upload};
use crate::jobs::Upload;
use crate::spec::{Name, dataset};
use crate::store::{Answer, Created, PutDataset};

/// Where idempotency keys of this route belong.
const SCOPE: &str = "POST /v1/datasets";

#[derive(Deserialize, IntoParams)]
pub(crate) struct UploadQuery {
    /// The name of the data set.
    #[param(pattern = "^[a-z0-9][a-z0-9._-]{0,62}$")]
    name: String,
    /// `csv` (RFC 4180, with a header; gzipped or not, or an archive of `train.csv`, `validation.csv` and `test.csv`),
    /// `jsonl` (a JSON object a line), `npz` (NumPy's arrays, or one `.npy`), `idx` (an archive of IDX files, gzipped or
    /// not) or `images` (an archive of pictures, one folder per class, a folder per split above it or none). An archive
    /// is a tar, tar.gz or zip.
    #[param(example = "csv")]
    format: String,
    /// Kinds of columns that are not as they are found: `column:kind`, separated by commas; in quotation marks where a
    /// name holds a comma.
    #[param(example = "zip:category,year:number")]
    types: Option<String>,
    /// Of `images`: the height and the width that all are brought to, where they differ.
    #[param(example = "64x64", pattern = "^[1-9][0-9]{0,3}x[1-9][0-9]{0,3}$")]
    size: Option<String>,
    /// Of `images` with a `size`: how each comes to it. `stretch` (the default) changes height and width each by its own
    /// factor; `crop` keeps their ratio and cuts off what hangs over; `pad` keeps their ratio and fills up with black.
    #[param(example = "crop")]
    resize: Option<String>,
    /// Of `idx` and `npz`: the names of the labels 0, 1, 2 …, separated by commas, in quotation marks where a name holds
    /// one. A file `classes.txt` in the archive, a name a line, says the same.
    #[param(example = "shirt,trousers,pullover")]
    classes: Option<String>,
}

/// Uploads a data set.
///
/// The body is the file itself. The same content again is the same version.
#[utoipa::path(
    post, path = "/v1/datasets", tag = "datasets", operation_id = "upload_dataset",
    params(UploadQuery, ("idempotency-key" = Option<String>, Header, description = "Makes a repeated request safe for a day.")),
    request_body(description = "The file.", content(
        (String = "application/octet-stream"), (String = "text/csv"), (String = "application/x-ndjson"), (String = "application/x-tar"),
        (String = "application/gzip"), (String = "application/zip"),
    )),
    responses(
        (status = 201, description = "A new version.", body = DatasetView, headers(("location" = String))),
        (status = 200, description = "The content stands already, as this version.", body = DatasetView, headers(("location" = String))),
    ),
    extensions(("x-problems" = json!({
        "409": "The idempotency key was used for another request.",
        "422": "The file is not what its format says; the detail names the line or the member.",
        "429": "There are too many uploads at once.",
        "507": "The disk is full, or the data folder holds as much as it may.",
    })))
)]
pub(crate) async fn upload(
    State(state): State<AppState>,
    Query(query): Query<UploadQuery>,
    key: IdempotencyKey,
    request: Request,
) -> Result<Response, Problem> {
    let wrong = |detail: String| Problem::new(Kind::BadQuery, detail);
    if Name::new(&query.name).is_none() {
        return Err(wrong(
            "name: must be 1 to 63 lower-case letters, digits, dots, dashes and underscores".into(),
        ));
    }
    let format = Format::from_word(&query.format)
        .ok_or_else(|| wrong(format!("format: must be one of {}", Format::WORDS.join(", "))))?;
    let hints = hints_of(&query).map_err(wrong)?;
    let (parts, body) = request.into_parts();
    expect_media_type(&parts.headers, media_types(format))?;
    let _place = state.uploads.clone().try_acquire_owned().map_err(|_| {
        Problem::too_many("as many uploads are under way as may be", 5).for_want_of("uploads")
    })?;
    let mut incoming =
        Incoming::new(&parts.headers, body, state.config.data.upload_bytes, &state.config.http)?;
    if let Err(over) = state.jobs.check_budget(incoming.declared.unwrap_or(0)) {
        incoming.throw_away().await;
        return Err(over.into());
    }
    let arrival = state.jobs.arrival(format);
    let received = upload::receive(incoming, &state.jobs.uploads(), arrival).await?;
    if received.bytes == 0 {
        return Err(Problem::new(Kind::UnreadableBody, "the body is empty where a file is needed"));
    }
    state.jobs.check_budget(received.bytes)?;
    let content = content_digest(&Digest(received.sha256.clone()), format, &hints);
    // The name belongs to what was asked, though not to the content.
    let asked = Sha256::digest(format!("{}\n{}", query.name, content.0)).into();
    let _turn = match key.turn(&state, SCOPE, &asked).await? {
        Turn::Answered(before) => return repeated(before),
        own @ Turn::Own(_) => own,
    };
    let upload = Upload {
        name: query.name,
        format,
        hints,
        source: received.file.path().to_owned(),
        sha256: Some(Digest(received.sha256)),
        idempotency: key.keep(SCOPE, asked, answer),
    };
    match state.jobs.import_dataset(upload).await? {
        Created::Now(put) => repeated(answer(&put)),
        Created::Before(before) => repeated(before),
    }
}

fn answer(put: &PutDataset) -> Answer {
    let schema = &put.version.schema;
    let location = format!("/v1/datasets/{}/versions/{}", schema.name, schema.version);
    let body = serde_json::to_string(&DatasetView::from(put.version.clone())).unwrap_or_default();
    Answer { status: if put.new { 201 } else { 200 }, headers: vec![("location".into(), location)], body }
}

/// The media types that a format's upload may have.
fn media_types(format: Format) -> &'static [&'static str] {
    match format {
        Format::Csv => &[
            "application/octet-stream",
            "text/csv",
            "application/x-tar",
            "application/tar",
            "application/gzip",
            "application/x-gzip",
            "application/x-gtar",
            "application/x-tar+gzip",
            "application/zip",
            "application/x-zip-compressed",
        ],
        Format::Jsonl => &[
            "application/octet-stream",
            "application/jsonl",
            "application/x-ndjson",
            "application/jsonlines",
            "application/gzip",
            "application/x-gzip",
        ],
        Format::Npz => &["application/octet-stream", "application/zip", "application/x-zip-compressed"],
        Format::Idx | Format::Images => &[
            "application/octet-stream",
            "application/x-tar",
            "application/tar",
            "application/gzip",
            "application/x-gzip",
            "application/x-gtar",
            "application/x-tar+gzip",
            "application/zip",
            "application/x-zip-compressed",
        ],
    }
}

/// What the query says beside name and format.
fn hints_of(query: &UploadQuery) -> Result<Hints, String> {
    let classes = match query.classes.as_deref() {
        None => Vec::new(),
        Some(list) => entries(list).map_err(|detail| format!("classes: {detail}"))?,
    };
    let resize = query.resize.as_deref().map(|word| {
        Resize::from_word(word).ok_or_else(|| format!("resize: must be one of {}", Resize::WORDS.join(", ")))
    });
    Ok(Hints {
        types: kinds_of_columns(query.types.as_deref().unwrap_or_default())?,
        size: query.size.as_deref().map(size_of).transpose()?,
        resize: resize.transpose()?,
        classes,
    })
}

/// Reads `size=`: height and width, `64x48`.
fn size_of(text: &str) -> Result<[u64; 2], String> {
    let side = |text: &str| text.parse().ok().filter(|side| (1..=LONGEST_SIDE).contains(side));
    let sides = text.split_once('x').and_then(|(height, width)| Some([side(height)?, side(width)?]));
    sides.ok_or_else(|| {
        format!("size: must be height and width from 1 to {LONGEST_SIDE}, such as 64x48, not \"{text}\"")
    })
}

/// Reads `types=`: columns and their kinds, as fields of a line of CSV: a column whose name holds a comma is quoted. A
/// column's name may hold colons; its kind does not.
fn kinds_of_columns(text: &str) -> Result<Vec<(String, dataset::Kind)>, String> {
    let mut kinds = Vec::new();
    for entry in
        entries(text).map_err(|detail| format!("types: {detail}"))?.iter().filter(|entry| !entry.is_empty())
    {
        let (column, word) =
            entry.rsplit_once(':').ok_or_else(|| format!("types: \"{entry}\" is not column:kind"))?;
        let kind = dataset::Kind::from_word(word).ok_or_else(|| {
            format!(
                "types: \"{word}\" is not a kind of column; there are {}",
                dataset::Kind::WORDS.join(", ")
            )
        })?;
        if kinds.iter().any(|(earlier, _)| earlier == column) {
            return Err(format!("types: \"{column}\" is named twice"));
        }
        kinds.push((column.to_owned(), kind));
    }
    Ok(kinds)
}

/// The entries of a list with commas between them; within quotation marks, of which two stand for one, commas are text.
fn entries(list: &str) -> Result<Vec<String>, String> {
    let (mut entries, mut entry, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = list.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.next_if_eq(&'"').is_some() => entry.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => entries.push(std::mem::take(&mut entry)),
            letter => entry.push(letter),
        }
    }
    entries.push(entry);
    if quoted { Err("a quotation mark is not closed".into()) } else { Ok(entries) }
}

#[test]
fn names_of_columns_may_hold_anything() {
    let read =
        |text: &str| kinds_of_columns(text).map(|kinds| kinds.into_iter().map(|(name, _)| name).collect());
    let names =
        |names: &[&str]| Ok::<Vec<String>, String>(names.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(read("a:number,b:c:text"), names(&["a", "b:c"]));
    assert_eq!(read("\"a, \"\"b\"\"\":number,\"c:d:text\""), names(&["a, \"b\"", "c:d"]));
    assert_eq!(read(""), names(&[]));
    assert!(read("\"a:number").is_err() && read("a").is_err() && read("a:b").is_err());
}
