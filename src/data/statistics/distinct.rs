//! How many different values there are.

use std::collections::HashSet;
use std::hash::Hash;

use serde::Serialize;

/// Values that are told apart; whether there are more is all that is known then.
const MOST: usize = 10_000;

/// A number of different values: so many, or at least so many where it is not exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Distinct {
    count: u64,
    exact: bool,
}

impl Distinct {
    pub(super) fn exactly(count: u64) -> Self {
        Self { count, exact: true }
    }

    pub(super) fn of<T: Hash + Eq>(values: impl Iterator<Item = T>) -> Self {
        let mut seen = HashSet::new();
        for value in values {
            seen.insert(value);
            if seen.len() > MOST {
                return Self { count: MOST as u64, exact: false };
            }
        }
        Self::exactly(seen.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_apart_up_to_a_bound() {
        let most = MOST as u64;
        assert_eq!(Distinct::of([3, 1, 3].into_iter()), Distinct::exactly(2));
        assert_eq!(Distinct::of((0..most).chain(0..most)), Distinct::exactly(most));
        assert_eq!(Distinct::of(0..=most), Distinct { count: most, exact: false });
    }
}
