//! The inputs of a prediction, in the data set's own terms, become what the network reads.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::import::shown;
use super::numbers::{is_whole, parse_number, whole_name};
use super::picture::{self, Values};
use super::preprocessing::{Form, Grid, InputForm, Preprocessing, TableColumn};
use super::transforms::Passing;
use crate::spec::dataset::Kind;
use crate::spec::field::{did_you_mean, found};
use crate::spec::{Pointer, Shape, SpecErrors};

/// Inputs of a prediction as the network reads them: for each input of the network a buffer `[examples, …]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    pub examples: usize,
    pub inputs: Vec<Vec<f32>>,
}

/// A column that a prediction reads.
#[derive(Clone, Debug, PartialEq)]
pub struct InputColumn {
    pub name: String,
    /// The network's input that it belongs to.
    pub input: usize,
    pub kind: Kind,
    /// Of the cells as uploaded.
    pub dtype: String,
    pub shape: Shape,
    /// Of a category: those seen in training.
    pub classes: Vec<String>,
    /// Dropped in training: it may be absent, and nothing comes of it.
    pub optional: bool,
}

/// The cells of one input column, or of several number columns in a row (`[examples, columns]`, named `input`).
#[derive(Clone, Debug)]
pub struct InputTensor<'a> {
    pub name: &'a str,
    pub values: TensorValues<'a>,
}

#[derive(Clone, Debug)]
pub enum TensorValues<'a> {
    /// Numbers (not a number: missing), pixels or elements.
    Numbers(&'a [f32]),
    /// Categories (empty: missing).
    Texts(&'a [String]),
}

/// A column of an input: what a cell of a row is for.
#[derive(Clone, Copy)]
enum Slot<'a> {
    Table(&'a TableColumn),
    Grid(&'a Grid, &'a Shape),
}

impl<'a> Slot<'a> {
    fn name(self) -> &'a str {
        match self {
            Self::Table(column) => &column.name,
            Self::Grid(grid, _) => &grid.column,
        }
    }

    fn may_be_absent(self) -> bool {
        matches!(self, Self::Table(column) if column.dropped)
    }
}

/// A cell of an example, and where it stands below the example.
#[derive(Clone, Copy)]
struct Cell<'v> {
    value: &'v Value,
    place: Place<'v>,
}

#[derive(Clone, Copy)]
enum Place<'v> {
    Whole,
    Key(&'v str),
    Index(usize),
    /// In the object, or the array, of a named input.
    Nested(&'v str, &'v str),
    NestedIndex(&'v str, usize),
}

impl Place<'_> {
    /// Made for mistakes alone: a pointer for every cell would cost more than the cell.
    fn pointer(self, at: &Pointer) -> Pointer {
        match self {
            Self::Whole => at.clone(),
            Self::Key(key) => at.key(key),
            Self::Index(index) => at.index(index),
            Self::Nested(input, key) => at.key(input).key(key),
            Self::NestedIndex(input, index) => at.key(input).index(index),
        }
    }
}

impl Preprocessing {
    /// The columns that a prediction reads, in order: a row as an array holds them so.
    pub fn input_columns(&self) -> Vec<InputColumn> {
        let column = |(input, slot): (usize, Slot<'_>)| match slot {
            Slot::Table(column) => InputColumn {
                name: column.name.clone(),
                input,
                kind: column.kind,
                dtype: column.dtype.clone(),
                shape: Vec::new(),
                classes: column.classes().unwrap_or_default().to_vec(),
                optional: column.dropped,
            },
            Slot::Grid(grid, shape) => InputColumn {
                name: grid.column.clone(),
                input,
                kind: grid.kind,
                dtype: grid.dtype.clone(),
                shape: shape.clone(),
                classes: Vec::new(),
                optional: false,
            },
        };
        self.slots().into_iter().map(column).collect()
    }

    fn slots(&self) -> Vec<(usize, Slot<'_>)> {
        let mut all = Vec::new();
        for (index, input) in self.inputs.iter().enumerate() {
            match &input.form {
                Form::Table { columns } => {
                    all.extend(columns.iter().map(|column| (index, Slot::Table(column))));
                }
                Form::Grid(grid) => all.push((index, Slot::Grid(grid, &input.shape))),
            }
        }
        all
    }

