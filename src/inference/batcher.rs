//! Dynamic batching: the requests that wait for one model together run as one forward pass.
//!
//! An [`Instance`] is a copy of the weights and the buffer that it runs. Beside the buffers that run, one fills:
//! requests copy their examples into it while the instances are at work, and what it holds when an instance is free
//! is the next batch. There is no window that a lone request would have to sit out, unless one is asked for.
//!
//! A short batch costs no change of threads: the first of its requests that has its turn again runs it for all, so that
//! those behind it find their answers ready (*flat combining*, Hendler et al., 2010). The threads of the instances
//! are for what takes longer, and for what nobody's turn comes for.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tch::{Device, Kind, Tensor};
use tokio::sync::oneshot;

use super::company::Company;
use super::line;
use super::metrics::Counters;
use crate::clock;
use crate::spec::Shape;
use crate::torch::ops::{InferenceMode, as_slice, as_slice_mut, set_threads};

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

/// A forward pass that takes less may run where the request is, without a thread in between.
const SHORT: Duration = Duration::from_micros(200);

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
    /// Requests that found the filling buffer full, and what is left of those larger than it.
    overflow: VecDeque<Waiting>,
    /// Requests of which some example has not begun to run.
    waiting: usize,
    closed: Option<BatchError>,
}

/// Weights and the buffer that they run.
struct Instance {
    model: Box<dyn BatchModel>,
    running: Batch,
}

/// A buffer of examples and whose they are.
struct Batch {
    /// `[max_batch_size, …]` for each input.
    buffers: Vec<Tensor>,
    /// The first example of each, which is a lone request's.
    first: Vec<Tensor>,
    widths: Vec<usize>,
    parts: Vec<Part>,
    rows: usize,
}

/// The examples of one request that are in a batch.
struct Part {
    ticket: Arc<Ticket>,
    /// The first of them in the request.
    first: usize,
    count: usize,
}

struct Waiting {
    ticket: Arc<Ticket>,
    rows: Rows,
    /// The first example that is in no batch yet.
    next: usize,
}

/// What a request is told in the end.
type Reply = oneshot::Receiver<Result<Rows, BatchError>>;

/// A request on its way.
struct Ticket {
    count: usize,
    since: Instant,
    progress: Mutex<Progress>,
}

