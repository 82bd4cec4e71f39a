//! Diffs in a page, and whether they fit the files that they change.

use std::path::Path;

pub(super) struct Diff {
    pub(super) path: String,
    pub(super) new: bool,
    /// The lines that each hunk expects to find.
    pub(super) hunks: Vec<Vec<String>>,
}

/// The diffs of all fenced blocks of a page that are diffs, file by file.
pub(super) fn of(page: &str) -> Vec<Diff> {
    let mut diffs: Vec<Diff> = Vec::new();
    let (mut inside, mut new) = (false, false);
    for line in page.lines() {
        match line {
            "```diff" => inside = true,
            "```" => inside = false,
            _ if !inside => {}
            _ if line.starts_with("--- ") => new = line == "--- /dev/null",
            _ if line.starts_with("+++ b/") => {
                diffs.push(Diff { path: line[6..].to_owned(), new, hunks: Vec::new() });
            }
            _ => {
                let diff = diffs.last_mut().unwrap_or_else(|| panic!("no file before {line}"));
                if line.starts_with("@@") {
                    diff.hunks.push(Vec::new());
                } else if let Some(expected) = line.strip_prefix([' ', '-']) {
                    diff.hunks.last_mut().unwrap().push(expected.to_owned());
                } else if line.is_empty() {
                    diff.hunks.last_mut().unwrap().push(String::new());
                }
            }
        }
    }
    diffs
}

pub(super) fn check(diff: &Diff, root: &Path) {
    let path = root.join(&diff.path);
    if diff.new {
        assert!(!path.exists(), "{} is there already", diff.path);
        return;
    }
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", diff.path));
    let lines: Vec<&str> = text.lines().collect();
    for hunk in &diff.hunks {
        let fits = lines.windows(hunk.len()).filter(|window| *window == &hunk[..]).count();
        assert_eq!(fits, 1, "{} has these lines {fits} times:\n{}", diff.path, hunk.join("\n"));
    }
}

#[test]
fn a_diff_that_no_longer_fits_is_found() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("a"), "one\ntwo\nthree\n").unwrap();
    let page = "```diff\n--- a/a\n+++ b/a\n@@ -1,2 +1,3 @@\n one\n+and\n two\n```\n";
    check(&of(page)[0], root.path());
    std::fs::write(root.path().join("a"), "one\n2\nthree\n").unwrap();
    assert!(std::panic::catch_unwind(|| check(&of(page)[0], root.path())).is_err());
}
