//! Counts of right and wrong answers by class.

use tch::{Device, Kind, Tensor};

use super::{Average, File, Measured, MetricState, find};

/// What was counted of one class or target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// It was said, and right.
    pub(super) hits: i64,
    /// It was said, and wrong.
    pub(super) false_alarms: i64,
    /// It was right, and not said.
    pub(super) misses: i64,
    /// It was neither right nor said.
    pub(super) rest: i64,
}

impl Counts {
    pub(super) fn precision(&self) -> f64 {
        share(self.hits, self.hits + self.false_alarms)
    }

    pub(super) fn recall(&self) -> f64 {
        share(self.hits, self.hits + self.misses)
    }

    pub(super) fn f1(&self) -> f64 {
        share(2 * self.hits, 2 * self.hits + self.false_alarms + self.misses)
    }

    /// How often it was right.
    pub(super) fn support(&self) -> i64 {
        self.hits + self.misses
    }
}

/// Nought of nothing is nought, as in scikit-learn.
pub(super) fn share(part: i64, whole: i64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// All that was counted.
pub(super) struct Tally<'a> {
    pub(super) labels: &'a [String],
    /// Of one target: rows are the truth, columns the answers.
    pub(super) matrix: Option<Vec<Vec<i64>>>,
    /// By label.
    pub(super) counts: Vec<Counts>,
    pub(super) one_of_two: bool,
}

impl Tally<'_> {
    /// A figure of every label as `average` says. Of two classes that one output tells apart it is the second one's.
    pub(super) fn averaged(&self, average: Average, figure: fn(&Counts) -> f64) -> Vec<f64> {
        if let (true, Some(second)) = (self.one_of_two, self.counts.get(1)) {
            return vec![figure(second)];
        }
        match average {
            Average::None => self.counts.iter().map(figure).collect(),
            Average::Macro => {
                vec![self.counts.iter().map(figure).sum::<f64>() / self.counts.len().max(1) as f64]
            }
            Average::Micro => {
                let sum = |pick: fn(&Counts) -> i64| self.counts.iter().map(pick).sum();
                vec![figure(&Counts {
                    hits: sum(|counts| counts.hits),
                    false_alarms: sum(|counts| counts.false_alarms),
                    misses: sum(|counts| counts.misses),
                    rest: sum(|counts| counts.rest),
                })]
            }
        }
    }
}

/// The series of a figure by class.
pub(super) fn series(name: &str, average: Average, measured: &Measured) -> Vec<String> {
    if average == Average::None && !measured.one_of_two {
        measured.labels.iter().map(|label| format!("{name}_{label}")).collect()
    } else {
        vec![name.to_owned()]
    }
}

type Values = Box<dyn Fn(&Tally) -> Vec<f64> + Send>;

/// A metric that is made of counts.
pub(super) struct Tallied {
    measured: Measured,
    values: Values,
    file: Option<fn(&Tally) -> String>,
    /// Of one target `[labels, labels]`, truth before answer; of several `[labels, 2, 2]`.
    counts: Option<Tensor>,
}

impl Tallied {
    /// A metric with values.
    pub(super) fn figures(
        measured: &Measured,
        values: impl Fn(&Tally) -> Vec<f64> + Send + 'static,
    ) -> Box<dyn MetricState> {
        Box::new(Self { measured: measured.clone(), values: Box::new(values), file: None, counts: None })
    }

    /// A metric that is a file of JSON.
    pub(super) fn file(measured: &Measured, file: fn(&Tally) -> String) -> Box<dyn MetricState> {
        let values = Box::new(|_: &Tally| Vec::new());
        Box::new(Self { measured: measured.clone(), values, file: Some(file), counts: None })
    }

    fn of_one_target(&self) -> bool {
        self.measured.one_of_two || self.measured.task == crate::nn::losses::Task::Classes
    }

