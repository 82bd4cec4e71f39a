//! A model as tensors in and tensors out, in the data's own terms: what the Open Inference Protocol speaks of.

use std::sync::Arc;
use std::time::Duration;

use super::answer::{Reading, ReadingKind};
use super::batcher::Rows;
use super::served::off_thread;
use super::versions::Version;
use super::{Inference, InferenceError, Request, VersionRef};
use crate::clock;
use crate::data::{InputTensor, TensorValues};
use crate::spec::dataset::Kind;
use crate::spec::{Pointer, Shape, SpecErrors};
use crate::train::model::ModelOutput;

/// So many numbers are read or written on an asynchronous thread, as other predictions are; more take their time
/// elsewhere.
const SHORT_NUMBERS: usize = 2_048;
/// Bytes of texts, likewise.
const SHORT_BYTES: usize = 8 << 10;

/// What stands in a tensor that a model takes or answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    Number,
    /// A pixel, whole numbers from 0 to 255.
    Byte,
    Text,
}

/// A tensor that a model takes or answers.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorForm {
    pub name: String,
    pub element: Element,
    /// Without the batch axis.
    pub shape: Shape,
    /// What stands at each place of the last axis, where that is one class or column each.
    pub labels: Vec<String>,
}

/// What a version takes and answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    pub model: Arc<str>,
    pub version: u32,
    pub inputs: Vec<TensorForm>,
    pub outputs: Vec<TensorForm>,
}

/// Values of a tensor, row by row.
#[derive(Clone, Debug, PartialEq)]
pub enum Elements {
    Numbers(Vec<f32>),
    Texts(Vec<String>),
}

impl Elements {
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Texts(texts) => texts.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A tensor with its values.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    pub name: String,
    /// With the batch axis.
    pub shape: Shape,
    pub elements: Elements,
}

/// What a version answered.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorAnswer {
    pub signature: Arc<Signature>,
    /// In the order of the signature's.
    pub outputs: Vec<NamedTensor>,
}

/// A version that a name stood for.
pub struct Found(Arc<Version>);

impl Found {
    /// The tensors that it takes and answers.
    pub fn signature(&self) -> &Arc<Signature> {
        &self.0.signature
    }
}

impl Inference {
    /// The version that a name stands for now.
    pub async fn find(&self, model: &str, version: &VersionRef) -> Result<Found, InferenceError> {
        self.0.versions.resolve(model, version).await.map(Found)
    }

    /// The tensors that a version takes and answers.
    pub async fn signature(
        &self,
        model: &str,
        version: &VersionRef,
    ) -> Result<Arc<Signature>, InferenceError> {
        Ok(self.find(model, version).await?.signature().clone())
    }

    /// What a version answers to tensors of the same number of examples each. A deadline counts from now.
    pub async fn infer(
        &self,
        Found(found): &Found,
        inputs: Vec<NamedTensor>,
        deadline: Option<Duration>,
    ) -> Result<TensorAnswer, InferenceError> {
        let request = Request::new(found.counters.clone());
        let most = Duration::from_secs(self.0.settings.predict_seconds);
        let patience = deadline.map_or(most, |deadline| deadline.min(most));
        let answer = tokio::time::timeout(patience, self.tensors(found, inputs));
        let answer = answer.await.unwrap_or(Err(InferenceError::TooSlow { patience }));
        request.ended(answer.as_ref().err());
        answer
    }

    async fn tensors(
        &self,
        version: &Arc<Version>,
        inputs: Vec<NamedTensor>,
    ) -> Result<TensorAnswer, InferenceError> {
        let examples = examples(&version.signature, &inputs, self.0.settings.request_examples)?;
        let served = Arc::new(self.lease(version).await?);
        let begun = clock::monotonic();
        let rows = if is_long(version, examples, &inputs) {
            let served = served.clone();
            off_thread(move || served.encode_tensors(examples, &inputs)).await??
        } else {
            served.encode_tensors(examples, &inputs)?
        };
        let read = begun.elapsed();
        let rows = served.run(rows).await;
        self.unload_if_spent(&served);
        let rows = rows?;
        let begun = clock::monotonic();
        let outputs = if rows.values.iter().map(Vec::len).sum::<usize>() > SHORT_NUMBERS {
            let version = version.clone();
            off_thread(move || outputs(&version, &rows)).await?
        } else {
            outputs(version, &rows)
        };
        version.counters.converted(read, begun.elapsed());
        Ok(TensorAnswer { signature: version.signature.clone(), outputs })
    }
}

fn outputs(version: &Version, rows: &Rows) -> Vec<NamedTensor> {
    version.outputs.iter().map(|output| output.tensor(rows)).collect()
}

