//! A network out of its nodes: built once, passed through many times.

pub mod folding;

use std::cell::RefCell;

use tch::{Device, Tensor};

use super::activations::Activation;
use super::initializers::ParameterSpec;
use super::layers::{Forward, Inferred, Layer, NodeContext};
use super::regularizers::Regularizer;
use super::{FieldError, Pass};
use crate::spec::{NodeOptions, Shape};
use crate::torch::{Parameter, Parameters, ops};

/// A network as data: what a plan proves and a model keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkPlan {
    pub inputs: Vec<NetworkInput>,
    /// In topological order, without the inputs.
    pub nodes: Vec<NetworkNode>,
    /// Indices into `nodes`, in the order of the outputs.
    pub outputs: Vec<usize>,
    /// Channels innermost in memory.
    pub channels_last: bool,
    /// Nodes whose activation runs behind the max-pooling that follows them.
    pub late_activations: Vec<usize>,
    /// Nodes whose activation takes the memory of what it is applied to.
    pub overwriting: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkInput {
    pub name: String,
    pub shape: Shape,
}

#[derive(Clone, Debug, PartialEq)]
pub struct NetworkNode {
    pub name: String,
    pub layer: Layer,
    pub inputs: Vec<Source>,
    pub output_shape: Shape,
    pub options: NodeOptions,
}

/// Where a node's input comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Input(usize),
    Node(usize),
}

impl NetworkPlan {
    /// The shapes that a node takes.
    pub fn input_shapes(&self, node: usize) -> Vec<Shape> {
        let shape = |source: &Source| match *source {
            Source::Input(input) => self.inputs[input].shape.clone(),
            Source::Node(node) => self.nodes[node].output_shape.clone(),
        };
        self.nodes[node].inputs.iter().map(shape).collect()
    }

    /// Whether channels innermost in memory make it faster: it convolves.
    pub fn wants_channels_last(&self) -> bool {
        self.nodes.iter().any(|node| node.layer.convolves())
    }

    /// The nodes whose activation [may run late](may_run_late).
    pub fn movable_activations(&self) -> Vec<usize> {
        let movable = |index: &usize| {
            let takes = |node: &&NetworkNode| node.inputs.contains(&Source::Node(*index));
            let mut takers = self.nodes.iter().filter(takes).map(|node| &node.layer);
            may_run_late(&self.nodes[*index].layer, self.outputs.contains(index), &mut takers)
        };
        (0..self.nodes.len()).filter(movable).collect()
    }

    /// The nodes whose activation may take the memory of what it is applied to: it asks for nothing but what comes out of it,
    /// and that memory belongs to nobody else, nor does the backward pass of what made it look there. An activation that
    /// runs late is none of them.
    pub fn overwriting_activations(&self) -> Vec<usize> {
        let may = |index: &usize| {
            let node = &self.nodes[*index];
            let able = node.layer.activation().is_some_and(|activation| activation.may_overwrite());
            let leaves = match node.inputs.as_slice() {
                [Source::Node(before)] if node.layer.is_activation() => self.gives_its_value_to_one(*before),
                _ => node.layer.leaves_its_output(),
            };
            able && leaves && !self.late_activations.contains(index)
        };
        (0..self.nodes.len()).filter(may).collect()
    }

    /// Whether what a node makes, before any activation, is for one other node alone.
    fn gives_its_value_to_one(&self, index: usize) -> bool {
        let layer = &self.nodes[index].layer;
        let plain = layer.activation().is_none_or(|activation| activation.name() == "linear");
        let sources = self.nodes.iter().flat_map(|node| &node.inputs);
        let takers = sources.filter(|source| **source == Source::Node(index)).count();
        let for_itself = self.outputs.contains(&index) || layer.activity_regularizer().is_some();
        plain && layer.leaves_its_output() && takers == 1 && !for_itself
    }

    /// What is known of every node.
    pub fn infer(&self) -> Result<Vec<Inferred>, (usize, FieldError)> {
        let infer = |node: usize| {
            self.nodes[node].layer.infer(&self.input_shapes(node)).map_err(|error| (node, error))
        };
        (0..self.nodes.len()).map(infer).collect()
    }
}

