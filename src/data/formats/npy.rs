//! One array of NumPy's `.npy` format: its header (a Python dictionary written as text), and its elements by index. The
//! format is NEP 1 (<https://numpy.org/neps/nep-0001-npy-format.html>). Pickled objects are refused, never read.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use memmap2::Mmap;

use crate::data::archive::{self, Budget};
use crate::data::dataset;
use crate::data::import::{ImportError, shown};
use crate::data::storage;
use crate::spec::Shape;

pub(super) const MAGIC: &[u8] = b"\x93NUMPY";

/// What an array's elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Elements {
    Bool,
    Signed(usize),
    Unsigned(usize),
    Float(usize),
    /// Texts of so many bytes, behind the last letter filled with noughts.
    Bytes(usize),
    /// Texts of so many code points of four bytes.
    Unicode(usize),
}

impl Elements {
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Bool => 1,
            Self::Signed(bytes) | Self::Unsigned(bytes) | Self::Float(bytes) | Self::Bytes(bytes) => bytes,
            Self::Unicode(letters) => letters * 4,
        }
    }

    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Bytes(_) | Self::Unicode(_))
    }

    /// The type's own name, as NumPy writes it.
    pub(super) fn name(self) -> String {
        match self {
            Self::Bool => "bool".into(),
            Self::Signed(bytes) => format!("int{}", bytes * 8),
            Self::Unsigned(bytes) => format!("uint{}", bytes * 8),
            Self::Float(bytes) => format!("float{}", bytes * 8),
            Self::Bytes(_) | Self::Unicode(_) => "string".into(),
        }
    }

    /// From `<f4`, and whether the bytes stand in the other order.
    fn parse(descr: &str) -> Result<(Self, bool), ImportError> {
        let refuse = |why: String| Err(ImportError::unprocessable(why));
        let (order, rest) = match descr.chars().next() {
            Some(order @ ('<' | '>' | '|' | '=')) => (order, &descr[1..]),
            _ => ('=', descr),
        };
        let mut letters = rest.chars();
        let kind = letters.next().unwrap_or(' ');
        let size: usize = letters.as_str().parse().unwrap_or(0);
        let elements = match (kind, size) {
            ('b', 1) => Self::Bool,
            ('i', 1 | 2 | 4 | 8) => Self::Signed(size),
            ('u', 1 | 2 | 4 | 8) => Self::Unsigned(size),
            ('f', 2 | 4 | 8) => Self::Float(size),
            ('S' | 'a', 1..=65_536) => Self::Bytes(size),
            ('U', 1..=65_536) => Self::Unicode(size),
            ('O', _) => {
                return refuse(
                    "holds Python objects, which are never unpickled; convert the array to numbers or texts first, \
                     such as with .astype(\"float32\") or .astype(str)"
                        .into(),
                );
            }
            ('M' | 'm', _) => {
                return refuse(
                    "holds times; convert them to numbers, such as with .astype(\"int64\"), or to texts"
                        .into(),
                );
            }
            ('c', _) => return refuse("holds complex numbers; save their real and imaginary parts".into()),
            _ => {
                return refuse(format!(
                    "holds elements of type {}, and numbers, booleans and texts are read",
                    shown(descr)
                ));
            }
        };
        Ok((elements, order == '>'))
    }
}

/// What the header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) elements: Elements,
    swapped: bool,
    /// Whether the first axis varies fastest.
    fortran: bool,
    pub(super) shape: Shape,
}

/// Reads the header of an array.
fn read_header(content: &mut dyn Read) -> Result<Header, ImportError> {
    const LONGEST: usize = 64 << 10;
    let mut start = [0; 8];
    content.read_exact(&mut start).map_err(cut_short)?;
    if !start.starts_with(MAGIC) {
        return Err(ImportError::unprocessable("is no .npy file: it should begin with \\x93NUMPY"));
    }
    let mut length = [0; 4];
    let digits = match start[6] {
        1 => &mut length[..2],
        2 | 3 => &mut length[..],
        version => {
            return Err(ImportError::unprocessable(format!("is of .npy version {version}; 1 to 3 are read")));
        }
    };
    content.read_exact(digits).map_err(cut_short)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > LONGEST {
        return Err(ImportError::too_large(format!("has a header of more than {LONGEST} bytes")));
    }
    let mut text = vec![0; length];
    content.read_exact(&mut text).map_err(cut_short)?;
    let text = String::from_utf8_lossy(&text);
    parse_header(&text)
}