    /// Encodes the examples `inputs`, which stand at `at` (`/inputs`): a list of rows as objects, arrays or images;
    /// an object or a text is one example.
    pub fn encode(&self, inputs: &Value, at: &Pointer) -> Result<Encoded, SpecErrors> {
        let mut errors = SpecErrors::new();
        let reader = RowReader::new(self);
        let mut encoded = self.buffers(inputs.as_array().map_or(1, Vec::len));
        match inputs {
            Value::Array(examples) if examples.is_empty() => {
                errors.push(at, "must hold at least one example");
            }
            Value::Array(examples) => {
                for (index, example) in examples.iter().enumerate() {
                    reader.read(example, &|| at.index(index), &mut encoded, &mut errors);
                }
            }
            Value::Object(_) | Value::String(_) => {
                reader.read(inputs, &|| at.clone(), &mut encoded, &mut errors);
            }
            other => errors.push(at, format!("must be a list of examples, not {}", found(other))),
        }
        errors.into_result(Some(encoded))
    }

    fn buffers(&self, examples: usize) -> Encoded {
        // Examples may be many, large and wrong: beyond this, room is made for those that are read.
        const MOST: usize = 1 << 20;
        let buffer =
            |input: &InputForm| Vec::with_capacity(examples.saturating_mul(input.elements()).min(MOST));
        Encoded { examples: 0, inputs: self.inputs.iter().map(buffer).collect() }
    }

    /// Encodes one image: the bytes of a PNG or a JPEG.
    pub fn encode_image(&self, bytes: &[u8]) -> Result<Encoded, SpecErrors> {
        let root = Pointer::root();
        let [InputForm { form: Form::Grid(grid), shape, .. }] = &self.inputs[..] else {
            return Err(SpecErrors::of(&root, "this model reads no single image; send its inputs as JSON"));
        };
        let mut encoded = self.buffers(1);
        encoded.examples = 1;
        read_picture(grid, shape, bytes, &mut encoded.inputs[0])
            .map_err(|detail| SpecErrors::of(&root, format!("the image {detail}")))?;
        Ok(encoded)
    }

