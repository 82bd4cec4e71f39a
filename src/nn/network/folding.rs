//! Normalisation by batch as a part of the convolution before it. In a network that is called and not trained it is the same
//! linear map for every batch, and so is the convolution: `γ · (w ∗ x + b − μ) / σ + β` is a convolution by `w · γ / σ` with the
//! bias `(b − μ) · γ / σ + β` (Jacob and others, *Quantization and Training of Neural Networks for Efficient
//! Integer-Arithmetic-Only Inference*, 2018, section 3.2).

use tch::{Kind, Tensor};

use super::{NetworkNode, NetworkPlan, Source};
use crate::nn::layers::{BatchNormalization, Conv2d, Layer, Plain};

/// The nodes that normalise what a convolution makes for them alone.
pub fn foldable(plan: &NetworkPlan) -> Vec<usize> {
    let folds = |node: &usize| convolution_before(plan, *node).is_some();
    (0..plan.nodes.len()).filter(folds).collect()
}

/// The convolution that a node normalises.
fn convolution_before(plan: &NetworkPlan, node: usize) -> Option<usize> {
    normalization(&plan.nodes[node].layer)?;
    let [Source::Node(before)] = plan.nodes[node].inputs[..] else { return None };
    (convolution(&plan.nodes[before].layer).is_some() && plan.gives_its_value_to_one(before))
        .then_some(before)
}

fn normalization(layer: &Layer) -> Option<&BatchNormalization> {
    match layer {
        Layer::Plain(layer) => match &**layer {
            Plain::BatchNormalization(layer) => Some(layer),
            _ => None,
        },
        Layer::Activation(_) => None,
    }
}

fn convolution(layer: &Layer) -> Option<&Conv2d> {
    match layer {
        Layer::Plain(layer) => match &**layer {
            Plain::Conv2d(layer) => Some(layer),
            _ => None,
        },
        Layer::Activation(_) => None,
    }
}

type Weights = Vec<(String, Tensor)>;

/// The network without what can be folded, and its weights; `None` where these are not all there, or of other shapes.
pub fn fold(plan: &NetworkPlan, weights: &[(String, Tensor)]) -> Option<(NetworkPlan, Weights)> {
    let mut plan = plan.clone();
    let mut weights: Weights =
        weights.iter().map(|(path, tensor)| (path.clone(), tensor.shallow_clone())).collect();
    let folded: Vec<(usize, usize)> = foldable(&plan)
        .into_iter()
        .filter_map(|node| Some((node, convolution_before(&plan, node)?)))
        .collect();
    for (node, before) in &folded {
        let epsilon = normalization(&plan.nodes[*node].layer)?.epsilon.get();
        let (normalized, name) = (plan.nodes[*node].name.clone(), plan.nodes[*before].name.clone());
        let mut take = |node: &str, parameter: &str| {
            let path = format!("{node}.{parameter}");
            let at = weights.iter().position(|(name, _)| *name == path)?;
            Some(weights.swap_remove(at).1.to_kind(Kind::Double))
        };
        let (kernel, bias) = (take(&name, "kernel")?, take(&name, "bias"));
        let (gamma, beta) = (take(&normalized, "gamma"), take(&normalized, "beta"));
        let (mean, variance) = (take(&normalized, "moving_mean")?, take(&normalized, "moving_variance")?);
        let filters = kernel.size().first().copied();
        let of_filters = |tensor: &Tensor| tensor.dim() == 1 && Some(tensor.size()[0]) == filters;
        if ![Some(&mean), Some(&variance), gamma.as_ref(), beta.as_ref(), bias.as_ref()]
            .into_iter()
            .flatten()
            .all(of_filters)
        {
            return None;
        }
        let scale = (variance + epsilon).rsqrt();
        let scale = gamma.map_or_else(|| scale.shallow_clone(), |gamma| gamma * &scale);
        let shifted = bias.map_or_else(|| -&mean, |bias| bias - &mean) * &scale;
        let bias = beta.map_or_else(|| shifted.shallow_clone(), |beta| beta + &shifted);
        let kernel = kernel * scale.reshape([-1, 1, 1, 1]);
        weights.push((format!("{name}.kernel"), kernel.to_kind(Kind::Float)));
        weights.push((format!("{name}.bias"), bias.to_kind(Kind::Float)));
        if let Layer::Plain(layer) = &mut plan.nodes[*before].layer
            && let Plain::Conv2d(layer) = &mut **layer
        {
            layer.use_bias = true;
        }
    }
    Some((without(plan, &folded), weights))
}

