//! Which rows are looked at.

use std::ops::Range;

/// The golden ratio's fraction in 64 bits: its multiples, modulo one, are spread evenly however many are taken (Knuth,
/// *The Art of Computer Programming*, 6.4), and follow no period that the rows may have.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// One row of each window; with windows of one row, all of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    start: u64,
    window: u64,
    windows: u64,
}

impl Rows {
    /// Of a range of rows all where their cells have no more than `most` bytes, else as many as have, and one at least.
    pub(super) fn spread(range: &Range<u64>, cell_bytes: u64, most: u64) -> Self {
        let rows = range.end - range.start;
        let affordable = (most / cell_bytes.max(1)).max(1);
        let window = rows.div_ceil(affordable).max(1);
        Self { start: range.start, window, windows: rows / window }
    }

    pub(super) fn count(&self) -> u64 {
        self.windows
    }

    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        (0..self.windows).map(move |number| {
            let fraction = number.wrapping_mul(GOLDEN);
            let within = (u128::from(fraction) * u128::from(self.window)) >> 64;
            (self.start + number * self.window) as usize + within as usize
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(range: Range<u64>, cell_bytes: u64, most: u64) -> Vec<usize> {
        let rows = Rows::spread(&range, cell_bytes, most);
        let found: Vec<usize> = rows.iter().collect();
        assert_eq!(found.len() as u64, rows.count());
        found
    }

    #[test]
    fn all_rows_where_they_fit_and_some_of_each_part_where_not() {
        assert_eq!(chosen(3..7, 8, 32), [3, 4, 5, 6]);
        assert_eq!(chosen(3..3, 8, 32), [0; 0]);
        assert_eq!(chosen(3..7, 8, 0).len(), 1);
        let some = chosen(100..1100, 8, 800);
        for (window, row) in some.iter().enumerate() {
            assert!((100 + 10 * window..110 + 10 * window).contains(row));
        }
        // Labels that come round every tenth row are all seen.
        let mut seen: Vec<usize> = some.iter().map(|row| row % 10).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 10);
    }
}
