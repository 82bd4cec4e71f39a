//! Whatever bytes come in, nothing panics, hangs or takes memory without bound. `tests/corpus/` has a folder of inputs for
//! each target; they and mutations of them are replayed here. `make fuzz` mutates for longer, and keeps what breaks.

mod checkpoint;
mod csv;
mod idx;
mod images;
mod jsonl;
mod model;
mod mutate;
mod npz;
mod plan;
mod predict;
mod reports;
mod safetensors;
mod session;
mod sets;
mod spec;

use std::time::Duration;

use session::Extent;

/// Takes an input; panics where something does not hold.
type Check = Box<dyn FnMut(&[u8])>;

/// A way in for bytes of strangers.
struct Target {
    name: &'static str,
    /// Readies what the inputs are tried on.
    open: fn() -> Check,
    /// Mutations of each file that every test run tries.
    mutations: u32,
}

macro_rules! targets {
    ($($name:ident: $mutations:literal;)*) => {
        const TARGETS: &[Target] = &[
            $(Target { name: stringify!($name), open: $name::open, mutations: $mutations }),*
        ];

        mod replays {
            $(#[test]
            fn $name() {
                let target = super::TARGETS.iter().find(|target| target.name == stringify!($name)).unwrap();
                super::session::run(target, 0, super::Extent::Each(target.mutations));
            })*
        }
    };
}

targets! {
    checkpoint: 100;
    csv: 100;
    idx: 100;
    images: 60;
    jsonl: 100;
    model: 100;
    npz: 100;
    plan: 20;
    predict: 200;
    reports: 20;
    safetensors: 300;
    spec: 200;
}

/// Every folder belongs to a target, and no file is larger than a reader of a failure wants to see.
#[test]
fn the_corpus_is_small() {
    let mut names = Vec::new();
    for folder in std::fs::read_dir(session::corpus()).unwrap() {
        let folder = folder.unwrap();
        names.push(folder.file_name().into_string().unwrap());
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            assert!(file.metadata().unwrap().len() <= 4_096, "{} is too large", file.path().display());
        }
    }
    names.sort();
    assert_eq!(names, TARGETS.iter().map(|target| target.name).collect::<Vec<_>>());
}

/// `LYCEUM_FUZZ_SECONDS` in all, `LYCEUM_FUZZ_TARGETS` (separated by commas) of the targets, from `LYCEUM_FUZZ_SEED`.
#[test]
#[ignore = "ten minutes; make fuzz"]
fn a_long_session_finds_nothing() {
    let setting = |name: &str| std::env::var(name).ok();
    let seconds = setting("LYCEUM_FUZZ_SECONDS").map_or(600, |seconds| seconds.parse().unwrap());
    let fresh = || lyceum::clock::now_us() as u64;
    let seed = setting("LYCEUM_FUZZ_SEED").map_or_else(fresh, |seed| seed.parse().unwrap());
    let chosen = setting("LYCEUM_FUZZ_TARGETS");
    let chosen: Vec<&Target> = TARGETS
        .iter()
        .filter(|target| chosen.as_ref().is_none_or(|names| names.split(',').any(|name| name == target.name)))
        .collect();
    println!("LYCEUM_FUZZ_SEED={seed}");
    let share = Duration::from_secs(seconds) / chosen.len() as u32;
    let mut broken = Vec::new();
    for target in chosen {
        let outcome = std::panic::catch_unwind(|| session::run(target, seed, Extent::For(share)));
        broken.extend(outcome.err().map(|_| target.name));
    }
    assert!(broken.is_empty(), "{broken:?} broke; the inputs stand in tests/corpus");
}

/// The process in which a target is tried.
#[test]
#[ignore = "started by the other tests of this module"]
fn child() {
    session::child(TARGETS);
}
