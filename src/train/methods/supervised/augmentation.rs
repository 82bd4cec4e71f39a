//! Whether a job's augmentation fits its data and its losses.

use super::plan::Objective;
use crate::data::augmentation::{Augmentation, Effect, ImageShape, Unfit};
use crate::data::{Columns, Dataset, image_shape};
use crate::nn::losses::{Loss, TargetEncoding};
use crate::spec::{Pointer, SpecErrors};

/// Notes every component that does not fit. `at` is where `augmentation` stands.
pub(super) fn check(
    augmentation: &[Augmentation],
    dataset: &Dataset,
    columns: &Columns,
    objectives: &[Objective],
    at: &Pointer,
    errors: &mut SpecErrors,
) {
    let at = at.key("augmentation");
    let schema = dataset.schema();
    let read = columns.inputs.iter().flat_map(|(_, columns)| columns);
    let images: Vec<ImageShape> = read.filter_map(|column| image_shape(&schema.columns[*column])).collect();
    for (index, component) in augmentation.iter().enumerate() {
        let at = at.index(index);
        if let Effect::Mix { .. } = component.effect() {
            check_mixing(augmentation.len() - index - 1, objectives, &at, errors);
        } else if images.is_empty() {
            let detail =
                format!("{} is for images, and no input of this job is a column of images", component.name());
            errors.push(&at, detail);
        }
        // What holds for every image holds where there is none.
        let none = ImageShape { channels: 1, height: 1, width: 1 };
        let of = if images.is_empty() && matches!(component.effect(), Effect::Mix { .. }) {
            &[none][..]
        } else {
            &images
        };
        if let Some(Unfit { field, detail }) = of.iter().find_map(|image| component.check(*image).err()) {
            errors.push(&field.map_or_else(|| at.clone(), |field| at.key(field)), detail);
        }
    }
}

/// Mixed examples come last, and their loss takes shares of classes.
fn check_mixing(behind: usize, objectives: &[Objective], at: &Pointer, errors: &mut SpecErrors) {
    if behind > 0 {
        errors.push(at, "mixup mixes what the others made, so it stands last and once");
    }
    let takes_shares = |objective: &&Objective| {
        objective.fitted.target == TargetEncoding::Numbers
            || (matches!(objective.loss, Loss::CategoricalCrossEntropy(_)) && objective.is_fused())
    };
    if let Some(objective) = objectives.iter().find(|objective| !takes_shares(objective)) {
        let detail = format!("mixup makes shares of classes, which {} does not take", objective.loss.name());
        errors.push(at, detail);
    }
}