    /// Encodes tensors of `examples` cells each, by column (the Open Inference Protocol's form); each mistake stands
    /// at `at`, then the tensor's index.
    pub fn encode_tensors(
        &self,
        examples: usize,
        tensors: &[InputTensor<'_>],
        at: &Pointer,
    ) -> Result<Encoded, SpecErrors> {
        let slots = self.slots();
        if let [tensor] = tensors
            && self.is_plain()
            && (slots.len() == 1 || tensor.name == self.inputs[0].name)
            && [slots[0].1.name(), &self.inputs[0].name].contains(&tensor.name)
            && let TensorValues::Numbers(values) = tensor.values
        {
            let elements = self.inputs[0].elements();
            if values.len() != examples * elements {
                let shape = &self.inputs[0].shape;
                return Err(SpecErrors::of(
                    &at.index(0),
                    format!("must be of shape [{examples}, {shape:?}]"),
                ));
            }
            let mut values = values.to_vec();
            self.scale_in_place(&mut values);
            if !values.iter().all(|value| value.is_finite()) {
                return Err(SpecErrors::of(
                    &at.index(0),
                    "holds a value that is too large, or an empty one that training saw none of",
                ));
            }
            return Ok(Encoded { examples, inputs: vec![values] });
        }
        if let [tensor] = tensors
            && self.takes_rows()
            && tensor.name == self.inputs[0].name
            && let TensorValues::Numbers(values) = tensor.values
            && values.len() == examples * slots.len()
        {
            let column = |index| values.iter().skip(index).step_by(slots.len()).copied().collect();
            let columns: Vec<Vec<f32>> = (0..slots.len()).map(column).collect();
            let named = slots.iter().zip(&columns).map(|((_, slot), column)| InputTensor {
                name: slot.name(),
                values: TensorValues::Numbers(column),
            });
            return self.encode_columns(examples, &named.collect::<Vec<_>>(), at, &|_| at.index(0));
        }
        self.encode_columns(examples, tensors, at, &|index| at.index(index))
    }

    /// Encodes a tensor for each column; a mistake in one stands at its `place`.
    fn encode_columns(
        &self,
        examples: usize,
        tensors: &[InputTensor<'_>],
        at: &Pointer,
        place: &dyn Fn(usize) -> Pointer,
    ) -> Result<Encoded, SpecErrors> {
        let mut errors = SpecErrors::new();
        let slots = self.slots();
        for (index, tensor) in tensors.iter().enumerate() {
            let names = || slots.iter().map(|(_, slot)| slot.name());
            if !names().any(|name| name == tensor.name) {
                let hint = did_you_mean(tensor.name, names());
                errors.push(
                    &place(index),
                    format!("{} is not an input of this model{hint}", shown(tensor.name)),
                );
            }
        }
        let mut encoded = Encoded {
            examples,
            inputs: self.inputs.iter().map(|input| vec![0.0; examples * input.elements()]).collect(),
        };
        let mut offset = 0;
        let mut last = 0;
        for (input, slot) in slots {
            if input != last {
                (last, offset) = (input, 0);
            }
            let width = self.inputs[input].elements();
            let given = tensors.iter().enumerate().find(|(_, tensor)| tensor.name == slot.name());
            match given {
                Some((index, tensor)) => {
                    if let Err(detail) =
                        fill_slot(slot, &tensor.values, examples, &mut encoded.inputs[input], (offset, width))
                    {
                        errors.push(&place(index), format!("{} {detail}", shown(tensor.name)));
                    }
                }
                None if slot.may_be_absent() => {}
                None => errors.push(at, format!("{} is missing among the inputs", shown(slot.name()))),
            }
            offset += slot_width(slot);
        }
        errors.into_result(Some(encoded))
    }

    /// Whether all that an example holds are numbers, several of them, which come as a row as well.
    pub fn takes_rows(&self) -> bool {
        match &self.inputs[..] {
            [InputForm { form: Form::Table { columns }, .. }] => {
                columns.len() > 1 && columns.iter().all(|column| column.kind == Kind::Number)
            }
            _ => false,
        }
    }

    /// Whether `scale_in_place` applies: one input that is an image or a tensor, or whose columns are all numbers
    /// used one by one.
    pub fn is_plain(&self) -> bool {
        match &self.inputs[..] {
            [InputForm { form: Form::Grid(_), .. }] => true,
            [InputForm { form: Form::Table { columns }, .. }] => columns.iter().all(TableColumn::is_scalar),
            _ => false,
        }
    }

    /// Turns raw values (`[examples, …]` in the order of `input_columns`) into what the network reads, where they
    /// stand. For preprocessing that `is_plain`.
    pub fn scale_in_place(&self, values: &mut [f32]) {
        match self.inputs.first().map(|input| &input.form) {
            Some(Form::Grid(grid)) => scale(grid, values),
            Some(Form::Table { columns }) => {
                for row in values.chunks_exact_mut(columns.len()) {
                    for (value, column) in row.iter_mut().zip(columns) {
                        *value = column.number(f64::from(*value));
                    }
                }
            }
            None => {}
        }
    }
}

fn scale(grid: &Grid, values: &mut [f32]) {
    let (factor, offset) = grid.line();
    for value in values {
        *value = *value * factor + offset;
    }
}

fn slot_width(slot: Slot<'_>) -> usize {
    match slot {
        Slot::Table(column) => column.width(),
        Slot::Grid(_, shape) => shape.iter().product::<u64>() as usize,
    }
}

/// Writes a column's cells into the lines of an input.
fn fill_slot(
    slot: Slot<'_>,
    values: &TensorValues<'_>,
    examples: usize,
    out: &mut [f32],
    (offset, width): (usize, usize),
) -> Result<(), String> {
    let cell = if let Slot::Grid(..) = slot { slot_width(slot) } else { 1 };
    let count = match values {
        TensorValues::Numbers(numbers) => numbers.len(),
        TensorValues::Texts(texts) => texts.len(),
    };
    if count != examples * cell {
        return Err(format!("holds {count} value(s); {examples} example(s) of {cell} were expected"));
    }
    match (slot, values) {
        (Slot::Grid(grid, _), TensorValues::Numbers(numbers)) => {
            out.copy_from_slice(numbers);
            scale(grid, out);
            if out.iter().all(|value| value.is_finite()) {
                Ok(())
            } else {
                Err("holds a value that is too large".into())
            }
        }
        (Slot::Grid(..), TensorValues::Texts(_)) => Err("must hold numbers".into()),
        (Slot::Table(column), values) => {
            for (example, line) in out.chunks_exact_mut(width).enumerate() {
                let line = &mut line[offset..offset + column.width()];
                match (column.kind, values) {
                    (Kind::Category | Kind::Text, TensorValues::Texts(texts)) => {
                        fill_words(column, Some(&texts[example]), line)?;
                    }
                    (Kind::Category | Kind::Text, TensorValues::Numbers(numbers)) => {
                        let name = word_of_number(column, f64::from(numbers[example]));
                        fill_words(column, name.as_deref(), line)?;
                    }
                    (_, TensorValues::Numbers(numbers)) => {
                        fill_number(column, Some(f64::from(numbers[example])).filter(|n| !n.is_nan()), line)?;
                    }
                    (_, TensorValues::Texts(texts)) => {
                        fill_number(column, number_of_text(&texts[example])?, line)?;
                    }
                }
            }
            Ok(())
        }
    }
}

/// Reads the examples of one request.
struct RowReader<'a> {
    preprocessing: &'a Preprocessing,
    slots: Vec<(usize, Slot<'a>)>,
    /// The slots of each column; a column may feed several inputs.
    by_name: HashMap<&'a str, Vec<usize>>,
}

impl<'a> RowReader<'a> {
    fn new(preprocessing: &'a Preprocessing) -> Self {
        let slots = preprocessing.slots();
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, (_, slot)) in slots.iter().enumerate() {
            by_name.entry(slot.name()).or_default().push(index);
        }
        Self { preprocessing, slots, by_name }
    }

    fn read(
        &self,
        example: &Value,
        at: &dyn Fn() -> Pointer,
        encoded: &mut Encoded,
        errors: &mut SpecErrors,
    ) {
        encoded.examples += 1;
        let Some(cells) = self.cells(example, at, errors) else { return };
        for ((input, slot), cell) in self.slots.iter().zip(cells) {
            let out = &mut encoded.inputs[*input];
            let outcome = match (slot, cell) {
                (Slot::Table(column), cell) => read_cell(column, cell.map(|cell| cell.value), out),
                (Slot::Grid(grid, shape), Some(cell)) => {
                    let mut place = || cell.place.pointer(&at());
                    read_grid(grid, shape, cell.value, &mut place, out, errors)
                }
                (Slot::Grid(..), None) => Ok(()),
            };
            if let (Err(detail), Some(cell)) = (outcome, cell) {
                errors.push(&cell.place.pointer(&at()), detail);
            }
        }
    }

    /// The cell of each slot; `None` where the example is refused as a whole.
    fn cells<'v>(
        &self,
        example: &'v Value,
        at: &dyn Fn() -> Pointer,
        errors: &mut SpecErrors,
    ) -> Option<Vec<Option<Cell<'v>>>> {
        let single = matches!(self.slots[..], [_]);
        match example {
            Value::Object(members) => self.cells_of_object(members, at, errors),
            Value::Array(_) if single && matches!(self.slots[0].1, Slot::Grid(..)) => {
                Some(vec![Some(Cell { value: example, place: Place::Whole })])
            }
            Value::Array(values) => {
                if values.len() != self.slots.len() {
                    errors.push(
                        &at(),
                        format!("holds {} value(s) where the model reads {}", values.len(), self.listed()),
                    );
                    return None;
                }
                let cell = |(index, value)| Some(Cell { value, place: Place::Index(index) });
                Some(values.iter().enumerate().map(cell).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) if single => {
                Some(vec![Some(Cell { value: example, place: Place::Whole })])
            }
            other => {
                errors.push(&at(), format!("must be a row with {}, not {}", self.listed(), found(other)));
                None
            }
        }
    }

