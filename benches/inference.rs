//! What a prediction costs beside the network's own arithmetic: one request at a time, and many that come together.
#![expect(clippy::expect_used, reason = "a measurement that cannot begin may end so")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures::future::join_all;
use lyceum::inference::Metrics;
use lyceum::inference::batcher::{BatchModel, BatchSettings, Batcher, Rows};
use lyceum::spec::Shape;
use tch::{Device, Kind, Tensor};

/// 784-128-10, the network of the digits.
struct Mlp {
    shapes: Vec<Shape>,
    layers: [(Tensor, Tensor); 2],
}

impl Mlp {
    fn new() -> Self {
        let layer = |inputs, outputs| {
            let options = (Kind::Float, Device::Cpu);
            (Tensor::rand([outputs, inputs], options) - 0.5, Tensor::zeros([outputs], options))
        };
        Self { shapes: vec![vec![784]], layers: [layer(784, 128), layer(128, 10)] }
    }
}

impl BatchModel for Mlp {
    fn input_shapes(&self) -> &[Shape] {
        &self.shapes
    }

    fn forward(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, String> {
        let [hidden, last] = &self.layers;
        let hidden = inputs[0].linear(&hidden.0, Some(&hidden.1)).relu();
        Ok(vec![hidden.linear(&last.0, Some(&last.1)).softmax(-1, Kind::Float)])
    }
}

fn image() -> Rows {
    Rows { count: 1, values: vec![(0..784).map(|pixel| (pixel % 255) as f32 / 255.0).collect()] }
}

fn batcher(instances: usize) -> Arc<Batcher> {
    let settings = BatchSettings { max_batch_size: 64, max_delay: Duration::ZERO, max_queue: 10_000 };
    let models = (0..instances).map(|_| Box::new(Mlp::new()) as Box<dyn BatchModel>).collect();
    Arc::new(Batcher::start(models, settings, Metrics::new().of("mlp", 1)).expect("the network runs"))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime")
}

fn one_by_one(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mlp 784-128-10, one at a time");
    let mut network = Mlp::new();
    let input = Tensor::from_slice(&image().values[0]).reshape([1, 784]);
    tch::set_num_threads(1);
    group.bench_function("the network alone", |bencher| {
        bencher.iter(|| tch::no_grad(|| black_box(network.forward(std::slice::from_ref(&input)))));
    });
    let runtime = runtime();
    let batcher = batcher(1);
    assert!(batcher.inline_rows() > 0, "the network is short");
    group.bench_function("through the batcher, inline", |bencher| {
        bencher.iter(|| runtime.block_on(batcher.run(image())));
    });
    group.finish();
}

fn together(criterion: &mut Criterion) {
    const EACH: usize = 32;
    let mut group = criterion.benchmark_group("mlp 784-128-10, many together");
    let runtime = runtime();
    let batcher = batcher(1);
    for clients in [16, 64, 256] {
        group.throughput(Throughput::Elements((clients * EACH) as u64));
        group.bench_function(format!("{clients} clients"), |bencher| {
            bencher.iter(|| {
                runtime.block_on(join_all((0..clients).map(|_| {
                    let batcher = batcher.clone();
                    runtime.spawn(async move {
                        for _ in 0..EACH {
                            batcher.run(image()).await.expect("an answer");
                        }
                    })
                })))
            });
        });
    }
    let rows = Rows { count: 1024, values: vec![image().values[0].repeat(1024)] };
    group.throughput(Throughput::Elements(1024));
    group.bench_function("one request of 1,024", |bencher| {
        bencher.iter(|| runtime.block_on(batcher.run(rows.clone())));
    });
    group.finish();
}

criterion_group!(benches, one_by_one, together);
criterion_main!(benches);
