//! What is done to columns before a network sees them: fitted on the training part, kept with the model.

use std::cell::OnceCell;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::columns::{Columns, input_places, resolve_columns};
use super::dataset::{ColumnData, Dataset, Element, with_elements};
use super::transforms::{
    ImputeMedian, OneHot, Operation, Passing, Sample, ScaleImage, Standardize, Transform, mean_and_deviation,
};
use super::words::{Sameness, Words};
use crate::spec::dataset::{Column, DatasetRef, Kind, Transforms};
use crate::spec::{Pointer, Shape, SpecErrors};

/// The version of the form that is kept with models.
const FORMAT: u32 = 1;

/// The fitted preprocessing of a model's inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preprocessing {
    format: u32,
    pub(super) inputs: Vec<InputForm>,
}

/// One input of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputForm {
    pub(super) name: String,
    pub(super) shape: Shape,
    pub(super) form: Form,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Form {
    /// Numbers and categories, one behind the other.
    Table { columns: Vec<TableColumn> },
    /// One column of images or tensors.
    Grid(Grid),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TableColumn {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) dtype: String,
    /// Empty or constant in the training part: the network does not see it.
    pub(super) dropped: bool,
    pub(super) operations: Vec<Operation>,
}

impl TableColumn {
    /// The classes that the network tells apart, where the column is a category.
    pub(super) fn classes(&self) -> Option<&[String]> {
        self.operations.iter().find_map(|operation| match operation {
            Operation::OneHot { classes } | Operation::Ordinal { classes } => Some(&classes[..]),
            _ => None,
        })
    }

    /// How many numbers the cell itself becomes.
    fn own_width(&self) -> usize {
        self.operations.iter().find_map(Operation::width).unwrap_or(1)
    }

    /// How many numbers the network sees of it: the cell's own, then one for each step that tells of empty cells.
    pub(super) fn width(&self) -> usize {
        let indicators = self.operations.iter().filter(|operation| operation.indicates()).count();
        if self.dropped { 0 } else { self.own_width().saturating_add(indicators) }
    }

    /// Whether a number becomes a number, so that `number` tells all of it.
    pub(super) fn is_scalar(&self) -> bool {
        let one = |operation: &Operation| operation.width().is_none() && !operation.indicates();
        self.kind == Kind::Number && !self.dropped && self.operations.iter().all(one)
    }

    /// Where each of these classes, and behind them an empty cell, has its one; none where a cell becomes anything else.
    pub(super) fn places(&self, classes: &[String]) -> Option<Vec<Option<usize>>> {
        let (last, fills) = self.operations.split_last()?;
        let mut filled = None;
        for operation in fills {
            let Operation::FillText { text, indicator: false } = operation else { return None };
            filled = filled.or(Some(text));
        }
        let cells = classes.iter().map(Some).chain([filled]);
        match last {
            Operation::OneHot { classes } => {
                let known: HashMap<&String, usize> =
                    classes.iter().enumerate().map(|(place, class)| (class, place)).collect();
                Some(cells.map(|class| known.get(class?).copied()).collect())
            }
            Operation::Hash { .. } => {
                let place = |class: Option<&String>| match last
                    .pass(Passing::Text(class.map(|class| class.as_str().into())))
                {
                    Ok(Passing::Place(place)) => place,
                    _ => None,
                };
                Some(cells.map(place).collect())
            }
            _ => None,
        }
    }

    /// A number as the network sees it; an empty cell is not a number.
    pub(super) fn number(&self, number: f64) -> f32 {
        self.operations.iter().fold(number, |number, operation| operation.apply(number)) as f32
    }

