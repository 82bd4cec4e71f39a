//! A data set under a job's preprocessing: batches are gathered from it.

use std::sync::Arc;

use super::augmentation::ImageShape;
use super::dataset::{ColumnData, DataError, Dataset, Element, with_elements};
use super::preprocessing::{Form, Grid, InputForm, Preprocessing, TableColumn};
use super::transforms::Passing;
use super::words;
use crate::spec::dataset::{Column, Kind};

/// What is kept of a transformed table, so that batches are copied out of it: at most so many bytes, and at most this
/// share of the memory that a run may take, so that a set larger than that is read all the same.
const KEPT_BYTES: u64 = 512 << 20;
const KEPT_SHARE: u64 = 4;

/// The bytes of a transformed table that are kept where a run may take so much memory.
pub fn kept_bytes(memory: u64) -> u64 {
    (memory / KEPT_SHARE).min(KEPT_BYTES)
}

/// A data set whose rows are read as the network wants them.
pub struct Prepared {
    dataset: Arc<Dataset>,
    inputs: Vec<Source>,
}

enum Source {
    /// All rows of a table, transformed.
    Kept {
        width: usize,
        matrix: Vec<f32>,
    },
    Table(Table),
    Grid {
        column: usize,
        cell: usize,
        line: (f32, f32),
        bytes: Box<[f32; 256]>,
    },
}

impl Prepared {
    /// `Mismatch` where the set lacks columns that the preprocessing reads.
    pub fn new(dataset: Arc<Dataset>, preprocessing: &Preprocessing) -> Result<Self, DataError> {
        Self::keeping(dataset, preprocessing, KEPT_BYTES)
    }

    /// The same, with a transformed table kept up to so many bytes.
    pub fn keeping(
        dataset: Arc<Dataset>,
        preprocessing: &Preprocessing,
        most: u64,
    ) -> Result<Self, DataError> {
        let inputs = preprocessing
            .inputs
            .iter()
            .map(|input| match &input.form {
                Form::Table { columns } => {
                    let table = Table::new(&dataset, columns)?;
                    let bytes = dataset.rows().saturating_mul(table.width).saturating_mul(4) as u64;
                    Ok(if bytes <= most { table.keep(&dataset) } else { Source::Table(table) })
                }
                Form::Grid(grid) => grid_source(&dataset, input, grid),
            })
            .collect::<Result<_, DataError>>()?;
        Ok(Self { dataset, inputs })
    }

    pub fn dataset(&self) -> &Arc<Dataset> {
        &self.dataset
    }

    /// Writes the rows of an input (its index among the inputs) one behind the other; `out` holds
    /// `rows.len()` × the elements of the input's shape.
    pub fn gather(&self, input: usize, rows: &[u32], out: &mut [f32]) {
        match &self.inputs[input] {
            Source::Kept { width, matrix } => {
                for (out, row) in out.chunks_exact_mut(*width).zip(rows) {
                    out.copy_from_slice(&matrix[*row as usize * width..][..*width]);
                }
            }
            Source::Table(table) => table.fill(&self.dataset, rows, out),
            Source::Grid { column, cell, line, bytes } => match self.dataset.column(*column) {
                ColumnData::Pixels(pixels) => look_up_rows(pixels, *cell, bytes, rows, out),
                ColumnData::Tensor(data) => {
                    with_elements!(data, |elements| scale_rows(elements, *cell, *line, rows, out));
                }
                _ => {}
            },
        }
    }
}

impl Prepared {
    /// The shape of an input's images, where it is one of images.
    pub fn image_shape(&self, input: usize) -> Option<ImageShape> {
        let Source::Grid { column, .. } = &self.inputs[input] else { return None };
        image_shape(&self.dataset.schema().columns[*column])
    }

    /// Writes the images of an input as they were uploaded, values from 0 to 255; [`Self::scale`] makes of them what
    /// [`Self::gather`] writes.
    pub fn gather_pixels(&self, input: usize, rows: &[u32], out: &mut [f32]) {
        if let Source::Grid { column, cell, .. } = &self.inputs[input]
            && let ColumnData::Pixels(pixels) = self.dataset.column(*column)
        {
            scale_rows(pixels, *cell, (1.0, 0.0), rows, out);
        }
    }

