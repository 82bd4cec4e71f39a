//! Dynamic batching: the requests that wait for one model together run as one forward pass.
//!
//! An [`Instance`] is a copy of the weights and the buffer that it runs. Beside the buffers that run, one fills:
//! requests copy their examples into it while the instances are at work, and what it holds when an instance is free
//! is the next batch. There is no window that a lone request would have to sit out, unless one is asked for.
//!
//! A short batch costs no change of threads: the first of its requests that has its turn again runs it for all, so that
//! those behind it find their answers ready (*flat combining*, Hendler et al., 2010). The threads of the instances
//! are for what takes longer, and for what has missed its turn.

mod batch;
mod instance;
mod ticket;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tch::Tensor;
use tokio::sync::oneshot;

use batch::{Batch, Part, answer, elements};
use instance::{Instance, SHORT};
use ticket::{Progress, Reply, Ticket, Waiting};

use super::company::Company;
use super::line;
use super::metrics::Counters;
use crate::clock;
use crate::spec::Shape;
use crate::torch::ops::set_threads;

/// A model that answers for several examples at once.
pub trait BatchModel: Send {
    /// The shapes of its inputs.
    fn input_shapes(&self) -> &[Shape];
    /// The outputs for `inputs`, which hold the same number of examples each; every output holds as many.
    fn forward(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, String>;
}

/// Examples one after another, for each input.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    pub count: usize,
    pub values: Vec<Vec<f32>>,
}

/// How a model's requests are put together.
#[derive(Clone, Copy, Debug)]
pub struct BatchSettings {
    pub max_batch_size: usize,
    pub max_delay: Duration,
    pub max_queue: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    #[error("{0} requests wait for the model already")]
    Full(usize),
    #[error("the model has been unloaded")]
    Unloaded,
    /// The model failed, and with it every request that waited; it has to be loaded again.
    #[error("the model failed: {0}")]
    Failed(String),
}

/// A batch of so many requests gains little by more.
const ENOUGH: usize = 16;

/// How often others have their turn before a batch runs.
const LOOKS: usize = 8;

/// The instances of one model, their threads, and the requests that wait.
pub struct Batcher {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    closed: AtomicBool,
    settings: BatchSettings,
    /// Batches of at most so many examples run where their requests are when an instance is free.
    inline_rows: usize,
    /// Requests that wait, run or are about to.
    present: AtomicUsize,
    company: Company,
    counters: Counters,
}