    /// Writes a cell as the network sees it into `width` noughts. The error is for the user.
    pub(super) fn write<'a>(&'a self, mut cell: Passing<'a>, line: &mut [f32]) -> Result<(), String> {
        let mut next = self.own_width();
        let mut put = |place: usize, number: f64| {
            if let Some(slot) = line.get_mut(place) {
                *slot = number as f32;
            }
        };
        for operation in &self.operations {
            if operation.indicates() {
                let empty =
                    matches!(cell, Passing::Text(None)) || matches!(cell, Passing::Number(x) if x.is_nan());
                put(next, f64::from(u8::from(empty)));
                next += 1;
            }
            cell = operation.pass(cell)?;
        }
        match cell {
            Passing::Number(number) => put(0, number),
            Passing::Numbers(numbers) => {
                numbers.into_iter().enumerate().for_each(|(place, number)| put(place, number));
            }
            Passing::Place(Some(place)) => put(place, 1.0),
            Passing::Place(None) | Passing::Text(_) => {}
        }
        Ok(())
    }

    pub(super) fn fills(&self) -> bool {
        let fills =
            |operation: &Operation| matches!(operation, Operation::Fill { .. } | Operation::FillText { .. });
        self.operations.iter().any(fills)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Grid {
    pub(super) column: String,
    pub(super) kind: Kind,
    pub(super) dtype: String,
    pub(super) operations: Vec<Operation>,
}

impl Grid {
    /// All operations as one: `factor × x + offset`.
    pub(super) fn line(&self) -> (f32, f32) {
        let at = |x: f64| self.operations.iter().fold(x, |x, operation| operation.apply(x));
        let divide = self.operations.iter().fold(1.0, |product, operation| match operation {
            Operation::Scale { divide, .. } => product * divide,
            _ => product,
        });
        (divide.recip() as f32, at(0.0) as f32)
    }
}

impl InputForm {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Without the batch axis.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The numbers of one example.
    pub fn elements(&self) -> usize {
        self.shape.iter().product::<u64>() as usize
    }
}

impl Preprocessing {
    /// Whether `fit` looks at the rows at all; where it does not (images under `auto`), no partition need be drawn
    /// to know the shapes.
    pub fn needs_rows(dataset: &Dataset, reference: &DatasetRef) -> bool {
        let grid = |column: &usize| is_grid(dataset.schema().columns[*column].kind);
        !matches!(reference.transforms, Transforms::Auto)
            || !resolve_columns(dataset.schema(), reference, &Pointer::root())
                .is_ok_and(|columns| columns.inputs.iter().all(|(_, columns)| columns.iter().all(grid)))
    }

    /// The mistakes of the transforms alone, for a reference that is refused for something else.
    pub fn check(dataset: &Dataset, reference: &DatasetRef, at: &Pointer) -> SpecErrors {
        let mut errors = SpecErrors::new();
        Steps::read(&reference.transforms, dataset, &at.key("transforms"), &mut errors);
        errors
    }

    /// Fits on the rows of the training part; also answers warnings for the plan. `at` is where `reference` stands.
    pub fn fit(
        dataset: &Dataset,
        reference: &DatasetRef,
        train_rows: &[u32],
        at: &Pointer,
    ) -> Result<(Self, Vec<String>), SpecErrors> {
        let mut errors = SpecErrors::new();
        let steps = Steps::read(&reference.transforms, dataset, &at.key("transforms"), &mut errors);
        let columns = match resolve_columns(dataset.schema(), reference, at) {
            Ok(columns) => columns,
            Err(mut of_columns) => {
                of_columns.extend(errors);
                return Err(of_columns);
            }
        };
        steps.check_inputs(dataset, &columns, &mut errors);
        let mut fitting = Fitting { dataset, rows: train_rows, steps, errors, warnings: Vec::new() };
        let places = input_places(reference, &at.key("input"));
        let mut inputs = Vec::with_capacity(columns.inputs.len());
        for (index, (name, columns)) in columns.inputs.iter().enumerate() {
            let input_at = places.as_ref().map_or_else(
                || at.key("input"),
                |_| {
                    let named = matches!(reference.input, Some(crate::spec::dataset::Input::Named(_)));
                    if named { at.key("input").key(name) } else { at.key("input") }
                },
            );
            let place = |position: usize| {
                places.as_ref().map_or_else(|| input_at.clone(), |places| places[index].1[position].1.clone())
            };
            inputs.extend(fitting.input(name, columns, &input_at, &place));
        }
        let Fitting { errors, warnings, .. } = fitting;
        errors.into_result(Some((Self { format: FORMAT, inputs }, warnings)))
    }

    /// The inputs in their order.
    pub fn inputs(&self) -> &[InputForm] {
        &self.inputs
    }

    pub fn input_shapes(&self) -> Vec<Shape> {
        self.inputs.iter().map(|input| input.shape.clone()).collect()
    }

    /// Whether what is kept of each input agrees with itself, where it was read from a file.
    pub fn is_whole(&self) -> bool {
        self.inputs.iter().all(|input| match &input.form {
            Form::Table { columns } => {
                let mut widths = columns.iter().map(|column| column.width() as u64);
                widths.try_fold(0_u64, u64::checked_add).is_some_and(|width| input.shape == [width])
            }
            Form::Grid(_) => {
                input.shape.iter().try_fold(1_u64, |product, extent| product.checked_mul(*extent)).is_some()
            }
        })
    }

    /// Whether this program reads the form that it was kept in.
    pub fn is_known(&self) -> bool {
        self.format == FORMAT
    }
}

pub(super) fn is_grid(kind: Kind) -> bool {
    matches!(kind, Kind::Image | Kind::Tensor | Kind::Tokens)
}

/// What is to be done to which column.
enum Steps {
    Auto,
    Listed { columns: Vec<ListedColumn>, at: Pointer },
}

/// A column that the user lists, where it stands, and its steps with where each of them does.
struct ListedColumn {
    name: String,
    at: Pointer,
    steps: Vec<(Transform, Pointer)>,
    /// Whether one of its steps could not be read.
    refused: bool,
}

impl Steps {
    fn read(transforms: &Transforms, dataset: &Dataset, at: &Pointer, errors: &mut SpecErrors) -> Self {
        let Transforms::Listed(listed) = transforms else { return Self::Auto };
        let mut columns: Vec<ListedColumn> = Vec::new();
        for (index, entry) in listed.iter().enumerate() {
            let at = at.index(index);
            let steps: Vec<(Transform, Pointer)> = entry
                .steps
                .iter()
                .filter_map(|step| {
                    let transform = Transform::from_component(&step.0, &[], errors)?;
                    Some((transform, step.0.pointer.clone()))
                })
                .collect();
            for (position, column) in entry.columns.iter().enumerate() {
                let at = at.key("columns").index(position);
                if dataset.find(column).is_none() {
                    let names = dataset.schema().columns.iter().map(|column| column.name.as_str());
                    let hint = crate::spec::field::did_you_mean(column, names);
                    errors.push(
                        &at,
                        format!("data set \"{}\" has no column \"{column}\"{hint}", dataset.schema().name),
                    );
                } else if columns.iter().any(|other| other.name == *column) {
                    errors.push(&at, format!("column \"{column}\" is named twice"));
                } else {
                    let refused = steps.len() < entry.steps.len();
                    columns.push(ListedColumn { name: column.clone(), at, steps: steps.clone(), refused });
                }
            }
        }
        Self::Listed { columns, at: at.clone() }
    }

    /// Notes columns that no input reads, whose steps would be passed over in silence.
    fn check_inputs(&self, dataset: &Dataset, inputs: &Columns, errors: &mut SpecErrors) {
        let Self::Listed { columns, .. } = self else { return };
        let read = |name: &str| {
            let mut read = inputs.inputs.iter().flat_map(|(_, columns)| columns);
            read.any(|column| dataset.schema().columns[*column].name == name)
        };
        for column in columns.iter().filter(|column| !read(&column.name)) {
            let detail =
                format!("column \"{}\" is no input; \"target_transform\" is for the target", column.name);
            errors.push(&column.at, detail);
        }
    }

    /// The steps of a column, and where the user would change them.
    fn of(&self, column: &Column, place: &Pointer) -> Vec<(Transform, Pointer)> {
        match self {
            Self::Auto => {
                let steps: Vec<Transform> = match column.kind {
                    Kind::Number => vec![ImputeMedian::default().into(), Standardize {}.into()],
                    Kind::Category => vec![OneHot {}.into()],
                    Kind::Image => vec![ScaleImage {}.into()],
                    Kind::Text | Kind::Tensor | Kind::Tokens => Vec::new(),
                };
                steps.into_iter().map(|step| (step, place.clone())).collect()
            }
            Self::Listed { columns, .. } => columns
                .iter()
                .find(|listed| listed.name == column.name)
                .map(|listed| listed.steps.clone())
                .unwrap_or_default(),
        }
    }

    /// Whether a step of the column could not be read, which was noted.
    fn refused(&self, column: &Column) -> bool {
        match self {
            Self::Auto => false,
            Self::Listed { columns, .. } => {
                columns.iter().any(|listed| listed.name == column.name && listed.refused)
            }
        }
    }

    /// Where a missing step would be added.
    fn place(&self, place: &Pointer) -> Pointer {
        match self {
            Self::Auto => place.clone(),
            Self::Listed { at, .. } => at.clone(),
        }
    }
}

struct Fitting<'a> {
    dataset: &'a Dataset,
    rows: &'a [u32],
    steps: Steps,
    errors: SpecErrors,
    warnings: Vec<String>,
}