    /// Does to images what the job's transforms do.
    pub fn scale(&self, input: usize, pixels: &mut [f32]) {
        if let Source::Grid { line: (factor, offset), .. } = &self.inputs[input] {
            for pixel in pixels {
                *pixel = *pixel * factor + offset;
            }
        }
    }
}

/// The shape of a column's images, where it is one of images.
pub fn image_shape(column: &Column) -> Option<ImageShape> {
    match column.shape[..] {
        [channels, height, width] if column.kind == Kind::Image => {
            Some(ImageShape { channels: channels as usize, height: height as usize, width: width as usize })
        }
        _ => None,
    }
}

/// What reading examples takes, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Of the mapped data set.
    pub mapped: u64,
    /// Of memory beside it.
    pub own: u64,
}

impl Preprocessing {
    /// What a [`Prepared`] that keeps up to `most` bytes takes once so many rows have been read.
    pub fn reading(&self, dataset: &Dataset, rows: u64, most: u64) -> Reading {
        let mut reading = Reading::default();
        for input in &self.inputs {
            match &input.form {
                Form::Table { columns } => {
                    let bytes = columns.iter().map(|column| dataset.column_bytes(&column.name));
                    reading.mapped = bytes.fold(reading.mapped, u64::saturating_add);
                    let matrix = dataset.rows().saturating_mul(input.elements()).saturating_mul(4);
                    if matrix as u64 <= most {
                        reading.own = reading.own.saturating_add(matrix as u64);
                    }
                }
                Form::Grid(grid) => {
                    let all = dataset.column_bytes(&grid.column);
                    let cell = all / (dataset.rows() as u64).max(1);
                    reading.mapped = reading.mapped.saturating_add(cell.saturating_mul(rows));
                }
            }
        }
        reading
    }
}

/// Rows whose memory is touched together.
const AHEAD: usize = 8;

/// A table of what each byte becomes costs half of computing it. Shuffled rows come from all over memory: touching
/// some rows first lets the processor wait for all of them at once, which halves the time again (31 to 16 µs for 64
/// images of MNIST).
fn look_up_rows(pixels: &[u8], cell: usize, table: &[f32; 256], rows: &[u32], out: &mut [f32]) {
    for (place, (out, row)) in out.chunks_exact_mut(cell).zip(rows).enumerate() {
        if place.is_multiple_of(AHEAD) {
            let soon = &rows[place..rows.len().min(place + AHEAD)];
            std::hint::black_box(soon.iter().fold(0, |touched, row| {
                let lines = pixels[*row as usize * cell..][..cell].iter().step_by(64);
                lines.fold(touched, |touched, byte| touched ^ byte)
            }));
        }
        let pixels = &pixels[*row as usize * cell..][..cell];
        let (whole, rest) = pixels.as_chunks::<8>();
        let (whole_out, rest_out) = out.as_chunks_mut::<8>();
        for (out, pixels) in whole_out.iter_mut().zip(whole) {
            *out = pixels.map(|pixel| table[usize::from(pixel)]);
        }
        for (out, pixel) in rest_out.iter_mut().zip(rest) {
            *out = table[usize::from(*pixel)];
        }
    }
}

fn scale_rows<T: Element>(elements: &[T], cell: usize, line: (f32, f32), rows: &[u32], out: &mut [f32]) {
    for (out, row) in out.chunks_exact_mut(cell).zip(rows) {
        for (out, element) in out.iter_mut().zip(&elements[*row as usize * cell..][..cell]) {
            *out = element.single() * line.0 + line.1;
        }
    }
}

