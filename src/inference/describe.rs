//! What a version takes and answers, in the words of its data set.

use super::{Inference, InferenceError, VersionRef};
use crate::data::TargetKind;
use crate::nn::losses::Task;
use crate::spec::Shape;
use crate::spec::dataset::Kind;
use crate::train::model::ModelOutput;

/// What a version takes and answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    pub inputs: Vec<DescribedInput>,
    pub outputs: Vec<DescribedOutput>,
}

/// A column that a prediction takes.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribedInput {
    pub name: String,
    pub kind: Kind,
    pub dtype: String,
    pub shape: Shape,
    pub classes: Vec<String>,
    /// Whether it may be left out of an example.
    pub optional: bool,
}

/// What a prediction says of one target.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribedOutput {
    pub name: String,
    pub kind: Kind,
    /// Of a number that is not a single one.
    pub shape: Shape,
    pub classes: Vec<String>,
}

impl Inference {
    /// What a version takes and answers.
    pub async fn describe(&self, model: &str, version: &VersionRef) -> Result<Description, InferenceError> {
        let found = self.0.versions.resolve(model, version).await?;
        let inputs = found.document.preprocessing.input_columns().into_iter().map(|column| DescribedInput {
            name: column.name,
            kind: column.kind,
            dtype: column.dtype,
            shape: column.shape,
            classes: column.classes,
            optional: column.optional,
        });
        let outputs = found.document.outputs.iter().flat_map(outputs);
        Ok(Description { inputs: inputs.collect(), outputs: outputs.collect() })
    }
}

fn outputs(output: &ModelOutput) -> Vec<DescribedOutput> {
    if output.is_one_of_columns() {
        let classes = output.columns.iter().map(|column| column.column.clone()).collect();
        let name = output.target.clone();
        return vec![DescribedOutput { name, kind: Kind::Category, shape: Shape::new(), classes }];
    }
    let several = output.columns.len() > 1 || output.task == Some(Task::Gaussian);
    let described = output.columns.iter().map(|column| {
        // As a prediction calls it.
        let name = column.column.clone();
        match &column.kind {
            TargetKind::Category { classes } => {
                DescribedOutput { name, kind: Kind::Category, shape: Shape::new(), classes: classes.clone() }
            }
            TargetKind::Number { .. } => {
                let single = several || output.shape.iter().product::<u64>() == 1;
                let shape = if single { Shape::new() } else { output.shape.clone() };
                DescribedOutput { name, kind: Kind::Number, shape, classes: Vec::new() }
            }
        }
    });
    described.collect()
}
