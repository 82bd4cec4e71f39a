//! Batches, gathered into the same memory again and again, or for a GPU into memory that it fetches from by itself.

use std::rc::Rc;
use std::sync::Arc;

use tch::kind::Element;
use tch::{Cuda, Device, Kind, Tensor};

use crate::data::augmentation::{Augmentation, Augmenter, Mixture};
use crate::data::{DataError, Dataset, Prepared, Preprocessing, TargetColumn, TargetValues};
use crate::nn::losses::TargetEncoding;
use crate::spec::Shape;
use crate::torch::ops;

use super::plan::Objective;
use super::resident::Resident;

/// The examples of a data set as a network learns from them.
pub(super) struct Examples {
    prepared: Prepared,
    /// The targets of every row, by objective and column.
    targets: Vec<Vec<TargetValues>>,
    shapes: Vec<Shape>,
    encodings: Vec<TargetEncoding>,
    /// Of each objective: its classes, where it has some.
    classes: Vec<usize>,
}

impl Examples {
    /// `kept` as [`Prepared::keeping`] takes it.
    pub(super) fn new(
        dataset: &Arc<Dataset>,
        preprocessing: &Preprocessing,
        objectives: &[Objective],
        kept: u64,
    ) -> Result<Arc<Self>, DataError> {
        let read = |column: &TargetColumn| column.read(dataset);
        Ok(Arc::new(Self {
            prepared: Prepared::keeping(dataset.clone(), preprocessing, kept)?,
            targets: objectives
                .iter()
                .map(|objective| objective.columns.iter().map(read).collect())
                .collect::<Result<_, _>>()?,
            shapes: preprocessing.input_shapes(),
            encodings: objectives.iter().map(|objective| objective.fitted.target).collect(),
            classes: objectives.iter().map(|objective| objective.columns[0].classes().len()).collect(),
        }))
    }
}

impl Examples {
    pub(super) fn rows(&self) -> u32 {
        self.prepared.dataset().rows() as u32
    }

    /// What an example takes as a network takes it, in bytes.
    pub(super) fn bytes_of_one(&self) -> u64 {
        let inputs: u64 = self.shapes.iter().map(|shape| shape.iter().product::<u64>()).sum();
        let targets: usize = self.targets.iter().map(Vec::len).sum();
        inputs * 4 + targets as u64 * 8
    }

    /// The classes of an objective's target; 0 where it is one of numbers.
    fn classes(&self, objective: usize) -> usize {
        self.classes[objective]
    }
}

/// Examples side by side. On the CPU the tensors are views of the feed's memory: they hold until the next batch is
/// gathered.
pub(super) struct Batch {
    /// In the order of the network's inputs.
    pub(super) inputs: Vec<Tensor>,
    /// In the order of the objectives.
    pub(super) targets: Vec<Tensor>,
    /// What each example counts, where they do not count the same.
    pub(super) weights: Option<Tensor>,
    /// The targets of examples that are mixed, which are of several classes each.
    mixed: Option<Vec<Tensor>>,
}

impl Batch {
    /// The targets that losses are computed with.
    pub(super) fn learned(&self) -> &[Tensor] {
        self.mixed.as_deref().unwrap_or(&self.targets)
    }
}

pub(super) struct Feed {
    examples: Arc<Examples>,
    capacity: usize,
    /// Of a whole batch, in the CPU's memory.
    inputs: Vec<Tensor>,
    targets: Vec<Tensor>,
    /// A column on its way to stand beside others.
    column: Vec<f32>,
    /// By row of the set.
    weights: Option<Arc<Vec<f32>>>,
    device: Device,
    augmenter: Option<Augmenter>,
    resident: Option<Rc<Resident>>,
    /// Bytes of memory that a GPU may still be fetching from.
    ahead: usize,
}

/// So far the CPU may be ahead of a GPU.
const AHEAD: usize = 128 << 20;