    /// The columns in words.
    fn listed(&self) -> String {
        const MOST: usize = 12;
        let names: Vec<&str> = self.slots.iter().take(MOST).map(|(_, slot)| slot.name()).collect();
        let more = if self.slots.len() > MOST { ", …" } else { "" };
        format!("{} column(s) ({}{more})", self.slots.len(), names.join(", "))
    }

    fn cells_of_object<'v>(
        &self,
        members: &'v Map<String, Value>,
        at: &dyn Fn() -> Pointer,
        errors: &mut SpecErrors,
    ) -> Option<Vec<Option<Cell<'v>>>> {
        let mut cells: Vec<Option<Cell<'v>>> = vec![None; self.slots.len()];
        let before = errors.len();
        for (key, value) in members {
            if let Some(slots) = self.by_name.get(key.as_str()) {
                for slot in slots {
                    cells[*slot] = Some(Cell { value, place: Place::Key(key) });
                }
            } else if let Some(input) = self.preprocessing.inputs.iter().position(|input| input.name == *key)
            {
                self.cells_of_input((input, key), value, at, &mut cells, errors);
            } else {
                let hint = did_you_mean(key, self.by_name.keys().copied());
                errors.push(
                    &at().key(key),
                    format!("{} is not a column that this model reads{hint}", shown(key)),
                );
            }
        }
        for ((_, slot), cell) in self.slots.iter().zip(&cells) {
            if cell.is_none() && !slot.may_be_absent() {
                let name = slot.name();
                errors.push(&at().key(name), format!("is missing: the model reads column {}", shown(name)));
            }
        }
        (errors.len() == before).then_some(cells)
    }

    /// A member that names an input of the network: its columns as an object or an array, or its only column.
    fn cells_of_input<'v>(
        &self,
        (input, key): (usize, &'v str),
        value: &'v Value,
        at: &dyn Fn() -> Pointer,
        cells: &mut [Option<Cell<'v>>],
        errors: &mut SpecErrors,
    ) {
        let own = || {
            self.slots.iter().enumerate().filter(move |(_, (other, _))| *other == input).map(|(slot, _)| slot)
        };
        let mut first = own();
        let (only, more) = (first.next(), first.next().is_some());
        match value {
            Value::Object(members) => {
                for (column, value) in members {
                    match own().find(|slot| self.slots[*slot].1.name() == column) {
                        Some(slot) => cells[slot] = Some(Cell { value, place: Place::Nested(key, column) }),
                        None => errors.push(
                            &at().key(key).key(column),
                            format!("{} is not a column of input \"{key}\"", shown(column)),
                        ),
                    }
                }
            }
            Value::Array(values)
                if more || only.is_some_and(|slot| matches!(self.slots[slot].1, Slot::Table(_))) =>
            {
                if values.len() == own().count() {
                    for ((index, value), slot) in values.iter().enumerate().zip(own()) {
                        cells[slot] = Some(Cell { value, place: Place::NestedIndex(key, index) });
                    }
                } else {
                    errors.push(
                        &at().key(key),
                        format!(
                            "holds {} value(s) where input \"{key}\" has {} column(s)",
                            values.len(),
                            own().count()
                        ),
                    );
                }
            }
            value if !more => {
                if let Some(slot) = only {
                    cells[slot] = Some(Cell { value, place: Place::Key(key) });
                }
            }
            other => {
                errors
                    .push(&at().key(key), format!("must be a row of input \"{key}\", not {}", found(other)));
            }
        }
    }
}

