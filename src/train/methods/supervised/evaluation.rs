//! Loss and metrics of a network on rows that it does not learn from.

use tch::Tensor;

use crate::nn::Pass;
use crate::nn::metrics::{File, MetricState};
use crate::nn::network::{Head, Network};

use super::feed::{Batch, Feed};
use super::plan::{Objective, losses, penalised, series};
use super::sums::{Meter, Sums};

/// Memory for the activations of an evaluation batch.
const ACTIVATIONS: u64 = 64 << 20;

/// Examples that are evaluated at once: as many as fit into a fixed memory, whatever machine this is, so that the
/// sums come out the same everywhere.
pub(crate) fn batch_size(example_bytes: u64, rows: usize) -> usize {
    let most = (ACTIVATIONS / example_bytes.max(1)).clamp(1, 1_024) as usize;
    most.min(rows).max(1)
}

/// The metrics of every objective, accumulated on the device.
pub(super) struct Metrics<'a> {
    objectives: &'a [Objective],
    states: Vec<Vec<Box<dyn MetricState>>>,
}

impl<'a> Metrics<'a> {
    pub(super) fn new(objectives: &'a [Objective]) -> Self {
        let states = objectives
            .iter()
            .map(|objective| {
                objective.metrics.iter().map(|metric| metric.build(&objective.measured())).collect()
            })
            .collect();
        Self { objectives, states }
    }

    /// Takes a batch: `heads` are the network's outputs as the losses take them.
    pub(super) fn update(&mut self, network: &Network, heads: &[Tensor], targets: &[Tensor]) {
        for (index, (objective, states)) in self.objectives.iter().zip(&mut self.states).enumerate() {
            if !states.is_empty() {
                let output = objective.answers(&network.finish(index, &heads[index].detach()));
                let target = objective.own_terms(&targets[index]);
                for state in states {
                    state.update(&output, &target);
                }
            }
        }
    }

    /// The values by their series' names, without the part's prefix.
    pub(super) fn values(&self) -> Vec<(String, f64)> {
        let states = self.objectives.iter().zip(&self.states);
        let named = states.flat_map(|(objective, states)| {
            objective.metrics.iter().zip(states).flat_map(move |(metric, state)| {
                let names = metric.series(metric.name(), &objective.measured());
                let named = names.into_iter().zip(state.values());
                named.map(move |(name, value)| (series(self.objectives, objective, &name), value))
            })
        });
        named.collect()
    }

    /// The files by their names, without the part's prefix.
    pub(super) fn files(&self) -> Vec<(String, File)> {
        let states = self.objectives.iter().zip(&self.states);
        let named = states.flat_map(|(objective, states)| {
            objective.metrics.iter().zip(states).filter_map(move |(metric, state)| {
                let file = state.file()?;
                let name = series(self.objectives, objective, metric.name());
                Some((format!("{name}.{}", file.extension), file))
            })
        });
        named.collect()
    }

    /// The sums by name, for a checkpoint.
    pub(super) fn state(&self) -> Vec<(String, Tensor)> {
        let mut all = Vec::new();
        for (place, state) in self.states.iter().flatten().enumerate() {
            all.extend(state.state().into_iter().map(|(name, tensor)| (format!("{place}.{name}"), tensor)));
        }
        all
    }

    pub(super) fn load(&mut self, sums: &[(String, Tensor)]) -> Result<(), String> {
        for (place, state) in self.states.iter_mut().flatten().enumerate() {
            let own = |(name, tensor): &(String, Tensor)| {
                let name = name.strip_prefix(&place.to_string())?.strip_prefix('.')?;
                Some((name.to_owned(), tensor.shallow_clone()))
            };
            state.load(&sums.iter().filter_map(own).collect::<Vec<_>>())?;
        }
        Ok(())
    }

    pub(super) fn reset(&mut self) {
        for state in self.states.iter_mut().flatten() {
            state.reset();
        }
    }
}

/// The mean losses by their series' names: the total, then each objective's where there are several.
pub(super) fn loss_values(objectives: &[Objective], sums: &Sums) -> Vec<(String, f64)> {
    let names = std::iter::once("loss".to_owned()).chain(
        objectives
            .iter()
            .filter(|_| objectives.len() > 1)
            .map(|objective| series(objectives, objective, "loss")),
    );
    names.zip(sums.means()).collect()
}

/// What an evaluation found, by name.
#[derive(Default)]
pub(super) struct Examined {
    /// Loss and metrics by their series.
    pub(super) values: Vec<(String, f64)>,
    pub(super) files: Vec<(String, File)>,
}

/// Evaluates a network on rows of a feed.
pub(super) struct Examiner<'a> {
    objectives: &'a [Objective],
    feed: Feed,
    batch_size: usize,
}

impl<'a> Examiner<'a> {
    pub(super) fn new(objectives: &'a [Objective], feed: Feed) -> Self {
        Self { objectives, batch_size: feed.capacity(), feed }
    }

    /// Loss, metrics and files. `go_on` is asked before every batch; nothing where it says no.
    pub(super) fn examine(
        &mut self,
        network: &Network,
        rows: &[u32],
        go_on: impl Fn() -> bool,
    ) -> Option<Examined> {
        let mut meter = Meter::new(self.feed.device(), Sums::default());
        let mut metrics = Metrics::new(self.objectives);
        for rows in rows.chunks(self.batch_size) {
            if !go_on() {
                return None;
            }
            tch::no_grad(|| {
                let Batch { inputs, targets, .. } = self.feed.gather(rows);
                let heads = network.forward(&inputs, &Pass::INFERENCE, Head::Logits);
                let losses = penalised(losses(self.objectives, &heads, &targets, None), network);
                // A loss that is not finite shows in the mean.
                let _ = meter.add(0, rows.len(), &losses).and_then(|()| meter.end_step(0, false));
                metrics.update(network, &heads, &targets);
            });
        }
        let _ = meter.settle();
        let mut values = loss_values(self.objectives, &meter.sums);
        values.extend(metrics.values());
        Some(Examined { values, files: metrics.files() })
    }
}