/// Whether a layer's activation may run behind max-pooling instead of before it: it looks at each element alone and never
/// decreases, the pooling is all that it feeds (`takers` are the layers that take it), and it is no output, nor is there
/// a penalty on what comes out of it.
pub fn may_run_late(layer: &Layer, is_output: bool, takers: &mut dyn Iterator<Item = &Layer>) -> bool {
    let moves = layer.activity_regularizer().is_none()
        && layer.activation().is_some_and(|activation| {
            activation.name() != "linear" && activation.elementwise_non_decreasing()
        });
    moves
        && !is_output
        && takers.next().is_some_and(|taker| taker.takes_greatest())
        && takers.next().is_none()
}

/// What a pass is to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// As the losses take it: without the last activation where a loss is fused with it.
    Logits,
    /// As a user reads it.
    Outputs,
}

/// A network with its parameters.
pub struct Network {
    nodes: Vec<Node>,
    outputs: Vec<Output>,
    parameters: Parameters,
    trainable: Vec<Tensor>,
    learning_rate_factors: Vec<f64>,
    penalties: Vec<(Tensor, Regularizer)>,
    constraints: Vec<(Tensor, ParameterSpec)>,
    /// Of the last pass; `None` where no layer has one.
    activity_penalty: RefCell<Option<Tensor>>,
    images_inside: bool,
    /// How many nodes and outputs take each input and each node's value.
    input_uses: Vec<usize>,
}

struct Node {
    forward: Box<dyn Forward>,
    inputs: Vec<Source>,
    /// Its own activation, where that runs right behind it.
    activation: Option<Activation>,
    /// Whether that takes the memory of what it is applied to.
    overwrites: bool,
    /// Those of nodes before it that run behind this one.
    late: Option<Activation>,
    activity_regularizer: Option<Regularizer>,
    uses: usize,
}

#[derive(Clone, Copy)]
struct Output {
    node: usize,
    fused: bool,
}

/// A node's value, and what it was before its activation where somebody wants that.
struct Value {
    value: Tensor,
    before: Option<Tensor>,
    uses: usize,
}

impl Network {
    /// Builds the network with the parameters that the seed gives. The plan has been proven; what is wrong with one
    /// that has not is told with the node's name.
    pub fn new(plan: &NetworkPlan, seed: u64, device: Device) -> Result<Self, String> {
        let inferred =
            plan.infer().map_err(|(node, error)| format!("{}: {}", plan.nodes[node].name, error.detail))?;
        let mut own = Own::default();
        let mut nodes = Vec::with_capacity(plan.nodes.len());
        for (index, (node, inferred)) in plan.nodes.iter().zip(&inferred).enumerate() {
            let context = NodeContext { seed, name: node.name.clone(), trainable: node.options.trainable };
            let parameters = initialise(&context, inferred, plan.channels_last, device)?;
            let tensors: Vec<Tensor> =
                parameters.iter().map(|parameter| parameter.tensor.shallow_clone()).collect();
            let forward = node.layer.build(&plan.input_shapes(index), &tensors, &context);
            own.take(parameters, &inferred.parameters, node.options);
            nodes.push(Node::new(plan, index, forward));
        }
        let mut input_uses = vec![0; plan.inputs.len()];
        for source in plan.nodes.iter().flat_map(|node| &node.inputs) {
            match *source {
                Source::Input(input) => input_uses[input] += 1,
                Source::Node(node) => nodes[node].uses += 1,
            }
        }
        let outputs = plan.outputs.iter().map(|node| Output { node: *node, fused: false }).collect();
        Ok(Self {
            nodes,
            outputs,
            parameters: own.parameters,
            trainable: own.trainable,
            learning_rate_factors: own.learning_rate_factors,
            penalties: own.penalties,
            constraints: own.constraints,
            activity_penalty: RefCell::new(None),
            images_inside: plan.channels_last,
            input_uses,
        })
    }

    /// Says for each output whether its loss is fused with the last activation; `Head::Logits` then leaves that out.
    #[must_use]
    pub fn with_fused(mut self, fused: &[bool]) -> Self {
        for (output, fused) in self.outputs.iter_mut().zip(fused) {
            output.fused = *fused;
        }
        self
    }