/// Appends a cell of a table; an absent one of a dropped column is nothing.
fn read_cell(column: &TableColumn, value: Option<&Value>, out: &mut Vec<f32>) -> Result<(), String> {
    let start = out.len();
    out.resize(start + column.width(), 0.0);
    let line = &mut out[start..];
    let Some(value) = value else { return Ok(()) };
    if matches!(column.kind, Kind::Category | Kind::Text) {
        let name = match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => number
                .as_f64()
                .and_then(|number| class_of_number(column, number))
                .or_else(|| Some(number.to_string())),
            Value::Bool(truth) if column.kind == Kind::Category => Some(truth.to_string()),
            other => return Err(format!("must be a class as a text, not {}", found(other))),
        };
        return fill_words(column, name.as_deref(), line);
    }
    let number = match value {
        Value::Null => None,
        Value::Number(number) => {
            Some(number.as_f64().filter(|number| number.is_finite()).ok_or("is too large")?)
        }
        Value::String(text) => number_of_text(text)?,
        other => return Err(format!("must be a number, not {}", found(other))),
    };
    fill_number(column, number, line)
}

/// A number as CSV has it; none for an empty cell.
fn number_of_text(text: &str) -> Result<Option<f64>, String> {
    if text.trim_matches([' ', '\t']).is_empty() {
        return Ok(None);
    }
    parse_number(text).map(Some).ok_or_else(|| format!("must be a number, not {}", shown(text)))
}