struct Progress {
    /// Counted among those that wait.
    waiting: bool,
    done: usize,
    outputs: Vec<Vec<f32>>,
    /// Taken when the answer is sent.
    reply: Option<oneshot::Sender<Result<Rows, BatchError>>>,
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
            shared.wake();
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
        shared.gather(&ticket).await;
        if !(alone && present.is_alone()) {
            shared.company.seen();
        }
        if ticket.waits() {
            shared.run_waiting();
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

    /// Wakes an instance's thread, if one sleeps while something waits.
    fn wake(&self) {
        let state = lock(&self.state);
        let due = !state.idle.is_empty() && state.filling.rows > 0;
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
    fn run_waiting(&self) {
        let begun = clock::monotonic();
        loop {
            let mut state = lock(&self.state);
            let short = state.filling.rows <= self.inline_rows;
            let next = if short { state.next_batch(&self.settings, &self.counters) } else { None };
            drop(state);
            let Some(instance) = next else { break };
            single_threaded();
            let Some(instance) = self.run_batch(instance) else { return };
            self.put_back(instance);
            if begun.elapsed() >= SHORT {
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
            let Some(instance) = state.next_batch(&self.settings, &self.counters) else {
                state = self.wait(state);
                continue;
            };
            let more = state.filling.rows > 0 && !state.idle.is_empty();
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
        let due = (state.filling.rows > 0 && !state.idle.is_empty())
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

impl Instance {
    /// What the buffer's examples give, for each output.
    fn forward(&mut self) -> Result<Vec<Vec<f32>>, String> {
        let rows = self.running.rows;
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let _mode = InferenceMode::begin();
            let outputs = match rows {
                1 => self.model.forward(&self.running.first)?,
                _ => self.model.forward(&self.running.examples(rows))?,
            };
            outputs.iter().map(|output| values(output, rows)).collect()
        }));
        outcome.unwrap_or_else(|panic| Err(panic_text(panic.as_ref())))
    }

    /// Runs a few times, so that what libtorch sets up at first is set up. How many examples, of at most so many, have a
    /// short pass together.
    fn warm(&mut self, most: usize) -> Result<usize, String> {
        let several = most.min(16);
        let one = self.measure(1)?;
        if one > SHORT || several < 2 {
            return Ok(usize::from(one <= SHORT));
        }
        let together = self.measure(several)?;
        let each = together.saturating_sub(one) / (several - 1) as u32;
        let more = (SHORT - one).as_nanos() / each.as_nanos().max(1);
        Ok(usize::try_from(more).unwrap_or(most).saturating_add(1).min(most))
    }

    /// How long a pass of so many examples takes: the least of a few.
    fn measure(&mut self, rows: usize) -> Result<Duration, String> {
        const LONG: Duration = Duration::from_millis(2);
        const RUNS: usize = 8;
        let mut least = Duration::MAX;
        self.running.rows = rows;
        for (buffer, width) in self.running.buffers.iter_mut().zip(&self.running.widths) {
            as_slice_mut::<f32>(buffer)[..rows * width].fill(0.0);
        }
        for run in 0..RUNS {
            let begun = clock::monotonic();
            self.forward()?;
            least = least.min(clock::monotonic().duration_since(begun));
            if run > 0 && least > LONG {
                break;
            }
        }
        self.running.rows = 0;
        Ok(least)
    }
}

impl Batch {
    fn new(shapes: &[Shape], most: usize) -> Self {
        let buffer = |shape: &Shape| {
            let shape: Vec<i64> =
                std::iter::once(most as i64).chain(shape.iter().map(|extent| *extent as i64)).collect();
            Tensor::empty(shape, (Kind::Float, Device::Cpu))
        };
        let buffers: Vec<Tensor> = shapes.iter().map(buffer).collect();
        Self {
            first: buffers.iter().map(|buffer| buffer.narrow(0, 0, 1)).collect(),
            buffers,
            widths: shapes.iter().map(elements).collect(),
            parts: Vec::new(),
            rows: 0,
        }
    }

    /// The first so many examples.
    fn examples(&self, rows: usize) -> Vec<Tensor> {
        self.buffers.iter().map(|buffer| buffer.narrow(0, 0, rows as i64)).collect()
    }

    fn room(&self) -> usize {
        let most = self.buffers.first().map_or(0, |buffer| buffer.size()[0] as usize);
        most - self.rows
    }

    fn oldest(&self) -> Option<Instant> {
        self.parts.iter().map(|part| part.ticket.since).min()
    }

    /// Copies `count` examples of a request, from its `first` on, behind those that are here.
    fn fill(&mut self, rows: &Rows, first: usize, count: usize) {
        let at = self.rows;
        for ((buffer, values), width) in self.buffers.iter_mut().zip(&rows.values).zip(&self.widths) {
            as_slice_mut::<f32>(buffer)[at * width..(at + count) * width]
                .copy_from_slice(&values[first * width..(first + count) * width]);
        }
        self.rows += count;
    }

    /// Takes the parts out that nobody waits for, and closes the gaps.
    fn compact(&mut self) -> Vec<Part> {
        let mut gone = Vec::new();
        let (mut read, mut write) = (0, 0);
        for part in std::mem::take(&mut self.parts) {
            let count = part.count;
            if part.ticket.is_gone() {
                gone.push(part);
            } else {
                for (buffer, width) in self.buffers.iter_mut().zip(&self.widths) {
                    as_slice_mut::<f32>(buffer)
                        .copy_within(read * width..(read + count) * width, write * width);
                }
                write += count;
                self.parts.push(part);
            }
            read += count;
        }
        self.rows = write;
        gone
    }
}

impl Ticket {
    /// Whether some of its examples have not begun to run.
    fn waits(&self) -> bool {
        lock(&self.progress).waiting
    }

    /// Nobody waits for the answer any more.
    fn is_gone(&self) -> bool {
        lock(&self.progress).reply.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    fn refuse(&self, error: &BatchError) {
        if let Some(reply) = lock(&self.progress).reply.take() {
            _ = reply.send(Err(error.clone()));
        }
    }

    /// Takes in the outputs of `count` examples from the request's `first` on, which stand `at` in the batch.
    fn answer(&self, outputs: &[Vec<f32>], at: usize, first: usize, count: usize, rows: usize) {
        let mut progress = lock(&self.progress);
        if progress.outputs.is_empty() {
            progress.outputs =
                outputs.iter().map(|output| vec![0.0; output.len() / rows * self.count]).collect();
        }
        for (whole, output) in progress.outputs.iter_mut().zip(outputs) {
            let width = output.len() / rows;
            whole[first * width..(first + count) * width]
                .copy_from_slice(&output[at * width..(at + count) * width]);
        }
        progress.done += count;
        if progress.done == self.count {
            let values = std::mem::take(&mut progress.outputs);
            if let Some(reply) = progress.reply.take() {
                _ = reply.send(Ok(Rows { count: self.count, values }));
            }
        }
    }
}

/// Hands each request of a batch its share of the outputs.
fn answer(parts: &[Part], outputs: &[Vec<f32>]) {
    let rows: usize = parts.iter().map(|part| part.count).sum();
    let mut at = 0;
    for part in parts {
        part.ticket.answer(outputs, at, part.first, part.count, rows);
        at += part.count;
    }
}

/// The values of an output of `rows` examples.
fn values(output: &Tensor, rows: usize) -> Result<Vec<f32>, String> {
    if output.size().first().is_none_or(|count| *count as usize != rows) {
        return Err(format!("an output for {rows} examples has the shape {:?}", output.size()));
    }
    if output.kind() == Kind::Float && output.device() == Device::Cpu && output.is_contiguous() {
        return Ok(as_slice::<f32>(output).to_vec());
    }
    let mut values = vec![0.0; output.numel()];
    output
        .f_to_kind(Kind::Float)
        .and_then(|output| output.f_contiguous())
        .and_then(|output| output.f_copy_data(&mut values, output.numel()))
        .map_err(|error| error.to_string())?;
    Ok(values)
}

fn elements(shape: &Shape) -> usize {
    shape.iter().product::<u64>() as usize
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked").to_owned()
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
mod tests {
    use super::*;
    use crate::inference::Metrics;

    /// A dense layer of three inputs and two outputs that takes its time, and panics at a NaN.
    struct Dense {
        shapes: Vec<Shape>,
        kernel: Tensor,
        pause: Duration,
    }

    impl BatchModel for Dense {
        fn input_shapes(&self) -> &[Shape] {
            &self.shapes
        }

        fn forward(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, String> {
            let output = inputs[0].linear(&self.kernel, None::<&Tensor>).sigmoid();
            assert!(bool::try_from(output.isfinite().all()).unwrap(), "a NaN came out");
            std::thread::sleep(self.pause);
            Ok(vec![output])
        }
    }

    fn dense(pause_ms: u64) -> Box<dyn BatchModel> {
        let kernel = Tensor::from_slice(&[0.5_f32, -1.0, 2.0, 0.25, 1.5, -0.75]).reshape([2, 3]);
        Box::new(Dense { shapes: vec![vec![3]], kernel, pause: Duration::from_millis(pause_ms) })
    }

    fn settings() -> BatchSettings {
        BatchSettings { max_batch_size: 8, max_delay: Duration::ZERO, max_queue: 100 }
    }

    fn batcher(pause_ms: u64, settings: BatchSettings) -> Arc<Batcher> {
        let counters = Metrics::new().of("m", 1);
        Arc::new(Batcher::start(vec![dense(pause_ms)], settings, counters).unwrap())
    }

    fn rows(first: usize, count: usize) -> Rows {
        let values =
            (first..first + count).flat_map(|row| [row as f32 * 0.1, 1.0, -0.3 * row as f32]).collect();
        Rows { count, values: vec![values] }
    }

    async fn one_by_one(batcher: &Batcher, count: usize) -> Vec<f32> {
        let mut all = Vec::new();
        for row in 0..count {
            all.extend(batcher.run(rows(row, 1)).await.unwrap().values.remove(0));
        }
        all
    }

    fn assert_near(left: &[f32], right: &[f32]) {
        assert_eq!(left.len(), right.len());
        for (left, right) in left.iter().zip(right) {
            assert!((left - right).abs() < 1e-6, "{left} {right}");
        }
    }

    fn counts(batcher: &Batcher) -> (u64, u64) {
        (batcher.shared.counters.inferences.get(), batcher.shared.counters.executions.get())
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_waits_together_runs_together_and_answers_the_same() {
        let slow = batcher(3, settings());
        let expected = one_by_one(&slow, 32).await;
        let before = counts(&slow);
        let answers = futures::future::join_all((0..32).map(|row| {
            let slow = slow.clone();
            tokio::spawn(async move { slow.run(rows(row, 1)).await.unwrap().values.remove(0) })
        }));
        let answers: Vec<f32> = answers.await.into_iter().flat_map(Result::unwrap).collect();
        assert_near(&answers, &expected);
        let after = counts(&slow);
        assert_eq!(after.0 - before.0, 32);
        assert!(after.1 - before.1 <= 8, "{} batches", after.1 - before.1);
        assert_eq!(slow.shared.counters.pending.get(), 0);
    }

    #[tokio::test]
    async fn a_short_model_runs_where_the_request_is() {
        let short = batcher(0, settings());
        assert!(short.inline_rows() > 0);
        assert_eq!(one_by_one(&short, 3).await.len(), 6);
        assert_eq!(batcher(1, settings()).inline_rows(), 0);
        let patient = BatchSettings { max_delay: Duration::from_millis(1), ..settings() };
        assert_eq!(batcher(0, patient).inline_rows(), 0);
    }

    #[tokio::test]
    async fn a_request_larger_than_a_batch_is_split_and_rejoined() {
        let slow = batcher(1, settings());
        let whole = slow.run(rows(0, 29)).await.unwrap();
        assert_eq!(whole.count, 29);
        assert_eq!(counts(&slow), (29, 4));
        assert_near(&whole.values[0], &one_by_one(&slow, 29).await);
    }

    #[tokio::test]
    async fn a_small_request_is_not_held_up_by_a_large_one() {
        let slow = batcher(5, settings());
        let large = slow.run(rows(0, 800));
        let small = async {
            tokio::time::sleep(Duration::from_millis(12)).await;
            slow.run(rows(0, 1)).await.unwrap();
            counts(&slow).1
        };
        let (large, small) = tokio::join!(large, small);
        assert_eq!(large.unwrap().count, 800);
        assert!(small < 20, "it came with batch {small} of 100");
    }

    #[tokio::test]
    async fn a_full_queue_refuses_and_a_client_that_has_gone_makes_room_and_costs_nothing() {
        let slow = batcher(50, BatchSettings { max_queue: 2, ..settings() });
        let running = tokio::spawn({
            let slow = slow.clone();
            async move { slow.run(rows(0, 8)).await }
        });
        tokio::time::sleep(Duration::from_millis(10)).await;
        let mut first = Box::pin(slow.run(rows(1, 2)));
        let mut second = Box::pin(slow.run(rows(3, 1)));
        assert!(futures::poll!(&mut first).is_pending());
        assert!(futures::poll!(&mut second).is_pending());
        assert_eq!(slow.run(rows(4, 1)).await, Err(BatchError::Full(2)));
        drop(first);
        let mut third = Box::pin(slow.run(rows(5, 1)));
        assert!(futures::poll!(&mut third).is_pending());
        running.await.unwrap().unwrap();
        let expected = batcher(0, settings());
        let (second, third) = tokio::join!(second, third);
        assert_near(&second.unwrap().values[0], &expected.run(rows(3, 1)).await.unwrap().values[0]);
        assert_near(&third.unwrap().values[0], &expected.run(rows(5, 1)).await.unwrap().values[0]);
        assert_eq!(counts(&slow), (10, 2));
        assert_eq!(slow.shared.counters.pending.get(), 0);
    }

    #[tokio::test]
    async fn a_delay_lets_requests_come_together() {
        let patient = batcher(0, BatchSettings { max_delay: Duration::from_millis(40), ..settings() });
        let late = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            patient.run(rows(1, 1)).await
        };
        let (early, late) = tokio::join!(patient.run(rows(0, 1)), late);
        assert!(early.is_ok() && late.is_ok());
        assert_eq!(counts(&patient), (2, 1));
        // A full batch waits for nothing.
        let begun = clock::monotonic();
        patient.run(rows(0, 8)).await.unwrap();
        assert!(clock::monotonic().duration_since(begun) < Duration::from_millis(40));
    }

    #[tokio::test]
    async fn a_panic_fails_who_waits_and_closes() {
        for pause in [0, 20] {
            let broken = batcher(pause, settings());
            let poison = Rows { count: 1, values: vec![vec![f32::NAN; 3]] };
            let (poisoned, behind) = tokio::join!(broken.run(poison), async {
                tokio::time::sleep(Duration::from_millis(pause / 4)).await;
                broken.run(rows(0, 1)).await
            });
            let is_failure = |error: &BatchError| error.to_string().contains("a NaN came out");
            assert!(is_failure(&poisoned.unwrap_err()));
            assert!(is_failure(&behind.unwrap_err()));
            assert!(broken.is_closed());
            assert!(is_failure(&broken.run(rows(0, 1)).await.unwrap_err()));
        }
    }

    #[tokio::test]
    async fn several_instances_share_what_waits() {
        let models = vec![dense(10), dense(10), dense(10)];
        let three = Batcher::start(models, settings(), Metrics::new().of("m", 1)).unwrap();
        let begun = clock::monotonic();
        let whole = three.run(rows(0, 8 * 12)).await.unwrap();
        assert!(clock::monotonic().duration_since(begun) < Duration::from_millis(100));
        assert_near(&whole.values[0], &one_by_one(&batcher(0, settings()), 96).await);
        let closing = Arc::new(three);
        let waiting = tokio::spawn({
            let closing = closing.clone();
            async move { closing.run(rows(0, 800)).await }
        });
        tokio::time::sleep(Duration::from_millis(15)).await;
        tokio::task::spawn_blocking(move || closing.close()).await.unwrap();
        assert_eq!(waiting.await.unwrap(), Err(BatchError::Unloaded));
    }
}
