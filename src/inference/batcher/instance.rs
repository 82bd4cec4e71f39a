//! A copy of a model and the batch that it runs.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use tch::{Device, Kind, Tensor};

use super::BatchModel;
use super::batch::Batch;
use crate::clock;
use crate::torch::ops::{InferenceMode, as_slice, as_slice_mut};

/// A forward pass that takes less may run where the request is, without a thread in between.
pub(super) const SHORT: Duration = Duration::from_micros(200);

/// Weights and the buffer that they run.
pub(super) struct Instance {
    pub(super) model: Box<dyn BatchModel>,
    pub(super) running: Batch,
}

impl Instance {
    /// What the buffer's examples give, for each output.
    pub(super) fn forward(&mut self) -> Result<Vec<Vec<f32>>, String> {
        let rows = self.running.rows;
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let _mode = InferenceMode::begin();
            let outputs = match rows {
                1 => self.model.forward(&self.running.first)?,
                _ => self.model.forward(&self.running.examples(rows))?,
            };
            outputs.iter().map(|output| values(output, rows)).collect()
        }));
        outcome.unwrap_or_else(|panic| Err(panic_text(panic.as_ref())))
    }

    /// Runs a few times, so that what libtorch sets up at first is set up. How many examples, of at most so many, have a
    /// short pass together.
    pub(super) fn warm(&mut self, most: usize) -> Result<usize, String> {
        let several = most.min(16);
        let one = self.measure(1)?;
        if one > SHORT || several < 2 {
            return Ok(usize::from(one <= SHORT));
        }
        let together = self.measure(several)?;
        let each = together.saturating_sub(one) / (several - 1) as u32;
        let more = SHORT.saturating_sub(one).as_nanos() / each.as_nanos().max(1);
        Ok(usize::try_from(more).unwrap_or(most).saturating_add(1).min(most))
    }

    /// How long a pass of so many examples takes: the least of a few.
    pub(super) fn measure(&mut self, rows: usize) -> Result<Duration, String> {
        const LONG: Duration = Duration::from_millis(2);
        const RUNS: usize = 8;
        let mut least = Duration::MAX;
        self.running.rows = rows;
        for (buffer, width) in self.running.buffers.iter_mut().zip(&self.running.widths) {
            as_slice_mut::<f32>(buffer)[..rows * width].fill(0.0);
        }
        for run in 0..RUNS {
            let begun = clock::monotonic();
            self.forward()?;
            least = least.min(clock::monotonic().duration_since(begun));
            if run > 0 && least > LONG {
                break;
            }
        }
        self.running.rows = 0;
        Ok(least)
    }
}

/// The values of an output of `rows` examples.
fn values(output: &Tensor, rows: usize) -> Result<Vec<f32>, String> {
    if output.size().first().is_none_or(|count| *count as usize != rows) {
        return Err(format!("an output for {rows} examples has the shape {:?}", output.size()));
    }
    if output.kind() == Kind::Float && output.device() == Device::Cpu && output.is_contiguous() {
        return Ok(as_slice::<f32>(output).to_vec());
    }
    let mut values = vec![0.0; output.numel()];
    output
        .f_to_kind(Kind::Float)
        .and_then(|output| output.f_contiguous())
        .and_then(|output| output.f_copy_data(&mut values, output.numel()))
        .map_err(|error| error.to_string())?;
    Ok(values)
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked").to_owned()
}
