//! The network of a body: its layers read, its shapes proved, its cost counted, without touching a tensor.

use serde_json::{Map, Value, json};

use super::footprint::{Footprint, Load};
use super::objectives::Target;
use super::rewrites::Rewrites;
use crate::data::Preprocessing;
use crate::nn::initializers::ParameterSpec;
use crate::nn::layers::{Inferred, Layer};
use crate::nn::network::{NetworkInput, NetworkNode, NetworkPlan, Source};
use crate::spec::{
    Field, Form, ModelSpec, NODE_MEMBERS, NodeOptions, Outputs, Pointer, Record, Resources, Shape, SpecErrors,
};
use crate::train::graph::Graph;
use crate::train::plan::{NodeSummary, PlanError, Summary};

const F32: u64 = 4;

/// What the network's outputs are for, as far as it is known.
pub(super) struct Head<'a> {
    pub(super) targets: Option<&'a [Target]>,
}

/// A network as far as it could be resolved.
pub(super) struct Resolution {
    inputs: Vec<(String, Option<Shape>)>,
    /// In topological order.
    pub(super) nodes: Vec<ResolvedNode>,
    /// Indices into `nodes`.
    pub(super) outputs: Vec<usize>,
    pub(super) warnings: Vec<String>,
    form: Form,
}

pub(super) struct ResolvedNode {
    pub(super) name: String,
    /// In the body.
    pub(super) index: usize,
    kind: String,
    pointer: Pointer,
    pub(super) layer: Option<Layer>,
    options: NodeOptions,
    /// `Source::Node` counts in topological order.
    inputs: Option<Vec<Source>>,
    pub(super) output_shape: Option<Shape>,
    inferred: Option<Inferred>,
}

impl ResolvedNode {
    /// Parameters that training changes.
    fn trainable(&self) -> u64 {
        let all = self.inferred.iter().filter(|_| self.options.trainable).flat_map(|known| &known.parameters);
        all.filter(|parameter| parameter.trainable).map(ParameterSpec::elements).fold(0, u64::saturating_add)
    }

    pub(super) fn says_units(&self, model: &ModelSpec) -> bool {
        model.nodes[self.index].component.fields.contains_key("units")
    }
}

/// Resolves a network whose data enter as `input_names`.
pub(super) fn resolve_network(
    model: &ModelSpec,
    input_names: &[String],
    preprocessing: Option<&(Preprocessing, Vec<String>)>,
    head: &Head,
    errors: &mut SpecErrors,
) -> Resolution {
    let graph = Graph::read(model, input_names, errors);
    let mut place = vec![0; model.nodes.len()];
    for (at, index) in graph.order.iter().enumerate() {
        place[*index] = at;
    }
    let reorder = |source: &Source| match source {
        Source::Node(index) => Source::Node(place[*index]),
        Source::Input(index) => Source::Input(*index),
    };
    let nodes = graph.order.iter().map(|index| {
        let spec = &model.nodes[*index];
        ResolvedNode {
            name: graph.names[*index].clone(),
            index: *index,
            kind: spec.component.kind.clone(),
            pointer: spec.component.pointer.clone(),
            options: NodeOptions::of(&spec.component.fields, &spec.component.pointer, errors)
                .unwrap_or_default(),
            layer: Layer::from_component(&spec.component, &NODE_MEMBERS, errors),
            inputs: graph.inputs[*index].as_ref().map(|inputs| inputs.iter().map(reorder).collect()),
            output_shape: None,
            inferred: None,
        }
    });
    let nodes = nodes.collect();
    let shapes = preprocessing.map(|(preprocessing, _)| preprocessing.input_shapes());
    let inputs = input_names
        .iter()
        .enumerate()
        .map(|(index, name)| (name.clone(), shapes.as_ref().and_then(|shapes| shapes.get(index).cloned())))
        .collect();
    let mut network =
        Resolution { inputs, nodes, outputs: Vec::new(), warnings: Vec::new(), form: model.form };
    network.find_outputs(model, errors);
    network.fill_units(model, head);
    network.infer(model, head, errors);
    network.check_use(model, errors);
    network
}

