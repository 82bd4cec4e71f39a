//! Uploads of NumPy's arrays: as they are, and as the only array of an archive, and as two of its splits.

use lyceum::data::Format;

use super::Check;
use super::idx::hold;
use crate::support::idx;

pub(super) fn open() -> Check {
    Box::new(|bytes| {
        hold(Format::Npz, bytes);
        if bytes.starts_with(b"\x93NUMPY") {
            let array = |name: &str| (name.to_owned(), bytes.to_vec());
            hold(
                Format::Npz,
                &idx::zip(&vec![array("x_train.npy"), array("x_test.npy"), array("classes.npy")]),
            );
        }
    })
}