fn parse_header(text: &str) -> Result<Header, ImportError> {
    let damaged = |what: &str| {
        ImportError::unprocessable(format!("has a damaged header: {what} is missing or no header's"))
    };
    let value = |key: &str| {
        let (_, rest) = text.split_once(&format!("'{key}':"))?;
        Some(rest.trim_start())
    };
    let descr = value("descr").ok_or_else(|| damaged("descr"))?;
    if descr.starts_with('[') {
        return Err(ImportError::unprocessable(
            "holds records of several fields; save each field as an array of its own",
        ));
    }
    let descr =
        descr.strip_prefix('\'').and_then(|rest| rest.split_once('\'')).ok_or_else(|| damaged("descr"))?;
    let (elements, swapped) = Elements::parse(descr.0)?;
    let fortran = match value("fortran_order") {
        Some(order) if order.starts_with("True") => true,
        Some(order) if order.starts_with("False") => false,
        _ => return Err(damaged("fortran_order")),
    };
    let shape = value("shape")
        .and_then(|rest| rest.strip_prefix('('))
        .and_then(|rest| rest.split_once(')'))
        .and_then(|(shape, _)| {
            let extents = shape.split(',').map(str::trim).filter(|extent| !extent.is_empty());
            extents.map(|extent| extent.trim_end_matches('L').parse().ok()).collect::<Option<Shape>>()
        })
        .ok_or_else(|| damaged("shape"))?;
    Ok(Header { elements, swapped, fortran, shape })
}

fn cut_short(error: io::Error) -> ImportError {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return ImportError::unprocessable("ends before the elements that its header says");
    }
    archive::read_failure(error)
}

/// An array whose elements lie on disk as they came, mapped.
pub(super) struct Staged {
    pub(super) header: Header,
    cells: Mmap,
}

impl Staged {
    /// Copies an array's elements to `path`, which may be removed afterwards.
    pub(super) fn read(content: &mut dyn Read, budget: &Budget, path: &Path) -> Result<Self, ImportError> {
        const MOST_AXES: usize = 8;
        let header = read_header(content)?;
        if header.shape.is_empty() {
            return Err(ImportError::unprocessable(
                "is a single value; an array has one element or more for each example",
            ));
        }
        if header.shape.len() > MOST_AXES {
            return Err(ImportError::unprocessable(format!("has more than {MOST_AXES} dimensions")));
        }
        let bytes = storage::elements(&header.shape)
            .and_then(|elements| elements.checked_mul(header.elements.bytes() as u64))
            .filter(|bytes| budget.allows(*bytes))
            .ok_or_else(|| budget.refusal())?;
        if bytes == 0 || header.shape[0] >= u64::from(u32::MAX) {
            return Err(ImportError::unprocessable(format!(
                "is of shape {:?}, which is no set of examples",
                header.shape
            )));
        }
        let mut file = File::create_new(path)?;
        let copied = copy(&mut content.take(bytes), &mut file)?;
        if copied < bytes {
            return Err(ImportError::unprocessable("ends before the elements that its header says"));
        }
        let mut more = [0];
        if content.read(&mut more).map_err(archive::read_failure)? > 0 {
            return Err(ImportError::unprocessable(format!(
                "holds more than the {bytes} bytes of elements that its header says"
            )));
        }
        let cells = dataset::map(&File::open(path)?)?;
        Ok(Self { header, cells })
    }

    pub(super) fn examples(&self) -> u64 {
        self.header.shape[0]
    }

    /// Of one example.
    pub(super) fn example_shape(&self) -> &[u64] {
        &self.header.shape[1..]
    }