/// Whether to encode them takes longer than an asynchronous thread should be held.
fn is_long(version: &Version, examples: usize, inputs: &[NamedTensor]) -> bool {
    let width: usize = version.input_shapes.iter().map(|shape| shape.iter().product::<u64>() as usize).sum();
    let texts = inputs.iter().map(|input| match &input.elements {
        Elements::Numbers(_) => 0,
        Elements::Texts(texts) => texts.iter().map(String::len).sum::<usize>(),
    });
    examples.saturating_mul(width) > SHORT_NUMBERS || texts.sum::<usize>() > SHORT_BYTES
}

/// How many examples the tensors hold, which are to agree on it and to hold what their shapes say.
fn examples(signature: &Signature, inputs: &[NamedTensor], limit: usize) -> Result<usize, InferenceError> {
    let at = Pointer::root().key("inputs");
    let mut errors = SpecErrors::new();
    let Some(first) = inputs.first() else {
        return Err(InferenceError::Refused(SpecErrors::of(&at, "must hold at least one tensor")));
    };
    let examples = first.shape.first().copied().unwrap_or_default();
    for (index, input) in inputs.iter().enumerate() {
        let at = at.index(index);
        let name = &input.name;
        if inputs[..index].iter().any(|earlier| earlier.name == *name) {
            errors.push(&at, format!("\"{name}\" is given twice"));
        }
        let holds = input.shape.iter().try_fold(1_u64, |product, extent| product.checked_mul(*extent));
        let found = input.elements.len();
        if holds != Some(found as u64) {
            let shape = &input.shape;
            errors
                .push(&at, format!("\"{name}\" holds {found} value(s) where its shape {shape:?} has others"));
        } else if input.shape.first().copied().unwrap_or_default() != examples {
            errors.push(
                &at,
                format!("\"{name}\" has not as many examples as \"{}\", which has {examples}", first.name),
            );
        } else if let Some(form) = signature.input(name) {
            let meant =
                |shape: &[u64]| -> Vec<u64> { shape.iter().copied().filter(|extent| *extent != 1).collect() };
            if meant(&input.shape[1..]) != meant(&form.shape) {
                let (shape, wanted) = (&input.shape, &form.shape);
                errors.push(
                    &at,
                    format!(
                        "\"{name}\" has the shape {shape:?}, and the model takes {wanted:?} of each example"
                    ),
                );
            }
        }
    }
    errors.into_result(Some(())).map_err(InferenceError::Refused)?;
    match usize::try_from(examples) {
        Ok(0) | Err(_) => Err(InferenceError::Refused(SpecErrors::of(&at, "hold no example"))),
        Ok(found) if found > limit => Err(InferenceError::TooManyExamples { found, limit }),
        Ok(found) => Ok(found),
    }
}

impl Signature {
    fn input(&self, name: &str) -> Option<&TensorForm> {
        self.inputs.iter().find(|form| form.name == name)
    }

    pub fn output(&self, name: &str) -> Option<&TensorForm> {
        self.outputs.iter().find(|form| form.name == name)
    }

    /// Of a version as its document says it.
    pub(super) fn of(
        model: Arc<str>,
        version: u32,
        preprocessing: &crate::data::Preprocessing,
        outputs: &[OutputTensor],
    ) -> Self {
        let columns = preprocessing.input_columns();
        let inputs = if preprocessing.takes_rows() {
            // A column each is taken as well.
            let labels: Vec<String> = columns.into_iter().map(|column| column.name).collect();
            let name = preprocessing.inputs()[0].name().to_owned();
            vec![TensorForm { name, element: Element::Number, shape: vec![labels.len() as u64], labels }]
        } else {
            let form = |column: crate::data::InputColumn| TensorForm {
                element: match column.kind {
                    Kind::Category | Kind::Text => Element::Text,
                    _ if column.dtype == "uint8" => Element::Byte,
                    _ => Element::Number,
                },
                name: column.name,
                shape: column.shape,
                labels: Vec::new(),
            };
            columns.into_iter().map(form).collect()
        };
        Self { model, version, inputs, outputs: outputs.iter().map(|output| output.form.clone()).collect() }
    }
}

/// A tensor of an answer, and how it is read from what the network put out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OutputTensor {
    form: TensorForm,
    /// The network's output.
    output: usize,
    what: What,
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    /// All that a node puts out, each of its columns in the data's unit.
    Node(Vec<ReadingKind>),
    /// The probabilities of two classes, of which the network tells the second.
    Both,
    /// The most probable class of the target that begins at an element.
    Class { first: usize, kind: ReadingKind },
    /// How far off a number may be.
    Deviation { first: usize, kind: ReadingKind },
}

