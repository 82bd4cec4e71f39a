//! Places between two writes at which a process can be made to stop dead, so that a test may see what becomes of it.
//! They exist under the feature `fault-injection` alone; without it, [`point`] is nothing.

/// Every place, in the order in which a job comes by.
pub const POINTS: &[&str] = &[
    "server.commit.before",
    "server.commit.after",
    "server.import.read",
    "server.import.moved",
    "server.claimed",
    "server.handed",
    "server.report.stored",
    "server.checkpoint.forgotten",
    "server.run.ending",
    "server.run.fenced",
    "worker.assigned",
    "worker.file.written",
    "worker.file.renamed",
    "worker.checkpoint.told",
    "worker.batch.taken",
    "worker.batch.sent",
    "worker.batch.spooled",
    "worker.model.told",
    "worker.finished.told",
];

/// A place that the process comes by.
#[cfg(not(feature = "fault-injection"))]
#[inline(always)]
pub fn point(_name: &'static str) {}

/// Stops the process where `LYCEUM_FAULT` names this place (`name` or `name:times`, several with commas) and
/// `LYCEUM_FAULT_DIR` holds no file of its name yet: a place stops one process, once.
#[cfg(feature = "fault-injection")]
pub fn point(name: &'static str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Armed {
        name: String,
        after: u64,
        passed: AtomicU64,
    }
    static ARMED: OnceLock<(Option<std::path::PathBuf>, Vec<Armed>)> = OnceLock::new();

    let (folder, armed) = ARMED.get_or_init(|| {
        let faults = crate::config::Faults::read();
        let armed = |text: &str| {
            let (name, after) = text.split_once(':').unwrap_or((text, "1"));
            Armed { name: name.to_owned(), after: after.parse().unwrap_or(1), passed: AtomicU64::new(0) }
        };
        (faults.folder, faults.points.split(',').filter(|text| !text.is_empty()).map(armed).collect())
    });
    let Some(fault) = armed.iter().find(|fault| fault.name == name) else { return };
    if fault.passed.fetch_add(1, Ordering::Relaxed) + 1 < fault.after {
        return;
    }
    let first = folder.as_ref().is_none_or(|folder| std::fs::File::create_new(folder.join(name)).is_ok());
    if first {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        loop {
            std::thread::park();
        }
    }
}

/// What a run takes beyond all that is planned.
#[cfg(not(feature = "fault-injection"))]
#[inline(always)]
pub fn take_memory() {}

/// Takes as much memory as `LYCEUM_FAULT_MEMORY_MB` says, and keeps it.
#[cfg(feature = "fault-injection")]
pub fn take_memory() {
    let bytes = crate::config::Faults::read().memory_mb << 20;
    std::hint::black_box(vec![1_u8; bytes].leak());
}

#[cfg(test)]
mod tests {
    /// The list is of the places that there are.
    #[test]
    fn every_place_is_listed() {
        fn walk(folder: &std::path::Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, found);
                } else if path.extension().is_some_and(|kind| kind == "rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    let places = text.split("fault::point(\"").skip(1);
                    found.extend(places.filter_map(|rest| rest.split('"').next()).map(str::to_owned));
                }
            }
        }
        let mut found = Vec::new();
        walk(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        // The pattern stands in this test as well.
        found.retain(|name| name.starts_with("server.") || name.starts_with("worker."));
        let mut listed: Vec<String> = super::POINTS.iter().map(|name| (*name).to_owned()).collect();
        found.sort();
        found.dedup();
        listed.sort();
        assert_eq!(found, listed);
    }
}
