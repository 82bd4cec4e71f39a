//! Metrics of the order of all predictions, which are kept until the epoch is over.

use tch::{Device, Kind, Tensor};

use super::{Measured, MetricState, find};

/// Scores and truth of one label, for all examples.
type Curve = fn(&[(f32, bool)]) -> Option<f64>;

/// A metric of the predictions of all examples: the mean over the labels of which there are right and wrong ones.
pub(super) struct Scored {
    measured: Measured,
    /// Of pairs whose scores fall.
    curve: Curve,
    /// Scores `[n, outputs]` and whether each is right, `[n, outputs]`, batch by batch.
    batches: Vec<(Tensor, Tensor)>,
}

/// Numbers kept of every example: a score and the truth for each output.
pub(super) fn kept(measured: &Measured) -> u64 {
    2 * if measured.one_of_two { 1 } else { measured.labels.len() as u64 }
}

impl Scored {
    pub(super) fn boxed(measured: &Measured, curve: Curve) -> Box<dyn MetricState> {
        Box::new(Self { measured: measured.clone(), curve, batches: Vec::new() })
    }

    /// All that is kept, on the CPU.
    fn joined(&self) -> Option<(Tensor, Tensor)> {
        let join = |pick: fn(&(Tensor, Tensor)) -> &Tensor| {
            let parts: Vec<Tensor> =
                self.batches.iter().map(|batch| pick(batch).to_device(Device::Cpu)).collect();
            Tensor::cat(&parts, 0).contiguous()
        };
        (!self.batches.is_empty()).then(|| (join(|batch| &batch.0), join(|batch| &batch.1)))
    }

    fn value(&self) -> Option<f64> {
        let (scores, right) = self.joined()?;
        let outputs = scores.size()[1] as usize;
        let scores = Vec::<f32>::try_from(scores.flatten(0, -1)).ok()?;
        let right = Vec::<f32>::try_from(right.flatten(0, -1)).ok()?;
        let of = |output: usize| {
            let mut pairs: Vec<(f32, bool)> = scores
                .iter()
                .zip(&right)
                .skip(output)
                .step_by(outputs)
                .map(|(score, right)| (*score, *right > 0.5))
                .collect();
            pairs.sort_by(|one, other| other.0.total_cmp(&one.0));
            (self.curve)(&pairs)
        };
        let areas: Vec<f64> = (0..outputs).filter_map(of).collect();
        (!areas.is_empty()).then(|| areas.iter().sum::<f64>() / areas.len() as f64)
    }
}

impl MetricState for Scored {
    fn update(&mut self, output: &Tensor, target: &Tensor) {
        tch::no_grad(|| {
            let right = if target.kind() == Kind::Int64 {
                target.one_hot(self.measured.labels.len() as i64).to_kind(Kind::Float)
            } else {
                // The feed uses the memory again.
                target.to_kind(Kind::Float).copy()
            };
            self.batches.push((output.detach().to_kind(Kind::Float).copy(), right));
        });
    }

    fn values(&self) -> Vec<f64> {
        vec![self.value().unwrap_or(f64::NAN)]
    }

    fn reset(&mut self) {
        self.batches.clear();
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        let joined = self.joined().into_iter();
        joined.flat_map(|(scores, right)| [("scores".into(), scores), ("right".into(), right)]).collect()
    }

    fn load(&mut self, state: &[(String, Tensor)]) -> Result<(), String> {
        self.batches.clear();
        if let Ok(scores) = find(state, "scores") {
            let right = find(state, "right")?;
            if scores.size() != right.size() || scores.dim() != 2 {
                return Err("a metric's scores and its truth are not of one shape".into());
            }
            self.batches.push((scores.to_kind(Kind::Float), right.to_kind(Kind::Float)));
        }
        Ok(())
    }
}

/// Walks down the scores; examples of one score go together. `each` gets what is right and what is wrong among them.
pub(super) fn descend(pairs: &[(f32, bool)], mut each: impl FnMut(f64, f64)) {
    for tied in pairs.chunk_by(|one, other| one.0.total_cmp(&other.0).is_eq()) {
        let right = tied.iter().filter(|(_, right)| *right).count();
        each(right as f64, (tied.len() - right) as f64);
    }
}
