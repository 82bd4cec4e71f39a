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
    let values = (first..first + count).flat_map(|row| [row as f32 * 0.1, 1.0, -0.3 * row as f32]).collect();
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
