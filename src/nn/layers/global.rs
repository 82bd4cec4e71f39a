//! What the poolings over a whole image or a whole sequence share.

use super::{FieldError, Inferred, product};
use crate::spec::Shape;

/// One value for each of `channels`, with the axes that are pooled away kept as ones where that is wanted.
pub(super) fn infer(
    input: &[u64],
    kept: Shape,
    channels: u64,
    keepdims: bool,
) -> Result<Inferred, FieldError> {
    let output = if keepdims { kept } else { vec![channels] };
    Ok(Inferred::plain(output, product(input)?, channels))
}
