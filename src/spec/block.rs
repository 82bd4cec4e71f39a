//! Blocks: layers that are written once and stand several times one behind the other, perhaps with a way around them.

use serde_json::{Map, Value, json};

use super::field::found;
use super::model::{Entry, NodeSpec, Taken};
use super::{Component, Field, Form, NodeName, NodeOptions, Pointer, Repeats, SpecErrors};

crate::record! {
    /// Layers that are written once and stand `repeat` times one behind the other, in a sequence or, with `inputs`, as a
    /// node of a graph. The plan and the canonical spec hold the layers themselves: those of the block `stage` are named
    /// `stage_1_conv2d`, `stage_2_conv2d` and so on, or `stage_conv2d` where it stands once. What the block is called is, for
    /// other nodes, its last layer. `trainable` and `learning_rate_factor` are those of its layers that say none. Blocks may
    /// hold blocks.
    pub struct Block {
        /// The layers, a sequence, such as `["relu"]`.
        pub layers: Run,
        /// How often they stand there.
        pub repeat: Repeats = Repeats::clamped(1),
        /// Whether what each repetition takes is added to what it gives (He, Zhang, Ren and Sun, *Deep Residual Learning for
        /// Image Recognition*, 2015).
        pub residual: bool = false,
        /// The way around the layers of a residual block: `projection`, which brings what enters into the shape of what comes
        /// out where the two differ (the layer `add` says how) and is the identity where they do not; `identity`, with which
        /// they may not differ; or layers, a sequence, such as a convolution and its normalisation.
        pub shortcut: Shortcut = Shortcut::Projection,
        /// What is applied behind each repetition, and behind its sum.
        pub activation: Option<Behind> = None,
    }
}

/// A sequence of layers and blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Run(pub(super) Vec<Entry>);

/// The way around the layers of a residual block.
#[derive(Clone, Debug, PartialEq)]
pub enum Shortcut {
    Identity,
    Projection,
    Layers(Run),
}

/// An activation whose fields nobody has read yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Behind(Component);

/// A block at its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BlockSpec {
    pub(super) name: Option<NodeName>,
    /// In a graph, what it takes.
    pub(super) inputs: Option<Vec<Taken>>,
    /// What of the members of its layers it says itself.
    options: Map<String, Value>,
    block: Block,
    pointer: Pointer,
}

/// The word in place of a layer's.
pub(super) const BLOCK: &str = "block";

impl Field for Run {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        super::model::read_entries(value, Form::Layers, at, errors).map(Self)
    }

    fn write(&self) -> Value {
        self.0.iter().map(Entry::write).collect()
    }

    fn schema() -> Value {
        json!({"type": "array", "items": {"$ref": "#/components/schemas/BlockedLayer"}, "minItems": 1,
               "maxItems": super::model::MOST_NODES})
    }
}

impl Field for Shortcut {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        match value {
            Value::String(word) if word == "identity" => Some(Self::Identity),
            Value::String(word) if word == "projection" => Some(Self::Projection),
            Value::Array(_) => Run::read(value, at, errors).map(Self::Layers),
            other => {
                let found = found(other);
                errors.push(at, format!("must be identity, projection or a list of layers, not {found}"));
                None
            }
        }
    }

    fn write(&self) -> Value {
        match self {
            Self::Identity => json!("identity"),
            Self::Projection => json!("projection"),
            Self::Layers(run) => run.write(),
        }
    }

    fn schema() -> Value {
        json!({"anyOf": [{"type": "string", "enum": ["identity", "projection"]}, Run::schema()]})
    }
}

impl Field for Behind {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        Component::read(value, "type", at, errors).map(Self)
    }

    fn write(&self) -> Value {
        let mut members = self.0.fields.clone();
        members.insert("type".into(), json!(self.0.kind));
        Value::Object(members)
    }

    fn schema() -> Value {
        json!({"$ref": "#/components/schemas/Activation"})
    }
}

impl BlockSpec {
    pub(super) fn read(
        component: Component,
        name: Option<NodeName>,
        inputs: Option<Vec<Taken>>,
        form: Form,
        errors: &mut SpecErrors,
    ) -> Option<Self> {
        use super::Record;
        let (members, at) = (&component.fields, &component.pointer);
        if form == Form::Nodes && inputs.as_ref().is_none_or(Vec::is_empty) {
            errors.push(&at.key("inputs"), super::model::NO_INPUTS);
        }
        let options = NodeOptions::said(members);
        NodeOptions::of(members, at, errors)?;
        let also = [&["type"][..], &super::NODE_MEMBERS].concat();
        let block = Block::read_fields(members, at, BLOCK, &also, errors)?;
        let one = inputs.as_ref().is_none_or(|inputs| inputs.len() == 1);
        if block.residual && !one {
            errors.push(
                &at.key("inputs"),
                "must name one node: what a residual block takes is added to what it gives",
            );
            return None;
        }
        Some(Self { name, inputs, options, block, pointer: component.pointer })
    }