    /// The outputs of a batch, in the plan's order.
    pub fn forward(&self, inputs: &[Tensor], pass: &Pass, head: Head) -> Vec<Tensor> {
        let inputs: Vec<Tensor> = inputs.iter().map(|input| self.laid_out(input)).collect();
        let mut activity = None;
        let mut values: Vec<Option<Value>> = Vec::with_capacity(self.nodes.len());
        for (index, node) in self.nodes.iter().enumerate() {
            let taken: Vec<&Tensor> = node
                .inputs
                .iter()
                .filter_map(|source| match *source {
                    Source::Input(input) => inputs.get(input),
                    Source::Node(node) => values[node].as_ref().map(|value| &value.value),
                })
                .collect();
            let mut value = node.forward.forward(&taken, pass);
            if let Some(activation) = &node.late {
                value = activation.apply(&value);
            }
            let fused = head == Head::Logits
                && self.outputs.iter().any(|output| output.node == index && output.fused);
            let before = fused.then(|| value.shallow_clone());
            // Where the loss takes the value before the activation and nobody else takes it, it is never computed.
            if let (Some(activation), true) = (&node.activation, !fused || self.needs_value(index)) {
                value = if node.overwrites { activation.apply_over(value) } else { activation.apply(&value) };
            }
            if let Some(regularizer) = &node.activity_regularizer {
                activity = Some(add(activity, regularizer.penalty(&value) / value.size()[0].max(1)));
            }
            values.push(Some(Value { value, before, uses: node.uses + self.outputs_of(index) }));
            release(node, &mut values);
        }
        self.activity_penalty.replace(activity);
        self.outputs
            .iter()
            .filter_map(|output| values[output.node].as_ref().map(|value| value.head(output.fused)))
            .collect()
    }

    /// An output in a user's terms from what `Head::Logits` gave.
    pub fn finish(&self, output: usize, head: &Tensor) -> Tensor {
        let Output { node, fused } = self.outputs[output];
        match &self.nodes[node].activation {
            Some(activation) if fused => activation.apply(head),
            _ => head.shallow_clone(),
        }
    }

    fn laid_out(&self, input: &Tensor) -> Tensor {
        if self.images_inside && input.dim() == 4 {
            ops::contiguous_channels_last(input)
        } else {
            input.shallow_clone()
        }
    }

    fn outputs_of(&self, node: usize) -> usize {
        self.outputs.iter().filter(|output| output.node == node).count()
    }

    /// Whether a node's value is taken behind its activation.
    fn needs_value(&self, node: usize) -> bool {
        let Node { uses, activity_regularizer, .. } = &self.nodes[node];
        *uses > 0
            || activity_regularizer.is_some()
            || self.outputs.iter().any(|output| output.node == node && !output.fused)
    }

    /// What gradients are taken of, in the plan's order.
    pub fn trainable(&self) -> &[Tensor] {
        &self.trainable
    }

    /// The same with their paths.
    pub fn trainable_named(&self) -> Vec<(String, Tensor)> {
        let trainable = self.parameters.iter().filter(|parameter| parameter.trainable);
        trainable.map(|parameter| (parameter.path.clone(), parameter.tensor.shallow_clone())).collect()
    }

    /// What the learning rate is multiplied by for each of [`trainable`](Self::trainable).
    pub fn learning_rate_factors(&self) -> &[f64] {
        &self.learning_rate_factors
    }

    /// What the regularisers add to the loss: those of parameters as they are, those of activities as of the last pass, by
    /// example. `None` where there are none.
    pub fn penalty(&self) -> Option<Tensor> {
        let activity = self.activity_penalty.borrow().as_ref().map(Tensor::shallow_clone);
        self.penalties
            .iter()
            .fold(activity, |sum, (parameter, regularizer)| Some(add(sum, regularizer.penalty(parameter))))
    }

    /// Makes the constraints hold, behind a step.
    pub fn constrain(&self) {
        if self.constraints.is_empty() {
            return;
        }
        tch::no_grad(|| {
            for (tensor, spec) in &self.constraints {
                let Some(constraint) = &spec.constraint else { continue };
                let values = tensor.reshape(spec.layout.unfolded(&spec.shape));
                let constrained = constraint.apply(&values, spec).reshape(&spec.shape);
                tensor.shallow_clone().copy_(&constrained);
            }
        });
    }