    /// Where the elements of an example lie: from one example to the next it is so many elements, and from an example's
    /// beginning so many to each of its elements, in the order of its axes.
    pub(super) fn strides(&self) -> (usize, Vec<usize>) {
        let shape = &self.header.shape;
        let mut strides = vec![1; shape.len()];
        if self.header.fortran {
            for axis in 1..shape.len() {
                strides[axis] = strides[axis - 1] * shape[axis - 1] as usize;
            }
        } else {
            for axis in (1..shape.len()).rev() {
                strides[axis - 1] = strides[axis] * shape[axis] as usize;
            }
        }
        let example = strides.remove(0);
        (example, strides)
    }

    fn element(&self, index: usize) -> &[u8] {
        let bytes = self.header.elements.bytes();
        &self.cells[index * bytes..][..bytes]
    }

    /// An element as a whole number; a text is none.
    pub(super) fn whole(&self, index: usize) -> i128 {
        let mut bytes = [0; 8];
        let element = self.element(index);
        let length = element.len().min(8);
        bytes[..length].copy_from_slice(&element[..length]);
        if self.header.swapped {
            bytes[..length].reverse();
        }
        let word = u64::from_le_bytes(bytes);
        match self.header.elements {
            Elements::Signed(bytes) => {
                let unused = 64 - bytes as u32 * 8;
                i128::from((word << unused).cast_signed() >> unused)
            }
            _ => i128::from(word),
        }
    }

    /// An element as a number; a text is none.
    pub(super) fn number(&self, index: usize) -> f64 {
        let word = self.whole(index);
        match self.header.elements {
            Elements::Float(2) => half(word as u16),
            Elements::Float(4) => f64::from(f32::from_bits(word as u32)),
            Elements::Float(_) => f64::from_bits(word as u64),
            _ => word as f64,
        }
    }

    /// An element that is a text.
    pub(super) fn text(&self, index: usize) -> Result<String, ImportError> {
        let element = self.element(index);
        let text = if let Elements::Bytes(_) = self.header.elements {
            let end = element.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            std::str::from_utf8(&element[..end]).ok().map(str::to_owned)
        } else {
            let letters = element.as_chunks::<4>().0.iter().map(|bytes| {
                let word =
                    if self.header.swapped { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) };
                char::from_u32(word)
            });
            letters.collect::<Option<String>>().map(|text| text.trim_end_matches('\0').to_owned())
        };
        text.ok_or_else(|| ImportError::unprocessable("holds a text that is not UTF-8"))
    }
}

/// Copies what is read, telling a failure to read from one of the disk.
fn copy(content: &mut dyn Read, file: &mut File) -> Result<u64, ImportError> {
    let mut buffer = vec![0; 1 << 16];
    let mut copied = 0;
    loop {
        match content.read(&mut buffer) {
            Ok(0) => return Ok(copied),
            Ok(read) => {
                file.write_all(&buffer[..read])?;
                copied += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(archive::read_failure(error)),
        }
    }
}

/// A number of IEEE 754's half precision.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2_f64.powi(-24),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        _ => (1024.0 + fraction) * 2_f64.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_what_they_say() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_953_125),
            (0x0001, 5.960_464_477_539_063e-8),
            (0x7bff, 65_504.0),
        ] {
            assert_eq!(half(bits), value);
        }
        assert!(half(0x7c00).is_infinite() && half(0x7e00).is_nan());
    }

    #[test]
    fn headers_are_read_and_objects_are_refused() {
        let header = parse_header("{'descr': '>i2', 'fortran_order': True, 'shape': (3, 4), }   \n").unwrap();
        let expected =
            Header { elements: Elements::Signed(2), swapped: true, fortran: true, shape: vec![3, 4] };
        assert_eq!(header, expected);
        let refusal = |text: &str| parse_header(text).unwrap_err().to_string();
        assert!(
            refusal("{'descr': '|O', 'fortran_order': False, 'shape': (3,), }").contains("never unpickled")
        );
        assert!(
            refusal("{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (3,), }")
                .contains("each field")
        );
        assert!(refusal("{'descr': '<c8', 'fortran_order': False, 'shape': (3,), }").contains("complex"));
        assert!(refusal("{'descr': '<f4', 'shape': (3,), }").contains("fortran_order"));
        assert!(refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (-3,), }").contains("shape"));
    }
}
