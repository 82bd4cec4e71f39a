//! Uploads of pictures: archives as they are, and single pictures in an archive of one class and of two.

use lyceum::data::Format;

use super::Check;
use super::idx::hold;
use crate::support::idx;

pub(super) fn open() -> Check {
    Box::new(|bytes| {
        hold(Format::Images, bytes);
        let picture = |name: &str| (name.to_owned(), bytes.to_vec());
        hold(Format::Images, &idx::tar(&vec![picture("train/a/1.png"), picture("test/b/2.gif")]));
    })
}
