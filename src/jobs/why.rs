//! Why a job waits, and until when.

use super::Jobs;
use crate::clock;
use crate::store::{Capacity, JobId, StoreError, Waiting};

/// Why a job waits.
#[derive(Clone, Debug)]
pub struct Why {
    pub waiting: Waiting,
    /// What no run takes now.
    pub free: Capacity,
    /// What the job needs and is not free.
    pub missing: Missing,
    /// Whether it could start if nothing ran.
    pub fits: bool,
    /// When it is expected to start, in microseconds since the Unix epoch; none where that cannot be told.
    pub expected_at: Option<i64>,
}

/// What is wanting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    pub threads: u32,
    pub memory_mb: u64,
    pub gpus: u32,
}

/// What a job takes while it runs.
#[derive(Clone, Debug)]
struct Need {
    threads: u32,
    memory_mb: u64,
    device: String,
}

impl Need {
    fn missing(&self, free: &Capacity) -> Missing {
        let gpu = match self.device.strip_prefix("cuda") {
            None => true,
            Some("") => !free.gpus.is_empty(),
            Some(index) => free.gpus.iter().any(|gpu| index.strip_prefix(':') == Some(&gpu.to_string())),
        };
        Missing {
            threads: self.threads.saturating_sub(free.threads),
            memory_mb: self.memory_mb.saturating_sub(free.memory_mb),
            gpus: u32::from(!gpu),
        }
    }
}

/// A run that is under way, and what it will leave free.
struct Running {
    left_seconds: Option<f64>,
    threads: u32,
    memory_mb: u64,
    gpu: Option<u32>,
}

/// In how many seconds the last of `queue` starts, when each starts behind the one before it as soon as there is room.
/// How long those take that have not begun is not known, so one that must wait for them waits for ever (`None`).
fn seconds_until_last(mut free: Capacity, mut running: Vec<Running>, queue: &[Need]) -> Option<f64> {
    let mut now = 0.0;
    // The next to end stands last.
    running.sort_by(|a, b| {
        let left = |run: &Running| run.left_seconds.unwrap_or(f64::INFINITY);
        left(b).total_cmp(&left(a))
    });
    for need in queue {
        while need.missing(&free) != Missing::default() {
            let next = running.pop()?;
            now = f64::max(now, next.left_seconds?);
            free.threads += next.threads;
            free.memory_mb += next.memory_mb;
            free.gpus.extend(next.gpu);
        }
        free.threads -= need.threads;
        free.memory_mb -= need.memory_mb;
    }
    Some(now)
}

impl Jobs {
    /// Why a job waits; `None` where it does not stand in the queue.
    pub async fn why(&self, id: JobId) -> Result<Option<Why>, StoreError> {
        let Some(waiting) = self.core.store.waiting(id).await? else { return Ok(None) };
        let free = self.core.free();
        let job = &waiting.job;
        let device = job.resolved_device.clone().unwrap_or_else(|| job.device.clone());
        let own = Need { threads: job.threads, memory_mb: job.memory_mb, device };
        let missing = own.missing(&free);
        let total = &self.core.total;
        let fits = |threads, memory_mb| threads <= total.threads && memory_mb <= total.memory_mb;
        // One that was posted to a larger server holds up nobody.
        let mut queue: Vec<Need> = waiting
            .ahead
            .iter()
            .filter(|job| fits(job.threads, job.memory_mb))
            .map(|job| Need { threads: job.threads, memory_mb: job.memory_mb, device: job.device.clone() })
            .collect();
        // Of a longer queue only the head is known.
        let whole = waiting.position == waiting.ahead.len() as u64 + 1;
        queue.push(own);
        let seconds =
            if whole { seconds_until_last(free.clone(), self.running().await, &queue) } else { None };
        let expected_at = seconds.map(|seconds| {
            let at = clock::now_us().saturating_add((seconds * 1e6) as i64);
            waiting.not_before.map_or(at, |not_before| at.max(not_before))
        });
        let fits = fits(waiting.job.threads, waiting.job.memory_mb);
        Ok(Some(Why { waiting, free, missing, fits, expected_at }))
    }

    async fn running(&self) -> Vec<Running> {
        let mut running = Vec::new();
        for live in self.core.all_live() {
            let left_seconds = match self.core.store.job(live.job).await {
                Ok(job) => job.progress.eta_seconds,
                // It ends just now.
                Err(_) => Some(0.0),
            };
            running.push(Running {
                left_seconds,
                threads: live.threads,
                memory_mb: live.memory_mb,
                gpu: live.gpu,
            });
        }
        running
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(threads: u32, device: &str) -> Need {
        Need { threads, memory_mb: 100, device: device.into() }
    }

    fn run(threads: u32, left_seconds: Option<f64>) -> Running {
        Running { left_seconds, threads, memory_mb: 100, gpu: None }
    }

    fn free(threads: u32) -> Capacity {
        Capacity { threads, memory_mb: 1_000, gpus: Vec::new() }
    }

    #[test]
    fn a_job_starts_when_those_before_it_have_room_and_so_has_it() {
        let runs = || vec![run(1, Some(5.0)), run(1, Some(20.0)), run(1, None)];
        let at = |queue: &[Need]| seconds_until_last(free(1), runs(), queue);
        assert_eq!(at(&[need(1, "cpu")]), Some(0.0));
        assert_eq!(at(&[need(2, "cpu")]), Some(5.0));
        assert_eq!(at(&[need(1, "cpu"), need(2, "auto")]), Some(20.0));
        assert_eq!(at(&[need(4, "cpu")]), None, "the third run does not say when it ends");
        assert_eq!(at(&[need(2, "cpu"), need(3, "cpu")]), None, "nobody knows how long the first takes");
    }

    #[test]
    fn what_is_missing_is_told_by_kind() {
        let none = Capacity { threads: 1, memory_mb: 50, gpus: vec![1] };
        assert_eq!(need(3, "cpu").missing(&none), Missing { threads: 2, memory_mb: 50, gpus: 0 });
        assert_eq!(need(1, "cuda:0").missing(&none).gpus, 1);
        assert_eq!(need(1, "cuda:1").missing(&none).gpus, 0);
        assert_eq!(need(1, "cuda").missing(&none).gpus, 0);
        assert_eq!(need(1, "auto").missing(&free(1)).gpus, 0);
    }
}