    /// All parameters by path in the plan's order, sharing their memory: what a file of weights holds.
    pub fn named(&self) -> Vec<(String, Tensor)> {
        self.parameters.named()
    }

    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Takes weights by path; their layout in memory becomes that of the plan.
    pub fn load(&mut self, weights: &[(String, Tensor)]) -> Result<(), String> {
        self.parameters.load(weights)
    }

    /// Whether the network takes so many inputs, and uses each of them.
    pub fn inputs(&self) -> usize {
        self.input_uses.len()
    }
}

/// The network's own, as it is gathered node by node.
#[derive(Default)]
struct Own {
    parameters: Parameters,
    trainable: Vec<Tensor>,
    learning_rate_factors: Vec<f64>,
    penalties: Vec<(Tensor, Regularizer)>,
    constraints: Vec<(Tensor, ParameterSpec)>,
}

impl Own {
    /// Takes a node's parameters. What is frozen is neither penalised nor constrained.
    fn take(&mut self, parameters: Vec<Parameter>, specs: &[ParameterSpec], options: NodeOptions) {
        for (parameter, spec) in parameters.into_iter().zip(specs) {
            if parameter.trainable {
                let tensor = || parameter.tensor.shallow_clone();
                self.trainable.push(tensor());
                self.learning_rate_factors.push(options.learning_rate_factor.get());
                self.penalties.extend(spec.regularizer.clone().map(|regularizer| (tensor(), regularizer)));
                self.constraints.extend(spec.constraint.is_some().then(|| (tensor(), spec.clone())));
            }
            self.parameters.push(parameter);
        }
    }
}

impl Node {
    fn new(plan: &NetworkPlan, index: usize, forward: Box<dyn Forward>) -> Self {
        let node = &plan.nodes[index];
        let late = |index: &usize| plan.late_activations.contains(index);
        let before = node.inputs.iter().find_map(|source| match source {
            Source::Node(before) if late(before) => plan.nodes[*before].layer.activation().cloned(),
            _ => None,
        });
        Self {
            forward,
            inputs: node.inputs.clone(),
            activation: node.layer.activation().filter(|_| !late(&index)).cloned(),
            overwrites: plan.overwriting.contains(&index),
            late: before,
            activity_regularizer: node.layer.activity_regularizer().cloned(),
            uses: 0,
        }
    }
}

fn add(sum: Option<Tensor>, other: Tensor) -> Tensor {
    match sum {
        Some(sum) => sum + other,
        None => other,
    }
}

/// Lets go of what nobody takes any more: without gradients that frees its memory.
fn release(node: &Node, values: &mut [Option<Value>]) {
    for source in &node.inputs {
        if let Source::Node(before) = *source
            && let Some(value) = &mut values[before]
        {
            value.uses -= 1;
            if value.uses == 0 {
                values[before] = None;
            }
        }
    }
}

impl Value {
    fn head(&self, fused: bool) -> Tensor {
        match &self.before {
            Some(before) if fused => before.shallow_clone(),
            _ => self.value.shallow_clone(),
        }
    }
}

/// The parameters of a node as the seed gives them.
fn initialise(
    node: &NodeContext,
    inferred: &Inferred,
    channels_last: bool,
    device: Device,
) -> Result<Vec<Parameter>, String> {
    let initialise = |spec: &ParameterSpec| {
        let trainable = spec.trainable && node.trainable;
        let values = spec.initializer.fill(spec, node.initial(spec.name));
        let tensor = Tensor::f_from_slice(&values)
            .and_then(|flat| flat.f_reshape(&spec.shape))
            .and_then(|tensor| tensor.f_to_device(device))
            .map_err(|error| format!("{}.{}: {error}", node.name, spec.name))?;
        let tensor = if channels_last && spec.shape.len() == 4 {
            ops::contiguous_channels_last(&tensor)
        } else {
            tensor
        };
        Ok(Parameter {
            path: format!("{}.{}", node.name, spec.name),
            tensor: tensor.set_requires_grad(trainable),
            trainable,
        })
    };
    inferred.parameters.iter().map(initialise).collect()
}

#[cfg(test)]
mod tests;
