//! JSON read in one pass where it has the form that is expected, with its many numbers read by the fewest steps. What has any
//! other form is `None`, for the general parser to judge.

use serde::Deserialize;

/// Members of an object that are told apart.
const MEMBERS: usize = 8;
/// Arrays in arrays.
const DEPTH: usize = 64;

/// About as many bytes stand for a number in a body, with what parts it from the next.
const BYTES_OF_ONE: usize = 6;

/// The powers of ten that a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// The powers of ten that seven characters need, which a single holds exactly.
const TENS: [f32; 8] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7];

/// The number of which the lowest `count` bytes are the digits, the last `places` of them behind the point. It is rounded once,
/// since so few digits and a power of ten are exact in a single; to round to a double first would give the same.
fn decimal(digits: u64, count: u32, places: u32) -> f32 {
    let ones = digits << (64 - 8 * count);
    let pairs = ones.wrapping_mul(10).wrapping_add(ones >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_FFFF_0000_FFFF;
    let mantissa = fours.wrapping_mul(10_000).wrapping_add(fours >> 32) as u32;
    mantissa as f32 / TENS[places as usize]
}

/// A number of at most seven characters and the comma behind it, which eight characters begin with, the first in the lowest
/// byte; and how many characters that are. All are looked at together, since where a number ends cannot be foretold: of
/// digits pairs are put together, then pairs of these (Lemire, *Number Parsing at a Gigabyte per Second*, 2021).
fn short_number(characters: u64) -> Option<(f32, usize)> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let byte = |place: u32| (characters >> (8 * place)) as u8;
    let digits = characters ^ (EACH * u64::from(b'0'));
    // The highest bit of a byte is set where it is above 9.
    let others = (digits.wrapping_add(EACH * 0x76) | digits) & (EACH * 0x80);
    // The most common form has a way of its own, with half of the steps.
    if characters as u16 == u16::from_le_bytes(*b"0.") {
        let end = (others & !0xFFFF).trailing_zeros() / 8;
        let is_number = end > 2 && end < 8 && byte(end) == b',';
        return is_number.then(|| (decimal(digits & !0xFFFF, end, end - 2), end as usize + 1));
    }
    let whole = others.trailing_zeros() / 8;
    if whole == 0 || whole == 8 || (whole > 1 && byte(0) == b'0') {
        return None;
    }
    let (end, digits) = if byte(whole) == b'.' {
        let behind = (others & (others - 1)).trailing_zeros() / 8;
        let before = digits & ((1 << (8 * whole)) - 1);
        (behind, before | digits >> 8 >> (8 * whole) << (8 * whole))
    } else {
        (whole, digits)
    };
    let count = if end == whole { whole } else { end - 1 };
    if end == 8 || byte(end) != b',' || (end != whole && count == whole) {
        return None;
    }
    Some((decimal(digits, count, count - whole), end as usize + 1))
}

