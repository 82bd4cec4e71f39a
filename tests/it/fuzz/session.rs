//! A target is tried in a process of its own, so that an abort, a hang and an allocation beyond all bounds are seen as
//! well as a panic, and the input that led there is kept.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Target;
use super::mutate::Mutator;

/// How long one input may take, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);
/// By how much a process may grow, whatever it reads.
const GROWTH: u64 = 512 << 20;

const TARGET: &str = "LYCEUM_FUZZ_CHILD";
const INPUT: &str = "input";

/// How much is tried.
#[derive(Clone, Copy)]
pub(super) enum Extent {
    /// So many mutations of each file, always the same.
    Each(u32),
    For(Duration),
}

impl Extent {
    fn write(self) -> String {
        match self {
            Self::Each(mutations) => format!("each {mutations}"),
            Self::For(duration) => format!("for {}", duration.as_millis()),
        }
    }

    fn parse(text: &str) -> Self {
        match text.split_once(' ').unwrap() {
            ("each", mutations) => Self::Each(mutations.parse().unwrap()),
            (_, millis) => Self::For(Duration::from_millis(millis.parse().unwrap())),
        }
    }
}

pub(super) fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

fn files(target: &str) -> Vec<Vec<u8>> {
    let folder = corpus().join(target);
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Memory where there is some, so that syncing costs nothing.
pub(super) fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Tries a target; an input that breaks it becomes a file of its corpus.
pub(super) fn run(target: &Target, seed: u64, extent: Extent) {
    let folder = scratch();
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "fuzz::child", "--ignored", "--nocapture"])
        .env(TARGET, target.name)
        .env("LYCEUM_FUZZ_SEED", seed.to_string())
        .env("LYCEUM_FUZZ_EXTENT", extent.write())
        .env("TMPDIR", folder.path())
        .env("OMP_NUM_THREADS", "1")
        .current_dir(folder.path())
        .output()
        .unwrap();
    let output = [done.stdout, done.stderr].concat();
    let output = String::from_utf8_lossy(&output);
    if done.status.success() {
        println!("{}: {}", target.name, output.lines().find(|line| line.contains(" inputs")).unwrap());
        return;
    }
    let kept = std::fs::read(folder.path().join(INPUT)).map(|input| keep(target.name, &input));
    panic!("{} broke on {kept:?}, {}:\n{output}", target.name, done.status);
}

/// The file of the corpus that holds the input, a new one where none does.
fn keep(target: &str, input: &[u8]) -> PathBuf {
    let folder = corpus().join(target);
    let same = |path: &PathBuf| std::fs::read(path).unwrap() == input;
    let known = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).find(same);
    known.unwrap_or_else(|| {
        let digest = lyceum::data::sha256(&mut &*input).unwrap().0;
        let path = folder.join(format!("crash-{}", &digest[..16]));
        std::fs::write(&path, input).unwrap();
        path
    })
}

/// What the process does that [`run`] starts; in any other it is nothing.
pub(super) fn child(targets: &[Target]) {
    let Ok(name) = std::env::var(TARGET) else { return };
    let target = targets.iter().find(|target| target.name == name).unwrap();
    let setting = |name| std::env::var(name).unwrap();
    let seed = setting("LYCEUM_FUZZ_SEED").parse().unwrap();
    let files = files(&name);
    let mut trial = Trial { check: (target.open)(), tried: 0 };
    limit_memory();
    std::thread::spawn(watch);
    for file in &files {
        trial.take(file);
    }
    let mut mutator = Mutator::new(seed, &files);
    match Extent::parse(&setting("LYCEUM_FUZZ_EXTENT")) {
        Extent::Each(mutations) => {
            for file in &files {
                (0..mutations).for_each(|_| trial.take(&mutator.mutate(file)));
            }
        }
        Extent::For(duration) => {
            let begun = Instant::now();
            while begun.elapsed() < duration {
                let file = mutator.pick(&files);
                trial.take(&mutator.mutate(file));
            }
        }
    }
    println!("{} inputs", trial.tried);
}

struct Trial {
    check: super::Check,
    tried: u64,
}

impl Trial {
    /// The input stands on the disk while it is tried, for whoever finds this process dead.
    fn take(&mut self, input: &[u8]) {
        std::fs::write(INPUT, input).unwrap();
        self.tried += 1;
        TRIED.store(self.tried, Ordering::Relaxed);
        (self.check)(input);
    }
}

/// Inputs that were begun.
static TRIED: AtomicU64 = AtomicU64::new(0);

/// Ends the process when an input takes too long.
fn watch() {
    let mut last = (TRIED.load(Ordering::Relaxed), Instant::now());
    loop {
        std::thread::sleep(Duration::from_millis(500));
        let tried = TRIED.load(Ordering::Relaxed);
        if tried != last.0 {
            last = (tried, Instant::now());
        }
        if last.1.elapsed() > PATIENCE {
            println!("an input takes more than {PATIENCE:?}");
            std::process::abort();
        }
    }
}

/// An allocation beyond it fails, and with it the process.
fn limit_memory() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:")).unwrap();
    let held: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    let maximum = getrlimit(Resource::Data).maximum;
    setrlimit(Resource::Data, Rlimit { current: Some((held << 10) + GROWTH), maximum }).unwrap();
}