impl Resolution {
    fn find_outputs(&mut self, model: &ModelSpec, errors: &mut SpecErrors) {
        let at = model.pointer.key("outputs");
        let find = |name: &str| self.nodes.iter().position(|node| node.name == name);
        self.outputs = match &model.outputs {
            None => (0..self.nodes.len()).filter(|index| self.consumers(*index).next().is_none()).collect(),
            Some(Outputs::ByTarget(pairs)) => pairs.iter().filter_map(|(_, node)| find(node)).collect(),
            Some(Outputs::Nodes(names)) => {
                if names.is_empty() {
                    errors.push(&at, "must name at least one node");
                }
                let found = names.iter().enumerate().filter_map(|(place, name)| {
                    let node = find(name);
                    if node.is_none() {
                        let hint = crate::spec::field::did_you_mean(
                            name,
                            self.nodes.iter().map(|node| node.name.as_str()),
                        );
                        errors.push(&at.index(place), format!("\"{name}\" is not a node{hint}"));
                    }
                    node
                });
                found.collect()
            }
        };
    }

    /// The nodes that take what node `index` gives.
    fn consumers(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.nodes.len()).filter(move |other| {
            self.nodes[*other].inputs.iter().flatten().any(|source| *source == Source::Node(index))
        })
    }

    /// The node that sets the width of node `index`: itself, or one before it where it keeps its input's shape.
    pub(super) fn width_source(&self, mut index: usize) -> usize {
        while self.keeps_width(index)
            && let Some([Source::Node(before)]) = self.nodes[index].inputs.as_deref()
        {
            index = *before;
        }
        index
    }

    /// Whether a node's output has the shape of its input, whatever that is: an activation, a dropout.
    fn keeps_width(&self, index: usize) -> bool {
        let Some(layer) = &self.nodes[index].layer else { return false };
        let kept =
            |shape: Shape| layer.infer(std::slice::from_ref(&shape)).map(|inferred| inferred.output == shape);
        let images = kept(vec![3, 5, 7]).unwrap_or(true) && kept(vec![5, 7]).unwrap_or(true);
        images && [7, 11].into_iter().all(|width| kept(vec![width]).unwrap_or(false))
    }

    /// Gives a last layer without `units` the width that its target asks for.
    fn fill_units(&mut self, model: &ModelSpec, head: &Head) {
        let Some(targets) = head.targets else { return };
        for (place, output) in self.outputs.clone().into_iter().enumerate() {
            let target = match &model.outputs {
                Some(Outputs::ByTarget(pairs)) => {
                    let name = &pairs[place.min(pairs.len() - 1)].0;
                    targets.iter().find(|target| target.name == *name)
                }
                _ => targets.first().filter(|_| targets.len() == 1 && self.outputs.len() == 1),
            };
            let Some(target) = target else { continue };
            let index = self.width_source(output);
            if let Some(layer) = &mut self.nodes[index].layer {
                layer.fill_units(target.loss.width(&target.view()));
            }
        }
    }

    fn shape_of(&self, source: Source) -> Option<&Shape> {
        match source {
            Source::Input(index) => self.inputs.get(index)?.1.as_ref(),
            Source::Node(index) => self.nodes[index].output_shape.as_ref(),
        }
    }

    fn infer(&mut self, model: &ModelSpec, head: &Head, errors: &mut SpecErrors) {
        for index in 0..self.nodes.len() {
            let node = &self.nodes[index];
            let (Some(layer), Some(inputs)) = (&node.layer, &node.inputs) else { continue };
            let shapes: Option<Vec<Shape>> =
                inputs.iter().map(|source| self.shape_of(*source).cloned()).collect();
            let Some(shapes) = shapes else {
                self.nodes[index].output_shape = guess(layer, inputs.len());
                continue;
            };
            match layer.infer(&shapes) {
                Ok(inferred) => {
                    self.nodes[index].output_shape = Some(inferred.output.clone());
                    self.nodes[index].inferred = Some(inferred);
                }
                Err(error) => {
                    let guessed = guess(layer, inputs.len());
                    // Units left out of a last layer come from the target; where that is unknown, so are they.
                    let unknown = head.targets.is_none()
                        && error.field == Some("units")
                        && self.outputs.contains(&index);
                    if !unknown {
                        let body = self.nodes[index].index;
                        let advice = model.nodes[body].advice.map(|advice| format!("; {advice}"));
                        let detail = error.detail + &advice.unwrap_or_default();
                        errors.push(&model.field_pointer(body, error.field), detail);
                    }
                    self.nodes[index].output_shape = guessed;
                }
            }
        }
    }

    /// Notes nodes whose value nobody uses, and warns of inputs that nobody takes.
    fn check_use(&mut self, model: &ModelSpec, errors: &mut SpecErrors) {
        if model.outputs.is_some() {
            for index in 0..self.nodes.len() {
                if self.consumers(index).next().is_none() && !self.outputs.contains(&index) {
                    let at = model.node_pointer(self.nodes[index].index);
                    let name = &self.nodes[index].name;
                    errors.push(
                        &at,
                        format!("\"{name}\" feeds no other node and is no output: leave it out or use it"),
                    );
                }
            }
        }
        for (index, (name, _)) in self.inputs.iter().enumerate() {
            let taken = self
                .nodes
                .iter()
                .flat_map(|node| node.inputs.iter().flatten())
                .any(|source| *source == Source::Input(index));
            let unread = self.nodes.iter().any(|node| node.inputs.is_none());
            if !taken && !unread {
                errors.push(&model.pointer, format!("no node takes the input \"{name}\""));
            }
        }
    }

    /// Forward cost of an example.
    pub(super) fn flops(&self) -> u64 {
        self.costs().map(|inferred| inferred.flops).fold(0, u64::saturating_add)
    }

    /// Parameters that training changes.
    pub(super) fn trainable(&self) -> u64 {
        self.nodes.iter().map(ResolvedNode::trainable).fold(0, u64::saturating_add)
    }

    fn costs(&self) -> impl Iterator<Item = &Inferred> {
        self.nodes.iter().filter_map(|node| node.inferred.as_ref())
    }

    /// Forward activations of an example, in bytes.
    pub(super) fn example_bytes(&self) -> u64 {
        let saved = self.costs().map(|inferred| inferred.saved);
        saved.fold(self.input_elements(), u64::saturating_add).saturating_mul(F32)
    }

    /// Elements of an example as it enters.
    pub(super) fn input_elements(&self) -> u64 {
        let shapes = self.inputs.iter().filter_map(|(_, shape)| shape.as_ref());
        shapes.map(elements).fold(0, u64::saturating_add)
    }

    /// What each node adds to the memory of a job.
    pub(super) fn loads(&self) -> Vec<Load> {
        let load = |node: &ResolvedNode| {
            let taken = node.inputs.iter().flatten().filter_map(|source| self.shape_of(*source));
            let saved = node.inferred.as_ref().map_or(0, |inferred| inferred.saved);
            // What an activation is applied to stands beside what comes of it.
            let activated = node.layer.as_ref().is_some_and(|layer| layer.activation().is_some());
            let before = node.output_shape.as_ref().filter(|_| activated).map_or(0, elements);
            Load {
                index: node.index,
                parameters: node.inferred.as_ref().map_or(0, parameters),
                saved,
                passing: taken.map(elements).fold(saved.saturating_add(before), u64::saturating_add),
            }
        };
        self.nodes.iter().map(load).collect()
    }

    /// Notes the node at which the job's memory is exceeded.
    pub(super) fn check_memory(&self, footprint: &Footprint, resources: &Resources, errors: &mut SpecErrors) {
        let limit = resources.memory_mb.get();
        let Some((load, used)) = footprint.beyond(limit << 20) else { return };
        let Some(node) = self.nodes.iter().find(|node| node.index == load.index) else { return };
        errors.push(
            &node.pointer,
            format!(
                "with this node the job takes about {} MiB ({} MiB of it here: {} parameters, {} activations an \
                 example), and resources.memory_mb allows {limit} MiB",
                used >> 20,
                footprint.bytes(&load) >> 20,
                load.parameters,
                load.saved
            ),
        );
    }

    pub(super) fn summary(&self) -> Summary {
        let inputs = self.inputs.iter().map(|(name, shape)| NodeSummary {
            name: name.clone(),
            kind: "input".into(),
            inputs: Vec::new(),
            output_shape: shape.clone().unwrap_or_default(),
            parameters: 0,
            trainable: 0,
        });
        let nodes = self.nodes.iter().map(|node| NodeSummary {
            name: node.name.clone(),
            kind: node.kind.clone(),
            inputs: node.inputs.iter().flatten().map(|source| self.name_of(*source)).collect(),
            output_shape: node.output_shape.clone().unwrap_or_default(),
            parameters: node.inferred.as_ref().map_or(0, parameters),
            trainable: node.trainable(),
        });
        Summary { nodes: inputs.chain(nodes).collect(), ..Summary::default() }
    }

    fn name_of(&self, source: Source) -> String {
        match source {
            Source::Input(index) => self.inputs[index].0.clone(),
            Source::Node(index) => self.nodes[index].name.clone(),
        }
    }

    /// The network with everything written out, in the body's form: a sequence that goes around some of its layers is
    /// written as a graph.
    pub(super) fn write(&self, outputs: Option<&Outputs>) -> Value {
        let form = if self.is_sequence() { self.form } else { Form::Nodes };
        let mut nodes: Vec<(usize, Value)> = self
            .nodes
            .iter()
            .map(|node| {
                let mut members = Map::new();
                members.insert("name".into(), json!(node.name));
                if let Some(layer) = &node.layer {
                    members.extend(layer.write_component());
                }
                members.extend(node.options.write_fields());
                if form == Form::Nodes {
                    let inputs: Vec<String> =
                        node.inputs.iter().flatten().map(|source| self.name_of(*source)).collect();
                    members.insert("inputs".into(), json!(inputs));
                }
                (node.index, Value::Object(members))
            })
            .collect();
        nodes.sort_by_key(|(index, _)| *index);
        let mut members = Map::new();
        members.insert(form.member().into(), nodes.into_iter().map(|(_, node)| node).collect());
        if let Some(outputs) = outputs {
            members.insert("outputs".into(), outputs.write());
        }
        Value::Object(members)
    }

    /// Whether each node takes the one before it alone.
    fn is_sequence(&self) -> bool {
        self.nodes.iter().enumerate().all(|(index, node)| {
            let before = index.checked_sub(1).map_or(Source::Input(0), Source::Node);
            node.inputs.as_deref() == Some(&[before])
        })
    }

    pub(super) fn into_plan(self, rewrites: &Rewrites) -> Result<NetworkPlan, PlanError> {
        let unresolved = || PlanError::Unavailable("the network is not resolved".into());
        let inputs = self.inputs.into_iter().map(|(name, shape)| Some(NetworkInput { name, shape: shape? }));
        let nodes = self.nodes.into_iter().map(|node| {
            Some(NetworkNode {
                name: node.name,
                layer: node.layer?,
                inputs: node.inputs?,
                output_shape: node.output_shape?,
                options: node.options,
            })
        });
        let plan = NetworkPlan {
            inputs: inputs.collect::<Option<_>>().ok_or_else(unresolved)?,
            nodes: nodes.collect::<Option<_>>().ok_or_else(unresolved)?,
            outputs: self.outputs,
            channels_last: false,
            late_activations: Vec::new(),
            overwriting: Vec::new(),
        };
        Ok(rewrites.applied(plan))
    }
}

fn elements(shape: &Shape) -> u64 {
    shape.iter().fold(1, |all, extent| all.saturating_mul(*extent))
}

fn parameters(inferred: &Inferred) -> u64 {
    inferred.parameters.iter().map(ParameterSpec::elements).fold(0, u64::saturating_add)
}

/// The output of a layer whose input is not known, where it is the same for whatever input it fits: a dense layer's
/// is, a flattening's is not.
fn guess(layer: &Layer, inputs: usize) -> Option<Shape> {
    let stand_ins: [[Shape; 2]; 2] = [[vec![7], vec![11]], [vec![1, 64, 64], vec![3, 128, 128]]];
    stand_ins.iter().find_map(|[one, other]| {
        let one = layer.infer(&vec![one.clone(); inputs]).ok()?.output;
        let other = layer.infer(&vec![other.clone(); inputs]).ok()?.output;
        (one == other).then_some(one)
    })
}
