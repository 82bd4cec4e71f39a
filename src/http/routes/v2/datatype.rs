//! The protocol's types of elements, and how they stand in binary tensors: little-endian, row by row; a text behind its
//! length in four bytes.

use crate::inference::{Element, Elements};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Datatype {
    Bool,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Int8,
    Int16,
    Int32,
    Int64,
    Fp16,
    Bf16,
    Fp32,
    Fp64,
    Bytes,
}

impl Datatype {
    const ALL: [(&'static str, Self); 14] = [
        ("BOOL", Self::Bool),
        ("UINT8", Self::Uint8),
        ("UINT16", Self::Uint16),
        ("UINT32", Self::Uint32),
        ("UINT64", Self::Uint64),
        ("INT8", Self::Int8),
        ("INT16", Self::Int16),
        ("INT32", Self::Int32),
        ("INT64", Self::Int64),
        ("FP16", Self::Fp16),
        ("BF16", Self::Bf16),
        ("FP32", Self::Fp32),
        ("FP64", Self::Fp64),
        ("BYTES", Self::Bytes),
    ];

    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == word).map(|(_, datatype)| *datatype)
    }

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, datatype)| *datatype == self).map_or("", |(name, _)| name)
    }

    /// As which a model takes or answers its elements.
    pub(super) fn of(element: Element) -> Self {
        match element {
            Element::Number => Self::Fp32,
            Element::Byte => Self::Uint8,
            Element::Text => Self::Bytes,
        }
    }

    /// Bytes of an element; none of a text, which has a length of its own.
    pub(super) fn bytes(self) -> Option<usize> {
        match self {
            Self::Bool | Self::Uint8 | Self::Int8 => Some(1),
            Self::Uint16 | Self::Int16 | Self::Fp16 | Self::Bf16 => Some(2),
            Self::Uint32 | Self::Int32 | Self::Fp32 => Some(4),
            Self::Uint64 | Self::Int64 | Self::Fp64 => Some(8),
            Self::Bytes => None,
        }
    }

    /// The elements of a binary tensor.
    pub(super) fn read(self, bytes: &[u8]) -> Result<Elements, String> {
        let Some(width) = self.bytes() else { return texts(bytes).map(Elements::Texts) };
        if !bytes.len().is_multiple_of(width) {
            return Err(format!("holds {} bytes, and a {} has {width}", bytes.len(), self.name()));
        }
        Ok(Elements::Numbers(match self {
            Self::Bool | Self::Uint8 => bytes.iter().map(|byte| f32::from(*byte)).collect(),
            Self::Int8 => bytes.iter().map(|byte| f32::from(byte.cast_signed())).collect(),
            Self::Uint16 => each(bytes, |bytes| f32::from(u16::from_le_bytes(bytes))),
            Self::Int16 => each(bytes, |bytes| f32::from(i16::from_le_bytes(bytes))),
            Self::Fp16 => each(bytes, |bytes| half(u16::from_le_bytes(bytes))),
            Self::Bf16 => each(bytes, |bytes| f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16)),
            Self::Uint32 => each(bytes, |bytes| u32::from_le_bytes(bytes) as f32),
            Self::Int32 => each(bytes, |bytes| i32::from_le_bytes(bytes) as f32),
            Self::Fp32 => each(bytes, f32::from_le_bytes),
            Self::Uint64 => each(bytes, |bytes| u64::from_le_bytes(bytes) as f32),
            Self::Int64 => each(bytes, |bytes| i64::from_le_bytes(bytes) as f32),
            Self::Fp64 => each(bytes, |bytes| f64::from_le_bytes(bytes) as f32),
            Self::Bytes => Vec::new(),
        }))
    }
}

fn each<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (chunks, _) = bytes.as_chunks::<N>();
    chunks.iter().map(|chunk| read(*chunk)).collect()
}

/// A number of sixteen bits (IEEE 754 binary16).
fn half(bits: u16) -> f32 {
    let (sign, exponent, fraction) =
        (if bits >> 15 == 0 { 1.0 } else { -1.0 }, i32::from(bits >> 10 & 31), f32::from(bits & 1_023));
    match exponent {
        0 => sign * fraction * 2_f32.powi(-24),
        31 if fraction == 0.0 => sign * f32::INFINITY,
        31 => f32::NAN,
        _ => sign * (1.0 + fraction / 1_024.0) * 2_f32.powi(exponent - 15),
    }
}

fn texts(mut bytes: &[u8]) -> Result<Vec<String>, String> {
    let mut texts = Vec::new();
    while !bytes.is_empty() {
        let cut = || "ends in the middle of a text".to_owned();
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (text, rest) = rest.split_at_checked(length).ok_or_else(cut)?;
        texts.push(text_of(text)?);
        bytes = rest;
    }
    Ok(texts)
}

/// A text, which is UTF-8 here as everywhere.
pub(super) fn text_of(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "holds a text that is not UTF-8".to_owned())
}

/// A binary tensor of these elements: `FP32` or `BYTES`.
pub(super) fn write(elements: &Elements, out: &mut Vec<u8>) {
    match elements {
        Elements::Numbers(numbers) => out.extend(numbers.iter().flat_map(|number| number.to_le_bytes())),
        Elements::Texts(texts) => {
            for text in texts {
                out.extend((text.len() as u32).to_le_bytes());
                out.extend(text.as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(word: &str, bytes: &[u8]) -> Vec<f32> {
        match Datatype::parse(word).unwrap().read(bytes).unwrap() {
            Elements::Numbers(numbers) => numbers,
            Elements::Texts(texts) => panic!("{texts:?}"),
        }
    }

    #[test]
    fn every_type_is_read() {
        assert_eq!(numbers("UINT8", &[0, 255]), [0.0, 255.0]);
        assert_eq!(numbers("INT8", &[255]), [-1.0]);
        assert_eq!(numbers("INT16", &(-300_i16).to_le_bytes()), [-300.0]);
        assert_eq!(numbers("UINT64", &7_u64.to_le_bytes()), [7.0]);
        assert_eq!(numbers("FP64", &(-0.5_f64).to_le_bytes()), [-0.5]);
        assert_eq!(numbers("BF16", &0x3fc0_u16.to_le_bytes()), [1.5]);
        for (bits, number) in [(0x3c00, 1.0), (0xc000, -2.0), (0x3555, 0.333_251_95), (1, 5.960_464_5e-8)] {
            assert_eq!(numbers("FP16", &u16::to_le_bytes(bits)), [number]);
        }
        assert!(numbers("FP16", &0x7e00_u16.to_le_bytes())[0].is_nan());
        assert_eq!(numbers("FP16", &0xfc00_u16.to_le_bytes()), [f32::NEG_INFINITY]);
        assert!(Datatype::Fp32.read(&[0; 7]).is_err());
        for (name, datatype) in Datatype::ALL {
            assert_eq!((Datatype::parse(name), datatype.name()), (Some(datatype), name));
        }
        assert_eq!(Datatype::parse("fp32"), None);
    }

    #[test]
    fn texts_are_read_as_they_are_written() {
        let texts = Elements::Texts(vec!["a".into(), String::new(), "Ωmega".into()]);
        let mut bytes = Vec::new();
        write(&texts, &mut bytes);
        assert_eq!(Datatype::Bytes.read(&bytes).unwrap(), texts);
        assert!(Datatype::Bytes.read(&bytes[..bytes.len() - 1]).is_err());
        assert!(Datatype::Bytes.read(&[1, 0, 0, 0, 0xff]).is_err());
        assert!(Datatype::Bytes.read(&[255, 255, 255, 255]).is_err());
    }
}