struct State {
    idle: Vec<Instance>,
    filling: Batch,
    /// Something waits that no request comes back for: its turn was in vain, or it has none.
    missed: bool,
    /// Requests that found the filling buffer full, and what is left of those larger than it.
    overflow: VecDeque<Waiting>,
    /// Requests of which some example has not begun to run.
    waiting: usize,
    closed: Option<BatchError>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these locks guard is replaced as a whole; a panic of the model is caught outside them.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Batcher {
    /// Puts `models`, copies of one model, to work: each is warmed and gets a thread of its own.
    pub fn start(
        models: Vec<Box<dyn BatchModel>>,
        settings: BatchSettings,
        counters: Counters,
    ) -> Result<Self, BatchError> {
        single_threaded();
        let most = settings.max_batch_size.max(1);
        let shapes = models.first().map(|model| model.input_shapes().to_vec()).unwrap_or_default();
        let mut idle: Vec<Instance> =
            models.into_iter().map(|model| Instance { model, running: Batch::new(&shapes, most) }).collect();
        let mut inline_rows = 0;
        for instance in &mut idle {
            inline_rows = instance.warm(most).map_err(BatchError::Failed)?;
        }
        if !settings.max_delay.is_zero() {
            inline_rows = 0;
        }
        let count = idle.len();
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                idle,
                filling: Batch::new(&shapes, most),
                missed: false,
                overflow: VecDeque::new(),
                waiting: 0,
                closed: None,
            }),
            work: Condvar::new(),
            closed: AtomicBool::new(false),
            settings: BatchSettings { max_batch_size: most, ..settings },
            inline_rows,
            present: AtomicUsize::new(0),
            company: Company::new(),
            counters,
        });
        let batcher = Self { shared, threads: Mutex::default() };
        for _ in 0..count {
            let shared = batcher.shared.clone();
            let thread = std::thread::Builder::new()
                .name("inference".into())
                .spawn(move || shared.serve())
                .map_err(|error| BatchError::Failed(error.to_string()))?;
            lock(&batcher.threads).push(thread);
        }
        Ok(batcher)
    }

    /// What `count` buffers of a batch take, in bytes.
    pub fn buffer_bytes(shapes: &[Shape], max_batch_size: usize, count: usize) -> u64 {
        let elements: u64 = shapes.iter().map(|shape| elements(shape) as u64).sum();
        elements * 4 * (max_batch_size.max(1) * count) as u64
    }

    /// Nothing more is taken: the model failed or was unloaded.
    pub fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }

    /// Requests of at most so many examples run without a thread in between when an instance is free.
    pub fn inline_rows(&self) -> usize {
        self.shared.inline_rows
    }

    /// The outputs for `rows`. A caller that stops waiting costs nothing more.
    pub async fn run(&self, rows: Rows) -> Result<Rows, BatchError> {
        if rows.count == 0 {
            return Ok(Rows { count: 0, values: Vec::new() });
        }
        let present = Present::new(&self.shared.present);
        let shared = &*self.shared;
        if rows.count > shared.inline_rows {
            shared.company.seen();
            let (_, answer) = shared.enqueue(rows)?;
            shared.miss();
            return answer.await.unwrap_or(Err(BatchError::Unloaded));
        }
        let alone = present.is_alone();
        if alone
            && !shared.company.is_likely()
            && let Some(instance) = shared.take_free()
        {
            return shared.run_inline(instance, &rows);
        }
        let (ticket, answer) = shared.enqueue(rows)?;
        let given_up = GivenUp(shared);
        // Dropped before that one, so that the request is known to have gone.
        let answer = answer;
        shared.gather(&ticket).await;
        std::mem::forget(given_up);
        if !(alone && present.is_alone()) {
            shared.company.seen();
        }
        if ticket.waits() {
            shared.run_waiting(&ticket);
        }
        answer.await.unwrap_or(Err(BatchError::Unloaded))
    }

    /// Ends the threads, and answers whoever still waits. Returns when the weights are gone, so it is not for
    /// asynchronous threads.
    pub fn close(&self) {
        self.shared.close(BatchError::Unloaded);
        for thread in lock(&self.threads).drain(..) {
            _ = thread.join();
        }
        let instances = std::mem::take(&mut lock(&self.shared.state).idle);
        drop(instances);
    }
}

/// A request, for as long as its caller waits.
struct Present<'a>(&'a AtomicUsize);

impl<'a> Present<'a> {
    fn new(present: &'a AtomicUsize) -> Self {
        present.fetch_add(1, Ordering::AcqRel);
        Self(present)
    }

    fn is_alone(&self) -> bool {
        self.0.load(Ordering::Acquire) == 1
    }
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Dropped where a request is given up before it had its turn to run what waits.
struct GivenUp<'a>(&'a Shared);

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        self.0.miss();
    }
}

impl Drop for Batcher {
    fn drop(&mut self) {
        self.shared.close(BatchError::Unloaded);
    }
}

impl Shared {
    /// An instance for a request that may run where it is: one is free, and nobody waits.
    fn take_free(&self) -> Option<Instance> {
        let mut state = lock(&self.state);
        if state.closed.is_some() || state.waiting > 0 || state.filling.rows > 0 {
            return None;
        }
        state.idle.pop()
    }

    fn run_inline(&self, mut instance: Instance, rows: &Rows) -> Result<Rows, BatchError> {
        single_threaded();
        self.counters.waited(Duration::ZERO);
        instance.running.fill(rows, 0, rows.count);
        let result = self.execute(&mut instance, 1);
        instance.running.rows = 0;
        match result {
            Ok(values) => {
                self.put_back(instance);
                self.wake();
                Ok(Rows { count: rows.count, values })
            }
            Err(detail) => Err(self.fail(detail)),
        }
    }

    /// Puts a request behind those that wait.
    fn enqueue(&self, rows: Rows) -> Result<(Arc<Ticket>, Reply), BatchError> {
        let (sender, receiver) = oneshot::channel();
        let ticket = Arc::new(Ticket {
            count: rows.count,
            since: clock::monotonic(),
            progress: Mutex::new(Progress {
                waiting: true,
                done: 0,
                outputs: Vec::new(),
                reply: Some(sender),
            }),
        });
        let mut state = lock(&self.state);
        if let Some(closed) = &state.closed {
            return Err(closed.clone());
        }
        if state.waiting >= self.settings.max_queue {
            state.forget_gone(&self.counters);
        }
        if state.waiting >= self.settings.max_queue {
            return Err(BatchError::Full(self.settings.max_queue));
        }
        state.waiting += 1;
        self.counters.pending.inc();
        state.overflow.push_back(Waiting { ticket: ticket.clone(), rows, next: 0 });
        state.refill(&self.counters);
        drop(state);
        Ok((ticket, receiver))
    }

