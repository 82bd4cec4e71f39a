//! Processes: those of workers and importers, and those of a worker that an earlier server left.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// What tells a process from every other that this machine ever ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub pid: i32,
    /// In ticks since the machine started.
    pub started: u64,
    /// Changes whenever the machine starts.
    pub boot: String,
}

impl Identity {
    /// The process that has this number now.
    pub fn of(pid: i32) -> io::Result<Self> {
        Ok(Self { pid, started: start_time(pid)?, boot: boot_id()? })
    }
}

fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// The 22nd field of `/proc/<pid>/stat`; the second is in parentheses and may hold anything.
fn start_time(pid: i32) -> io::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let field = behind_name.split_ascii_whitespace().nth(19).and_then(|field| field.parse().ok());
    field.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// A process that is watched, whoever started it.
#[derive(Debug)]
pub struct Process {
    identity: Identity,
    fd: AsyncFd<OwnedFd>,
}

/// How a process ended, as far as that can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Exited(i32),
    Killed(i32),
    /// Another process's child.
    Unknown,
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exited with status {code}"),
            Self::Killed(signal) => write!(f, "was ended by signal {signal}"),
            Self::Unknown => f.write_str("is gone"),
        }
    }
}

impl Process {
    /// Watches a child of ours that nobody has waited for yet.
    pub fn child(child: &std::process::Child) -> io::Result<Self> {
        Self::watch(Identity::of(i32::try_from(child.id()).map_err(io::Error::other)?)?)
    }

    /// Watches a process that may have ended, and whose number another may have by now.
    pub fn adopt(identity: &Identity) -> io::Result<Self> {
        let watched = Self::watch(identity.clone())?;
        // The handle stands for whatever has the number; only now is it sure which process that is.
        if Identity::of(identity.pid)? == *identity {
            Ok(watched)
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn watch(identity: Identity) -> io::Result<Self> {
        let pid = Pid::from_raw(identity.pid).ok_or(io::ErrorKind::InvalidInput)?;
        let fd = rustix::process::pidfd_open(pid, PidfdFlags::NONBLOCK)?;
        #[expect(
            unsafe_code,
            reason = "the descriptor is open for as long as it is watched, since the watch owns it"
        )]
        // SAFETY: `OwnedFd` keeps the same descriptor open until it is dropped, and it is never taken out.
        let fd = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?;
        Ok(Self { identity, fd })
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Waits until the process has ended. Its status is left to whoever is its parent.
    pub async fn ended(&self) {
        loop {
            match self.fd.readable().await {
                Ok(mut guard) => {
                    if self.has_ended() {
                        return;
                    }
                    guard.clear_ready();
                }
                Err(error) => {
                    tracing::error!(%error, pid = self.identity.pid, "a process cannot be watched");
                    return;
                }
            }
        }
    }

    fn has_ended(&self) -> bool {
        let fd = self.fd.get_ref();
        let mut poll = [rustix::event::PollFd::new(fd, rustix::event::PollFlags::IN)];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        matches!(rustix::event::poll(&mut poll, Some(&now)), Ok(ready) if ready > 0)
    }

    pub fn kill(&self) {
        // One that has ended needs none.
        let _ = rustix::process::pidfd_send_signal(self.fd.get_ref().as_fd(), Signal::KILL);
    }
}

/// Takes a child's status, once it has ended.
pub fn reap(child: &mut std::process::Child) -> Ended {
    use std::os::unix::process::ExitStatusExt;
    match child.try_wait() {
        Ok(Some(status)) => status
            .code()
            .map(Ended::Exited)
            .or_else(|| status.signal().map(Ended::Killed))
            .unwrap_or(Ended::Unknown),
        _ => Ended::Unknown,
    }
}

/// How many processes the kernel has killed on this machine for want of memory.
pub fn out_of_memory_kills() -> u64 {
    let counters = fs::read_to_string("/proc/vmstat").unwrap_or_default();
    let count = counters.lines().find_map(|line| line.strip_prefix("oom_kill "));
    count.and_then(|count| count.parse().ok()).unwrap_or(0)
}

/// Raises how many files this process may open to as many as it is allowed to; answers that number.
pub fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let now = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    now.unwrap_or(u64::MAX)
}

/// CPU threads that this process may use.
pub fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX))
}

/// Memory in MiB that this machine, or the container around this process, has.
pub fn memory_mb() -> u64 {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = info.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total.and_then(|total| total.trim().trim_end_matches(" kB").parse::<u64>().ok());
    let machine = kib.map_or(1 << 32, |kib| kib << 10);
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let container = limits.iter().find_map(|file| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok());
    machine.min(container.unwrap_or(u64::MAX)) >> 20
}

/// A file that is only added to.
pub fn append(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(path)
}

/// The same for a log: one of more than `most` bytes is put aside, in place of the one that was before.
pub fn append_log(path: &Path, most: u64) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|log| log.len() > most) {
        let mut older = path.to_path_buf().into_os_string();
        older.push(".1");
        fs::rename(path, older)?;
    }
    append(path)
}

/// Makes this process a session of its own, so that neither a terminal nor the server's end reaches it, and the
/// kernel's first choice where memory runs out.
pub fn stand_alone() {
    if let Err(error) = rustix::process::setsid() {
        tracing::debug!(%error, "already a session of its own");
    }
    if let Err(error) = fs::write("/proc/self/oom_score_adj", "500") {
        tracing::debug!(%error, "the preference under want of memory cannot be set");
    }
}

/// Has this process give way to others that want the same cores, as `nice` counts.
pub fn give_way(niceness: u32) {
    let niceness = niceness.min(19).cast_signed();
    if let Err(error) = rustix::process::nice(niceness) {
        tracing::debug!(%error, "the niceness cannot be set");
    }
    // Where the kernel shares cores out by session, a process's own niceness counts within its session alone.
    if let Err(error) = fs::write("/proc/self/autogroup", niceness.to_string()) {
        tracing::debug!(%error, "the kernel does not share cores out by session");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::Command;

    #[test]
    fn a_long_log_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        for text in ["one", "two", "three"] {
            append_log(&path, 5).unwrap().write_all(text.as_bytes()).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "three");
        assert_eq!(fs::read_to_string(folder.path().join("log.1")).unwrap(), "onetwo");
    }

    #[tokio::test]
    async fn a_child_is_seen_to_end() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::child(&child).unwrap();
        let again = Process::adopt(process.identity()).unwrap();
        again.kill();
        process.ended().await;
        assert_eq!(reap(&mut child), Ended::Killed(9));
        assert!(Process::adopt(process.identity()).is_err());
    }

    #[test]
    fn another_process_with_the_number_is_not_taken_for_it() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _inside = runtime.enter();
        let mut other = Identity::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        other.started += 1;
        assert!(Process::adopt(&other).is_err());
    }

    #[test]
    fn the_machine_has_something() {
        assert!(cores() > 0 && memory_mb() > 0);
    }
}
