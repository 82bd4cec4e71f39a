//! The networks' forward passes by bare libtorch, as one would write them by hand: what a server can reach at most that
//! computes on one thread.

use std::time::Duration;

use lyceum::clock::monotonic;
use tch::{Device, Kind, Tensor};

/// A network from `[n, 1, 28, 28]` to probabilities.
pub(crate) type Forward = Box<dyn Fn(&Tensor) -> Tensor + Send>;

fn random(shape: &[i64]) -> Tensor {
    Tensor::randn(shape, (Kind::Float, Device::Cpu)) * 0.1
}

fn convolution(channels: (i64, i64), stride: i64, padding: i64) -> impl Fn(&Tensor) -> Tensor + Send {
    let kernel = random(&[channels.1, channels.0, 3, 3]);
    let bias = random(&[channels.1]);
    move |x| x.conv2d(&kernel, Some(&bias), stride, padding, 1, 1)
}

fn dense(from: i64, to: i64) -> impl Fn(&Tensor) -> Tensor + Send {
    let (kernel, bias) = (random(&[to, from]), random(&[to]));
    move |x| x.linear(&kernel, Some(&bias))
}

/// The convolutional network of `networks::all`.
pub(crate) fn cnn() -> Forward {
    let (first, second) = (convolution((1, 24), 1, 0), convolution((24, 36), 1, 0));
    let (hidden, last) = (dense(36 * 5 * 5, 128), dense(128, 10));
    let pool = |x: Tensor| x.max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false);
    Box::new(move |x| {
        let x = pool(first(x).relu());
        let x = pool(second(&x).relu()).flatten(1, -1);
        last(&hidden(&x).relu()).softmax(-1, Kind::Float)
    })
}

/// A convolution without a bias, and the normalisation behind it as it is at rest.
fn normalised(channels: (i64, i64), stride: i64) -> impl Fn(&Tensor) -> Tensor + Send {
    let kernel = random(&[channels.1, channels.0, 3, 3]);
    let [scale, shift, mean, deviation] = [0; 4].map(|_| random(&[channels.1]));
    let variance = deviation.square() + 1.0;
    move |x| {
        let x = x.conv2d(&kernel, None::<&Tensor>, stride, 1, 1, 1);
        x.batch_norm(Some(&scale), Some(&shift), Some(&mean), Some(&variance), false, 0.1, 1e-5, false)
    }
}

/// Two convolutions and what passes beside them, through one of a single pixel where the shape changes.
fn block(channels: (i64, i64), stride: i64) -> impl Fn(&Tensor) -> Tensor + Send {
    let (first, second) = (normalised(channels, stride), normalised((channels.1, channels.1), 1));
    let beside = (channels.0 != channels.1).then(|| random(&[channels.1, channels.0, 1, 1]));
    move |x| {
        let through = second(&first(x).relu());
        match &beside {
            Some(kernel) => (through + x.conv2d(kernel, None::<&Tensor>, stride, 0, 1, 1)).relu(),
            None => (through + x).relu(),
        }
    }
}

/// The residual network of `networks::all`.
pub(crate) fn resnet() -> Forward {
    let first = normalised((1, 16), 1);
    let blocks = (block((16, 16), 1), block((16, 32), 2), block((32, 64), 2));
    let last = dense(64, 10);
    Box::new(move |x| {
        let x = blocks.2(&blocks.1(&blocks.0(&first(x).relu())));
        last(&x.mean_dim([2_i64, 3].as_slice(), false, Kind::Float)).softmax(-1, Kind::Float)
    })
}

/// Images in a second, so many at a time, on one thread.
pub(crate) fn rate(forward: &Forward, batch: i64, time: Duration) -> f64 {
    tch::set_num_threads(1);
    let _guard = tch::no_grad_guard();
    let images = Tensor::rand([batch, 1, 28, 28], (Kind::Float, Device::Cpu));
    let (began, mut calls) = (monotonic(), 0);
    while began.elapsed() < time {
        drop(forward(&images));
        calls += 1;
    }
    (calls * batch) as f64 / began.elapsed().as_secs_f64()
}