    /// Leaves what waits to whoever has an instance next.
    fn miss(&self) {
        let mut state = lock(&self.state);
        state.missed |= state.filling.rows > 0;
        drop(state);
        self.wake();
    }

    /// Wakes an instance's thread, if one sleeps while something waits for it.
    fn wake(&self) {
        let state = lock(&self.state);
        let due = !state.idle.is_empty() && state.waits_for_a_thread();
        drop(state);
        if due {
            self.work.notify_one();
        }
    }

    /// Lets those who stand in line have their turn first, so that they join the batch. Without it a short network would hold
    /// up its callers one by one, each alone with an instance, while others stand in their sockets.
    async fn gather(&self, ticket: &Ticket) {
        for _ in 0..LOOKS {
            tokio::task::yield_now().await;
            if line::is_empty() || self.present.load(Ordering::Relaxed) >= ENOUGH || !ticket.waits() {
                return;
            }
        }
    }

    /// Runs what waits, where the caller is as long as that is short.
    fn run_waiting(&self, ticket: &Ticket) {
        let begun = clock::monotonic();
        loop {
            let mut state = lock(&self.state);
            let short = state.filling.rows <= self.inline_rows;
            let next = if short { state.next_batch(&self.settings, &self.counters) } else { None };
            state.missed |= next.is_none() && ticket.waits();
            drop(state);
            let Some(instance) = next else { break };
            single_threaded();
            let Some(instance) = self.run_batch(instance) else { return };
            self.put_back(instance);
            if begun.elapsed() >= SHORT || !lock(&self.state).waits_for_a_thread() {
                break;
            }
        }
        self.wake();
    }

    /// Runs the batch in an instance's buffer and answers its requests; `None` when the model failed.
    fn run_batch(&self, mut instance: Instance) -> Option<Instance> {
        let parts = std::mem::take(&mut instance.running.parts);
        let now = clock::monotonic();
        for part in parts.iter().filter(|part| part.first == 0) {
            self.counters.waited(now.duration_since(part.ticket.since));
        }
        let result = self.execute(&mut instance, parts.len());
        instance.running.rows = 0;
        match result {
            Ok(outputs) => {
                answer(&parts, &outputs);
                Some(instance)
            }
            Err(detail) => {
                // The weights are dropped before anybody is told, so that whoever loads them again has room.
                drop(instance);
                let error = self.fail(detail);
                for part in &parts {
                    part.ticket.refuse(&error);
                }
                None
            }
        }
    }

    /// Lets others have an instance. Where the model is closed meanwhile, nobody would let go of it any more.
    fn put_back(&self, instance: Instance) {
        let mut state = lock(&self.state);
        if state.closed.is_none() {
            state.idle.push(instance);
        } else {
            drop(state);
            drop(instance);
        }
    }

    /// The life of an instance's thread.
    fn serve(&self) {
        single_threaded();
        let mut state = lock(&self.state);
        while state.closed.is_none() {
            let waits = state.waits_for_a_thread();
            let next = if waits { state.next_batch(&self.settings, &self.counters) } else { None };
            let Some(instance) = next else {
                state = self.wait(state);
                continue;
            };
            let more = !state.idle.is_empty() && state.waits_for_a_thread();
            drop(state);
            if more {
                self.work.notify_one();
            }
            let Some(instance) = self.run_batch(instance) else { return };
            state = lock(&self.state);
            // Without this, `close` would wait for instances that nobody holds any more.
            state.idle.push(instance);
        }
    }

