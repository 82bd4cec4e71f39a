//! The fields of `training` for the method `learning_rate_finder`.

use std::collections::BTreeMap;

use crate::nn::optimizers::Optimizer;
use crate::spec::dataset::DatasetRef;
use crate::spec::{AtLeastOne, LearningRate, ModelSpec, NonNegative, Rate, Size};
use crate::train::methods::supervised::{ClassWeight, ClippingSpec, Losses, Rewrites, default_optimizer};

crate::record! {
    /// Finds a learning rate: from the initial weights one step after the other at a rate that rises by the same factor each
    /// time, until the loss explodes (Smith, *Cyclical Learning Rates for Training Neural Networks*, 2017, section 3.3). The
    /// series `loss` is smoothed, `learning_rate` stands beside it. The job's `result` holds `minimum`, the rate at which the
    /// smoothed loss was least, `learning_rate`, a tenth of that, which is what to train with, and `steepest`, the rate at
    /// which it fell fastest. It makes no model.
    pub struct LearningRateFinder {
        /// What is learned from.
        pub dataset: DatasetRef,
        /// The network; its input shapes come from the data set.
        pub model: ModelSpec,
        /// What is made small; with several targets an object of losses by target.
        pub loss: Losses,
        /// With several targets, what each loss counts; 1 where a target is absent.
        pub loss_weights: Option<BTreeMap<String, NonNegative>> = None,
        /// How it is made small; its learning rate is not used.
        pub optimizer: Optimizer = default_optimizer(),
        /// Examples in a batch; more than there are means all of them.
        pub batch_size: Size = Size::clamped(32),
        /// Keeps gradients within bounds.
        pub gradient_clipping: Option<ClippingSpec> = None,
        /// Batches whose gradients make up one step.
        pub gradient_accumulation: Size = Size::clamped(1),
        /// What the examples of each class count in the loss.
        pub class_weight: Option<ClassWeight> = None,
        /// A column of numbers that says what each example counts in the loss.
        pub sample_weight: Option<String> = None,
        /// What is done to the network so that it runs faster.
        pub rewrites: Rewrites = Rewrites::default(),
        /// The first rate.
        pub start: LearningRate = LearningRate::literal(1e-6),
        /// The last rate, above the first.
        pub end: LearningRate = LearningRate::literal(10.0),
        /// How many rates are tried.
        pub steps: Size = Size::clamped(100),
        /// The sweep ends where the smoothed loss is this many times the least one.
        pub divergence: AtLeastOne = AtLeastOne::literal(4.0),
        /// How much of the smoothed loss stays at a step.
        pub smoothing: Rate = Rate::literal(0.9),
    }
}
