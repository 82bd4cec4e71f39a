//! Texts: how long they are, and how many different ones there are.

use super::distinct::Distinct;
use super::rows::Rows;

/// The lengths of the texts in characters, empty cells left out. They are kept, since counting characters again for
/// each look at them would take longer than all else; a length takes less room than the offset of its text.
pub(super) fn lengths_and_distinct(offsets: &[u64], bytes: &[u8], rows: &Rows) -> (Vec<u32>, Distinct) {
    let text = |row: usize| &bytes[offsets[row] as usize..offsets[row + 1] as usize];
    let texts = || rows.iter().map(text).filter(|text| !text.is_empty());
    (texts().map(characters).collect(), Distinct::of(texts()))
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