fn fill_number(column: &TableColumn, number: Option<f64>, line: &mut [f32]) -> Result<(), String> {
    if number.is_none() && !column.fills() && !column.dropped {
        return Err("is empty, and the model was not trained to fill it".into());
    }
    column.write(Passing::Number(number.unwrap_or(f64::NAN)), line)?;
    if line.iter().all(|value| value.is_finite()) { Ok(()) } else { Err("is too large".into()) }
}

/// A class or a text; one of blanks alone is empty.
fn fill_words(column: &TableColumn, text: Option<&str>, line: &mut [f32]) -> Result<(), String> {
    if column.dropped {
        return Ok(());
    }
    let text = text.filter(|text| !text.trim_matches([' ', '\t']).is_empty());
    column.write(Passing::Text(text.map(Into::into)), line)
}

/// A number as the text that stands for it; none for what is not a number.
fn word_of_number(column: &TableColumn, number: f64) -> Option<String> {
    if number.is_nan() {
        return None;
    }
    let plain = || if is_whole(number) { whole_name(number) } else { number.to_string() };
    Some(class_of_number(column, number).unwrap_or_else(plain))
}

/// The name of the class that a number is.
fn class_of_number(column: &TableColumn, number: f64) -> Option<String> {
    let classes = column.classes()?;
    let name = if is_whole(number) { whole_name(number) } else { number.to_string() };
    if classes.contains(&name) {
        return Some(name);
    }
    classes.iter().find(|class| parse_number(class) == Some(number)).cloned()
}

/// Appends an image or a tensor. Mistakes within nested arrays are noted where they stand.
fn read_grid(
    grid: &Grid,
    shape: &Shape,
    value: &Value,
    place: &mut dyn FnMut() -> Pointer,
    out: &mut Vec<f32>,
    errors: &mut SpecErrors,
) -> Result<(), String> {
    match value {
        Value::String(text) if grid.kind == Kind::Image => {
            let bytes = picture::from_base64(text)?;
            read_picture(grid, shape, &bytes, out)
        }
        Value::Array(_) => {
            let mut nested =
                Nested { extents: extents_of(value)?, values: Vec::new(), bytes: grid.dtype == "uint8" };
            if let Err((path, detail)) = nested.read(value, 0) {
                let at = path.iter().rev().fold(place(), |at, index| at.index(*index));
                errors.push(&at, detail);
                return Ok(());
            }
            let start = out.len();
            if grid.kind == Kind::Image {
                nested.into_image(shape, out)?;
            } else {
                nested.into_tensor(shape, out)?;
            }
            scale(grid, &mut out[start..]);
            Ok(())
        }
        other if grid.kind == Kind::Image => {
            Err(format!("must be an image (base64 of a PNG or JPEG, or nested arrays), not {}", found(other)))
        }
        other => Err(format!("must be nested arrays of shape {shape:?}, not {}", found(other))),
    }
}

fn read_picture(grid: &Grid, shape: &Shape, bytes: &[u8], out: &mut Vec<f32>) -> Result<(), String> {
    let [channels, height, width] = image_shape(grid, shape)?;
    let picture = picture::decode(bytes)?;
    let given = picture::Lines::channels(&picture);
    if !picture::fits(given, channels) {
        return Err(format!("has {given} channel(s), and the model reads {channels}"));
    }
    let start = out.len();
    picture::render(&picture, [channels, height, width], out);
    scale(grid, &mut out[start..]);
    Ok(())
}

