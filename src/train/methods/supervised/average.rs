//! A moving mean of the weights.

use tch::Tensor;

use crate::nn::network::Network;
use crate::train::checkpoint::own;

/// The mean beside its network.
pub(super) struct Average {
    momentum: f64,
    /// In the order of the network's parameters; what no gradient changes is no mean.
    weights: Vec<Averaged>,
}

struct Averaged {
    path: String,
    mean: Tensor,
    trainable: bool,
}

impl Average {
    /// Begins with the weights as they are.
    pub(super) fn new(network: &Network, momentum: f64) -> Self {
        let weights = network.parameters().iter().map(|parameter| Averaged {
            path: parameter.path.clone(),
            mean: tch::no_grad(|| parameter.tensor.detach().copy()),
            trainable: parameter.trainable,
        });
        Self { momentum, weights: weights.collect() }
    }

    /// Takes the weights behind a step.
    pub(super) fn update(&mut self, network: &Network) {
        tch::no_grad(|| {
            for (averaged, parameter) in self.weights.iter_mut().zip(network.parameters().iter()) {
                if averaged.trainable {
                    let _ = averaged.mean.lerp_(&parameter.tensor, 1.0 - self.momentum);
                } else {
                    averaged.mean.copy_(&parameter.tensor);
                }
            }
        });
    }

    /// Puts the mean in the network's place, or takes it back again.
    pub(super) fn swap(&mut self, network: &Network) {
        tch::no_grad(|| {
            for (averaged, parameter) in self.weights.iter_mut().zip(network.parameters().iter()) {
                let before = parameter.tensor.detach().copy();
                parameter.tensor.detach().copy_(&averaged.mean);
                averaged.mean.copy_(&before);
            }
        });
    }

    /// By path, sharing the memory.
    pub(super) fn named(&self) -> Vec<(String, Tensor)> {
        self.weights.iter().map(|averaged| (averaged.path.clone(), averaged.mean.shallow_clone())).collect()
    }

    /// By path, in memory of their own.
    pub(super) fn copies(&self) -> Vec<(String, Tensor)> {
        self.weights.iter().map(|averaged| (averaged.path.clone(), own(&averaged.mean))).collect()
    }

    pub(super) fn load(&mut self, values: &[(String, Tensor)]) -> Result<(), String> {
        for averaged in &mut self.weights {
            let value = values.iter().find(|(path, _)| *path == averaged.path).map(|(_, value)| value);
            match value.filter(|value| value.size() == averaged.mean.size()) {
                // Copied, so that the layout in memory stays what it was.
                Some(value) => tch::no_grad(|| averaged.mean.copy_(value)),
                None => return Err(format!("the mean of {} is missing or of another shape", averaged.path)),
            }
        }
        Ok(())
    }
}
