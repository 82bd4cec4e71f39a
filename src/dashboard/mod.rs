//! The dashboard: pages that a browser runs by itself and that ask the API for all they show. Their files are part of
//! the program, as they stand in `assets`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

/// The paths of its pages, each answered by the shell, which then shows what the path says.
pub const PAGES: [&str; 12] = [
    "/",
    "/compare",
    "/datasets",
    "/datasets/new",
    "/datasets/{name}/{version}",
    "/jobs",
    "/jobs/new",
    "/jobs/{id}",
    "/models",
    "/models/{name}",
    "/models/{name}/{version}",
    "/sign-in",
];

/// The page that all others are made in.
pub const SHELL: &str = "index.html";

/// What the browser lets a page do: run the scripts and styles of this server and talk to it, and nothing else. What a
/// user wrote can hold no script, since no page makes markup of it; this has a mistake there do nothing either.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
                          connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; \
                          base-uri 'none'; frame-ancestors 'none'";

/// Every file under `assets`, by its path there.
macro_rules! files {
    ($($path:literal),* $(,)?) => {
        const FILES: &[(&str, &[u8])] = &[$(($path, include_bytes!(concat!("assets/", $path)))),*];
    };
}

files! {
    "app.js",
    "icon.svg",
    "index.html",
    "lib/api.js",
    "lib/chart.js",
    "lib/completion.js",
    "lib/digit.js",
    "lib/dom.js",
    "lib/first-model.js",
    "lib/format.js",
    "lib/heatmap.js",
    "lib/histogram.js",
    "lib/jobs.js",
    "lib/labels.js",
    "lib/live.js",
    "lib/mistakes.js",
    "lib/positions.js",
    "lib/series.js",
    "lib/serving.js",
    "lib/spec.js",
    "lib/widgets.js",
    "pages/compare.js",
    "pages/compare/parallel.js",
    "pages/compare/scales.js",
    "pages/compare/scatter.js",
    "pages/compare/seeds.js",
    "pages/dataset.js",
    "pages/dataset/statistics.js",
    "pages/datasets.js",
    "pages/job.js",
    "pages/job/curves.js",
    "pages/job/events.js",
    "pages/job/files.js",
    "pages/job/network.js",
    "pages/job/spec.js",
    "pages/jobs.js",
    "pages/model.js",
    "pages/models.js",
    "pages/new-dataset.js",
    "pages/new-job.js",
    "pages/new-job/body.js",
    "pages/new-job/completion.js",
    "pages/new-job/reference.js",
    "pages/new-job/templates.js",
    "pages/overview.js",
    "pages/sign-in.js",
    "pages/version.js",
    "pages/version/load.js",
    "pages/version/snippets.js",
    "pages/version/try.js",
    "styles/base.css",
    "styles/chart.css",
    "styles/compare.css",
    "styles/datasets.css",
    "styles/frame.css",
    "styles/job.css",
    "styles/jobs.css",
    "styles/models.css",
    "styles/new-job.css",
    "styles/overview.css",
    "styles/sign-in.css",
    "styles/widgets.css",
    "theme.js",
    "vendor/uplot/LICENSE",
    "vendor/uplot/README",
    "vendor/uplot/uPlot.esm.js",
    "vendor/uplot/uPlot.min.css",
}

/// The path of all styles in one file: a browser paints nothing before it has the styles, and asks for one sooner than
/// for a dozen.
pub const STYLE: &str = "style.css";

/// A file as it is sent.
pub struct Asset {
    pub bytes: Cow<'static, [u8]>,
    pub gzip: Vec<u8>,
    pub media_type: &'static str,
    /// The digest of the bytes, in hex.
    pub digest: String,
}

impl Asset {
    fn new(path: &str, bytes: Cow<'static, [u8]>) -> Self {
        let digest = format!("{:x}", Sha256::digest(&bytes));
        Self { gzip: gzip(&bytes), media_type: media_type(path), digest, bytes }
    }
}

/// As small as gzip makes it.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Into memory, which takes all that it is given.
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default()
}

/// The files, compressed when the first is asked for.
static ASSETS: LazyLock<BTreeMap<&str, Asset>> = LazyLock::new(|| {
    let files = FILES.iter().map(|&(path, bytes)| (path, Cow::Borrowed(bytes)));
    let all = files.chain([(STYLE, Cow::Owned(style()))]);
    all.map(|(path, bytes)| (path, Asset::new(path, bytes))).collect()
});

/// The styles one after the other. Those that all pages share come first, so that a page's own may differ from them.
fn style() -> Vec<u8> {
    const SHARED: [&str; 4] =
        ["styles/base.css", "styles/frame.css", "styles/widgets.css", "vendor/uplot/uPlot.min.css"];
    let styles = FILES.iter().filter(|(path, _)| media_type(path).starts_with("text/css"));
    let (mut shared, own): (Vec<_>, Vec<_>) = styles.partition(|(path, _)| SHARED.contains(path));
    shared.sort_by_key(|(path, _)| SHARED.iter().position(|known| known == path));
    shared.into_iter().chain(own).map(|file| file.1).collect::<Vec<_>>().join(&b'\n')
}

/// A file by its path under `assets`.
pub fn asset(path: &str) -> Option<&'static Asset> {
    ASSETS.get(path)
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn every_file_is_in_the_program() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/dashboard/assets");
        let mut found = Vec::new();
        walk(&root, &root, &mut found);
        found.sort();
        let listed: Vec<&str> = FILES.iter().map(|(path, _)| *path).collect();
        assert_eq!(found, listed);
    }

    /// The policy would stop them, so they would be missed only when somebody looks.
    #[test]
    fn no_file_asks_for_what_the_policy_forbids() {
        for (path, bytes) in FILES.iter().filter(|(path, _)| !path.starts_with("vendor/")) {
            let text = std::str::from_utf8(bytes).unwrap();
            for forbidden in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "//cdn"]
            {
                assert!(!text.contains(forbidden), "{path} uses {forbidden}");
            }
            if *path == SHELL {
                assert!(
                    !text.contains("<style") && !text.contains(" style="),
                    "{path} has a style of its own"
                );
                assert_eq!(
                    text.matches("<script").count(),
                    text.matches("<script src=").count()
                        + text.matches("<script type=\"module\" src=").count(),
                    "{path} has a script of its own"
                );
            }
        }
    }

    #[test]
    fn the_style_holds_every_file_of_styles_once() {
        let style = String::from_utf8(style()).unwrap();
        for (path, bytes) in FILES.iter().filter(|(path, _)| media_type(path).starts_with("text/css")) {
            assert_eq!(style.matches(std::str::from_utf8(bytes).unwrap()).count(), 1, "{path}");
        }
        assert!(
            !style.contains("@import") && !style.contains("@charset"),
            "they hold only at the top of a file"
        );
    }

    #[test]
    fn a_page_is_small() {
        let sent = |path: &str| asset(path).unwrap().gzip.len();
        let all: usize = FILES.iter().map(|(path, _)| sent(path)).sum();
        assert!(all < 300_000, "all files together take {all} bytes");
        assert_eq!(asset("nowhere.js").map(|asset| asset.media_type), None);
    }
}