fn grid_source(dataset: &Dataset, input: &InputForm, grid: &Grid) -> Result<Source, DataError> {
    let (index, column) = find(dataset, &grid.column)?;
    let bytes = |kind| matches!(kind, Kind::Image | Kind::Tensor);
    if !bytes(column.kind) || column.shape != input.shape {
        return Err(DataError::Mismatch(format!(
            "column \"{}\" is of kind {} and shape {:?}; the model reads {} of shape {:?}",
            grid.column, column.kind, column.shape, grid.kind, input.shape
        )));
    }
    let line = grid.line();
    // The same arithmetic as for numbers that are sent, so that a prediction sees what training saw to the bit.
    let bytes = Box::new(std::array::from_fn(|byte| byte as f32 * line.0 + line.1));
    Ok(Source::Grid { column: index, cell: input.elements(), line, bytes })
}

fn find<'a>(dataset: &'a Dataset, name: &str) -> Result<(usize, &'a Column), DataError> {
    dataset.find(name).ok_or_else(|| {
        DataError::Mismatch(format!(
            "data set \"{}\" has no column \"{name}\", which the model reads",
            dataset.schema().name
        ))
    })
}

/// Columns side by side.
struct Table {
    width: usize,
    columns: Vec<TableSource>,
}

struct TableSource {
    index: usize,
    at: usize,
    width: usize,
    cells: Cells,
}

enum Cells {
    /// One number by one operation after the other.
    Number(TableColumn),
    /// A number that becomes several.
    Numbers(TableColumn),
    /// For each of the set's codes, and behind them for an empty cell, the place of its one, if it has one.
    Places(Vec<Option<usize>>),
    /// For each of the set's codes, and behind them for an empty cell, its numbers.
    Lines(Vec<f32>),
    /// Each text as it comes.
    Words(TableColumn),
}

impl Cells {
    /// What the lines of all codes may take.
    const LINES_BYTES: usize = 64 << 20;

    fn new(column: &TableColumn, found: &Column) -> Self {
        match column.kind {
            Kind::Number if column.is_scalar() => return Self::Number(column.clone()),
            Kind::Number => return Self::Numbers(column.clone()),
            Kind::Category => {}
            _ => return Self::Words(column.clone()),
        }
        if let Some(places) = column.places(&found.classes) {
            return Self::Places(places);
        }
        let width = column.width();
        let count = found.classes.len() + 1;
        if width == 0 || width.saturating_mul(count).saturating_mul(4) > Self::LINES_BYTES {
            return Self::Words(column.clone());
        }
        let mut lines = vec![0.0; width * count];
        let cells = found.classes.iter().map(|class| Some(class.as_str())).chain([None]);
        for (line, class) in lines.chunks_exact_mut(width).zip(cells) {
            write_text(column, class, line);
        }
        Self::Lines(lines)
    }
}

/// Writes a text into noughts; what the column's steps cannot read stays nought.
fn write_text(column: &TableColumn, text: Option<&str>, line: &mut [f32]) {
    if column.write(Passing::Text(text.map(Into::into)), line).is_err() {
        line.fill(0.0);
    }
}

impl Table {
    fn new(dataset: &Dataset, columns: &[TableColumn]) -> Result<Self, DataError> {
        let mut width = 0;
        let mut sources = Vec::with_capacity(columns.len());
        for column in columns.iter().filter(|column| !column.dropped) {
            let (index, found) = find(dataset, &column.name)?;
            if found.kind != column.kind {
                return Err(DataError::Mismatch(format!(
                    "column \"{}\" is of kind {}; the model reads it as {}",
                    column.name, found.kind, column.kind
                )));
            }
            if column.kind == Kind::Number && found.missing > 0 && !column.fills() {
                return Err(DataError::Mismatch(format!(
                    "column \"{}\" has empty cells, which the model was not trained to fill",
                    column.name
                )));
            }
            let cells = Cells::new(column, found);
            sources.push(TableSource { index, at: width, width: column.width(), cells });
            width += column.width();
        }
        Ok(Self { width, columns: sources })
    }

