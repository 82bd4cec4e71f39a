//! A look at the data.

use std::io::Cursor;

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use serde_json::{Map, Value, json};

use super::dataset::{ColumnData, Dataset, Element, with_elements};
use crate::spec::dataset::Column;

/// Bytes of a text that count as a value: about what a number takes.
const VALUE_BYTES: u64 = 32;

/// Rows of a split as objects of named columns; `None` where there is no such split. An image is what `image_url`
/// makes of its column and row (counted over the whole set). There are only as many rows as hold `most` values
/// together; where the first one alone holds more, how many is the error.
pub fn examples(
    dataset: &Dataset,
    split: &str,
    offset: u64,
    limit: u64,
    most: u64,
    image_url: &dyn Fn(&str, u64) -> String,
) -> Option<Result<Vec<Value>, u64>> {
    let rows = dataset.schema().split(split)?;
    let start = rows.start.saturating_add(offset).min(rows.end);
    let end = start.saturating_add(limit).min(rows.end);
    let (mut shown, mut values) = (Vec::new(), 0_u64);
    for row in start..end {
        values = values.saturating_add(dataset.shown_values(row));
        if values > most {
            break;
        }
        shown.push(example(dataset, row, image_url));
    }
    if shown.is_empty() && values > most { Some(Err(values)) } else { Some(Ok(shown)) }
}

impl Dataset {
    /// How many values a row is shown as: numbers, texts, of which a long one counts as several, and the arrays around
    /// them.
    pub fn shown_values(&self, row: u64) -> u64 {
        let columns = self.schema().columns.iter().enumerate();
        columns.map(|(index, column)| cell_values(self, index, column, row)).fold(0, u64::saturating_add)
    }
}

fn cell_values(dataset: &Dataset, index: usize, column: &Column, row: u64) -> u64 {
    let at = row as usize;
    match dataset.column(index) {
        ColumnData::Text { offsets, .. } => 1 + (offsets[at + 1] - offsets[at]) / VALUE_BYTES,
        ColumnData::Tensor(_) => {
            let mut parts = 1_u64;
            let along = column.shape.iter().map(|extent| {
                parts = parts.saturating_mul(*extent);
                parts
            });
            along.fold(1, u64::saturating_add)
        }
        ColumnData::Numbers(_) | ColumnData::Codes(_) | ColumnData::Pixels(_) => 1,
    }
}

/// A row, counted over the whole set, in the same form.
pub fn example(dataset: &Dataset, row: u64, image_url: &dyn Fn(&str, u64) -> String) -> Value {
    let columns = dataset.schema().columns.iter().enumerate();
    let cells: Map<String, Value> = columns
        .map(|(index, column)| (column.name.clone(), cell(dataset, index, column, row, image_url)))
        .collect();
    cells.into()
}

fn cell(
    dataset: &Dataset,
    index: usize,
    column: &Column,
    row: u64,
    image_url: &dyn Fn(&str, u64) -> String,
) -> Value {
    let at = row as usize;
    match dataset.column(index) {
        // An empty cell is no number, which JSON writes as null; whole numbers are shown as they were written.
        ColumnData::Numbers(numbers) if column.dtype.contains("int") && numbers[at].abs() < 9e15 => {
            json!(numbers[at] as i64)
        }
        ColumnData::Numbers(numbers) => json!(numbers[at]),
        ColumnData::Codes(codes) => json!(column.classes.get(codes[at] as usize)),
        ColumnData::Pixels(_) => json!(image_url(&column.name, row)),
        ColumnData::Text { offsets, bytes } => {
            let text = &bytes[offsets[at] as usize..offsets[at + 1] as usize];
            if text.is_empty() { Value::Null } else { json!(String::from_utf8_lossy(text)) }
        }
        ColumnData::Tensor(data) => with_elements!(data, |elements| {
            let cell = column.shape.iter().product::<u64>() as usize;
            nested(&elements[at * cell..][..cell], &column.shape)
        }),
    }
}

fn nested<T: Element>(elements: &[T], shape: &[u64]) -> Value {
    match shape {
        [] => elements.first().map_or(Value::Null, |element| json!(element.double())),
        [extent, rest @ ..] => {
            let part = elements.len() / (*extent as usize).max(1);
            elements.chunks(part.max(1)).map(|part| nested(part, rest)).collect()
        }
    }
}