impl Fitting<'_> {
    fn input(
        &mut self,
        name: &str,
        columns: &[usize],
        at: &Pointer,
        place: &dyn Fn(usize) -> Pointer,
    ) -> Option<InputForm> {
        let kind = |column: &usize| self.dataset.schema().columns[*column].kind;
        if let Some(position) = columns.iter().position(|column| is_grid(kind(column))) {
            if columns.len() == 1 {
                return self.grid(name, columns[0], &place(0));
            }
            let column = &self.dataset.schema().columns[columns[position]];
            self.errors.push(
                &place(position),
                format!(
                    "column \"{}\" is of kind {} and shares no input with other columns; give it an input of its own, \
                     as in {{\"picture\": \"{}\", \"table\": […]}}",
                    column.name, column.kind, column.name
                ),
            );
            return None;
        }
        let fitted: Vec<Option<TableColumn>> = columns
            .iter()
            .enumerate()
            .map(|(position, column)| match kind(column) {
                Kind::Number => self.numbers(*column, &place(position)),
                _ => self.words(*column, &place(position)),
            })
            .collect();
        let columns: Vec<TableColumn> = fitted.into_iter().collect::<Option<_>>()?;
        let width: usize = columns.iter().map(TableColumn::width).sum();
        if width == 0 {
            self.errors.push(
                at,
                "every column is empty or constant in the training part; nothing is left to learn from",
            );
            return None;
        }
        Some(InputForm { name: name.to_owned(), shape: vec![width as u64], form: Form::Table { columns } })
    }

    /// Fits a step, noting where it cannot.
    fn fit(
        &mut self,
        column: &Column,
        kind: Kind,
        step: &(Transform, Pointer),
        sample: &Sample<'_>,
    ) -> Option<Operation> {
        let (transform, at) = step;
        if !transform.takes().contains(&kind) {
            let kinds: Vec<&str> = transform.takes().iter().map(|kind| kind.word()).collect();
            self.errors.push(
                at,
                format!(
                    "{} is for columns of kind {}; \"{}\" is of kind {}",
                    transform.name(),
                    kinds.join(", "),
                    column.name,
                    kind
                ),
            );
            return None;
        }
        match transform.fit(sample) {
            Ok(operation) => Some(operation),
            Err(detail) => {
                self.errors.push(at, format!("column \"{}\": {detail}", column.name));
                None
            }
        }
    }

    fn drop(&mut self, column: &Column, why: &str) -> TableColumn {
        self.warnings
            .push(format!("column \"{}\" is {why} in the training part and is left out", column.name));
        TableColumn { dropped: true, ..fitted(column, Vec::new()) }
    }

    fn numbers(&mut self, index: usize, place: &Pointer) -> Option<TableColumn> {
        let column = &self.dataset.schema().columns[index];
        let steps = self.steps.of(column, place);
        let ColumnData::Numbers(cells) = self.dataset.column(index) else { return None };
        let mut numbers: Vec<f64> = self.rows.iter().map(|row| cells[*row as usize]).collect();
        let mut present = numbers.iter().filter(|number| !number.is_nan());
        let first = present.next();
        if first.is_none() {
            return Some(self.drop(column, "empty"));
        }
        let told = tells_of_empty_cells(&steps) && numbers.iter().any(|number| number.is_nan());
        if !steps.is_empty() && !told && present.all(|number| Some(number) == first) {
            return Some(self.drop(column, "constant"));
        }
        let mut operations = Vec::with_capacity(steps.len());
        for step in &steps {
            operations.push(self.number_step(column, step, &mut numbers)?);
        }
        let fitted = fitted(column, operations);
        if column.missing > 0 && !fitted.fills() {
            self.errors.push(
                &self.steps.place(place),
                format!(
                    "column \"{}\" has {} empty cell(s) and needs \"impute_median\"",
                    column.name, column.missing
                ),
            );
            return None;
        }
        Some(fitted)
    }

    /// Fits a step for numbers and takes it.
    fn number_step(
        &mut self,
        column: &Column,
        step: &(Transform, Pointer),
        numbers: &mut [f64],
    ) -> Option<Operation> {
        let operation = self.fit(column, Kind::Number, step, &Sample::Numbers(numbers))?;
        for number in numbers {
            *number = operation.apply(*number);
        }
        Some(operation)
    }

    /// A column of categories or texts.
    fn words(&mut self, index: usize, place: &Pointer) -> Option<TableColumn> {
        let column = &self.dataset.schema().columns[index];
        let steps = self.steps.of(column, place);
        if self.steps.refused(column) {
            return None;
        }
        if steps.is_empty() {
            self.refuse_words(column, place);
            return None;
        }
        let mut words = Words::read(self.dataset, index, self.rows);
        match words.sameness() {
            Sameness::Empty => return Some(self.drop(column, "empty")),
            Sameness::Constant => return Some(self.drop(column, "constant")),
            Sameness::Different => {}
        }
        let mut operations = Vec::with_capacity(steps.len());
        for (index, step) in steps.iter().enumerate() {
            let operation = match &mut words {
                Words::Number(numbers) => self.number_step(column, step, numbers)?,
                Words::Numbers(several) => {
                    let each = several.iter_mut().map(|numbers| self.number_step(column, step, numbers));
                    Operation::Each { operations: each.collect::<Option<_>>()? }
                }
                Words::Placed => {
                    let before = steps[index - 1].0.name();
                    self.errors
                        .push(&step.1, format!("nothing can follow {before} (column \"{}\")", column.name));
                    return None;
                }
                words => {
                    let operation =
                        words.with_sample(|sample| self.fit(column, column.kind, step, sample))?;
                    words.take(&operation);
                    operation
                }
            };
            operations.push(operation);
        }
        let fitted = fitted(column, operations);
        self.check_words(column, &fitted, &words, place).then_some(fitted)
    }

    fn refuse_words(&mut self, column: &Column, place: &Pointer) {
        let name = &column.name;
        if column.kind == Kind::Category {
            let detail = format!(
                "column \"{name}\" is a category, which a network cannot read as it is; it needs \"one_hot\""
            );
            return self.errors.push(&self.steps.place(place), detail);
        }
        self.errors.push(
            place,
            format!(
                "column \"{name}\" is free text, which is not supported yet; list the other columns in \"input\", or, \
                 if its values are classes, upload the set with types={name}:category"
            ),
        );
    }

    /// Whether the steps made numbers of a column of words, of its empty cells too.
    fn check_words(
        &mut self,
        column: &Column,
        fitted: &TableColumn,
        words: &Words<'_>,
        place: &Pointer,
    ) -> bool {
        let at = self.steps.place(place);
        let name = &column.name;
        if !matches!(words, Words::Number(_) | Words::Numbers(_) | Words::Placed) {
            let what =
                if column.kind == Kind::Category { "\"one_hot\"" } else { "\"hash\" or \"date_parts\"" };
            self.errors.push(
                &at,
                format!(
                    "column \"{name}\" is of kind {}, which a network cannot read as it is; it needs {what}",
                    column.kind
                ),
            );
            return false;
        }
        let dates =
            fitted.operations.iter().any(|operation| matches!(operation, Operation::DateParts { .. }));
        if dates && column.missing > 0 && !fitted.fills() {
            let detail = format!(
                "column \"{name}\" has {} empty cell(s) and needs \"impute_most_frequent\" before its dates are read",
                column.missing
            );
            self.errors.push(&at, detail);
            return false;
        }
        true
    }

    fn grid(&mut self, name: &str, index: usize, place: &Pointer) -> Option<InputForm> {
        let dataset = self.dataset;
        let column = &dataset.schema().columns[index];
        let steps = self.steps.of(column, place);
        let raw = OnceCell::new();
        let rows = self.rows;
        let mut operations: Vec<Operation> = Vec::with_capacity(steps.len());
        for step in &steps {
            let done = operations.clone();
            let moments = || {
                let (mean, deviation) = *raw.get_or_init(|| moments(dataset, index, rows));
                done.iter().fold((mean, deviation), |(mean, deviation), operation| match operation {
                    Operation::Scale { divide, .. } => (operation.apply(mean), deviation / divide.abs()),
                    _ => (mean, deviation),
                })
            };
            operations.push(self.fit(column, column.kind, step, &Sample::Elements(&moments))?);
        }
        let shape = column.shape.clone();
        let grid =
            Grid { column: column.name.clone(), kind: column.kind, dtype: column.dtype.clone(), operations };
        Some(InputForm { name: name.to_owned(), shape, form: Form::Grid(grid) })
    }
}

