//! Data sets: how uploads become the canonical form that is mapped into memory, which rows are trained and tested on,
//! what is done to columns before a network sees them, and how the same is done to the inputs of a prediction.

mod archive;
mod arrival;
pub mod augmentation;
mod columns;
mod dataset;
mod encode;
mod examples;
mod formats;
mod hints;
mod import;
mod keys;
mod numbers;
mod picture;
mod prepared;
mod preprocessing;
mod sampler;
mod split;
mod statistics;
mod storage;
mod target;
#[cfg(test)]
mod testing;
pub mod transforms;
mod words;

pub use arrival::Arrival;
pub use columns::{Columns, resolve_columns};
pub use dataset::{ColumnData, DataError, Dataset, TensorData};
pub use encode::{Encoded, InputColumn, InputTensor, TensorValues};
pub use examples::{example, examples, image_png};
pub use hints::{Hints, LONGEST_SIDE, Resize};
pub use import::{
    Digest, Format, ImportError, ImportLimits, ImportRequest, Refusal, RefusalKind, content_digest, import,
    sha256,
};
pub use prepared::{Prepared, Reading, image_shape, kept_bytes};
pub use preprocessing::{InputForm, Preprocessing};
pub use sampler::Sampler;
pub use split::{Partition, PartitionCounts, check_parts, partition, partition_counts};
pub use statistics::{ColumnStatistics, label, statistics};
pub use target::{TargetColumn, TargetKind, TargetScale, TargetValues};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::testing::{Upload, at, fit, reference, tar};
    use super::*;

    /// The whole way of the set that ships with the product.
    #[test]
    fn mnist_is_imported_parted_and_gathered() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/datasets/mnist");
        let names = [
            "t10k-images-idx3-ubyte",
            "t10k-labels-idx1-ubyte",
            "train-images-idx3-ubyte",
            "train-labels-idx1-ubyte",
        ];
        let files: Vec<(String, Vec<u8>)> = names
            .iter()
            .map(|name| (format!("{name}.gz"), std::fs::read(format!("{folder}/{name}.gz")).unwrap()))
            .collect();
        let members: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (&name[..], &bytes[..])).collect();
        let archive = tar(&members);
        let dataset = Upload::new(Format::Idx, &archive).import().unwrap().open();
        assert_eq!(dataset.schema().splits, [("train".to_owned(), 60_000), ("test".to_owned(), 10_000)]);
        let job = json!({"target": "label", "validation": {"fraction": 0.1}});
        let parts = partition(&dataset, &reference(job.clone()), true, 7, &at()).unwrap();
        assert_eq!((parts.train.len(), parts.validation.len(), parts.test.len()), (54_000, 6_000, 10_000));
        let target = TargetColumn::category(&dataset, "label").unwrap();
        let values = target.read(&dataset).unwrap();
        let train: Vec<u32> = (0..60_000).collect();
        assert_eq!(
            values.histogram(&train, 10),
            [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
        );
        let held = values.histogram(&parts.validation, 10);
        for (held, all) in held.iter().zip(values.histogram(&train, 10)) {
            assert!((*held as f64 - all as f64 / 10.0).abs() <= 1.0);
        }
        let preprocessing = Preprocessing::fit(&dataset, &reference(job), &[], &at()).unwrap().0;
        let prepared = Prepared::new(dataset.clone(), &preprocessing).unwrap();
        let mut sum = 0.0;
        let mut batch = vec![0.0; 600 * 784];
        for rows in train.chunks(600) {
            prepared.gather(0, rows, &mut batch);
            sum += batch.iter().map(|value| f64::from(*value)).sum::<f64>();
        }
        assert!((sum / (60_000.0 * 784.0) - 0.1307).abs() < 1e-4);
        let mut shuffled = Sampler::new(parts.train.clone(), 7).epoch(0);
        assert_ne!(shuffled, parts.train);
        shuffled.sort_unstable();
        assert_eq!(shuffled, parts.train);
        // What a prediction makes of an image of the set is what training made of it.
        let png = image_png(&dataset, "image", 60_000).unwrap();
        prepared.gather(0, &[60_000], &mut batch[..784]);
        assert_eq!(preprocessing.encode_image(&png).unwrap().inputs[0], batch[..784]);
        assert!(fit(&dataset, json!({"target": "label", "input": "label"})).is_err());
    }
}
