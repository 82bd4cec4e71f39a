//! The parameters of a network, in the order of its plan.

use tch::Tensor;

use super::ops;

/// A parameter by the path `<node>.<name>`.
pub struct Parameter {
    pub path: String,
    pub tensor: Tensor,
    pub trainable: bool,
}

/// Parameters in the order of the plan. Paths come from the names of nodes, never from the order of building.
#[derive(Default)]
pub struct Parameters(Vec<Parameter>);

impl Parameters {
    pub fn push(&mut self, parameter: Parameter) {
        debug_assert!(self.get(&parameter.path).is_none(), "{} twice", parameter.path);
        self.0.push(parameter);
    }

    pub fn iter(&self) -> impl Iterator<Item = &Parameter> {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, path: &str) -> Option<&Tensor> {
        self.0.iter().find(|parameter| parameter.path == path).map(|parameter| &parameter.tensor)
    }

    /// Paths and tensors; the tensors share the parameters' memory.
    pub fn named(&self) -> Vec<(String, Tensor)> {
        self.0.iter().map(|parameter| (parameter.path.clone(), parameter.tensor.detach())).collect()
    }

    pub fn bytes(&self) -> u64 {
        self.0
            .iter()
            .map(|parameter| {
                parameter.tensor.numel() as u64 * parameter.tensor.kind().elt_size_in_bytes() as u64
            })
            .sum()
    }

    /// Copies values in by path. Each parameter keeps its own layout in memory, whatever the values' is, so that the
    /// same kernels run as before. Nothing is copied unless all of it fits.
    pub fn load(&mut self, values: &[(String, Tensor)]) -> Result<(), String> {
        if values.len() != self.0.len() {
            return Err(format!("there are {} weights, and the network has {}", values.len(), self.0.len()));
        }
        let mut found = Vec::with_capacity(self.0.len());
        for Parameter { path, tensor, .. } in &self.0 {
            let Some((_, value)) = values.iter().find(|(name, _)| name == path) else {
                return Err(format!("the weight {path} is missing"));
            };
            if value.size() != tensor.size() || value.kind() != tensor.kind() {
                return Err(format!(
                    "the weight {path} is {:?} {:?}, not {:?} {:?}",
                    value.kind(),
                    value.size(),
                    tensor.kind(),
                    tensor.size()
                ));
            }
            found.push(value);
        }
        tch::no_grad(|| {
            for (parameter, value) in self.0.iter_mut().zip(found) {
                parameter.tensor.copy_(value);
            }
        });
        Ok(())
    }

    /// Lays out kernels of 4 axes with their channels innermost.
    pub fn channels_last(&mut self) {
        for parameter in self.0.iter_mut().filter(|parameter| parameter.tensor.dim() == 4) {
            let inner = tch::no_grad(|| ops::contiguous_channels_last(&parameter.tensor.detach()));
            parameter.tensor = inner.set_requires_grad(parameter.trainable);
        }
    }
}
