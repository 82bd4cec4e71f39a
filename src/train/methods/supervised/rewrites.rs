//! What is done to a plan so that it runs faster and computes the same.

use super::plan::Objective;
use crate::nn::losses::LossForm;
use crate::nn::network::NetworkPlan;
use crate::nn::network::folding;

crate::record! {
    /// What is done to the network so that it runs faster. It computes the same, but for the last bits of a number; each may be
    /// turned off, to compare. A plan lists those that are done, with their nodes.
    #[derive(Eq)]
    pub struct Rewrites {
        /// Images are kept with their channels innermost in memory, as the fast kernels of convolutions want them.
        pub channels_last: bool = true,
        /// An activation that never falls runs behind the max-pooling that is its only reader, on fewer values.
        pub activation_after_pooling: bool = true,
        /// A rectifier takes the memory of what it is applied to, where nobody else reads that. Not one bit changes.
        pub activation_in_place: bool = true,
        /// The last softmax or sigmoid and the loss behind it are one, which is stable where the two apart are not.
        pub fused_loss: bool = true,
        /// Where the trained network is called, a normalisation by batch is part of the convolution before it.
        pub folded_normalization: bool = true,
    }
}

impl Default for Rewrites {
    fn default() -> Self {
        Self {
            channels_last: true,
            activation_after_pooling: true,
            activation_in_place: true,
            fused_loss: true,
            folded_normalization: true,
        }
    }
}

impl Rewrites {
    /// The plan with what is done to it before it is built.
    pub(super) fn applied(&self, mut plan: NetworkPlan) -> NetworkPlan {
        plan.channels_last = self.channels_last && plan.wants_channels_last();
        if self.activation_after_pooling {
            plan.late_activations = plan.movable_activations();
        }
        if self.activation_in_place {
            plan.overwriting = plan.overwriting_activations();
        }
        plan
    }

    /// Leaves the losses apart from the activations before them, where that is asked for.
    pub(super) fn fit(&self, objectives: &mut [Objective]) {
        if !self.fused_loss {
            for objective in objectives {
                objective.fitted.form = LossForm::OnOutputs;
            }
        }
    }

    /// The name and the nodes of each that is done.
    pub(super) fn done(
        &self,
        plan: &NetworkPlan,
        objectives: &[Objective],
    ) -> Vec<(&'static str, Vec<String>)> {
        let all = 0..plan.nodes.len();
        let convolutions = all.filter(|node| plan.channels_last && plan.nodes[*node].layer.convolves());
        let fused = plan.outputs.iter().zip(objectives).filter(|(_, objective)| objective.is_fused());
        let folded = if self.folded_normalization { folding::foldable(plan) } else { Vec::new() };
        let done = [
            ("channels_last", convolutions.collect()),
            ("activation_after_pooling", plan.late_activations.clone()),
            ("activation_in_place", plan.overwriting.clone()),
            ("fused_loss", fused.map(|(node, _)| *node).collect()),
            ("folded_normalization", folded),
        ];
        let named = |nodes: Vec<usize>| nodes.into_iter().map(|node| plan.nodes[node].name.clone()).collect();
        let some = done.into_iter().filter(|(_, nodes): &(_, Vec<usize>)| !nodes.is_empty());
        some.map(|(name, nodes)| (name, named(nodes))).collect()
    }
}