fn image_shape(grid: &Grid, shape: &Shape) -> Result<[usize; 3], String> {
    match shape[..] {
        [channels, height, width] if grid.kind == Kind::Image => {
            Ok([channels as usize, height as usize, width as usize])
        }
        _ => Err(format!("cannot be read: the model reads a tensor of shape {shape:?}, not an image")),
    }
}

/// Nested arrays that are being read.
struct Nested {
    extents: Vec<usize>,
    values: Vec<f32>,
    /// Whether the values are bytes.
    bytes: bool,
}

/// The extents that the first elements say.
fn extents_of(value: &Value) -> Result<Vec<usize>, String> {
    const DEEPEST: usize = 4;
    let mut extents = Vec::new();
    let mut value = value;
    while let Value::Array(items) = value {
        extents.push(items.len());
        let first = items.first().ok_or("holds an empty array")?;
        if extents.len() > DEEPEST {
            return Err(format!("is nested more than {DEEPEST} deep"));
        }
        value = first;
    }
    Ok(extents)
}

impl Nested {
    /// The error comes with its place, the innermost index first.
    fn read(&mut self, value: &Value, depth: usize) -> Result<(), (Vec<usize>, String)> {
        if depth == self.extents.len() {
            let number = value.as_f64().map(|number| number as f32).filter(|number| number.is_finite());
            let within = |number: &f32| !self.bytes || (0.0..=255.0).contains(number);
            if let Some(number) = number.filter(within) {
                self.values.push(number);
                return Ok(());
            }
            let range = if self.bytes { " from 0 to 255" } else { "" };
            return Err((Vec::new(), format!("must be a number{range}, not {}", found(value))));
        }
        let expected = self.extents[depth];
        let Some(items) = value.as_array().filter(|items| items.len() == expected) else {
            let found =
                value.as_array().map_or_else(|| found(value), |items| format!("one of {}", items.len()));
            return Err((Vec::new(), format!("must be an array of {expected} like the others, not {found}")));
        };
        for (index, item) in items.iter().enumerate() {
            self.read(item, depth + 1).map_err(|(mut path, detail)| {
                path.push(index);
                (path, detail)
            })?;
        }
        Ok(())
    }

    fn into_tensor(self, shape: &Shape, out: &mut Vec<f32>) -> Result<(), String> {
        let wanted: Vec<usize> = shape.iter().map(|extent| *extent as usize).collect();
        // A channel axis of one may be left out, as uploads leave it out.
        let same = self.extents == wanted || (wanted.first() == Some(&1) && self.extents[..] == wanted[1..]);
        if !same {
            return Err(format!("is of shape {:?}; the model reads {wanted:?}", self.extents));
        }
        out.extend(self.values);
        Ok(())
    }

    /// `[H, W]`, `[C, H, W]`, or `[H, W, C]` where only that fits.
    fn into_image(self, shape: &Shape, out: &mut Vec<f32>) -> Result<(), String> {
        let [channels, height, width] = [shape[0] as usize, shape[1] as usize, shape[2] as usize];
        let possible = |given: usize| picture::fits(given, channels);
        let (given, rows, columns, channels_last) = match self.extents[..] {
            [h, w] if possible(1) => (1, h, w, false),
            [c, h, w] if [c, h, w] == [channels, height, width] => (c, h, w, false),
            [h, w, c] if [c, h, w] == [channels, height, width] => (c, h, w, true),
            [c, h, w] if possible(c) => (c, h, w, false),
            [h, w, c] if possible(c) => (c, h, w, true),
            _ => {
                return Err(format!(
                    "is of shape {:?}; an image is [H, W], [C, H, W] or [H, W, C], and the model reads {:?}",
                    self.extents,
                    [channels, height, width]
                ));
            }
        };
        let picture =
            Values { channels: given, height: rows, width: columns, channels_last, cells: self.values };
        picture::render(&picture, [channels, height, width], out);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