/// The plan without those nodes; who takes one takes the node beside it instead.
fn without(plan: NetworkPlan, gone: &[(usize, usize)]) -> NetworkPlan {
    let stands_for =
        |node: usize| gone.iter().find(|(gone, _)| *gone == node).map_or(node, |(_, before)| *before);
    let place = |node: usize| {
        let node = stands_for(node);
        node - gone.iter().filter(|(gone, _)| *gone < node).count()
    };
    let places = |nodes: &[usize]| nodes.iter().map(|node| place(*node)).collect();
    let source = |source: Source| match source {
        Source::Node(node) => Source::Node(place(node)),
        Source::Input(_) => source,
    };
    let kept = plan.nodes.into_iter().enumerate().filter(|(index, _)| stands_for(*index) == *index);
    let nodes =
        kept.map(|(_, node)| NetworkNode { inputs: node.inputs.into_iter().map(source).collect(), ..node });
    NetworkPlan {
        nodes: nodes.collect(),
        outputs: places(&plan.outputs),
        late_activations: places(&plan.late_activations),
        overwriting: places(&plan.overwriting),
        ..plan
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tch::Device;

    use super::*;
    use crate::nn::Pass;
    use crate::nn::network::tests::{residual, sequence};
    use crate::nn::network::{Head, Network};

    /// A network whose statistics are no longer those that it began with.
    fn trained(plan: &NetworkPlan) -> Network {
        let network = Network::new(plan, 3, Device::Cpu).unwrap();
        for step in 0..3 {
            let input = Tensor::randn([6, 2, 9, 8], (Kind::Float, Device::Cpu)) * 2.0 + 0.5;
            network.forward(&[input], &Pass { training: true, step }, Head::Outputs);
        }
        network
    }

    #[test]
    fn folded_networks_compute_the_same() {
        tch::manual_seed(5);
        let strided =
            json!({"type": "conv2d", "filters": 4, "kernel_size": 3, "strides": 2, "use_bias": false});
        let normalized =
            json!({"type": "batch_normalization", "scale": false, "epsilon": 1e-5, "momentum": 0.5});
        let last = json!({"type": "batch_normalization", "center": false, "momentum": 0.5});
        let grouped = json!({"type": "conv2d", "filters": 6, "kernel_size": 2, "groups": 2});
        let behind = sequence(&[2, 9, 8], &[strided, normalized, json!("tanh"), grouped, last]);
        for (plan, left) in [(residual(), 8), (behind, 3)] {
            for channels_last in [false, true] {
                let overwriting = plan.overwriting_activations();
                let plan = NetworkPlan { channels_last, overwriting, ..plan.clone() };
                let network = trained(&plan);
                let (folded, weights) = fold(&plan, &network.named()).unwrap();
                assert_eq!(folded.nodes.len(), left);
                let mut other = Network::new(&folded, 9, Device::Cpu).unwrap();
                other.load(&weights).unwrap();
                let input = [Tensor::randn([5, 2, 9, 8], (Kind::Float, Device::Cpu))];
                let outputs = network.forward(&input, &Pass::INFERENCE, Head::Outputs).remove(0);
                let others = other.forward(&input, &Pass::INFERENCE, Head::Outputs).remove(0);
                assert!(outputs.allclose(&others, 1e-4, 1e-5, false), "{outputs} {others}");
                assert!(f64::try_from(outputs.std(false)).unwrap() > 1e-3, "{outputs}");
            }
        }
    }

    #[test]
    fn what_others_read_is_not_folded() {
        let mut seen = residual();
        seen.outputs.push(0);
        assert_eq!(foldable(&seen), [5]);
        let rectified = json!({"type": "conv2d", "filters": 2, "kernel_size": 3, "activation": "relu"});
        let behind = [rectified, json!("batch_normalization"), json!("batch_normalization")];
        assert!(foldable(&sequence(&[2, 9, 8], &behind)).is_empty());
    }
}
