//! What the columns of a data set hold: how much, from where to where, how spread, which classes.
//!
//! Cells are read where they are mapped and are not copied, so that a summary takes the same little memory of a short
//! column and of a long one. Of a column that is too long to be read whole while somebody waits, rows that are spread
//! evenly over it are looked at, and how many is told.

mod classes;
mod distinct;
mod histogram;
mod label;
mod numbers;
mod order;
mod pixels;
mod rows;
mod texts;

use std::iter::repeat_n;
use std::ops::Range;

use serde::Serialize;

use classes::Classes;
use distinct::Distinct;
use numbers::Numbers;
use pixels::Pixels;
use rows::Rows;

use super::dataset::{ColumnData, Dataset, Element, with_elements};
use super::storage;
use crate::spec::dataset::{Column, Kind};

pub use label::label;

/// Bytes of a column's cells that are read at most.
const MOST_OF_COLUMN: u64 = 256 << 20;

/// Bytes of the cells of all columns that are read at most; each has its equal part.
const MOST_OF_ALL: u64 = 2 << 30;

/// The summary of a column over some rows.
#[derive(Debug, Serialize)]
pub struct ColumnStatistics {
    name: String,
    kind: Kind,
    /// Rows that were looked at.
    examined: u64,
    /// Of these, cells that hold something.
    count: u64,
    /// Of these, empty cells.
    missing: u64,
    /// Different values; of pictures and tensors they are not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    distinct: Option<Distinct>,
    /// What there is to say of its kind; nothing where every cell is empty.
    #[serde(flatten)]
    summary: Option<Summary>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Summary {
    Numbers(Numbers),
    Classes(Classes),
    /// Of the texts, in characters.
    Lengths(Numbers),
    Pixels(Pixels),
    /// Of the tensors.
    Elements(Numbers),
}

/// Summarises every column over these rows; `None` where nobody waits for it any more, which is asked before each.
pub fn statistics(
    dataset: &Dataset,
    rows: &Range<u64>,
    given_up: &dyn Fn() -> bool,
) -> Option<Vec<ColumnStatistics>> {
    let columns = dataset.schema().columns.len();
    let most = MOST_OF_COLUMN.min(MOST_OF_ALL / (columns as u64).max(1));
    (0..columns).map(|index| (!given_up()).then(|| of_column(dataset, index, rows, most))).collect()
}

/// Summarises a column, of whose cells `most` bytes are read.
fn of_column(dataset: &Dataset, index: usize, range: &Range<u64>, most: u64) -> ColumnStatistics {
    let column = &dataset.schema().columns[index];
    let data = dataset.column(index);
    let rows = Rows::spread(range, cell_bytes(column, data, range), most);
    let (count, distinct, summary) = match data {
        ColumnData::Numbers(cells) => numbers(cells, &rows),
        ColumnData::Codes(codes) => {
            let (classes, distinct) = Classes::of(&column.classes, rows.iter().map(|row| codes[row]));
            (classes.count(), Some(distinct), Some(Summary::Classes(classes)))
        }
        ColumnData::Text { offsets, bytes } => {
            let (lengths, distinct) = texts::lengths_and_distinct(offsets, bytes, &rows);
            let repeated = || lengths.iter().flat_map(|(length, count)| repeat_n(f64::from(*length), *count));
            let (count, lengths) = Numbers::of(&repeated);
            (count, Some(distinct), lengths.map(Summary::Lengths))
        }
        ColumnData::Pixels(pixels) => {
            (rows.count(), None, Pixels::of(pixels, &column.shape, &rows).map(Summary::Pixels))
        }
        ColumnData::Tensor(data) => with_elements!(data, |elements| {
            (rows.count(), None, elements_of(elements, &column.shape, &rows).map(Summary::Elements))
        }),
    };
    ColumnStatistics {
        name: column.name.clone(),
        kind: column.kind,
        examined: rows.count(),
        count,
        missing: rows.count() - count,
        distinct,
        summary: summary.filter(|_| count > 0),
    }
}

fn numbers(cells: &[f64], rows: &Rows) -> (u64, Option<Distinct>, Option<Summary>) {
    // Not a number is an empty cell. Nought has one sign here.
    let present = || rows.iter().map(|row| cells[row] + 0.0).filter(|cell| cell.is_finite());
    let (count, numbers) = Numbers::of(&present);
    let distinct = Distinct::of(present().map(f64::to_bits));
    (count, Some(distinct), numbers.map(Summary::Numbers))
}

fn elements_of<T: Element>(elements: &[T], shape: &[u64], rows: &Rows) -> Option<Numbers> {
    let cell = shape.iter().product::<u64>() as usize;
    let cells = || rows.iter().flat_map(|row| &elements[row * cell..][..cell]);
    Numbers::of(&|| cells().map(|element| element.double() + 0.0).filter(|element| element.is_finite())).1
}

/// The bytes of a cell; of texts those of one that is as long as all are on average.
fn cell_bytes(column: &Column, data: ColumnData<'_>, range: &Range<u64>) -> u64 {
    let fixed = storage::cell_bytes(column).unwrap_or(u64::MAX);
    match data {
        ColumnData::Text { offsets, .. } if !range.is_empty() => {
            let all = offsets[range.end as usize] - offsets[range.start as usize];
            fixed + all / (range.end - range.start)
        }
        _ => fixed,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::data::Format;
    use crate::data::testing::{Upload, csv, idx_file, images_and_labels, tar};

    fn told(dataset: &Dataset) -> Value {
        let rows = 0..dataset.schema().examples;
        json!(statistics(dataset, &rows, &|| false).unwrap())
    }

    #[test]
    fn a_table_is_summarised_by_column() {
        let dataset = csv("n,whole,same,word,text\n\
             1.5,1,7,b,one\n\
             3.5,2,7,a,two\n\
             ,3,7,b,three\n\
             3.5,3,7,,\n\
             1.5,,7,b,größe\n");
        let columns = told(&dataset);
        let edges: Vec<f64> = (15..=36).map(|tenths| f64::from(tenths) / 10.0).collect();
        assert_eq!(
            columns[0],
            json!({
                "name": "n", "kind": "number", "examined": 5, "count": 4, "missing": 1,
                "distinct": {"count": 2, "exact": true},
                "numbers": {
                    "least": 1.5, "greatest": 3.5, "mean": 2.5, "standard_deviation": 1.0,
                    // At 0.75, 1.5 and 2.25 between the first number and the fourth.
                    "quartiles": [1.5, 2.5, 3.5],
                    "histogram": {
                        "edges": edges,
                        "counts": [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2],
                    },
                },
            })
        );
        assert_eq!(columns[1]["distinct"], json!({"count": 3, "exact": true}));
        assert_eq!(
            columns[1]["numbers"]["histogram"],
            json!({"edges": [1.0, 2.0, 3.0, 4.0], "counts": [1, 1, 2]})
        );
        assert_eq!(
            columns[2]["numbers"],
            json!({
                "least": 7.0, "greatest": 7.0, "mean": 7.0, "standard_deviation": 0.0, "quartiles": [7.0, 7.0, 7.0],
                "histogram": {"edges": [7.0, 7.0], "counts": [5]},
            })
        );
        assert_eq!(
            (&columns[3]["count"], &columns[3]["classes"]["commonest"]),
            (&json!(4), &json!([{"class": "b", "count": 3}, {"class": "a", "count": 1}]))
        );
        // Characters of three, three, five and five.
        let lengths = &columns[4]["lengths"];
        assert_eq!((&columns[4]["missing"], &columns[4]["distinct"]["count"]), (&json!(1), &json!(4)));
        assert_eq!((&lengths["mean"], &lengths["greatest"]), (&json!(4.0), &json!(5.0)));
        assert_eq!(lengths["histogram"], json!({"edges": [3.0, 4.0, 5.0, 6.0], "counts": [2, 0, 2]}));
    }

    #[test]
    fn rows_without_a_value_have_no_summary() {
        let dataset = csv("n,c,t\n1,a,x\n2,b,y\n3,a,z\n,,\n");
        let columns = json!(statistics(&dataset, &(3..4), &|| false).unwrap());
        for column in columns.as_array().unwrap() {
            assert_eq!((&column["count"], &column["missing"]), (&json!(0), &json!(1)), "{column}");
            assert_eq!(column["distinct"], json!({"count": 0, "exact": true}));
            assert_eq!(column.as_object().unwrap().len(), 6, "{column}");
        }
        let none = json!(statistics(&dataset, &(2..2), &|| false).unwrap());
        assert_eq!((&none[0]["examined"], &none[0]["missing"]), (&json!(0), &json!(0)));
    }

    #[test]
    fn pictures_are_summarised_by_channel() {
        let colours = idx_file(8, &[2, 3, 1, 2], &[0, 0, 51, 51, 255, 255, 255, 255, 51, 51, 255, 255]);
        let archive = tar(&[("x", &colours), ("y", &idx_file(8, &[2], &[0, 1]))]);
        let dataset = Upload::new(Format::Idx, &archive).import().unwrap().open();
        let columns = told(&dataset);
        // The first channel is black once and once white; the second is a fifth throughout, the third white.
        assert_eq!(
            columns[0]["pixels"]["channels"],
            json!([
                {"mean": 0.5, "standard_deviation": 0.5},
                {"mean": 0.2, "standard_deviation": 0.0},
                {"mean": 1.0, "standard_deviation": 0.0},
            ])
        );
        // The pictures' sums are 612 and 1,122, of 1,530 each: 0.4 and 0.7333.
        let brightness = &columns[0]["pixels"]["brightness"];
        let counts: Vec<u64> = serde_json::from_value(brightness["counts"].clone()).unwrap();
        let filled: Vec<usize> = (0..counts.len()).filter(|bin| counts[*bin] > 0).collect();
        assert_eq!((counts.len(), filled, &brightness["edges"][8]), (20, vec![8, 14], &json!(0.4)));
        assert_eq!(columns[1]["classes"]["evenness"], json!(1.0));
    }

    #[test]
    fn tensors_are_summarised_by_element() {
        let tensors = idx_file(9, &[2, 2, 2], &[1, 2, 3, 0xff, 5, 6, 7, 9]);
        let archive = tar(&[("x", &tensors), ("y", &idx_file(8, &[2], &[0, 1]))]);
        let dataset = Upload::new(Format::Idx, &archive).import().unwrap().open();
        let column = &told(&dataset)[0];
        assert_eq!((&column["kind"], &column["count"]), (&json!("tensor"), &json!(2)));
        let elements = &column["elements"];
        assert_eq!((&elements["least"], &elements["mean"]), (&json!(-1.0), &json!(4.0)));
    }

    #[test]
    fn a_column_that_is_too_long_is_looked_at_here_and_there() {
        let [images, labels] = images_and_labels(200, 2, 2);
        let dataset =
            Upload::new(Format::Idx, &tar(&[("x", &images), ("y", &labels)])).import().unwrap().open();
        let column = json!(of_column(&dataset, 0, &(0..200), 80));
        assert_eq!((&column["examined"], &column["count"]), (&json!(20), &json!(20)));
        // Picture i is i throughout.
        let mean = column["pixels"]["channels"][0]["mean"].as_f64().unwrap() * 255.0;
        assert!((mean - 99.5).abs() < 3.0, "{mean}");
        assert_eq!(json!(of_column(&dataset, 0, &(0..200), 0))["examined"], json!(1));
    }

    #[test]
    fn nothing_more_is_done_where_nobody_waits() {
        let dataset = csv("a,b\n1,2\n");
        let asked = std::cell::Cell::new(0);
        let after_one = || asked.replace(asked.get() + 1) > 0;
        assert!(statistics(&dataset, &(0..1), &after_one).is_none());
        assert_eq!(asked.get(), 2);
    }
}
