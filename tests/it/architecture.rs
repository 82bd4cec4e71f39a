//! Holds the code to the table of modules in docs/architecture.md: which may use which, and which libraries.

mod paths;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What every module may use: nothing of ours stands below these.
const GROUND: [&str; 7] = ["spec", "config", "telemetry", "random", "clock", "fault", "allocator"];

/// What each module may use besides. `train::plan` allows that module of `train` alone.
const MAY_USE: [(&str, &[&str]); 20] = [
    ("spec", &[]),
    ("config", &[]),
    ("telemetry", &["config"]),
    ("random", &[]),
    ("clock", &[]),
    ("fault", &["config"]),
    ("allocator", &[]),
    ("torch", &[]),
    ("nn", &["torch"]),
    ("data", &[]),
    ("envs", &[]),
    ("store", &[]),
    ("artifacts", &[]),
    ("train", &["nn", "data", "envs", "torch"]),
    ("jobs", &["train", "data", "store", "artifacts"]),
    ("inference", &["nn", "data", "torch", "train::plan", "train::model", "store", "artifacts"]),
    ("http", &["jobs", "inference", "data", "train::plan", "store", "artifacts", "dashboard", "examples"]),
    ("dashboard", &[]),
    ("examples", &[]),
    ("cli", &["artifacts", "data", "http", "inference", "jobs", "nn", "store", "torch", "train"]),
];

/// The modules that know a library; no other does.
const KNOWN_BY: [(&str, &[&str]); 7] = [
    ("mimalloc", &["allocator"]),
    ("tch", &["torch", "nn", "train", "jobs", "inference"]),
    ("torch_sys", &["torch"]),
    ("axum", &["http", "jobs"]),
    ("utoipa", &["http"]),
    ("sqlx", &["store"]),
    ("object_store", &["artifacts"]),
];

/// What is wrong with a module that uses these paths, each of which begins with `crate` or a library's name.
fn broken(module: &str, used: &BTreeSet<String>) -> Vec<String> {
    let is_ours = |name: &str| MAY_USE.iter().any(|(ours, _)| *ours == name);
    let allowed = MAY_USE.iter().find(|(name, _)| *name == module).map(|(_, allowed)| *allowed);
    let allowed = allowed.unwrap_or_else(|| panic!("{module} is not in the table of modules"));
    let within = |path: &str, allowed: &str| path == allowed || path.starts_with(&format!("{allowed}::"));
    let ground: &[&str] = if GROUND.contains(&module) { &[] } else { &GROUND };
    let may = |path: &str| [module].iter().chain(ground).chain(allowed).any(|allowed| within(path, allowed));
    let mut wrong = Vec::new();
    for path in used {
        let first = path.split("::").next().unwrap_or_default();
        match path.strip_prefix("crate::") {
            Some(ours) if is_ours(ours.split("::").next().unwrap_or_default()) && !may(ours) => {
                wrong.push(format!("{module} uses {ours}"));
            }
            Some(_) => {}
            None => {
                let knows = KNOWN_BY.iter().find(|(library, _)| *library == first);
                if knows.is_some_and(|(_, modules)| !modules.contains(&module)) {
                    wrong.push(format!("{module} uses {first}"));
                }
            }
        }
    }
    wrong
}

/// Every source file with the path of its module.
fn sources(folder: &Path, module: &[String], found: &mut Vec<(PathBuf, Vec<String>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let inside: Vec<String> = match stem.as_str() {
            "mod" | "lib" | "main" => module.to_vec(),
            _ => module.iter().cloned().chain([stem]).collect(),
        };
        if path.is_dir() {
            sources(&path, &inside, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push((path, inside));
        }
    }
}

#[test]
fn modules_use_what_the_table_allows() {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[], &mut found);
    let mut wrong = Vec::new();
    let mut modules = BTreeSet::new();
    for (path, module) in found.iter().filter(|(_, module)| !module.is_empty()) {
        let used = paths::used(&std::fs::read_to_string(path).unwrap(), module);
        let broken = broken(&module[0], &used);
        wrong.extend(broken.into_iter().map(|what| format!("{}: {what}", path.display())));
        modules.insert(module[0].as_str());
    }
    assert!(modules.len() >= 15, "only {modules:?} were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The table that readers see is the one that holds.
#[test]
fn the_documentation_shows_the_table() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md")).unwrap();
    for (module, allowed) in MAY_USE {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(module);
        if GROUND.contains(&module) || !(ours.is_dir() || ours.with_extension("rs").is_file()) {
            continue;
        }
        let allowed = match (module, allowed) {
            ("cli", _) => "everything".to_owned(),
            (_, []) => "the ground alone".to_owned(),
            _ => allowed.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        };
        let row = format!("| `{module}` | {allowed} |");
        assert!(page.contains(&row), "docs/architecture.md lacks the row {row}");
    }
}

/// The check itself, on texts made up for it.
mod made_up {
    use super::*;

    fn wrong(module: &str, text: &str) -> Vec<String> {
        broken(module, &paths::used(text, &[module.to_owned(), "file".to_owned()]))
    }

    #[test]
    fn a_forbidden_module_is_found_wherever_it_is_named() {
        for text in [
            "use crate::http::Problem;",
            "use crate::{spec, http::{Problem, Kind}};",
            "pub(crate) use super::super::http as web;",
            "mod inner { use super::super::super::http::Problem; }",
            "fn f() { crate::http::serve() }",
            "fn f(x: &dyn crate::http::Serve) {}",
            "fn f() { println!(\"{}\", crate::http::NAME) }",
            "macro_rules! m { () => { $crate::http::serve() } }",
            "macro_rules! m { () => { use crate::{spec, http}; } }",
            "#[derive(Debug)] #[path_of(body = crate::http::Problem)] struct S;",
            "fn f() { lyceum::http::serve() }",
        ] {
            let wrong = wrong("nn", text);
            assert!(
                !wrong.is_empty() && wrong.iter().all(|what| what.starts_with("nn uses http")),
                "{text}: {wrong:?}"
            );
        }
    }

    #[test]
    fn a_forbidden_library_is_found() {
        for text in [
            "use sqlx::Row;",
            "fn f() { sqlx::query!(\"x\") }",
            "fn f() { vec![sqlx::any()]; }",
            "use ::sqlx;",
        ] {
            assert_eq!(wrong("http", text), ["http uses sqlx"], "{text}");
        }
        assert_eq!(wrong("random", "use tch::Tensor;"), ["random uses tch"]);
        assert_eq!(wrong("spec", "use axum::Router;"), ["spec uses axum"]);
    }

    #[test]
    fn what_is_allowed_and_what_only_looks_alike_is_not_found() {
        let text = "
            //! use crate::http::Problem;
            use crate::{spec::Field, torch, random::{self, Stream}};
            use super::sqlx;
            pub(crate) fn http(s: &str) -> &str { let text = \"crate::http::x\"; self::http(text) }
            mod inner { use super::http; use super::super::layers; }
        ";
        assert_eq!(wrong("nn", text), [""; 0]);
        assert_eq!(wrong("inference", "use crate::train::plan::Plan;"), [""; 0]);
        assert_eq!(wrong("inference", "use crate::train::checkpoint;"), ["inference uses train::checkpoint"]);
        assert_eq!(wrong("spec", "use crate::config::Log;"), ["spec uses config::Log"]);
    }
}
