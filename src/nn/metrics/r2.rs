use tch::{Device, Kind, Tensor};

use super::{Measured, MetricConfig, MetricState, find, needs_numbers};
use crate::nn::losses::Task;

crate::record! {
    /// The coefficient of determination: `1 − Σ (y − t)² / Σ (t − mean t)²`, the mean over the target's columns; 1 is perfect, 0
    /// no better than the mean (Wright, *Correlation and Causation*, 1921). Where all targets are one number it is 1 for answers
    /// that are that number and 0 for others, as in scikit-learn.
    pub struct R2 {}
}

impl MetricConfig for R2 {
    fn check(&self, task: Task) -> Result<(), String> {
        needs_numbers(task, "r2")
    }

    fn greater_is_better(&self) -> bool {
        true
    }

    fn build(&self, _measured: &Measured) -> Box<dyn MetricState> {
        Box::new(Sums { count: 0, sums: None })
    }
}

/// Sums by column, `[4, columns]` in float64: the first target, from which all are measured so that little is lost to
/// rounding, the targets, their squares, the squared errors.
struct Sums {
    count: i64,
    sums: Option<Tensor>,
}

impl MetricState for Sums {
    fn update(&mut self, output: &Tensor, target: &Tensor) {
        tch::no_grad(|| {
            let [output, target] = [output, target].map(|values| values.to_kind(Kind::Double).flatten(1, -1));
            let before = self.sums.take().map(|sums| sums.to_device(target.device()));
            let origin = before.as_ref().map_or_else(|| target.get(0), |sums| sums.get(0));
            let column = |values: Tensor| values.sum_dim_intlist(&[0_i64][..], false, None);
            let (moved, errors) = (&target - &origin, output - &target);
            let own = [column(moved.shallow_clone()), column(moved.square()), column(errors.square())];
            let own = Tensor::stack(&own, 0);
            let rest = before.map_or_else(|| own.shallow_clone(), |sums| sums.slice(0, 1, 4, 1) + &own);
            self.sums = Some(Tensor::cat(&[origin.unsqueeze(0), rest], 0));
            self.count += target.size()[0];
        });
    }

    fn values(&self) -> Vec<f64> {
        let Some(sums) = &self.sums else { return vec![f64::NAN] };
        let sums = sums.to_device(Device::Cpu);
        let row = |index: i64| Vec::<f64>::try_from(sums.get(index)).unwrap_or_default();
        let (sum, squares, errors) = (row(1), row(2), row(3));
        let columns = sum.iter().zip(&squares).zip(&errors).map(|((sum, squares), errors)| {
            let spread = squares - sum * sum / self.count as f64;
            match (spread > 0.0, *errors > 0.0) {
                (true, _) => 1.0 - errors / spread,
                (false, true) => 0.0,
                (false, false) => 1.0,
            }
        });
        vec![columns.sum::<f64>() / sum.len() as f64]
    }

    fn reset(&mut self) {
        self.count = 0;
        self.sums = None;
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        let mut state = vec![("count".to_owned(), Tensor::from(self.count))];
        state.extend(self.sums.iter().map(|sums| ("sums".to_owned(), sums.to_device(Device::Cpu))));
        state
    }

    fn load(&mut self, state: &[(String, Tensor)]) -> Result<(), String> {
        let count = find(state, "count")?;
        if count.numel() != 1 {
            return Err("a metric's count is no single number".into());
        }
        self.count = count.int64_value(&[]);
        self.sums = find(state, "sums")
            .ok()
            .filter(|sums| sums.size().first() == Some(&4))
            .map(Tensor::shallow_clone);
        Ok(())
    }
}