impl Feed {
    /// Takes the memory of a batch of `capacity`.
    pub(super) fn new(examples: Arc<Examples>, capacity: usize, device: Device) -> Self {
        let batch = |shape: &[u64], kind: Kind| {
            let extents = std::iter::once(capacity as i64).chain(shape.iter().map(|extent| *extent as i64));
            Tensor::zeros(extents.collect::<Vec<_>>(), (kind, Device::Cpu))
        };
        let inputs = examples.shapes.iter().map(|shape| batch(shape, Kind::Float)).collect();
        let targets = examples
            .encodings
            .iter()
            .zip(&examples.targets)
            .map(|(encoding, columns)| match encoding {
                TargetEncoding::ClassIndex => batch(&[], Kind::Int64),
                TargetEncoding::Numbers => batch(&[columns.len() as u64], Kind::Float),
            })
            .collect();
        Self {
            examples,
            capacity,
            inputs,
            targets,
            column: vec![0.0; capacity],
            weights: None,
            device,
            augmenter: None,
            resident: None,
            ahead: 0,
        }
    }

    /// From the device's own memory, where the set is there.
    pub(super) fn with_resident(mut self, resident: Option<Rc<Resident>>) -> Self {
        self.resident = resident;
        self
    }

    /// With what every row of the set counts.
    pub(super) fn with_weights(mut self, weights: Option<Arc<Vec<f32>>>) -> Self {
        self.weights = weights;
        self
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn device(&self) -> Device {
        self.device
    }

    /// Does this to the batches that are learned from.
    pub(super) fn with_augmentation(
        mut self,
        augmentation: &[Augmentation],
        seed: u64,
        threads: usize,
    ) -> Self {
        self.augmenter = (!augmentation.is_empty()).then(|| Augmenter::new(augmentation, seed, threads));
        self
    }

    /// Gathers these rows, `capacity` of them at most.
    pub(super) fn gather(&mut self, rows: &[u32]) -> Batch {
        if let Some(resident) = &self.resident {
            let (inputs, targets) = resident.gather(rows);
            return Batch { inputs, targets, weights: self.weights_of(rows), mixed: None };
        }
        renew(&mut self.inputs, &mut self.targets, self.device, &mut self.ahead);
        for (index, memory) in self.inputs.iter_mut().enumerate() {
            let all = ops::as_slice_mut::<f32>(memory);
            let wanted = all.len() / self.capacity * rows.len();
            self.examples.prepared.gather(index, rows, &mut all[..wanted]);
        }
        self.gather_targets(rows);
        self.batch(rows)
    }

    /// Gathers these rows as a step learns from them.
    pub(super) fn gather_to_learn(&mut self, rows: &[u32], step: u64) -> Batch {
        let Some(augmenter) = &self.augmenter else { return self.gather(rows) };
        renew(&mut self.inputs, &mut self.targets, self.device, &mut self.ahead);
        let prepared = &self.examples.prepared;
        let mixture = augmenter.mixing().map(|mixing| mixing.draw(rows.len(), step));
        for (index, memory) in self.inputs.iter_mut().enumerate() {
            let all = ops::as_slice_mut::<f32>(memory);
            let width = all.len() / self.capacity;
            let wanted = &mut all[..width * rows.len()];
            match prepared.image_shape(index) {
                Some(image) => {
                    prepared.gather_pixels(index, rows, wanted);
                    augmenter.apply(image, step, wanted);
                    prepared.scale(index, wanted);
                }
                None => prepared.gather(index, rows, wanted),
            }
            if let Some(mixture) = &mixture {
                mixture.mix(wanted, width);
            }
        }
        self.gather_targets(rows);
        let mixed = mixture.map(|mixture| self.mix_targets(&mixture));
        Batch { mixed, ..self.batch(rows) }
    }

    fn gather_targets(&mut self, rows: &[u32]) {
        for (memory, columns) in self.targets.iter_mut().zip(&self.examples.targets) {
            gather_targets(memory, columns, rows, &mut self.column[..rows.len()]);
        }
    }

    /// The targets of mixed examples: numbers are mixed as inputs are, and a class becomes a share of each class.
    fn mix_targets(&mut self, mixture: &Mixture) -> Vec<Tensor> {
        let count = mixture.shares.len();
        let mut mixed = Vec::with_capacity(self.targets.len());
        for (objective, memory) in self.targets.iter_mut().enumerate() {
            let targets = if memory.kind() == Kind::Int64 {
                let classes = self.examples.classes(objective);
                let codes = &ops::as_slice_mut::<i64>(memory)[..count];
                let mut shares = vec![0.0_f32; count * classes];
                for (place, (partner, share)) in mixture.partners.iter().zip(&mixture.shares).enumerate() {
                    shares[place * classes + codes[place] as usize] += share;
                    shares[place * classes + codes[*partner as usize] as usize] += 1.0 - share;
                }
                Tensor::from_slice(&shares).reshape([count as i64, classes as i64])
            } else {
                let all = ops::as_slice_mut::<f32>(memory);
                let width = all.len() / self.capacity;
                mixture.mix(&mut all[..width * count], width);
                memory.narrow(0, 0, count as i64)
            };
            mixed.push(targets.to_device(self.device));
        }
        mixed
    }

    /// The examples of these rows, which stand first in the feed's memory.
    fn batch(&self, rows: &[u32]) -> Batch {
        let count = rows.len();
        let part = |memory: &Tensor| {
            let whole = count == self.capacity;
            let part = if whole { memory.shallow_clone() } else { memory.narrow(0, 0, count as i64) };
            if self.device == Device::Cpu {
                part
            } else {
                part.to_device_(self.device, part.kind(), true, false)
            }
        };
        Batch {
            inputs: self.inputs.iter().map(part).collect(),
            targets: self.targets.iter().map(part).collect(),
            weights: self.weights_of(rows),
            mixed: None,
        }
    }

    fn weights_of(&self, rows: &[u32]) -> Option<Tensor> {
        let weights = self.weights.as_ref()?;
        let own: Vec<f32> = rows.iter().map(|row| weights[*row as usize]).collect();
        Some(on_device(&own, self.device))
    }
}

/// A copy of values on a device, which nobody waits for.
pub(super) fn on_device<T: Element + Copy>(values: &[T], device: Device) -> Tensor {
    if device == Device::Cpu {
        return Tensor::from_slice(values);
    }
    let mut memory = ops::pinned(&[values.len() as i64], T::KIND);
    ops::as_slice_mut::<T>(&mut memory).copy_from_slice(values);
    memory.to_device_(device, T::KIND, true, false)
}

/// Other memory for the next batch where a GPU may still fetch the last one, so that neither waits for the other until one is
/// too far ahead.
fn renew(inputs: &mut [Tensor], targets: &mut [Tensor], device: Device, ahead: &mut usize) {
    let Device::Cuda(index) = device else { return };
    if *ahead > AHEAD {
        Cuda::synchronize(index as i64);
        *ahead = 0;
    }
    for memory in inputs.iter_mut().chain(targets) {
        *ahead += memory.numel() * memory.kind().elt_size_in_bytes();
        *memory = ops::pinned(&memory.size(), memory.kind());
    }
}

/// Writes the columns' targets side by side.
fn gather_targets(memory: &mut Tensor, columns: &[TargetValues], rows: &[u32], column: &mut [f32]) {
    match columns {
        classes if memory.kind() == Kind::Int64 => {
            gather_class_indices(classes, rows, &mut ops::as_slice_mut::<i64>(memory)[..rows.len()]);
        }
        [numbers] => numbers.gather_numbers(rows, &mut ops::as_slice_mut::<f32>(memory)[..rows.len()]),
        several => {
            let all = ops::as_slice_mut::<f32>(memory);
            for (index, numbers) in several.iter().enumerate() {
                numbers.gather_numbers(rows, column);
                let places = all[index..].iter_mut().step_by(several.len());
                places.zip(column.iter()).for_each(|(place, number)| *place = *number);
            }
        }
    }
}

/// The classes of rows: those of one column, or, of several that are one class each, the index of the one that holds.
pub(super) fn gather_class_indices(columns: &[TargetValues], rows: &[u32], out: &mut [i64]) {
    if let [classes] = columns {
        return classes.gather_classes(rows, out);
    }
    let mut holds = vec![0_i64; rows.len()];
    for (class, column) in columns.iter().enumerate() {
        column.gather_classes(rows, &mut holds);
        for (out, _) in out.iter_mut().zip(&holds).filter(|(_, holds)| **holds == 1) {
            *out = class as i64;
        }
    }
}
