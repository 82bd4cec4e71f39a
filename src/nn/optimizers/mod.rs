//! Optimisers: how gradients change parameters. One file each; the words are Keras's, the mathematics is PyTorch's.

use std::collections::HashMap;

use tch::Tensor;

use crate::nn::schedules::ScheduledRate;

crate::components! {
    /// What makes the loss small.
    pub enum Optimizer: dyn OptimizerConfig, "an optimizer" { Sgd, Adam }
}

/// What an optimiser must say of itself.
pub trait OptimizerConfig {
    fn learning_rate(&self) -> &ScheduledRate;

    /// Tensors of a parameter's size that it keeps beside each parameter.
    fn slots(&self) -> u64;

    /// `parameters` by path, in the order in which `step` gets their gradients.
    fn build(&self, parameters: &[(String, Tensor)]) -> Box<dyn OptimizerState>;
}

/// An optimiser with what it remembers of earlier steps.
pub trait OptimizerState: Send {
    /// Changes the parameters in place. Gradients stand in the parameters' order.
    fn step(&mut self, gradients: &[Tensor], learning_rate: f64);

    /// All that the next step reads but the parameters, by name, for a checkpoint.
    fn state(&self) -> Vec<(String, Tensor)>;

    fn load(&mut self, state: &HashMap<String, Tensor>) -> Result<(), String>;
}

/// The parameters of an optimiser and a tensor beside each of them for every slot.
pub(crate) struct Slots {
    paths: Vec<String>,
    pub(crate) parameters: Vec<Tensor>,
    names: &'static [&'static str],
    /// By slot, then by parameter; zeros at first, laid out in memory as the parameters are.
    pub(crate) slots: Vec<Vec<Tensor>>,
    pub(crate) steps: u64,
}

impl Slots {
    pub(crate) fn new(parameters: &[(String, Tensor)], names: &'static [&'static str]) -> Self {
        let zeros = || parameters.iter().map(|(_, tensor)| tensor.detach().zeros_like()).collect();
        Self {
            paths: parameters.iter().map(|(path, _)| path.clone()).collect(),
            parameters: parameters.iter().map(|(_, tensor)| tensor.detach()).collect(),
            names,
            slots: names.iter().map(|_| zeros()).collect(),
            steps: 0,
        }
    }

    pub(crate) fn state(&self) -> Vec<(String, Tensor)> {
        let mut state = vec![("steps".to_owned(), Tensor::from(self.steps as i64))];
        for (name, tensors) in self.names.iter().zip(&self.slots) {
            for (path, tensor) in self.paths.iter().zip(tensors) {
                state.push((format!("{name}/{path}"), tensor.shallow_clone()));
            }
        }
        state
    }

    pub(crate) fn load(&mut self, state: &HashMap<String, Tensor>) -> Result<(), String> {
        let steps = state
            .get("steps")
            .filter(|steps| steps.numel() == 1)
            .ok_or("the optimizer's steps are missing")?;
        for (name, tensors) in self.names.iter().zip(&mut self.slots) {
            for (path, tensor) in self.paths.iter().zip(tensors) {
                let key = format!("{name}/{path}");
                let saved = state.get(&key).ok_or_else(|| format!("the optimizer's {key} is missing"))?;
                if saved.size() != tensor.size() {
                    return Err(format!(
                        "the optimizer's {key} has the shape {:?}, not {:?}",
                        saved.size(),
                        tensor.size()
                    ));
                }
                // Copied, so that the layout in memory, and with it the kernel, stays what it was.
                tch::no_grad(|| tensor.copy_(saved));
            }
        }
        self.steps = steps.int64_value(&[]) as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tch::Kind;

    use super::*;
    use crate::spec::{Field, Pointer, SpecErrors};

    fn matrix(value: &Value) -> Tensor {
        let rows: Vec<Vec<f64>> = serde_json::from_value(value.clone()).unwrap();
        Tensor::from_slice2(&rows)
    }

    /// Against trajectories of PyTorch in float64; `tests/golden/make.py` makes them.
    #[test]
    fn trajectories_are_pytorch_s() {
        let golden: Value =
            serde_json::from_str(include_str!("../../../tests/golden/optimizers.json")).unwrap();
        let diagonal: Vec<f64> = serde_json::from_value(golden["A_diagonal"].clone()).unwrap();
        let (a, target) = (Tensor::from_slice(&diagonal).reshape([4, 1]), matrix(&golden["target"]));
        let mut visited = 0;
        for case in golden["cases"].as_array().unwrap() {
            let mut body = case["config"].clone();
            body["type"] = case["type"].clone();
            let mut errors = SpecErrors::new();
            let config =
                Optimizer::read(&body, &Pointer::root(), &mut errors).unwrap_or_else(|| panic!("{errors}"));
            let weights = matrix(&golden["w0"]).set_requires_grad(true);
            let mut optimizer = config.build(&[("w".to_owned(), weights.shallow_clone())]);
            for step in 1..=100_u64 {
                let distance = &weights - &target;
                let loss = (&distance * (&a * &distance)).sum(Kind::Double) * 0.5
                    + (&weights * 3.0).sin().sum(Kind::Double) * 0.1;
                let gradients = Tensor::run_backward(&[&loss], &[&weights], false, false);
                optimizer.step(&gradients, config.learning_rate().at(step - 1, 100));
                let Some(expected) = case["w_after_step"].get(step.to_string()) else { continue };
                let error = (&weights - matrix(expected)).abs().max().double_value(&[]);
                assert!(error < 1e-9, "{body} is off by {error} after step {step}");
                visited += 1;
            }
        }
        assert_eq!(visited, 6 * 5);
    }
}
