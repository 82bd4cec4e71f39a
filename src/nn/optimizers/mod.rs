//! Optimisers: how gradients change parameters. One file each; the words are Keras's, the mathematics is PyTorch's.

use std::collections::HashMap;

use tch::Tensor;

use crate::nn::schedules::ScheduledRate;

crate::components! {
    /// What makes the loss small.
    pub enum Optimizer: dyn OptimizerConfig, "an optimizer" {
        Sgd, Adam, Adamw, Adadelta, Adagrad, Rmsprop, Adamax, Nadam, Lion
    }
}

/// What an optimiser must say of itself.
pub trait OptimizerConfig {
    fn learning_rate(&self) -> &ScheduledRate;

    /// The names of the tensors of a parameter's size that it keeps beside each parameter.
    fn slots(&self) -> &'static [&'static str];

    /// What every element of the slots is before the first step.
    fn first(&self) -> f64 {
        0.0
    }

    /// What `Slots::number` is before the first step, where a number is carried from step to step.
    fn number(&self) -> Option<f64> {
        None
    }

    /// Changes the parameters in place. Gradients stand in the parameters' order, and `slots.steps` counts this step.
    fn step(&self, slots: &mut Slots, gradients: &[Tensor], learning_rate: f64);
}

impl Optimizer {
    /// `parameters` by path, in the order in which `step` gets their gradients.
    pub fn build(&self, parameters: &[(String, Tensor)]) -> OptimizerState {
        self.build_scaled(parameters, &vec![1.0; parameters.len()])
    }

    /// The same, each parameter with a factor of its own upon the learning rate.
    pub fn build_scaled(&self, parameters: &[(String, Tensor)], factors: &[f64]) -> OptimizerState {
        let mut groups: Vec<Group> = Vec::new();
        for (index, factor) in factors.iter().enumerate().take(parameters.len()) {
            match groups.iter_mut().find(|group| group.factor.to_bits() == factor.to_bits()) {
                Some(group) => group.members.push(index),
                None => {
                    groups.push(Group { factor: *factor, members: vec![index], slots: Slots::default() });
                }
            }
        }
        for group in &mut groups {
            let own: Vec<&(String, Tensor)> = group.members.iter().map(|index| &parameters[*index]).collect();
            group.slots = Slots::new(&own, self);
        }
        OptimizerState { config: self.clone(), groups }
    }
}

/// An optimiser with what it remembers of earlier steps.
pub struct OptimizerState {
    config: Optimizer,
    groups: Vec<Group>,
}

/// The parameters of one learning rate.
struct Group {
    factor: f64,
    /// Indices of the parameters.
    members: Vec<usize>,
    slots: Slots,
}

impl OptimizerState {
    /// Changes the parameters in place. Gradients stand in the parameters' order.
    pub fn step(&mut self, gradients: &[Tensor], learning_rate: f64) {
        let alone = self.groups.len() == 1;
        for Group { factor, members, slots } in &mut self.groups {
            slots.steps += 1;
            let rate = learning_rate * *factor;
            if alone {
                self.config.step(slots, gradients, rate);
            } else {
                let own: Vec<Tensor> =
                    members.iter().map(|index| gradients[*index].shallow_clone()).collect();
                self.config.step(slots, &own, rate);
            }
        }
    }

    /// All that the next step reads but the parameters, by name, for a checkpoint.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let mut state: Vec<(String, Tensor)> = Vec::new();
        for (name, tensor) in self.groups.iter().flat_map(|group| group.slots.state()) {
            // What is counted is the same for all groups.
            if !state.iter().any(|(known, _)| *known == name) {
                state.push((name, tensor));
            }
        }
        state
    }

    pub fn load(&mut self, state: &HashMap<String, Tensor>) -> Result<(), String> {
        self.groups.iter_mut().try_for_each(|group| group.slots.load(state))
    }
}

/// The parameters of an optimiser and a tensor beside each of them for every slot.
#[derive(Default)]
pub struct Slots {
    paths: Vec<String>,
    pub(crate) parameters: Vec<Tensor>,
    names: &'static [&'static str],
    /// By slot, then by parameter; laid out in memory as the parameters are.
    pub(crate) slots: Vec<Vec<Tensor>>,
    /// Steps taken, the one under way included.
    pub(crate) steps: u64,
    /// What is carried from step to step beside the tensors, where something is.
    pub(crate) number: Option<f64>,
}

