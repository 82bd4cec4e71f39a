//! Texts: how long they are, and how many different ones there are.

use std::collections::BTreeMap;

use super::distinct::Distinct;
use super::rows::Rows;

/// How often each length in characters comes, empty cells left out. Of lengths that differ there are few, since texts of
/// `n` different ones have `n (n + 1) / 2` characters at least.
pub(super) fn lengths_and_distinct(
    offsets: &[u64],
    bytes: &[u8],
    rows: &Rows,
) -> (BTreeMap<u32, usize>, Distinct) {
    let text = |row: usize| &bytes[offsets[row] as usize..offsets[row + 1] as usize];
    let texts = || rows.iter().map(text).filter(|text| !text.is_empty());
    let mut lengths = BTreeMap::new();
    for length in texts().map(characters) {
        *lengths.entry(length).or_default() += 1;
    }
    (lengths, Distinct::of(texts()))
}

/// Counts the bytes that begin a character of UTF-8; the others are `10……` in binary.
fn characters(text: &[u8]) -> u32 {
    let count = text.iter().filter(|byte| **byte & 0b1100_0000 != 0b1000_0000).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[test]
fn characters_of_any_width_count_once() {
    for (text, count) in [("", 0), ("abc", 3), ("größe", 5), ("日本", 2), ("🦀!", 2)] {
        assert_eq!(characters(text.as_bytes()), count, "{text}");
    }
}
