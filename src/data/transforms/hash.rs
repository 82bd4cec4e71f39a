//! Many classes in few numbers.

use super::{Operation, Sample, TransformConfig};
use crate::spec::Size;
use crate::spec::dataset::Kind;

crate::record! {
    /// The hashing trick: a class becomes as many numbers as there are buckets, 1 for its own and 0 for the others. Its
    /// bucket is its hash modulo `buckets`, so that classes may share one, and a class that training did not see has one
    /// like any other; an empty cell has none (Weinberger and others, *Feature Hashing for Large Scale Multitask
    /// Learning*, 2009; the hash is FNV-1a of 64 bits over the UTF-8 bytes).
    #[derive(Eq)]
    pub struct Hash {
        /// Numbers that the classes share, such as `16`.
        pub buckets: Size,
    }
}

impl TransformConfig for Hash {
    fn takes(&self) -> &'static [Kind] {
        &[Kind::Category, Kind::Text]
    }

    fn fit(&self, _sample: &Sample<'_>) -> Result<Operation, String> {
        Ok(Operation::Hash { buckets: self.buckets.get() })
    }
}

/// The bucket of a text.
pub(super) fn bucket(text: &str, buckets: u64) -> usize {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let hash = text.bytes().fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    (hash % buckets.max(1)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        // The values that the hash's authors publish.
        assert_eq!(bucket("", u64::MAX), 0xcbf2_9ce4_8422_2325);
        assert_eq!(bucket("a", u64::MAX), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(bucket("foobar", u64::MAX), 0x8594_4171_f739_67e8);
        assert!((0..100).all(|text| bucket(&text.to_string(), 7) < 7));
    }
}