/// An image of the set as a PNG; `None` where there is no such image column or row.
pub fn image_png(dataset: &Dataset, column: &str, row: u64) -> Option<Vec<u8>> {
    let (index, column) = dataset.find(column)?;
    let ColumnData::Pixels(pixels) = dataset.column(index) else { return None };
    let [channels, height, width] = column.shape[..] else { return None };
    if row >= dataset.schema().examples {
        return None;
    }
    let plane = (height * width) as usize;
    let cell = &pixels[row as usize * channels as usize * plane..][..channels as usize * plane];
    // What PNG has no form for is shown by its first channel.
    let (shown, color) = match channels {
        2 => (2, ExtendedColorType::La8),
        3 => (3, ExtendedColorType::Rgb8),
        4 => (4, ExtendedColorType::Rgba8),
        _ => (1, ExtendedColorType::L8),
    };
    let mut interleaved = Vec::with_capacity(shown * plane);
    for pixel in 0..plane {
        interleaved.extend((0..shown).map(|channel| cell[channel * plane + pixel]));
    }
    let mut bytes = Cursor::new(Vec::new());
    let written = PngEncoder::new(&mut bytes).write_image(&interleaved, width as u32, height as u32, color);
    written.ok().map(|()| bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Format;
    use crate::data::testing::{Upload, csv, idx_file, images_and_labels, tar};
    use crate::spec::dataset::Kind;

    /// All of them, however large.
    fn whole(
        dataset: &Dataset,
        split: &str,
        offset: u64,
        limit: u64,
        image_url: &dyn Fn(&str, u64) -> String,
    ) -> Option<Vec<Value>> {
        examples(dataset, split, offset, limit, u64::MAX, image_url).map(Result::unwrap)
    }

    #[test]
    fn rows_are_shown_as_they_were_uploaded() {
        let dataset = csv("w,f,c,t\n1,0.5,a,one\n2,,b,two\n,2,,\n4,3,b,four\n");
        let rows = whole(&dataset, "all", 1, 2, &|_, _| String::new()).unwrap();
        assert_eq!(
            json!(rows),
            json!([{"w": 2, "f": null, "c": "b", "t": "two"}, {"w": null, "f": 2.0, "c": null, "t": null}])
        );
        assert_eq!(whole(&dataset, "all", 3, 50, &|_, _| String::new()).unwrap().len(), 1);
        assert_eq!(whole(&dataset, "all", 9, u64::MAX, &|_, _| String::new()).unwrap().len(), 0);
        assert!(whole(&dataset, "train", 0, 1, &|_, _| String::new()).is_none());
    }

    #[test]
    fn as_many_rows_are_shown_as_fit() {
        let long = "x".repeat(64);
        let dataset = Upload::new(Format::Csv, format!("a,t\n1,x\n2,{long}\n3,y\n").as_bytes())
            .typed(&[("t", Kind::Text)])
            .import()
            .unwrap()
            .open();
        let shown = |offset, most| {
            let rows = examples(&dataset, "all", offset, 50, most, &|_, _| String::new()).unwrap();
            rows.map(|rows| rows.len())
        };
        // The rows count two, four and two values.
        assert_eq!([2, 5, 6, 7, 8].map(|most| shown(0, most)), [1, 1, 2, 2, 3].map(Ok::<usize, u64>));
        assert_eq!((shown(0, 1), shown(1, 3), shown(1, 4)), (Err(2), Err(4), Ok(1)));
        assert_eq!(shown(3, 0), Ok(0));
        let tensors = idx_file(9, &[2, 2, 2], &[1, 2, 3, 0xff, 5, 6, 7, 8]);
        let archive = tar(&[("x", &tensors), ("y", &idx_file(8, &[2], &[0, 1]))]);
        let dataset = Upload::new(Format::Idx, &archive).import().unwrap().open();
        // Four numbers, in two rows of a channel of an array, and a label.
        assert_eq!(dataset.shown_values(0), 4 + 2 + 1 + 1 + 1);
    }

    #[test]
    fn images_are_shown_as_png() {
        let [images, labels] = images_and_labels(5, 2, 3);
        let dataset =
            Upload::new(Format::Idx, &tar(&[("x", &images), ("y", &labels)])).import().unwrap().open();
        let rows = whole(&dataset, "all", 4, 1, &|column, row| format!("/{column}/{row}.png")).unwrap();
        assert_eq!(json!(rows), json!([{"image": "/image/4.png", "label": "1"}]));
        let shown = image::load_from_memory(&image_png(&dataset, "image", 4).unwrap()).unwrap().into_luma8();
        assert_eq!((shown.dimensions(), shown.into_raw()), ((3, 2), vec![4; 6]));
        assert!(image_png(&dataset, "image", 5).is_none() && image_png(&dataset, "label", 0).is_none());
        let colours = idx_file(8, &[1, 3, 1, 2], &[1, 2, 3, 4, 5, 6]);
        let archive = tar(&[("x", &colours), ("y", &idx_file(8, &[1], &[0]))]);
        let dataset = Upload::new(Format::Idx, &archive).import().unwrap().open();
        let shown = image::load_from_memory(&image_png(&dataset, "image", 0).unwrap()).unwrap();
        assert_eq!(shown.into_rgb8().into_raw(), [1, 3, 5, 2, 4, 6]);
    }

    #[test]
    fn tensors_are_shown_as_nested_arrays() {
        let tensors = idx_file(9, &[2, 2, 2], &[1, 2, 3, 0xff, 5, 6, 7, 8]);
        let archive = tar(&[("x", &tensors), ("y", &idx_file(8, &[2], &[0, 1]))]);
        let dataset = Upload::new(Format::Idx, &archive).import().unwrap().open();
        let rows = whole(&dataset, "all", 0, 1, &|_, _| String::new()).unwrap();
        assert_eq!(json!(rows), json!([{"image": [[[1.0, 2.0], [3.0, -1.0]]], "label": "0"}]));
    }
}