    fn count(&self, output: &Tensor, target: &Tensor) -> Tensor {
        let labels = self.measured.labels.len() as i64;
        let threshold = self.measured.task.threshold();
        if !self.of_one_target() {
            let (said, right) = (output.gt(threshold), target.gt(0.5));
            let both = |right: Tensor, said: Tensor| {
                (right * said).sum_dim_intlist(&[0_i64][..], false, Kind::Int64)
            };
            let cells = [
                both(right.logical_not(), said.logical_not()),
                both(right.logical_not(), said.shallow_clone()),
                both(right.shallow_clone(), said.logical_not()),
                both(right, said),
            ];
            return Tensor::stack(&cells, 1).reshape([labels, 2, 2]);
        }
        let (said, right) = if self.measured.one_of_two {
            (
                output.gt(threshold).to_kind(Kind::Int64).flatten(0, -1),
                target.to_kind(Kind::Int64).flatten(0, -1),
            )
        } else {
            (output.argmax(-1, false), target.shallow_clone())
        };
        (right * labels + said).bincount::<Tensor>(None, labels * labels).reshape([labels, labels])
    }

    fn tally(&self) -> Option<Tally<'_>> {
        let counts = self.counts.as_ref()?.to_device(Device::Cpu).contiguous();
        let flat = Vec::<i64>::try_from(counts.flatten(0, -1)).ok()?;
        let labels = &self.measured.labels;
        let one_of_two = self.measured.one_of_two;
        if !self.of_one_target() {
            let of = |cells: &[i64]| Counts {
                rest: cells[0],
                false_alarms: cells[1],
                misses: cells[2],
                hits: cells[3],
            };
            return Some(Tally {
                labels,
                matrix: None,
                counts: flat.chunks_exact(4).map(of).collect(),
                one_of_two,
            });
        }
        let matrix: Vec<Vec<i64>> = flat.chunks(labels.len().max(1)).map(<[i64]>::to_vec).collect();
        let all: i64 = flat.iter().sum();
        let of = |(index, row): (usize, &Vec<i64>)| {
            let hits = row[index];
            let misses = row.iter().sum::<i64>() - hits;
            let false_alarms = matrix.iter().map(|row| row[index]).sum::<i64>() - hits;
            Counts { hits, false_alarms, misses, rest: all - hits - misses - false_alarms }
        };
        let counts = matrix.iter().enumerate().map(of).collect();
        Some(Tally { labels, matrix: Some(matrix), counts, one_of_two })
    }
}

impl MetricState for Tallied {
    fn update(&mut self, output: &Tensor, target: &Tensor) {
        let counts = tch::no_grad(|| self.count(output, target));
        self.counts = Some(match &self.counts {
            Some(before) => before.to_device(counts.device()) + counts,
            None => counts,
        });
    }

    fn values(&self) -> Vec<f64> {
        if let Some(tally) = self.tally() {
            return (self.values)(&tally);
        }
        // Of nothing there are as many values as of something.
        let nothing = Tally {
            labels: &self.measured.labels,
            matrix: None,
            counts: vec![Counts::default(); self.measured.labels.len()],
            one_of_two: self.measured.one_of_two,
        };
        (self.values)(&nothing).into_iter().map(|_| f64::NAN).collect()
    }

    fn file(&self) -> Option<File> {
        let text = self.file?(&self.tally()?);
        Some(File { extension: "json", media_type: "application/json", text })
    }

    fn reset(&mut self) {
        self.counts = None;
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        self.counts.iter().map(|counts| ("counts".to_owned(), counts.to_device(Device::Cpu))).collect()
    }

    fn load(&mut self, state: &[(String, Tensor)]) -> Result<(), String> {
        let labels = self.measured.labels.len() as i64;
        let shape = if self.of_one_target() { vec![labels, labels] } else { vec![labels, 2, 2] };
        self.counts = match find(state, "counts") {
            Ok(counts) if counts.size() == shape => Some(counts.to_kind(Kind::Int64)),
            Ok(_) => return Err("a metric's counts are of other classes".into()),
            Err(_) => None,
        };
        Ok(())
    }
}