/// A place in a text.
pub(super) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Goes past this byte, if it is the next.
    fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.take(byte).then_some(())
    }

    /// Nothing but space is left.
    pub(super) fn end(&mut self) -> Option<()> {
        self.skip_space();
        (self.at == self.text.len()).then_some(())
    }

    /// An object of which `member` reads each value. No name comes twice.
    pub(super) fn object(&mut self, mut member: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.expect(b'{')?;
        if self.take(b'}') {
            return Some(());
        }
        let mut seen = [""; MEMBERS];
        for place in 0..MEMBERS {
            let name = self.name()?;
            if seen[..place].contains(&name) {
                return None;
            }
            seen[place] = name;
            self.expect(b':')?;
            member(self, name)?;
            if self.take(b'}') {
                return Some(());
            }
            self.expect(b',')?;
        }
        None
    }

    /// An array of which `element` reads each value.
    pub(super) fn array(&mut self, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.expect(b'[')?;
        if self.take(b']') {
            return Some(());
        }
        loop {
            element(self)?;
            if self.take(b']') {
                return Some(());
            }
            self.expect(b',')?;
        }
    }

    /// A name of letters that stand for themselves.
    fn name(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        let rest = &self.text[self.at..];
        let length = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' '))?;
        if rest[length] != b'"' {
            return None;
        }
        self.at += length + 1;
        std::str::from_utf8(&rest[..length]).ok()
    }

    /// Any value, by the general parser.
    pub(super) fn value<T: Deserialize<'a>>(&mut self) -> Option<T> {
        let mut values = serde_json::Deserializer::from_slice(&self.text[self.at..]).into_iter();
        let value = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(value)
    }

    /// Numbers in arrays of any depth, put behind one another.
    pub(super) fn numbers(&mut self, numbers: &mut Vec<f32>) -> Option<()> {
        numbers.reserve((self.text.len() - self.at) / BYTES_OF_ONE);
        let mut depth = 0;
        loop {
            if self.take(b'[') {
                depth += 1;
                if depth > DEPTH {
                    return None;
                }
                if !self.take(b']') {
                    continue;
                }
                depth -= 1;
            } else if depth > 0 && self.short_numbers(numbers) {
                continue;
            } else {
                numbers.push(self.number()?);
            }
            loop {
                if depth == 0 {
                    return Some(());
                }
                if self.take(b',') {
                    break;
                }
                self.expect(b']')?;
                depth -= 1;
            }
        }
    }

    /// Goes past short numbers that have a comma behind them each, up to where another value has to stand; whether there are
    /// any. All have a space behind the comma or none has, so that where the next begins does not wait for a look at it.
    fn short_numbers(&mut self, numbers: &mut Vec<f32>) -> bool {
        let begin = self.at;
        let mut space = None;
        while let Some((eight, _)) = self.text[self.at..].split_first_chunk()
            && let Some((number, length)) = short_number(u64::from_le_bytes(*eight))
        {
            numbers.push(number);
            self.at += length;
            let space = *space.get_or_insert_with(|| usize::from(self.peek() == Some(b' ')));
            if space == 1 && self.peek() != Some(b' ') {
                break;
            }
            self.at += space;
        }
        self.at > begin
    }

    /// Goes past digits, and adds them to a number; how many there were.
    fn digits(&mut self, number: &mut u64) -> usize {
        let begin = self.at;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            *number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        self.at - begin
    }

    /// A number that stands here, rounded to a double and then to a single, as the general parser does. Digits that a double holds, over a power
    /// of ten that it holds, are rounded right by one division (Clinger, *How to Read Floating Point Numbers Accurately*,
    /// 1990).
    fn number(&mut self) -> Option<f32> {
        let begin = self.at;
        let is_negative = self.peek() == Some(b'-');
        self.at += usize::from(is_negative);
        let leads_with_zero = self.peek() == Some(b'0');
        let mut mantissa = 0;
        let whole = self.digits(&mut mantissa);
        if whole == 0 || (leads_with_zero && whole > 1) {
            return None;
        }
        let mut places = 0;
        if self.peek() == Some(b'.') {
            self.at += 1;
            places = self.digits(&mut mantissa);
            if places == 0 {
                return None;
            }
        }
        let has_exponent = matches!(self.peek(), Some(b'e' | b'E'));
        if has_exponent || whole + places > 19 || mantissa > 1 << 53 {
            return self.long_number(begin);
        }
        let number = mantissa as f64 / POWERS[places];
        Some(if is_negative { -number } else { number } as f32)
    }

    /// Any number that begins there, and of which the digits before its exponent are read.
    fn long_number(&mut self, begin: usize) -> Option<f32> {
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            if self.digits(&mut 0) == 0 {
                return None;
            }
        }
        // A whole number is not rounded twice.
        let text = std::str::from_utf8(&self.text[begin..self.at]).ok()?;
        if let Ok(whole) = text.parse::<u64>() {
            return Some(whole as f32);
        }
        if let Ok(whole) = text.parse::<i64>() {
            return Some(whole as f32);
        }
        let number: f64 = text.parse().ok()?;
        number.is_finite().then_some(number as f32)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn flat(value: &Value, numbers: &mut Vec<f32>) -> Option<()> {
        match value {
            Value::Array(values) => values.iter().try_for_each(|value| flat(value, numbers)),
            Value::Number(number) => {
                numbers.push(match (number.as_u64(), number.as_i64()) {
                    (Some(whole), _) => whole as f32,
                    (_, Some(whole)) => whole as f32,
                    _ => number.as_f64()? as f32,
                });
                Some(())
            }
            _ => None,
        }
    }

    /// What the cursor and the general parser make of a text.
    fn both(text: &str) -> (Option<Vec<u32>>, Option<Vec<u32>>) {
        let bits = |numbers: Vec<f32>| numbers.into_iter().map(f32::to_bits).collect();
        let mut cursor = Cursor::new(text.as_bytes());
        let mut ours = Vec::new();
        let read = cursor.numbers(&mut ours).and_then(|()| cursor.end());
        let mut theirs = Vec::new();
        let parsed = serde_json::from_str(text).ok().and_then(|value| flat(&value, &mut theirs));
        (read.map(|()| bits(ours)), parsed.map(|()| bits(theirs)))
    }

    #[test]
    fn one_rounding_to_a_single_gives_what_two_give() {
        for places in 0..=5_u32 {
            for mantissa in 0..1_000_000_u32 {
                let twice = (f64::from(mantissa) / POWERS[places as usize]) as f32;
                assert_eq!((mantissa as f32 / TENS[places as usize]).to_bits(), twice.to_bits());
            }
        }
    }

    #[test]
    fn numbers_are_those_of_the_general_parser() {
        for text in [
            "0",
            "-0",
            "-0.0",
            "7",
            "0.1",
            "-12.5",
            "[1, 2.5, [-3]]",
            "[[], [[1]], 2]",
            " [ 1 ,\n2 ] ",
            "1e3",
            "1E-7",
            "[0.1234567890123456789]",
            "16777217",
            "9007199254740993",
            "18446744073709551615",
            "-9223372036854775808",
            "[0.5,1, 10.25,0,  7,[8],0.123456,99999,1.5 ,2]",
            "[0.5, 1, 0.12345, 0,7,0.1, 2]",
            "[0.5,0.123456,0.00001,0.0,1]",
            "[1234567.5,1]",
            "[12345678,1]",
            "[1234567,1]",
            "[123456.7,1]",
            "18446744073709551616",
            "36893488147419103232.5",
            "1e38",
            "1e39",
            "4.9e-324",
            "0.00000000000000000000001",
        ] {
            let (ours, theirs) = both(text);
            assert!(ours.is_some(), "{text}");
            assert_eq!(ours, theirs, "{text}");
        }
        for text in [
            "",
            "[",
            "]",
            "[1",
            "[1,]",
            "[,1]",
            "[1 2]",
            "01",
            "-",
            "+1",
            ".5",
            "1.",
            "1e",
            "1e+",
            "1e999",
            "- 1",
            "[1]]",
            "1,",
            "0x1",
            "NaN",
            "[1]1",
            "[00.5,1]",
            "[01,1]",
            "[1.,1]",
            "[.5,1]",
            "[1..5,1]",
            "[0.,1]",
            "[0..,1]",
            "[0.1.,1]",
            "[0.-1,1]",
            "[1.5.,1]",
            "[1234567.,1]",
            "1, 2",
            "1.5,2.5,3",
        ] {
            assert_eq!(both(text), (None, None), "{text}");
        }
        // These are for the general parser to read.
        assert_eq!(both("true").0, None);
        assert_eq!(both("[\"a\"]").0, None);
        assert_eq!(both(&"[".repeat(DEPTH + 1)).0, None);
    }

    fn text() -> impl Strategy<Value = String> {
        let number = prop_oneof![
            any::<f64>()
                .prop_filter("finite", |number| number.is_finite())
                .prop_map(|number| number.to_string()),
            any::<f32>()
                .prop_filter("finite", |number| number.is_finite())
                .prop_map(|number| format!("{number:e}")),
            any::<i64>().prop_map(|number| number.to_string()),
            "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?",
            "[-+.eE0-9]{1,6}",
            "(0|[1-9][0-9]{0,4})(\\.[0-9]{1,4})?",
        ];
        number.prop_recursive(4, 64, 8, |inner| {
            (prop::collection::vec(inner, 0..8), "[ \\n\\t]{0,2}")
                .prop_map(|(values, space)| format!("[{space}{}{space}]", values.join(&format!("{space},"))))
        })
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_read_right(text in text()) {
            let (ours, theirs) = both(&text);
            prop_assert_eq!(ours, theirs);
        }

        #[test]
        fn what_is_no_json_is_not_read(text in "[\\[\\], 0-9.eE-]{0,12}") {
            let (ours, theirs) = both(&text);
            prop_assert_eq!(ours, theirs);
        }
    }
}
