//! Files of tensors: what is read is written again as what was read.

use lyceum::torch::safetensors::{parse, to_bytes};

use super::Check;

pub(super) fn open() -> Check {
    Box::new(|bytes| {
        let Ok(tensors) = parse(bytes) else { return };
        let written = to_bytes(&tensors).unwrap();
        let again = parse(&written).unwrap();
        assert_eq!(tensors.len(), again.len());
        for ((name, tensor), (other_name, other)) in tensors.iter().zip(&again) {
            assert_eq!((name, tensor.kind(), tensor.size()), (other_name, other.kind(), other.size()));
        }
        assert_eq!(to_bytes(&again).unwrap(), written);
    })
}
