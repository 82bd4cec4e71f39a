//! A plan that is accepted runs: training ends well or diverges, a checkpoint goes on, and the model can be called.

use lyceum::spec::report::{ErrorKind, Outcome};
use lyceum::train::checkpoint::Checkpoint;
use lyceum::train::model::{DOCUMENT_FILE, LoadedModel, WEIGHTS_FILE};
use lyceum::train::{self, Plan, RecordingSink};
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

use super::Check;
use super::session::scratch;
use super::sets::Sets;

/// What a step may take here, so that many plans are run.
const BYTES: u64 = 64 << 20;
const FLOPS: u64 = 20_000_000;

pub(super) fn open() -> Check {
    let sets = Sets::open();
    Box::new(move |bytes| {
        if let Ok(body) = serde_json::from_slice(bytes) {
            check(body, &sets);
        }
    })
}

fn check(mut body: Value, sets: &Sets) {
    if Plan::resolve_body(&body, sets).is_err() {
        return;
    }
    body["seed"] = json!(1);
    body["training"]["epochs"] = json!(2);
    body["resources"] = json!({"device": "cpu", "threads": 1, "memory_mb": 512});
    let Ok(plan) = Plan::resolve_body(&body, sets) else { return };
    let answer = plan.answer();
    let steps = answer["steps_per_epoch"].as_u64().unwrap();
    let flops = answer["step"]["flops"].as_u64().unwrap();
    if plan.memory_bytes() > BYTES || flops.saturating_mul(steps) > FLOPS {
        return;
    }
    let mut sink = RecordingSink::default();
    let outcome = train::run(&plan, None, &mut sink);
    hold(&outcome, &body);
    for (_, checkpoint) in &sink.checkpoints {
        let checkpoint = Checkpoint::parse(checkpoint).unwrap();
        let mut resumed = RecordingSink::default();
        let again = train::run(&plan, Some(checkpoint), &mut resumed);
        assert_eq!(again, outcome, "{body}");
        assert_eq!(documents(&resumed), documents(&sink), "{body}");
    }
    if outcome == Outcome::Succeeded {
        call(&sink, &body);
    }
}

fn hold(outcome: &Outcome, body: &Value) {
    match outcome {
        Outcome::Failed { error } => assert_eq!(error.kind, ErrorKind::Diverged, "{}: {body}", error.detail),
        outcome => assert_eq!(*outcome, Outcome::Succeeded, "{body}"),
    }
}

/// The bytes of what was trained.
fn documents(sink: &RecordingSink) -> Vec<(&str, String)> {
    let digest = |model: &train::ModelFiles| model.write_weights(std::io::sink()).unwrap().sha256;
    sink.models.iter().map(|model| (model.document.as_str(), digest(model))).collect()
}

fn call(sink: &RecordingSink, body: &Value) {
    let folder = scratch();
    for model in &sink.models {
        model.write_weights(std::fs::File::create(folder.path().join(WEIGHTS_FILE)).unwrap()).unwrap();
        std::fs::write(folder.path().join(DOCUMENT_FILE), &model.document).unwrap();
        let loaded = LoadedModel::load(folder.path()).unwrap_or_else(|error| panic!("{error}: {body}"));
        let zeros = |shape: &Vec<u64>| {
            let extents: Vec<i64> =
                std::iter::once(2).chain(shape.iter().map(|extent| *extent as i64)).collect();
            Tensor::zeros(extents, (Kind::Float, Device::Cpu))
        };
        let inputs: Vec<Tensor> = loaded.preprocessing().input_shapes().iter().map(zeros).collect();
        for (output, said) in loaded.outputs().iter().zip(loaded.forward(&inputs)) {
            let shape: Vec<u64> = said.size()[1..].iter().map(|extent| *extent as u64).collect();
            assert_eq!(shape, output.shape, "{body}");
        }
    }
}
