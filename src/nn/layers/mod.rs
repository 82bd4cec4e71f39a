//! Layers: one file each. Shapes are worked out without a tensor and with checked arithmetic; after that, nothing that
//! a layer does fails for a reason of shape.

mod axis;
mod global;
mod merge;
mod normalize;
mod padding;
mod pair;
mod parameter;
mod pool;
mod resample;
mod window;

use serde_json::{Map, Value};
use tch::Tensor;

pub use axis::Axis;
pub use padding::{Around, Padding};
pub use pair::Pair;

use super::activations::{self, Activation as Word};
use super::initializers::ParameterSpec;
use super::regularizers::Regularizer;
use super::{FieldError, Pass};
use crate::random::{self, Draws, Stream};
use crate::spec::{Component, ComponentInfo, Field, Pointer, Shape, SpecErrors};

crate::components! {
    /// The layers that are no activations.
    pub enum Plain: dyn LayerConfig, "a layer" {
        Dense, Conv1d, Conv2d, Conv2dTranspose, DepthwiseConv2d, SeparableConv2d, MaxPool1d, MaxPool2d, AveragePool1d,
        AveragePool2d, AdaptiveAveragePool2d, AdaptiveMaxPool2d, GlobalAveragePool1d, GlobalAveragePool2d, GlobalMaxPool1d,
        GlobalMaxPool2d, BatchNormalization, LayerNormalization, GroupNormalization, InstanceNormalization, Flatten,
        Reshape, Permute, ZeroPadding2d, Cropping2d, UpSampling2d, Rescaling, Dropout, SpatialDropout2d, GaussianNoise,
        Activation, Prelu, Add, Subtract, Multiply, Average, Maximum, Minimum, Concatenate, Dot
    }
}

/// What a layer must say of itself.
pub trait LayerConfig {
    /// The shape of its output, its parameters and what it costs, from the shapes of its inputs.
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError>;

    /// What computes it. `inputs` are those that `infer` was content with, and `parameters` hold what it asked for, in
    /// its order.
    fn build(&self, inputs: &[Shape], parameters: &[Tensor], node: &NodeContext) -> Box<dyn Forward>;

    /// The activation that the network applies to what `forward` gives.
    fn activation(&self) -> Option<&Word> {
        None
    }

    /// The penalty on what comes out of it, its activation included.
    fn activity_regularizer(&self) -> Option<&Regularizer> {
        None
    }

    /// Whether it is fastest with the channels of images innermost in memory.
    fn convolves(&self) -> bool {
        false
    }

    /// Whether what comes out of it is the greatest of several values that enter.
    fn takes_greatest(&self) -> bool {
        false
    }

    /// Whether what comes out of it is memory of its own, of which its backward pass has no need.
    fn leaves_its_output(&self) -> bool {
        false
    }

    /// Sets the width of a last layer that was left to the data set; a width that the user wrote stays.
    fn fill_units(&mut self, width: u64) {
        let _ = width;
    }
}

/// What is known of a layer at its place in a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Inferred {
    pub output: Shape,
    /// In the order of `build`'s.
    pub parameters: Vec<ParameterSpec>,
    /// Of the forward pass for one example; a multiply-add counts as two.
    pub flops: u64,
    /// Elements of four bytes that an example leaves in memory for the backward pass, the output included where it is
    /// memory of its own.
    pub saved: u64,
}

impl Inferred {
    /// A layer without parameters.
    fn plain(output: Shape, flops: u64, saved: u64) -> Self {
        Self { output, parameters: Vec::new(), flops, saved }
    }

    /// Forward and backward: the gradient of the inputs and that of the parameters each cost what the forward pass
    /// costs.
    pub fn training_flops(&self) -> u64 {
        self.flops.saturating_mul(3)
    }

    pub fn parameter_elements(&self) -> u64 {
        self.parameters.iter().map(ParameterSpec::elements).fold(0, u64::saturating_add)
    }
}

/// A layer that has been built.
pub trait Forward: Send {
    /// Inputs and output are batches.
    fn forward(&self, inputs: &[&Tensor], pass: &Pass) -> Tensor;
}

/// A node's source of random draws, and what else it is told of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeContext {
    pub seed: u64,
    pub name: String,
    /// Whether training changes the node.
    pub trainable: bool,
}

impl NodeContext {
    fn stream_name(&self, purpose: &str) -> String {
        format!("{purpose}/{}", self.name)
    }

    pub(crate) fn stream(&self, purpose: &str) -> Stream {
        Stream::new(self.seed, &self.stream_name(purpose))
    }

    /// A seed for a generator of libtorch's, set right before the one call that draws from it.
    pub(crate) fn seed_at(&self, purpose: &str, step: u64) -> u64 {
        random::hash(self.seed, &self.stream_name(purpose), step)
    }

    /// The draws that a parameter begins with.
    pub(crate) fn initial(&self, parameter: &str) -> Draws {
        Stream::new(self.seed, &format!("initializer/{}.{parameter}", self.name)).at(0)
    }
}

/// A layer. Every activation is one too: it is written down once, in the set of activations.
#[derive(Clone, Debug, PartialEq)]
pub enum Layer {
    Plain(Box<Plain>),
    Activation(Word),
}

const PLAIN: usize = Plain::NAMES.len();

