//! Random sequences of calls, reports, crashes, restarts and jumps of the clock, with what must hold checked after each.

use std::collections::{BTreeMap, BTreeSet};

use lyceum::spec::report::{ErrorKind, Outcome};
use lyceum::store::{Claim, JobId, JobStatus, RunStatus, SeriesQuery, Store, StoreError};
use proptest::prelude::*;
use tempfile::TempDir;

use super::{claim, error, finished, model, open, point, post, started, tell};

/// Something that happens. Numbers pick a job or a run among those there are.
#[derive(Clone, Copy, Debug)]
enum Event {
    Post,
    Claim,
    Pause(usize),
    Resume(usize),
    Cancel(usize),
    /// The run takes a step and reports it.
    Step(usize),
    /// The answer to its last batch was lost, and it sends it again.
    Repeat(usize),
    Checkpoint(usize),
    Succeed(usize),
    /// It does what it was told, if anything.
    Obey(usize),
    /// Its process is gone.
    Die(usize),
    /// A run that was given up goes on speaking.
    Speak(usize),
    /// The server is killed, and another opens the same file.
    Crash,
    /// The wall clock is moved by so many seconds.
    Jump(i64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let pick = 0..64_usize;
    prop::collection::vec(
        prop_oneof![
            2 => Just(Event::Post),
            4 => Just(Event::Claim),
            1 => pick.clone().prop_map(Event::Pause),
            2 => pick.clone().prop_map(Event::Resume),
            1 => pick.clone().prop_map(Event::Cancel),
            8 => pick.clone().prop_map(Event::Step),
            2 => pick.clone().prop_map(Event::Repeat),
            3 => pick.clone().prop_map(Event::Checkpoint),
            1 => pick.clone().prop_map(Event::Succeed),
            2 => pick.clone().prop_map(Event::Obey),
            2 => pick.clone().prop_map(Event::Die),
            2 => pick.prop_map(Event::Speak),
            1 => Just(Event::Crash),
            1 => (-100_000..100_000_i64).prop_map(Event::Jump),
        ],
        1..120,
    )
}

/// Moves the wall clock, where it can be moved.
fn jump(seconds: i64) {
    #[cfg(feature = "fault-injection")]
    lyceum::clock::jump(seconds * 1_000_000);
    #[cfg(not(feature = "fault-injection"))]
    let _ = seconds;
}

/// A worker's process, as far as the store sees it.
struct Runner {
    claim: Claim,
    seq: u64,
    step: u64,
    begun: bool,
    over: bool,
}

/// The world around the store, with what is known to be true of it.
struct World {
    folder: TempDir,
    store: Store,
    runners: Vec<Runner>,
    jobs: Vec<JobId>,
    ended: BTreeMap<JobId, JobStatus>,
    succeeded: usize,
    /// Steps of the newest run that were told and acknowledged, by job.
    told: BTreeMap<JobId, BTreeSet<u64>>,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        Self {
            folder,
            store,
            runners: Vec::new(),
            jobs: Vec::new(),
            ended: BTreeMap::new(),
            succeeded: 0,
            told: BTreeMap::new(),
        }
    }

    fn runner(&mut self, pick: usize, over: bool) -> Option<&mut Runner> {
        let mut fitting: Vec<&mut Runner> =
            self.runners.iter_mut().filter(|runner| runner.over == over).collect();
        if fitting.is_empty() { None } else { Some(fitting.swap_remove(pick % fitting.len())) }
    }

    fn job(&self, pick: usize) -> Option<JobId> {
        (!self.jobs.is_empty()).then(|| self.jobs[pick % self.jobs.len()])
    }

    async fn happen(&mut self, event: Event) {
        let store = self.store.clone();
        match event {
            Event::Post => self.jobs.push(post(&store, 2).await),
            Event::Claim => {
                if let Some(claim) = claim(&store).await {
                    let step = claim.checkpoints.first().map_or(0, |checkpoint| checkpoint.step);
                    self.told.entry(claim.job).or_default().retain(|told| *told <= step);
                    self.runners.push(Runner { claim, seq: 0, step, begun: false, over: false });
                }
            }
            Event::Pause(pick) => {
                self.control(pick, |id| async move { store.pause_job(id).await.map(drop) }).await;
            }
            Event::Resume(pick) => {
                self.control(pick, |id| async move { store.resume_job(id).await.map(drop) }).await;
            }
            Event::Cancel(pick) => {
                self.control(pick, |id| async move { store.cancel_job(id).await.map(drop) }).await;
            }
            Event::Step(pick) => self.step(pick).await,
            Event::Repeat(pick) => {
                if let Some(runner) = self.runner(pick, false)
                    && runner.seq > 0
                {
                    tell(&store, &runner.claim, runner.seq, vec![point(runner.step)]).await.unwrap();
                }
            }
            Event::Checkpoint(pick) => self.checkpoint(pick).await,
            Event::Succeed(pick) => {
                if let Some(runner) = self.runner(pick, false) {
                    let reports = vec![model(&runner.claim), finished(Outcome::Succeeded)];
                    tell(&store, &runner.claim, runner.seq + 1, reports).await.unwrap();
                    runner.over = true;
                    self.succeeded += 1;
                }
            }
            Event::Obey(pick) => self.obey(pick).await,
            Event::Die(pick) => {
                if let Some(runner) = self.runner(pick, false) {
                    runner.over = true;
                    assert!(store.end_run(runner.claim.run, error(ErrorKind::Lost)).await.unwrap());
                }
            }
            Event::Speak(pick) => {
                if let Some(runner) = self.runner(pick, true) {
                    let said = tell(&store, &runner.claim, runner.seq + 2, vec![point(1 << 40)]).await;
                    assert!(matches!(said, Err(StoreError::Gone)), "{said:?}");
                }
            }
            Event::Crash => {
                self.store.close().await;
                self.store = open(&self.folder).await;
            }
            Event::Jump(seconds) => jump(seconds),
        }
    }