    pub(super) fn write(&self) -> Value {
        use super::Record;
        let mut members = Map::new();
        if let Some(name) = &self.name {
            members.insert("name".into(), json!(name.as_str()));
        }
        members.insert("type".into(), json!(BLOCK));
        members.extend(self.block.write_fields());
        members.extend(self.options.clone());
        if let Some(inputs) = &self.inputs {
            members.insert("inputs".into(), Taken::write(inputs));
        }
        Value::Object(members)
    }
}

/// A body's nodes with the blocks taken apart.
pub(super) struct Expansion {
    pub(super) nodes: Vec<NodeSpec>,
    /// The last node of each block of the body that has a name.
    pub(super) last: Vec<(String, usize)>,
    names: std::collections::HashSet<String>,
    /// JSON values in the fields of layers that blocks repeat.
    values: usize,
}

/// Around a layer: where it stands among blocks, and what these say for it.
#[derive(Clone)]
struct Around {
    prefix: String,
    options: Map<String, Value>,
}

/// Why an expansion ended: noted already.
pub(super) struct Refused;

impl Expansion {
    pub(super) fn of(entries: &[Entry], form: Form, errors: &mut SpecErrors) -> Option<Self> {
        let mut expansion =
            Self { nodes: Vec::new(), last: Vec::new(), names: std::collections::HashSet::new(), values: 0 };
        let laid = match form {
            Form::Layers => expansion.lay(entries, None, vec![Taken::Data], errors).map(drop),
            Form::Nodes => entries.iter().try_for_each(|entry| {
                let inputs = entry.inputs().cloned();
                expansion.lay_entry(entry, None, inputs, errors).map(drop)
            }),
        };
        laid.ok().map(|()| expansion)
    }

    /// A sequence behind `before`; what comes out of it.
    fn lay(
        &mut self,
        entries: &[Entry],
        around: Option<&Around>,
        before: Vec<Taken>,
        errors: &mut SpecErrors,
    ) -> Result<Vec<Taken>, Refused> {
        entries.iter().try_fold(before, |before, entry| {
            let last = self.lay_entry(entry, around, Some(before), errors)?;
            Ok(vec![Taken::Node(last)])
        })
    }

    fn lay_entry(
        &mut self,
        entry: &Entry,
        around: Option<&Around>,
        inputs: Option<Vec<Taken>>,
        errors: &mut SpecErrors,
    ) -> Result<usize, Refused> {
        match entry {
            Entry::Layer(layer) => {
                let mut node = layer.clone();
                node.inputs = inputs;
                if let Some(around) = around {
                    for (member, value) in &around.options {
                        node.component.fields.entry(member.clone()).or_insert_with(|| value.clone());
                    }
                    let own = layer.name.as_ref().map(NodeName::as_str);
                    node.name = Some(self.name(
                        around,
                        own,
                        &layer.component.kind,
                        &layer.component.pointer,
                        errors,
                    )?);
                    self.count(&node.component.fields, &layer.component.pointer, errors)?;
                }
                self.push(node, errors)
            }
            Entry::Block(block) => self.lay_block(block, around, inputs.unwrap_or_default(), errors),
        }
    }

    fn lay_block(
        &mut self,
        spec: &BlockSpec,
        around: Option<&Around>,
        mut taken: Vec<Taken>,
        errors: &mut SpecErrors,
    ) -> Result<usize, Refused> {
        let outside =
            around.cloned().unwrap_or_else(|| Around { prefix: String::new(), options: Map::new() });
        let own = spec.name.as_ref().map(NodeName::as_str);
        let base = self.name(&outside, own, BLOCK, &spec.pointer, errors)?;
        let mut options = outside.options;
        options.extend(spec.options.clone());
        let repeat = spec.block.repeat.get();
        for repetition in 1..=repeat {
            let number = if repeat > 1 { format!("{repetition}_") } else { String::new() };
            let around = Around { prefix: format!("{base}_{number}"), options: options.clone() };
            taken = self.lay_once(spec, &around, taken, errors)?;
        }
        let Some(Taken::Node(last)) = taken.first() else { return Err(Refused) };
        if let (Some(name), true) = (own, outside.prefix.is_empty()) {
            self.last.push((name.to_owned(), *last));
        }
        Ok(*last)
    }