const ALL_NAMES: [&str; PLAIN + Word::NAMES.len()] = {
    let mut names = [""; PLAIN + Word::NAMES.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = if index < PLAIN { Plain::NAMES[index] } else { Word::NAMES[index - PLAIN] };
        index += 1;
    }
    names
};

impl Layer {
    /// The words of all layers, activations last.
    pub const NAMES: &'static [&'static str] = &ALL_NAMES;

    /// The word that names this layer in a body.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Plain(layer) => layer.name(),
            Self::Activation(activation) => activation.name(),
        }
    }

    /// Reads a layer's fields. `also` are members that somebody else reads.
    pub fn from_component(component: &Component, also: &[&str], errors: &mut SpecErrors) -> Option<Self> {
        if Word::NAMES.contains(&component.kind.as_str()) {
            return Word::from_component(component, also, errors).map(Self::Activation);
        }
        if Plain::NAMES.contains(&component.kind.as_str()) {
            return Plain::from_component(component, also, errors).map(Box::new).map(Self::Plain);
        }
        component.refuse_name("type", "a layer", Self::NAMES, errors);
        None
    }

    /// The layer's own fields, every default written out, behind its `type`.
    pub fn write_component(&self) -> Map<String, Value> {
        match self {
            Self::Plain(layer) => layer.write_component(),
            Self::Activation(activation) => activation.write_component(),
        }
    }

    /// Whether it is an activation and nothing else: its node gives on what it takes, and the network applies the activation.
    pub fn is_activation(&self) -> bool {
        match self {
            Self::Plain(layer) => matches!(**layer, Plain::Activation(_)),
            Self::Activation(_) => true,
        }
    }

    /// What is known of each layer.
    pub fn all() -> Vec<ComponentInfo> {
        Plain::all().into_iter().chain(Word::all()).collect()
    }
}

impl std::ops::Deref for Layer {
    type Target = dyn LayerConfig;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Plain(layer) => &***layer,
            Self::Activation(activation) => activation,
        }
    }
}

impl std::ops::DerefMut for Layer {
    fn deref_mut(&mut self) -> &mut Self::Target {
        match self {
            Self::Plain(layer) => &mut ***layer,
            Self::Activation(activation) => activation,
        }
    }
}

impl Field for Layer {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        Self::from_component(&Component::read(value, "type", at, errors)?, &[], errors)
    }

    fn write(&self) -> Value {
        match self {
            Self::Plain(layer) => layer.write(),
            Self::Activation(activation) => activation.write(),
        }
    }

    fn schema() -> Value {
        crate::spec::component::any_schema(&Self::all())
    }
}

/// An activation as a layer gives its input on, and the network applies the activation as it does for every layer.
impl LayerConfig for Word {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let input = single(inputs)?;
        // The result takes the place of the input, which nobody keeps.
        let saved = size(input)?.saturating_mul(activations::ActivationConfig::saved(&**self));
        Ok(Inferred::plain(input.clone(), size(input)?, saved))
    }

    fn build(&self, _inputs: &[Shape], _parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        Box::new(Identity)
    }

    fn activation(&self) -> Option<&Word> {
        Some(self)
    }
}

struct Identity;

impl Forward for Identity {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        inputs[0].shallow_clone()
    }
}

/// The input of a layer that takes one.
fn single(inputs: &[Shape]) -> Result<&Shape, FieldError> {
    match inputs {
        [input] => Ok(input),
        _ => Err(FieldError::whole(format!("takes one input, not {}", inputs.len()))),
    }
}

/// Channels, height and width of the input of a layer that takes one image.
fn image(inputs: &[Shape]) -> Result<[u64; 3], FieldError> {
    let input = single(inputs)?;
    <[u64; 3]>::try_from(input.as_slice()).map_err(|_| {
        FieldError::whole(format!(
            "takes images [channels, height, width], and its input has the shape {input:?}"
        ))
    })
}

/// Steps and channels of the input of a layer that takes one sequence.
fn sequence(inputs: &[Shape]) -> Result<[u64; 2], FieldError> {
    let input = single(inputs)?;
    <[u64; 2]>::try_from(input.as_slice()).map_err(|_| {
        FieldError::whole(format!("takes sequences [steps, channels], and its input has the shape {input:?}"))
    })
}

/// The channels that each filter of a convolution in groups takes.
fn grouped(groups: u64, channels: u64, filters: u64) -> Result<u64, FieldError> {
    if channels.is_multiple_of(groups) && filters.is_multiple_of(groups) {
        return Ok(channels / groups);
    }
    Err(FieldError::new(
        "groups",
        format!("must divide the {channels} channels that enter and the {filters} filters"),
    ))
}

/// The axis of a shape of that rank along which an example's features lie: an image's channels, else the last.
fn features(rank: usize) -> Option<usize> {
    if rank == 3 { Some(0) } else { rank.checked_sub(1) }
}

/// A product that no wrong body makes overflow.
fn product(factors: &[u64]) -> Result<u64, FieldError> {
    const MOST: u64 = 1 << 56;
    factors
        .iter()
        .try_fold(1_u64, |product, factor| product.checked_mul(*factor))
        .filter(|product| *product <= MOST)
        .ok_or_else(|| FieldError::whole("its values are too many to be counted"))
}

/// Elements of a shape.
fn size(shape: &Shape) -> Result<u64, FieldError> {
    product(shape)
}
