//! Wakes libtorch before there is a run: its kernels are found, its memory is mapped.

use tch::{Device, Kind, Tensor};

/// A small step forward and backward through what most networks are made of.
pub(super) fn up() {
    tch::set_num_threads(1);
    let images = Tensor::zeros([8, 1, 12, 12], (Kind::Float, Device::Cpu));
    let kernel = Tensor::zeros([4, 1, 3, 3], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let weights = Tensor::zeros([10, 100], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let targets = Tensor::zeros([8], (Kind::Int64, Device::Cpu));
    let features = images
        .conv2d::<Tensor>(&kernel, None, [1, 1], [0, 0], [1, 1], 1)
        .relu()
        .max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false)
        .flatten(1, -1);
    let loss = features.linear::<Tensor>(&weights, None).cross_entropy_for_logits(&targets);
    loss.backward();
}
