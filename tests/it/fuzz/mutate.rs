//! Inputs made of other inputs: bytes are flipped, cut, repeated and spliced, and JSON is changed as JSON.

use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::{Value, json};

/// An input does not grow beyond this.
const LONGEST: usize = 16 << 10;

/// What readers stumble over.
const TOKENS: &[&[u8]] = &[
    b"\0",
    b"\n",
    b"\r\n",
    b"\"",
    b"\"\"",
    b",",
    b"-",
    b"..",
    b"/",
    b"\\",
    b"[",
    b"]",
    b"{",
    b"}",
    b":",
    b"null",
    b"true",
    b"0",
    b"-0",
    b"1e999",
    b"-1e-999",
    b"NaN",
    b"inf",
    b"9007199254740993",
    b"18446744073709551615",
    b"18446744073709551616",
    b"-9223372036854775808",
    b"\xff",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\xf0\x9f\x98\x80",
    b"\\u0000",
    b"\\ud800",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x80\0\0\0",
    b"\0\0\0\0\0\0\0\0",
    b"\xff\xff\xff\xff\xff\xff\xff\x7f",
];

pub(super) struct Mutator {
    random: TestRng,
    files: Vec<Vec<u8>>,
    /// Those of the files that are JSON.
    documents: Vec<Value>,
}

impl Mutator {
    pub(super) fn new(seed: u64, files: &[Vec<u8>]) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self {
            random: TestRng::from_seed(RngAlgorithm::ChaCha, &bytes),
            files: files.to_vec(),
            documents: files.iter().filter_map(|file| serde_json::from_slice(file).ok()).collect(),
        }
    }

    /// Below `bound`; 0 where that is 0.
    fn below(&mut self, bound: usize) -> usize {
        self.random.next_u32() as usize % bound.max(1)
    }

    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// A place up to the end, and a short stretch from there on.
    fn stretch(&mut self, length: usize) -> (usize, usize) {
        let start = self.below(length + 1);
        let most = if self.below(4) == 0 { length } else { 16 };
        (start, (start + self.below(most + 1)).min(length))
    }

    /// The input with one to four changes.
    pub(super) fn mutate(&mut self, input: &[u8]) -> Vec<u8> {
        let document = serde_json::from_slice::<Value>(input).ok();
        let mut changed = match document {
            Some(mut document) if self.below(4) > 0 => {
                for _ in 0..=self.below(4) {
                    self.change_value(&mut document);
                }
                serde_json::to_vec(&document).unwrap()
            }
            _ => {
                let mut bytes = input.to_vec();
                for _ in 0..=self.below(4) {
                    self.change_bytes(&mut bytes);
                }
                bytes
            }
        };
        changed.truncate(LONGEST);
        changed
    }

    fn change_bytes(&mut self, bytes: &mut Vec<u8>) {
        let (start, end) = self.stretch(bytes.len());
        match self.below(8) {
            0 | 1 if start < bytes.len() => bytes[start] ^= 1 << self.below(8),
            2 if start < bytes.len() => bytes[start] = self.random.next_u32() as u8,
            3 => drop(bytes.drain(start..end)),
            4 => {
                let again = bytes[start..end].to_vec();
                bytes.splice(start..start, again);
            }
            5 => {
                let index = self.below(self.files.len());
                let (from, to) = self.stretch(self.files[index].len());
                bytes.splice(start..end, self.files[index][from..to].iter().copied());
            }
            6 => bytes.truncate(start),
            _ => {
                let token = *self.pick(TOKENS);
                let end = if self.below(2) == 0 { start } else { (start + token.len()).min(bytes.len()) };
                bytes.splice(start..end, token.iter().copied());
            }
        }
    }

    fn change_value(&mut self, document: &mut Value) {
        let index = self.below(count(document));
        let odd = self.odd_value();
        let taken = self.value_of_the_corpus();
        let kind = self.below(8);
        let at = self.random.next_u32() as usize;
        let place = nth(document, &mut { index }).unwrap();
        match (kind, place) {
            (0 | 1, place) => *place = odd,
            (2 | 3, place) => *place = taken,
            (4, Value::Array(items)) if !items.is_empty() => drop(items.remove(at % items.len())),
            (5, Value::Array(items)) if !items.is_empty() => items.push(items[at % items.len()].clone()),
            (4, Value::Object(members)) if !members.is_empty() => {
                let name = members.keys().nth(at % members.len()).unwrap().clone();
                members.shift_remove(&name);
            }
            (5, Value::Object(members)) if !members.is_empty() => {
                let name = members.keys().nth(at % members.len()).unwrap().clone();
                let value = members.shift_remove(&name).unwrap();
                members.insert(name + "~", value);
            }
            (6, place) => *place = json!([place.take()]),
            (_, place) => *place = tuned(place, at),
        }
    }

    fn odd_value(&mut self) -> Value {
        let odd = json!([
            null, true, 0, -1, 1, 2, 3, 0.5, -0.0, 1e-320, 1e300, -1e300, 1e39, 4_294_967_295_u64,
            4_294_967_296_u64, 9_007_199_254_740_993_u64, u64::MAX, i64::MIN, "", "a", "..", "../x", "/x", "\0", "😀",
            "a/b", "a~b", "x".repeat(300), [], [[]], {}, {"": null}, [1, 2], "relu", "auto", "latest"
        ]);
        self.pick(odd.as_array().unwrap()).clone()
    }

    fn value_of_the_corpus(&mut self) -> Value {
        if self.documents.is_empty() {
            return Value::Null;
        }
        let document = self.below(self.documents.len());
        let mut index = self.below(count(&self.documents[document]));
        nth(&mut self.documents[document], &mut index).unwrap().clone()
    }
}

/// A value near this one, of its type.
fn tuned(value: &Value, by: usize) -> Value {
    match value {
        Value::Number(number) => match (number.as_i64(), by % 4) {
            (Some(whole), 0) => json!(whole.wrapping_add(1)),
            (Some(whole), 1) => json!(whole.wrapping_sub(1)),
            (Some(whole), 2) => json!(whole.wrapping_mul(1_000_003)),
            _ => json!(number.as_f64().unwrap_or_default() * -1.5),
        },
        Value::String(text) => match by % 3 {
            0 => json!(text.repeat(2)),
            1 => json!(text.chars().skip(1).collect::<String>()),
            _ => json!(format!("{text} ")),
        },
        other => other.clone(),
    }
}

fn children(value: &mut Value) -> Box<dyn Iterator<Item = &mut Value> + '_> {
    match value {
        Value::Array(items) => Box::new(items.iter_mut()),
        Value::Object(members) => Box::new(members.values_mut()),
        _ => Box::new(std::iter::empty()),
    }
}

/// How many values a document is made of.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

/// The value number `index`, in the order in which they are written.
fn nth<'a>(value: &'a mut Value, index: &mut usize) -> Option<&'a mut Value> {
    if *index == 0 {
        return Some(value);
    }
    *index -= 1;
    children(value).find_map(|child| nth(child, index))
}
