//! The pages in docs/ that tell what the code declares are what the code declares, and the diffs of CONTRIBUTING.md are
//! diffs of this code.

mod diffs;
mod reference;

use std::path::Path;

use clap::Args as _;
use lyceum::config::Config;

const MARK: &str = "<!-- From here on this page is written by the code: a test says how to renew it. -->\n";

fn read(page: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap()
}

/// Fails where the page is not what was rendered, and leaves the page as it should be.
fn is_current(page: &str, rendered: &str) {
    let text = read(page);
    let (written, current) = text.split_once(MARK).unwrap_or_else(|| panic!("{page} lacks the line {MARK}"));
    if current.trim() != rendered.trim() {
        let renewed = Path::new(env!("CARGO_TARGET_TMPDIR")).join(page.replace('/', "-"));
        std::fs::write(&renewed, format!("{written}{MARK}\n{}\n", rendered.trim())).unwrap();
        panic!("{page} is stale: cp {} {page}", renewed.display());
    }
}

#[test]
fn the_reference_of_specs_is_what_the_registries_hold() {
    is_current("docs/spec.md", &reference::spec());
}

#[test]
fn the_page_of_settings_is_what_the_command_line_takes() {
    let command = Config::augment_args(clap::Command::new("lyceum"));
    is_current("docs/configuration.md", &reference::settings(&command));
}

#[test]
fn the_diffs_for_contributors_fit_the_code() {
    let diffs = diffs::of(&read("CONTRIBUTING.md"));
    assert!(diffs.len() >= 4, "a component, a route, a data format, a migration");
    for diff in &diffs {
        diffs::check(diff, Path::new(env!("CARGO_MANIFEST_DIR")));
    }
}

/// Every link from one page to another, or to a file, leads somewhere.
#[test]
fn links_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = docs.chain(["README.md", "CONTRIBUTING.md"].map(|page| root.join(page)));
    for page in pages.filter(|page| page.extension().is_some_and(|extension| extension == "md")) {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if !target.contains("://") && !target.is_empty() {
                let target = page.parent().unwrap().join(target);
                assert!(target.exists(), "{} links to {link}, which is not there", page.display());
            }
        }
    }
}
