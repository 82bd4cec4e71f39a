//! Empty cells become what stands in most of the others.

use std::collections::HashMap;

use super::{Operation, Sample, TransformConfig, sorted};
use crate::spec::dataset::Kind;

crate::record! {
    /// An empty cell becomes the number, the class or the text that is most frequent in the training part; of several
    /// that are, the first in their order (numbers by size, others by code point).
    #[derive(Eq, Default)]
    pub struct ImputeMostFrequent {
        /// Whether one number more says if the cell was empty (1) or not (0).
        pub indicator: bool = false,
    }
}

impl TransformConfig for ImputeMostFrequent {
    fn takes(&self) -> &'static [Kind] {
        &[Kind::Number, Kind::Category, Kind::Text]
    }

    fn fit(&self, sample: &Sample<'_>) -> Result<Operation, String> {
        let indicator = self.indicator;
        let words: Vec<&str> = match sample {
            Sample::Numbers(numbers) => {
                let numbers = sorted(numbers)?;
                let runs = numbers.chunk_by(|a, b| a == b);
                // The first of the longest: a later one must be longer.
                let longest = runs.reduce(|best, run| if run.len() > best.len() { run } else { best });
                let value = longest.map_or(0.0, |run| run[0]);
                return Ok(Operation::Fill { value, indicator });
            }
            Sample::Classes { codes, classes } => {
                codes.iter().filter_map(|code| classes.get(*code as usize)).map(String::as_str).collect()
            }
            Sample::Texts(texts) => texts.iter().copied().flatten().collect(),
            Sample::Elements(_) => return Err("impute_most_frequent is for single values".into()),
        };
        let mut counts: HashMap<&str, u64> = HashMap::new();
        for word in words {
            *counts.entry(word).or_default() += 1;
        }
        let most = counts.into_iter().max_by(|(a, m), (b, n)| m.cmp(n).then_with(|| b.cmp(a)));
        match most {
            Some((text, _)) => Ok(Operation::FillText { text: text.to_owned(), indicator }),
            None => Err("it is empty throughout, so nothing in it is most frequent".into()),
        }
    }

    fn tells_of_empty_cells(&self) -> bool {
        self.indicator
    }
}
