//! A column by which rows are parted: the groups that its cells make, and their order.

use std::collections::HashMap;
use std::hash::Hash;

use super::dataset::{ColumnData, Dataset};
use super::storage::NO_CLASS;
use super::words::text_at;

/// The group of each of these rows, numbered from nought in the order in which they are met. A row whose cell is empty
/// is a group of its own.
pub(super) fn groups(dataset: &Dataset, column: usize, rows: &[u32]) -> Vec<u32> {
    match dataset.column(column) {
        // Adding zero makes the two zeros one.
        ColumnData::Numbers(numbers) => number_off(rows, |row| {
            let number = numbers[row as usize];
            (!number.is_nan()).then(|| (number + 0.0).to_bits())
        }),
        ColumnData::Codes(codes) => {
            number_off(rows, |row| Some(codes[row as usize]).filter(|code| *code != NO_CLASS))
        }
        ColumnData::Text { offsets, bytes } => number_off(rows, |row| text_at(offsets, bytes, row)),
        _ => vec![0; rows.len()],
    }
}

fn number_off<K: Eq + Hash>(rows: &[u32], key: impl Fn(u32) -> Option<K>) -> Vec<u32> {
    let mut known: HashMap<K, u32> = HashMap::new();
    let mut next = 0;
    let mut take = || {
        next += 1;
        next - 1
    };
    rows.iter()
        .map(|row| match key(*row) {
            Some(key) => *known.entry(key).or_insert_with(&mut take),
            None => take(),
        })
        .collect()
}

/// The rank of every row of the set in a column's order: numbers by size, classes as they are sorted, texts by code
/// point; equal cells have equal ranks.
pub(super) fn ranks(dataset: &Dataset, column: usize) -> Vec<u32> {
    match dataset.column(column) {
        ColumnData::Numbers(numbers) => rank(numbers.len(), |a, b| numbers[a].total_cmp(&numbers[b])),
        ColumnData::Codes(codes) => codes.to_vec(),
        ColumnData::Text { offsets, bytes } => {
            let text = |row: usize| text_at(offsets, bytes, row as u32);
            rank(dataset.rows(), |a, b| text(a).cmp(&text(b)))
        }
        _ => vec![0; dataset.rows()],
    }
}

fn rank(rows: usize, compare: impl Fn(usize, usize) -> std::cmp::Ordering) -> Vec<u32> {
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|a, b| compare(*a, *b));
    let mut ranks = vec![0; rows];
    let mut rank = 0;
    for pair in order.windows(2) {
        rank += u32::from(compare(pair[0], pair[1]).is_ne());
        ranks[pair[1]] = rank;
    }
    ranks
}