fn fitted(column: &Column, operations: Vec<Operation>) -> TableColumn {
    TableColumn {
        name: column.name.clone(),
        kind: column.kind,
        dtype: column.dtype.clone(),
        dropped: false,
        operations,
    }
}

fn tells_of_empty_cells(steps: &[(Transform, Pointer)]) -> bool {
    steps.iter().any(|(step, _)| step.tells_of_empty_cells())
}

/// Mean and standard deviation over all elements of some rows.
fn moments(dataset: &Dataset, column: usize, rows: &[u32]) -> (f64, f64) {
    fn of<T: Element>(elements: &[T], rows: &[u32], cell: usize) -> (f64, f64) {
        // Row by row, so that memory does not grow with the set; means of rows weigh the same.
        let count = (rows.len() * cell).max(1) as f64;
        let cells = || rows.iter().map(|row| &elements[*row as usize * cell..][..cell]);
        let mean = cells().flatten().map(|element| element.double()).sum::<f64>() / count;
        let squares = cells().flatten().map(|element| (element.double() - mean).powi(2)).sum::<f64>();
        (mean, (squares / count).sqrt())
    }
    let cell = dataset.schema().columns[column].shape.iter().product::<u64>() as usize;
    match dataset.column(column) {
        ColumnData::Pixels(pixels) => of(pixels, rows, cell),
        ColumnData::Tensor(data) => with_elements!(data, |elements| of(elements, rows, cell)),
        ColumnData::Numbers(numbers) => mean_and_deviation(numbers),
        _ => (0.0, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::data::Format;
    use crate::data::testing::{Upload, at, csv, fit, images_and_labels, reference, tar};

    fn mixed() -> std::sync::Arc<Dataset> {
        csv("n,gap,c,text,empty,y\n1,2,a,one,,0\n2,,b,two,,1\n3,4,a,three,,0\n4,5,b,four,,1\n")
    }

    fn refusal(dataset: &Dataset, body: Value) -> String {
        fit(dataset, body).unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_advice() {
        let dataset = mixed();
        let steps = |columns: Value, steps: Value| json!([{"columns": columns, "steps": steps}]);
        insta::assert_snapshot!([
            refusal(&dataset, json!({"target": "y"})),
            refusal(&dataset, json!({"target": "y", "input": ["n", "text"]})),
            refusal(&dataset, json!({"target": "text", "input": "n"})),
            refusal(&dataset, json!({"target": "y", "input": ["n", "gaps"]})),
            refusal(&dataset, json!({"target": "z", "input": "y"})),
            refusal(&dataset, json!({"target": "y", "input": ["y", "n"]})),
            refusal(&dataset, json!({"target": "y", "input": "empty"})),
            refusal(&dataset, json!({"target": "y", "input": ["n", "c"], "transforms": []})),
            refusal(&dataset, json!({"target": "y", "input": ["n", "gap"], "transforms": []})),
            refusal(&dataset, json!({"target": "y", "input": "n", "transforms": steps(json!(["n"]), json!(["one_hot"]))})),
            refusal(&dataset, json!({"target": "y", "input": "c", "transforms": steps(json!(["c"]), json!(["one_hot", "standardize"]))})),
            refusal(&dataset, json!({"target": "y", "input": "n", "transforms": steps(json!(["n", "m"]), json!(["standardise", {"type": "impute_median", "by": 3}]))})),
            refusal(&dataset, json!({"target": "y", "input": "n", "transforms": [{"columns": ["n"], "steps": []}, {"columns": ["n"], "steps": []}]})),
        ].join("\n"), @r#"
        /training/dataset/input: column "text" is free text, which is not supported yet; list the other columns in "input", or, if its values are classes, upload the set with types=text:category
        /training/dataset/input/1: column "text" is free text, which is not supported yet; list the other columns in "input", or, if its values are classes, upload the set with types=text:category
        /training/dataset/target: column "text" is free text, which cannot be a target; if its values are classes, upload the set with types=text:category
        /training/dataset/input/1: data set "test" has no column "gaps"; did you mean "gap"?
        /training/dataset/target: data set "test" has no column "z"; its columns are n, gap, c, text, empty, y
        /training/dataset/input/0: column "y" is a target, and cannot be an input as well
        /training/dataset/input: every column is empty or constant in the training part; nothing is left to learn from
        /training/dataset/transforms: column "c" is a category, which a network cannot read as it is; it needs "one_hot"
        /training/dataset/transforms: column "gap" has 1 empty cell(s) and needs "impute_median"
        /training/dataset/transforms/0/steps/0: one_hot is for columns of kind category; "n" is of kind number
        /training/dataset/transforms/0/steps/1: nothing can follow one_hot (column "c")
        /training/dataset/transforms/0/steps/0: "standardise" is not a transform that Lyceum knows; did you mean "standardize"?
        /training/dataset/transforms/0/steps/1/by: "by" is not a field of impute_median
        /training/dataset/transforms/0/columns/1: data set "test" has no column "m"
        /training/dataset/transforms/1/columns/0: column "n" is named twice
        "#);
    }

    #[test]
    fn empty_and_constant_columns_are_left_out_with_a_warning() {
        let dataset = csv("a,b,c,d,y\n1,,x,7,0\n2,,x,7,1\n3,,x,7,0\n4,,x,,1\n");
        let (preprocessing, warnings) = fit(&dataset, json!({"target": "y"})).unwrap();
        assert_eq!(preprocessing.input_shapes(), [[1]]);
        assert_eq!(
            warnings,
            ["b\" is empty", "c\" is constant", "d\" is constant"]
                .map(|what| format!("column \"{what} in the training part and is left out"))
        );
        // Fitted on the training part alone.
        let (preprocessing, warnings) = Preprocessing::fit(
            &dataset,
            &reference(json!({"target": "y", "input": ["a", "d"]})),
            &[0, 3],
            &at(),
        )
        .unwrap();
        assert_eq!((preprocessing.input_shapes(), warnings.len()), (vec![vec![1]], 1));
        // Used as it is, a constant stays.
        let (preprocessing, warnings) =
            fit(&dataset, json!({"target": "y", "input": ["y", "a"], "transforms": [], "target": "d"}))
                .unwrap();
        assert_eq!((preprocessing.input_shapes(), warnings.len()), (vec![vec![2]], 0));
    }

    #[test]
    fn it_is_kept_and_read_again() {
        let (preprocessing, _) = fit(&mixed(), json!({"target": "y", "input": ["n", "gap", "c"]})).unwrap();
        let kept = serde_json::to_value(&preprocessing).unwrap();
        assert_eq!(serde_json::from_value::<Preprocessing>(kept.clone()).unwrap(), preprocessing);
        assert!(preprocessing.is_known());
        insta::assert_snapshot!(kept.to_string(), @r#"{"format":1,"inputs":[{"name":"input","shape":[4],"form":{"table":{"columns":[{"name":"n","kind":"number","dtype":"int64","dropped":false,"operations":[{"type":"fill","value":2.5},{"type":"scale","subtract":2.5,"divide":1.118033988749895}]},{"name":"gap","kind":"number","dtype":"int64","dropped":false,"operations":[{"type":"fill","value":4.0},{"type":"scale","subtract":3.75,"divide":1.0897247358851685}]},{"name":"c","kind":"category","dtype":"string","dropped":false,"operations":[{"type":"one_hot","classes":["a","b"]}]}]}}}]}"#);
    }

    #[test]
    fn images_need_no_rows_and_an_input_of_their_own() {
        let [images, labels] = images_and_labels(6, 2, 2);
        let dataset =
            Upload::new(Format::Idx, &tar(&[("x", &images), ("y", &labels)])).import().unwrap().open();
        assert!(!Preprocessing::needs_rows(&dataset, &reference(json!({"target": "label"}))));
        assert!(Preprocessing::needs_rows(&mixed(), &reference(json!({"target": "y"}))));
        let fitted =
            Preprocessing::fit(&dataset, &reference(json!({"target": "label"})), &[], &at()).unwrap().0;
        assert_eq!(fitted.input_shapes(), [[1, 2, 2]]);
        assert!(
            refusal(&dataset, json!({"target": "label", "input": ["image"], "transforms": [{"columns": ["image"], "steps": ["one_hot"]}]}))
                .starts_with("/training/dataset/transforms/0/steps/0: one_hot is for columns of kind category")
        );
    }
}
