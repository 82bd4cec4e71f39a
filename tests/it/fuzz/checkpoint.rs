//! Checkpoint files: those with a mistake are refused, and with a checksum that holds they go on or say why not.

use lyceum::spec::report::Outcome;
use lyceum::train::checkpoint::{Checkpoint, CheckpointError};
use lyceum::train::{self, Plan, RecordingSink};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Check;
use super::sets::Sets;

const PREFIX: usize = 28;
const DIGEST: usize = 32;

/// What the checkpoints of the corpus belong to.
fn job() -> Value {
    json!({"name": "two", "seed": 1, "training": {
        "method": "supervised",
        "dataset": {"name": "perceptron", "target": "y", "transforms": [], "validation": {"every": 3, "offset": 0}},
        "model": {"layers": [
            {"type": "dense", "units": 2, "activation": "relu"},
            {"type": "dropout", "rate": 0.2},
            {"type": "dense", "activation": "sigmoid"}]},
        "loss": "binary_cross_entropy", "optimizer": "adam", "epochs": 3,
        "early_stopping": {"patience": 2}
    }, "resources": {"device": "cpu"}})
}

pub(super) fn open() -> Check {
    let plan = Plan::resolve_body(&job(), &Sets::open()).unwrap_or_else(|error| panic!("{error}"));
    // The threads that libtorch keeps are there before memory is counted.
    assert_eq!(train::run(&plan, None, &mut RecordingSink::default()), Outcome::Succeeded);
    Box::new(move |bytes| {
        match Checkpoint::parse(bytes) {
            Ok(checkpoint) => resume(&plan, checkpoint),
            Err(error) => assert!(!matches!(error, CheckpointError::Unreadable(_)), "{error}"),
        }
        if let Some(mended) = mended(bytes)
            && let Ok(checkpoint) = Checkpoint::parse(&mended)
        {
            resume(&plan, checkpoint);
        }
    })
}

/// The file with the lengths and the checksum that belong to its content.
fn mended(bytes: &[u8]) -> Option<Vec<u8>> {
    let content = bytes.get(..bytes.len().checked_sub(DIGEST)?)?;
    let header = u64::from_le_bytes(*content.get(12..20)?.first_chunk()?);
    let body = (content.len() as u64).checked_sub(PREFIX as u64)?.checked_sub(header)?;
    let mut mended = content.to_vec();
    mended[20..28].copy_from_slice(&body.to_le_bytes());
    mended.extend(Sha256::digest(&mended));
    Some(mended)
}

fn resume(plan: &Plan, checkpoint: Checkpoint) {
    let outcome = train::run(plan, Some(checkpoint), &mut RecordingSink::default());
    match outcome {
        Outcome::Succeeded => {}
        Outcome::Failed { error } => assert!(!error.detail.is_empty()),
        other => panic!("{other:?}"),
    }
}