impl Slots {
    fn new(parameters: &[&(String, Tensor)], config: &Optimizer) -> Self {
        let names = config.slots();
        let first =
            || parameters.iter().map(|(_, tensor)| tensor.detach().full_like(config.first())).collect();
        Self {
            paths: parameters.iter().map(|(path, _)| path.clone()).collect(),
            parameters: parameters.iter().map(|(_, tensor)| tensor.detach()).collect(),
            names,
            slots: names.iter().map(|_| first()).collect(),
            steps: 0,
            number: config.number(),
        }
    }

    /// Walks along the parameters: `update` gets each with its gradient, to which `weight_decay` times the parameter is
    /// added, and with its slots, and changes them in place.
    pub(crate) fn each(
        &self,
        gradients: &[Tensor],
        weight_decay: f64,
        mut update: impl FnMut(&mut Tensor, &Tensor, &mut [Tensor]),
    ) {
        tch::no_grad(|| {
            for (index, (parameter, gradient)) in self.parameters.iter().zip(gradients).enumerate() {
                let mut own: Vec<Tensor> =
                    self.slots.iter().map(|slot| slot[index].shallow_clone()).collect();
                let mut parameter = parameter.shallow_clone();
                if weight_decay > 0.0 {
                    let gradient = gradient + &parameter * weight_decay;
                    update(&mut parameter, &gradient, &mut own);
                } else {
                    update(&mut parameter, gradient, &mut own);
                }
            }
        });
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        let mut state = vec![("steps".to_owned(), Tensor::from(self.steps as i64))];
        state.extend(self.number.map(|number| ("number".to_owned(), Tensor::from(number))));
        for (name, tensors) in self.names.iter().zip(&self.slots) {
            for (path, tensor) in self.paths.iter().zip(tensors) {
                state.push((format!("{name}/{path}"), tensor.shallow_clone()));
            }
        }
        state
    }

    fn load(&mut self, state: &HashMap<String, Tensor>) -> Result<(), String> {
        let scalar = |name: &str| {
            let found = state.get(name).filter(|value| value.numel() == 1);
            found.ok_or_else(|| format!("the optimizer's {name} is missing"))
        };
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
        self.steps = scalar("steps")?.int64_value(&[]) as u64;
        if let Some(number) = &mut self.number {
            *number = scalar("number")?.double_value(&[]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tch::Kind;

    use super::*;
    use crate::nn::schedules::Plateau;
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
                optimizer.step(&gradients, config.learning_rate().at(step - 1, 100, &Plateau::default()));
                let Some(expected) = case["w_after_step"].get(step.to_string()) else { continue };
                let error = (&weights - matrix(expected)).abs().max().double_value(&[]);
                assert!(error < 1e-9, "{body} is off by {error} after step {step}");
                visited += 1;
            }
        }
        assert_eq!(visited, golden["cases"].as_array().unwrap().len() * 5);
        for name in Optimizer::NAMES {
            assert!(
                golden["cases"].as_array().unwrap().iter().any(|case| case["type"] == *name),
                "{name} has no trajectory"
            );
        }
    }

    /// Two parameters of two factors go as each would alone at its own rate, and go on so from a checkpoint.
    #[test]
    fn a_factor_scales_the_learning_rate_of_its_parameter() {
        let read = |body: &Value| Optimizer::read(body, &Pointer::root(), &mut SpecErrors::new()).unwrap();
        let weights = || Tensor::from_slice(&[1.0_f64, -2.0]);
        let gradient = Tensor::from_slice(&[0.5_f64, 0.25]);
        for name in Optimizer::NAMES {
            let config = read(&Value::from(*name));
            let (slow, fast, alone) = (weights(), weights(), weights());
            let both = [("a".to_owned(), slow.shallow_clone()), ("b".to_owned(), fast.shallow_clone())];
            let mut first = config.build_scaled(&both, &[0.1, 1.0]);
            let mut other = config.build(&[("a".to_owned(), alone.shallow_clone())]);
            let gradients = [gradient.shallow_clone(), gradient.shallow_clone()];
            first.step(&gradients, 0.01);
            let mut second = config.build_scaled(&both, &[0.1, 1.0]);
            second.load(&first.state().into_iter().collect()).unwrap();
            second.step(&gradients, 0.01);
            for _ in 0..2 {
                other.step(&gradients[..1], 0.001);
            }
            assert_eq!(slow, alone, "{name}");
            assert_ne!(fast, alone, "{name}");
        }
    }
}
