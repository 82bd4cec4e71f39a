//! How often each class comes.

use serde::Serialize;

use super::distinct::Distinct;
use crate::data::storage::NO_CLASS;

/// Classes that are told by name.
const MOST: usize = 50;

/// The counts of a category's classes.
#[derive(Debug, Serialize)]
pub(super) struct Classes {
    /// The commonest first; those that come equally often in their own order.
    commonest: Vec<ClassCount>,
    /// Those that come, but are not told by name.
    others: Others,
    /// Classes of the column that none of the rows has.
    absent: u64,
    /// How evenly the rows are spread over the classes that come: 1 where all come equally often, towards 0 the more
    /// one of them prevails, `H / ln n` with the entropy `H` of `n` classes (Pielou, *The Measurement of Diversity*,
    /// 1966). Nothing is said of a single one.
    evenness: Option<f64>,
}

#[derive(Debug, Serialize)]
struct ClassCount {
    class: String,
    count: u64,
}

#[derive(Debug, Serialize)]
struct Others {
    classes: u64,
    count: u64,
}

impl Classes {
    /// Counts codes, which are indices into the classes.
    pub(super) fn of(classes: &[String], codes: impl Iterator<Item = u32>) -> (Self, Distinct) {
        let mut counts = vec![0; classes.len()];
        for code in codes.filter(|code| *code != NO_CLASS) {
            counts[code as usize] += 1;
        }
        let evenness = evenness(&counts);
        let mut present: Vec<(usize, u64)> =
            counts.into_iter().enumerate().filter(|(_, count)| *count > 0).collect();
        present.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let (named, rest) = present.split_at(present.len().min(MOST));
        let named =
            named.iter().map(|(code, count)| ClassCount { class: classes[*code].clone(), count: *count });
        let counted = Self {
            commonest: named.collect(),
            others: Others { classes: rest.len() as u64, count: rest.iter().map(|(_, count)| count).sum() },
            absent: (classes.len() - present.len()) as u64,
            evenness,
        };
        (counted, Distinct::exactly(present.len() as u64))
    }

    /// Rows that have a class.
    pub(super) fn count(&self) -> u64 {
        self.others.count + self.commonest.iter().map(|class| class.count).sum::<u64>()
    }
}

fn evenness(counts: &[u64]) -> Option<f64> {
    let present: Vec<u64> = counts.iter().copied().filter(|count| *count > 0).collect();
    let [first, _, ..] = present[..] else { return None };
    if present.iter().all(|count| *count == first) {
        return Some(1.0);
    }
    let all = present.iter().sum::<u64>() as f64;
    let entropy: f64 = present.iter().map(|count| *count as f64 / all).map(|share| -share * share.ln()).sum();
    Some(entropy / (present.len() as f64).ln())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_commonest_classes_are_named_and_the_rest_is_counted() {
        let names: Vec<String> = (0..60).map(|number| format!("class {number}")).collect();
        // Class i comes i times, up to the 57th.
        let codes = (0..58_u32).flat_map(|class| std::iter::repeat_n(class, class as usize));
        let (classes, distinct) = Classes::of(&names, codes.chain([NO_CLASS]));
        assert_eq!(distinct, Distinct::exactly(57));
        assert_eq!((classes.count(), classes.absent), (57 * 58 / 2, 3));
        assert_eq!(
            json!([classes.commonest[0], classes.commonest.last()]),
            json!([{"class": "class 57", "count": 57}, {"class": "class 8", "count": 8}])
        );
        assert_eq!(json!(classes.others), json!({"classes": 7, "count": 1 + 2 + 3 + 4 + 5 + 6 + 7}));
    }

    #[test]
    fn evenness_is_the_share_of_the_greatest_entropy() {
        assert_eq!((evenness(&[]), evenness(&[0, 7])), (None, None));
        assert_eq!(evenness(&[3, 0, 3, 3]), Some(1.0));
        // Three quarters and one: 0.75 · log2(4/3) + 0.25 · log2(4) = 0.8113 bits of one.
        assert!((evenness(&[3, 1]).unwrap() - 0.811_278_124_459_132_8).abs() < 1e-12);
        assert!(evenness(&[1_000_000, 1]).unwrap() < 1e-4);
    }
}