    /// Until there is something to do, or the oldest request has waited for its delay.
    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let due = (!state.idle.is_empty() && state.waits_for_a_thread())
            .then(|| state.filling.oldest())
            .flatten()
            .map(|oldest| (oldest + self.settings.max_delay).saturating_duration_since(clock::monotonic()));
        match due {
            Some(time) => self.work.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0,
            None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Runs what the instance's buffer holds. A panic is an error like any other.
    fn execute(&self, instance: &mut Instance, requests: usize) -> Result<Vec<Vec<f32>>, String> {
        let rows = instance.running.rows;
        let begun = clock::monotonic();
        let outputs = instance.forward()?;
        self.counters.ran(rows, requests, clock::monotonic().duration_since(begun));
        Ok(outputs)
    }

    /// Closes for good after the model failed.
    fn fail(&self, detail: String) -> BatchError {
        let error = BatchError::Failed(detail);
        self.close(error.clone());
        error
    }

    /// Refuses everything that waits and everything that comes.
    fn close(&self, why: BatchError) {
        let mut state = lock(&self.state);
        self.closed.store(true, Ordering::Release);
        let why = state.closed.get_or_insert(why).clone();
        let overflow = std::mem::take(&mut state.overflow);
        let parts = std::mem::take(&mut state.filling.parts);
        state.filling.rows = 0;
        self.counters.pending.sub(state.waiting as i64);
        state.waiting = 0;
        drop(state);
        self.work.notify_all();
        for waiting in &overflow {
            waiting.ticket.refuse(&why);
        }
        for part in &parts {
            part.ticket.refuse(&why);
        }
    }
}

impl State {
    /// Whether a thread is to run what waits.
    fn waits_for_a_thread(&self) -> bool {
        self.missed && self.filling.rows > 0
    }

    /// A free instance with the next batch in its buffer, if there is one and it is due.
    fn next_batch(&mut self, settings: &BatchSettings, counters: &Counters) -> Option<Instance> {
        if self.idle.is_empty() {
            return None;
        }
        self.drop_gone(counters);
        let oldest = self.filling.oldest()?;
        let full = self.filling.rows >= settings.max_batch_size;
        let due = || clock::monotonic().duration_since(oldest) >= settings.max_delay;
        if !(full || settings.max_delay.is_zero() || due()) {
            return None;
        }
        let mut instance = self.idle.pop()?;
        std::mem::swap(&mut instance.running, &mut self.filling);
        for part in &instance.running.parts {
            // A request that is larger than a batch waits until its last example runs.
            if part.first + part.count == part.ticket.count {
                self.begun(&part.ticket, counters);
            }
        }
        self.refill(counters);
        // What comes from the overflow may have had its turn.
        self.missed = self.filling.rows > 0;
        Some(instance)
    }

    /// Moves examples of waiting requests into the buffer that fills. What is left of a large request goes behind
    /// the others, so that small ones are not held up by it.
    fn refill(&mut self, counters: &Counters) {
        while let Some(mut waiting) = self.overflow.pop_front() {
            let room = self.filling.room();
            if room == 0 {
                return self.overflow.push_front(waiting);
            }
            if waiting.ticket.is_gone() {
                self.begun(&waiting.ticket, counters);
                continue;
            }
            let count = room.min(waiting.rows.count - waiting.next);
            self.filling.fill(&waiting.rows, waiting.next, count);
            self.filling.parts.push(Part { ticket: waiting.ticket.clone(), first: waiting.next, count });
            waiting.next += count;
            if waiting.next < waiting.rows.count {
                self.overflow.push_back(waiting);
            }
        }
    }

    /// Takes examples whose request nobody waits for any more out of the buffer that fills.
    fn drop_gone(&mut self, counters: &Counters) {
        if self.filling.parts.iter().any(|part| part.ticket.is_gone()) {
            let gone = self.filling.compact();
            for part in &gone {
                self.begun(&part.ticket, counters);
            }
            self.refill(counters);
            self.missed &= self.filling.rows > 0;
        }
    }

    fn forget_gone(&mut self, counters: &Counters) {
        self.drop_gone(counters);
        let (gone, left) = std::mem::take(&mut self.overflow)
            .into_iter()
            .partition::<VecDeque<_>, _>(|waiting| waiting.ticket.is_gone());
        self.overflow = left;
        for waiting in &gone {
            self.begun(&waiting.ticket, counters);
        }
    }

    /// The request waits no more.
    fn begun(&mut self, ticket: &Ticket, counters: &Counters) {
        if std::mem::take(&mut lock(&ticket.progress).waiting) {
            self.waiting -= 1;
            counters.pending.dec();
        }
    }
}

/// A thread that serves computes alone: more threads for one small batch cost more than they bring, and there is a
/// core's worth of requests beside it.
pub(super) fn single_threaded() {
    thread_local! {
        static DONE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    if !DONE.replace(true) {
        set_threads(1);
    }
}

#[cfg(test)]
mod tests;