impl OutputTensor {
    /// Of a model's outputs, in their order. With one target: `probabilities` and `class`, or the node by its name; with
    /// several, each node by its name and `<target>.class` beside it.
    pub(super) fn of(outputs: &[ModelOutput]) -> Vec<Self> {
        let reading = Reading::of(outputs);
        let alone = !reading.named;
        let mut tensors = Vec::new();
        for (index, output) in outputs.iter().enumerate() {
            let targets: Vec<_> = reading.targets.iter().filter(|target| target.output == index).collect();
            let tensor = |name: &str, element, shape: &[u64], labels: &[String], what| Self {
                form: TensorForm {
                    name: name.to_owned(),
                    element,
                    shape: shape.to_vec(),
                    labels: labels.to_vec(),
                },
                output: index,
                what,
            };
            let first_kind = targets.first().map(|target| &target.kind);
            let node = What::Node(targets.iter().map(|target| target.kind.clone()).collect());
            tensors.push(match first_kind {
                Some(ReadingKind::Classes(classes)) if alone => {
                    tensor("probabilities", Element::Number, &output.shape, classes, node)
                }
                Some(ReadingKind::Binary(classes)) if alone => {
                    tensor("probabilities", Element::Number, &[2], classes, What::Both)
                }
                Some(ReadingKind::Classes(classes)) => {
                    tensor(&output.name, Element::Number, &output.shape, classes, node)
                }
                _ => {
                    let labels: Vec<String> =
                        if alone { Vec::new() } else { targets.iter().map(|one| one.name.clone()).collect() };
                    tensor(&output.name, Element::Number, &output.shape, &labels, node)
                }
            });
            for target in &targets {
                let name =
                    |what: &str| if alone { what.to_owned() } else { format!("{}.{what}", target.name) };
                let (first, kind) = (target.first, target.kind.clone());
                match &target.kind {
                    ReadingKind::Classes(_) | ReadingKind::Binary(_) | ReadingKind::Margin(_) => {
                        let what = What::Class { first, kind };
                        tensors.push(tensor(&name("class"), Element::Text, &[], &[], what));
                    }
                    ReadingKind::Gaussian { .. } => {
                        let what = What::Deviation { first, kind };
                        tensors.push(tensor(&name("deviation"), Element::Number, &[], &[], what));
                    }
                    ReadingKind::Numbers { .. } => {}
                }
            }
        }
        tensors
    }

    /// The tensor of all rows.
    fn tensor(&self, rows: &Rows) -> NamedTensor {
        let values = &rows.values[self.output];
        let width = (values.len() / rows.count.max(1)).max(1);
        let lines = values.chunks_exact(width);
        let elements = match &self.what {
            What::Node(kinds) => Elements::Numbers(in_units(values.clone(), width, kinds)),
            What::Both => Elements::Numbers(lines.flat_map(|line| [1.0 - line[0], line[0]]).collect()),
            What::Class { first, kind } => {
                Elements::Texts(lines.map(|line| kind.class(&line[*first..]).to_owned()).collect())
            }
            What::Deviation { first, kind } => {
                Elements::Numbers(lines.map(|line| kind.deviation(&line[*first..])).collect())
            }
        };
        let shape = std::iter::once(rows.count as u64).chain(self.form.shape.iter().copied()).collect();
        NamedTensor { name: self.form.name.clone(), shape, elements }
    }
}

/// Numbers of the data's own from what the network put out, column by column.
fn in_units(mut values: Vec<f32>, width: usize, kinds: &[ReadingKind]) -> Vec<f32> {
    for (place, kind) in kinds.iter().enumerate() {
        let Some(scale) = kind.scale() else { continue };
        // One number of any shape, or one place for each column.
        let places = if kinds.len() == 1 { 0..width } else { place..place + 1 };
        for line in values.chunks_exact_mut(width) {
            for value in &mut line[places.clone()] {
                *value = scale.undo(f64::from(*value)) as f32;
            }
        }
    }
    values
}

/// Encodes tensors as the network reads them.
pub(super) fn encode(
    preprocessing: &crate::data::Preprocessing,
    examples: usize,
    inputs: &[NamedTensor],
) -> Result<Rows, InferenceError> {
    let tensors: Vec<InputTensor<'_>> = inputs
        .iter()
        .map(|input| InputTensor {
            name: &input.name,
            values: match &input.elements {
                Elements::Numbers(numbers) => TensorValues::Numbers(numbers),
                Elements::Texts(texts) => TensorValues::Texts(texts),
            },
        })
        .collect();
    let at = Pointer::root().key("inputs");
    let encoded = preprocessing.encode_tensors(examples, &tensors, &at).map_err(InferenceError::Refused)?;
    Ok(Rows { count: encoded.examples, values: encoded.inputs })
}