    /// Column by column, so that each column's cells are looked up once.
    fn fill(&self, dataset: &Dataset, rows: &[u32], out: &mut [f32]) {
        for TableSource { index, at, width, cells } in &self.columns {
            let lines = out.chunks_exact_mut(self.width).map(|line| &mut line[*at..at + width]).zip(rows);
            match (dataset.column(*index), cells) {
                (ColumnData::Numbers(numbers), Cells::Number(column)) => {
                    for (line, row) in lines {
                        line[0] = column.number(numbers[*row as usize]);
                    }
                }
                (ColumnData::Numbers(numbers), Cells::Numbers(column)) => {
                    for (line, row) in lines {
                        line.fill(0.0);
                        // A number is never refused.
                        let _ = column.write(Passing::Number(numbers[*row as usize]), line);
                    }
                }
                (ColumnData::Codes(codes), Cells::Places(places)) => {
                    let empty = places.last().copied().flatten();
                    for (line, row) in lines {
                        line.fill(0.0);
                        if let Some(place) =
                            places.get(codes[*row as usize] as usize).copied().unwrap_or(empty)
                        {
                            line[place] = 1.0;
                        }
                    }
                }
                (ColumnData::Codes(codes), Cells::Lines(of_codes)) => {
                    let last = of_codes.len() / width - 1;
                    for (line, row) in lines {
                        let code = (codes[*row as usize] as usize).min(last);
                        line.copy_from_slice(&of_codes[code * width..][..*width]);
                    }
                }
                (ColumnData::Codes(codes), Cells::Words(column)) => {
                    let classes = &dataset.schema().columns[*index].classes;
                    for (line, row) in lines {
                        line.fill(0.0);
                        let class = classes.get(codes[*row as usize] as usize);
                        write_text(column, class.map(String::as_str), line);
                    }
                }
                (ColumnData::Text { offsets, bytes }, Cells::Words(column)) => {
                    for (line, row) in lines {
                        line.fill(0.0);
                        write_text(column, words::text_at(offsets, bytes, *row), line);
                    }
                }
                // The kinds were compared when the table was made.
                _ => {}
            }
        }
    }