    /// A client's call, which may be refused.
    async fn control<F: Future<Output = Result<(), StoreError>>>(
        &self,
        pick: usize,
        call: impl FnOnce(JobId) -> F,
    ) {
        if let Some(job) = self.job(pick) {
            match call(job).await {
                Ok(()) | Err(StoreError::Conflict(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }

    async fn step(&mut self, pick: usize) {
        let store = self.store.clone();
        let Some(runner) = self.runner(pick, false) else { return };
        let mut reports = Vec::new();
        if !runner.begun {
            reports.push(started(runner.step));
        }
        runner.begun = true;
        runner.step += 1;
        runner.seq += 1;
        reports.push(point(runner.step));
        tell(&store, &runner.claim, runner.seq, reports).await.unwrap();
        let (job, step) = (runner.claim.job, runner.step);
        self.told.entry(job).or_default().insert(step);
    }

    async fn checkpoint(&mut self, pick: usize) {
        let store = self.store.clone();
        let Some(runner) = self.runner(pick, false).filter(|runner| runner.begun) else { return };
        runner.seq += 1;
        let report = lyceum::spec::report::Report::Checkpoint {
            step: runner.step,
            epoch: 0.0,
            key: format!("{}-{}", runner.claim.run, runner.step),
            sha256: "00".into(),
            bytes: 1,
        };
        tell(&store, &runner.claim, runner.seq, vec![report]).await.unwrap();
    }

    async fn obey(&mut self, pick: usize) {
        use lyceum::spec::report::Control;
        let store = self.store.clone();
        let Some(runner) = self.runner(pick, false) else { return };
        let outcome = match store.control(runner.claim.run, runner.claim.attempt).await.unwrap() {
            Control::Continue => return,
            Control::Pause => Outcome::Stopped,
            Control::Stop => Outcome::Cancelled,
        };
        tell(&store, &runner.claim, runner.seq + 1, vec![finished(outcome)]).await.unwrap();
        runner.seq += 1;
        runner.over = true;
    }

    /// However the clock was moved, no job waits for its retry for more than twice the longest back-off.
    async fn check_nothing_waits_for_ever(&mut self) {
        for _ in 0..2 {
            jump(31);
            while claim(&self.store).await.is_some() {}
        }
        for job in &self.jobs {
            assert!(!self.store.job(*job).await.unwrap().status.waiting(), "a job is never had");
        }
    }

    /// What holds whatever happened.
    async fn check(&mut self) {
        let mut versions = 0;
        for job in self.jobs.clone() {
            let found = self.store.job(job).await.expect("an accepted job is never lost");
            let live: Vec<_> = found.runs.iter().filter(|run| !run.status.ended()).collect();
            assert!(live.len() <= 1, "two live runs of a job");
            assert_eq!(live.len() == 1, found.status == JobStatus::Running, "{found:?}");
            if let Some(ended) = self.ended.get(&job) {
                assert_eq!(found.status, *ended, "a terminal state changed");
            }
            if found.status.terminal() {
                self.ended.insert(job, found.status);
                assert!(found.finished_at.is_some() && found.desired.is_none());
            }
            let succeeded = found.runs.iter().filter(|run| run.status == RunStatus::Succeeded).count();
            assert_eq!(succeeded, usize::from(found.status == JobStatus::Succeeded));
            assert_eq!(found.model.is_some(), found.status == JobStatus::Succeeded);
            versions += usize::from(found.model.is_some());
            self.check_points(job).await;
        }
        let known = match self.store.model("a").await {
            Ok(model) => model.versions.len(),
            Err(StoreError::NotFound(_)) => 0,
            Err(other) => panic!("{other}"),
        };
        assert_eq!((known, versions), (self.succeeded, self.succeeded), "one version a success");
    }

    /// Every point once, in order, and none of a run that was given up beyond where the next went on.
    async fn check_points(&self, job: JobId) {
        let query = SeriesQuery { job, name: None, run: None, since_step: None, max_points: 100_000 };
        let series = self.store.series(query).await.unwrap();
        let shown: Vec<u64> =
            series.iter().flat_map(|series| &series.points).map(|point| point.step).collect();
        let begun = self.runners.iter().rev().find(|runner| runner.claim.job == job).is_none_or(|r| r.begun);
        if begun {
            let told: Vec<u64> = self.told.get(&job).into_iter().flatten().copied().collect();
            assert_eq!(shown, told);
        } else {
            assert!(shown.is_sorted_by(|one, next| one < next));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_doubled_or_undone(events in events()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for event in events {
                world.happen(event).await;
                world.check().await;
            }
            world.check_nothing_waits_for_ever().await;
        });
    }
}