    /// One repetition of a block.
    fn lay_once(
        &mut self,
        spec: &BlockSpec,
        around: &Around,
        taken: Vec<Taken>,
        errors: &mut SpecErrors,
    ) -> Result<Vec<Taken>, Refused> {
        let block = &spec.block;
        let mut given = self.lay(&block.layers.0, Some(around), taken.clone(), errors)?;
        if block.residual {
            let short = match &block.shortcut {
                Shortcut::Identity | Shortcut::Projection => taken,
                Shortcut::Layers(run) => {
                    let prefix = format!("{}shortcut_", around.prefix);
                    self.lay(
                        &run.0,
                        Some(&Around { prefix, options: around.options.clone() }),
                        taken,
                        errors,
                    )?
                }
            };
            given = vec![self.sum(spec, around, [short, given].concat(), errors)?];
        }
        if let Some(Behind(activation)) = &block.activation {
            let entry = Entry::Layer(NodeSpec::of(activation.clone()));
            given = self.lay(&[entry], Some(around), given, errors)?;
        }
        Ok(given)
    }

    /// The sum of a residual block, a node that the body does not write itself.
    fn sum(
        &mut self,
        spec: &BlockSpec,
        around: &Around,
        inputs: Vec<Taken>,
        errors: &mut SpecErrors,
    ) -> Result<Taken, Refused> {
        let (mut fields, projection) = (around.options.clone(), spec.block.shortcut == Shortcut::Projection);
        if projection {
            fields.insert("projection".into(), json!(true));
        }
        let component = Component { kind: "add".into(), fields, pointer: spec.pointer.key("residual") };
        let mut node = NodeSpec::of(component);
        node.name = Some(self.name(around, None, "add", &spec.pointer, errors)?);
        node.inputs = Some(inputs);
        node.advice = Some(match spec.block.shortcut {
            Shortcut::Identity => {
                "\"shortcut\": \"projection\" brings what enters the block into the shape of what comes out"
            }
            Shortcut::Projection => {
                "let the layers keep the extents or divide them, or write the \"shortcut\" as layers"
            }
            Shortcut::Layers(_) => "the shortcut and the block's layers must come to one shape",
        });
        self.push(node, errors).map(Taken::Node)
    }

    fn push(&mut self, node: NodeSpec, errors: &mut SpecErrors) -> Result<usize, Refused> {
        if self.nodes.len() >= super::model::MOST_NODES {
            let most = super::model::MOST_NODES;
            errors.push(
                &node.component.pointer,
                format!("with the repetitions of blocks there are more than {most} nodes"),
            );
            return Err(Refused);
        }
        self.nodes.push(node);
        Ok(self.nodes.len() - 1)
    }

    /// The name of a layer in a block, or of a block: its own, or its type, then `<type>_1` and so on.
    fn name(
        &mut self,
        around: &Around,
        own: Option<&str>,
        kind: &str,
        at: &Pointer,
        errors: &mut SpecErrors,
    ) -> Result<NodeName, Refused> {
        let mut name = format!("{}{}", around.prefix, own.unwrap_or(kind));
        let mut count = 0;
        while own.is_none() && self.names.contains(&name) {
            count += 1;
            name = format!("{}{kind}_{count}", around.prefix);
        }
        self.names.insert(name.clone());
        NodeName::new(&name).ok_or_else(|| {
            // Of a type that is no name it is told that no layer has it.
            if NodeName::new(kind).is_some() {
                errors.push(
                    &at.key("name"),
                    "with the names of the blocks around it is longer than 200 letters",
                );
            } else {
                errors.push(&at.key("type"), "is no layer");
            }
            Refused
        })
    }

    /// Holds repeated values within bounds: a short body could otherwise fill the memory.
    fn count(
        &mut self,
        fields: &Map<String, Value>,
        at: &Pointer,
        errors: &mut SpecErrors,
    ) -> Result<(), Refused> {
        const MOST: usize = 10_000_000;
        self.values += fields.values().map(values).sum::<usize>();
        if self.values <= MOST {
            return Ok(());
        }
        errors.push(at, format!("with the repetitions of blocks the layers hold more than {MOST} values"));
        Err(Refused)
    }
}

/// JSON values in a value, itself included.
fn values(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(values).sum::<usize>(),
        Value::Object(members) => 1 + members.values().map(values).sum::<usize>(),
        _ => 1,
    }
}