    fn keep(self, dataset: &Dataset) -> Source {
        let rows: Vec<u32> = (0..dataset.rows() as u32).collect();
        let mut matrix = vec![0.0; rows.len() * self.width];
        self.fill(dataset, &rows, &mut matrix);
        Source::Kept { width: self.width, matrix }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::data::Format;
    use crate::data::testing::{Upload, csv, fit, images_and_labels, tar};

    fn rows_of(dataset: &Arc<Dataset>, preprocessing: &Preprocessing, rows: &[u32]) -> Vec<f32> {
        let prepared = Prepared::new(dataset.clone(), preprocessing).unwrap();
        let mut out = vec![f32::NAN; rows.len() * preprocessing.inputs()[0].elements()];
        prepared.gather(0, rows, &mut out);
        out
    }

    #[test]
    fn what_reading_takes_is_told() {
        let dataset = csv("n,c,y\n1,a,0\n3,b,1\n,a,0\n5,,1\n");
        let (preprocessing, _) = fit(&dataset, json!({"target": "y"})).unwrap();
        // A number is eight bytes in the file and a class four; a row is three numbers of four bytes when it is kept.
        assert_eq!(
            preprocessing.reading(&dataset, 1, 1 << 20),
            Reading { mapped: 4 * (8 + 4), own: 4 * 3 * 4 }
        );
        assert_eq!(preprocessing.reading(&dataset, 1, 47), Reading { mapped: 4 * (8 + 4), own: 0 });
        let [images, labels] = images_and_labels(6, 5, 4);
        let archive = tar(&[("images-idx3-ubyte", &images), ("labels-idx1-ubyte", &labels)]);
        let dataset = Upload::new(Format::Idx, &archive).import().unwrap().open();
        let (preprocessing, _) = fit(&dataset, json!({"input": "image", "target": "label"})).unwrap();
        assert_eq!(preprocessing.reading(&dataset, 4, 1 << 20), Reading { mapped: 4 * 20, own: 0 });
    }

    #[test]
    fn tables_are_imputed_standardised_and_one_hot() {
        let dataset = csv("n,c,y\n1,a,0\n3,b,1\n,a,0\n5,,1\n");
        let (preprocessing, warnings) = fit(&dataset, json!({"target": "y"})).unwrap();
        assert!(warnings.is_empty());
        assert_eq!(preprocessing.input_shapes(), [[3]]);
        let deviation = 2_f32.sqrt();
        let expected =
            [[-2.0 / deviation, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [2.0 / deviation, 0.0, 0.0]];
        assert_eq!(
            rows_of(&dataset, &preprocessing, &[3, 0, 2, 1]),
            [expected[3], expected[0], expected[2], expected[1]].concat()
        );
    }

    #[test]
    fn kept_and_computed_tables_are_the_same() {
        let dataset = csv("n,c,k,y\n1,a,7,0\n3,b,7,1\n,a,7,0\n5,,7,1\n");
        let (preprocessing, _) = fit(&dataset, json!({"target": "y"})).unwrap();
        let Form::Table { columns } = &preprocessing.inputs[0].form else { panic!("table") };
        let table = Table::new(&dataset, columns).unwrap();
        let mut computed = vec![f32::NAN; 3 * table.width];
        table.fill(&dataset, &[2, 2, 0], &mut computed);
        assert_eq!(computed, rows_of(&dataset, &preprocessing, &[2, 2, 0]));
    }

    #[test]
    fn images_are_scaled() {
        let [images, labels] = images_and_labels(256, 3, 7);
        let dataset =
            Upload::new(Format::Idx, &tar(&[("x", &images), ("y", &labels)])).import().unwrap().open();
        let (preprocessing, _) = fit(&dataset, json!({"target": "label"})).unwrap();
        assert_eq!(preprocessing.input_shapes(), [[1, 3, 7]]);
        let rows = rows_of(&dataset, &preprocessing, &[255, 0, 51]);
        assert!(
            rows[..21].iter().all(|value| *value == 1.0) && rows[21..42].iter().all(|value| *value == 0.0)
        );
        assert!(rows[42..].iter().all(|value| (*value - 0.2).abs() < 1e-7));
        let steps = json!({"target": "label", "transforms": [{"columns": ["image"], "steps": ["scale_image", "standardize"]}]});
        let (preprocessing, _) = fit(&dataset, steps).unwrap();
        let rows = rows_of(&dataset, &preprocessing, &(0..256).collect::<Vec<u32>>());
        let mean = rows.iter().sum::<f32>() / rows.len() as f32;
        let square = rows.iter().map(|value| value * value).sum::<f32>() / rows.len() as f32;
        assert!(mean.abs() < 1e-4 && (square - 1.0).abs() < 1e-3, "{mean} {square}");
        let (raw, _) = fit(&dataset, json!({"target": "label", "transforms": []})).unwrap();
        assert_eq!(rows_of(&dataset, &raw, &[200])[0], 200.0);
    }

    #[test]
    fn another_set_is_read_by_the_names_of_its_columns_and_classes() {
        let trained = csv("a,c,y\n1,x,0\n3,z,1\n1,x,0\n3,z,1\n");
        let (preprocessing, _) = fit(&trained, json!({"target": "y"})).unwrap();
        let other = csv("y,c,more,a\n1,z,9,3\n0,unseen,9,1\n1,z,9,1\n0,unseen,9,1\n");
        assert_eq!(rows_of(&other, &preprocessing, &[0, 1]), [1.0, 0.0, 1.0, -1.0, 0.0, 0.0]);
        let mismatch = |text: &str| Prepared::new(csv(text), &preprocessing).err().unwrap().to_string();
        assert_eq!(mismatch("y,a\n1,2\n"), "data set \"test\" has no column \"c\", which the model reads");
        assert_eq!(
            mismatch("y,a,c\n1,2,3\n"),
            "column \"c\" is of kind number; the model reads it as category"
        );
    }

    proptest! {
        #[test]
        fn gathering_is_row_by_row(rows in proptest::collection::vec(0_u32..150, 1..40)) {
            let dataset = csv(include_str!("../../datasets/iris/iris.csv"));
            let (preprocessing, _) = fit(&dataset, json!({"target": "species"})).unwrap();
            let together = rows_of(&dataset, &preprocessing, &rows);
            let alone: Vec<f32> = rows.iter().flat_map(|row| rows_of(&dataset, &preprocessing, &[*row])).collect();
            prop_assert_eq!(together, alone);
        }
    }
}
