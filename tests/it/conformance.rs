//! What every registered component must do, whichever it is: a new one needs an example here and is tested.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use lyceum::data::augmentation::Augmentation;
use lyceum::data::transforms::Transform;
use lyceum::nn::Pass;
use lyceum::nn::activations::Activation;
use lyceum::nn::constraints::Constraint;
use lyceum::nn::initializers::Initializer;
use lyceum::nn::layers::Layer;
use lyceum::nn::losses::{Loss, LossForm, OutputView, TargetEncoding, TargetView, Task};
use lyceum::nn::metrics::{Measured, Metric};
use lyceum::nn::network::{Head, Network, NetworkInput, NetworkNode, NetworkPlan, Source};
use lyceum::nn::optimizers::Optimizer;
use lyceum::nn::regularizers::Regularizer;
use lyceum::nn::schedules::{Plateau, Schedule};
use lyceum::random::Stream;
use lyceum::spec::{Field, NodeOptions, Pointer, Shape, SpecErrors};
use lyceum::torch::safetensors;
use proptest::prelude::*;
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

fn read<T: Field>(body: &Value) -> T {
    let mut errors = SpecErrors::new();
    T::read(body, &Pointer::root(), &mut errors).unwrap_or_else(|| panic!("{body}: {errors}"))
}

/// Every layer in the forms that matter, each with what it takes.
#[expect(clippy::too_many_lines, reason = "a table: one layer after the other")]
fn layers() -> Vec<(Value, Takes)> {
    use Takes::{Anything, Image, Same, Sequence, Shapes, Two};
    const RESIDUAL: Takes = Shapes(&[&[4, 6, 5], &[3, 3, 5]]);
    let penalised = json!({"type": "dense", "units": 3, "kernel_regularizer": {"type": "l1_l2", "l1": 0.1},
        "bias_regularizer": "l2", "activity_regularizer": "l1", "kernel_constraint": {"type": "max_norm", "axis": [0, 1]},
        "bias_constraint": "non_neg"});
    let grouped = json!({"type": "conv2d", "filters": 4, "kernel_size": 2, "groups": 2, "dilation_rate": [2, 1],
        "padding": [[1, 2], [0, 3]], "kernel_constraint": "unit_norm"});
    let transposed = json!({"type": "conv2d_transpose", "filters": 2, "kernel_size": 3, "strides": 2,
        "padding": "same", "output_padding": [1, 0], "kernel_initializer": "orthogonal"});
    let separable = json!({"type": "separable_conv2d", "filters": 3, "kernel_size": [3, 2], "depth_multiplier": 2,
        "padding": "same", "depthwise_initializer": "he_uniform", "pointwise_regularizer": "l1", "use_bias": false});
    let depthwise = json!({"type": "depthwise_conv2d", "kernel_size": 2, "depth_multiplier": 2, "strides": [1, 2],
        "depthwise_constraint": {"type": "min_max_norm", "axis": [0, 1, 2]}});
    vec![
        (json!({"type": "dense", "units": 3, "activation": "tanh"}), Anything),
        (
            json!({"type": "dense", "units": 2, "use_bias": false, "kernel_initializer": "he_normal"}),
            Anything,
        ),
        (json!({"type": "dense", "units": 3, "activation": "softmax"}), Image),
        (penalised, Anything),
        (json!({"type": "conv1d", "filters": 3, "kernel_size": 2, "activation": "elu"}), Sequence),
        (json!({"type": "conv1d", "filters": 2, "kernel_size": 3, "padding": "same", "strides": 2}), Sequence),
        (json!({"type": "conv1d", "filters": 2, "kernel_size": 2, "padding": [2, 0], "dilation_rate": 2}), Sequence),
        (json!({"type": "conv2d", "filters": 3, "kernel_size": [2, 3], "activation": "sigmoid"}), Image),
        (
            json!({"type": "conv2d", "filters": 2, "kernel_size": 4, "strides": [2, 3], "padding": "same"}),
            Image,
        ),
        (json!({"type": "conv2d", "filters": 2, "kernel_size": 3, "strides": 2, "use_bias": false}), Image),
        (grouped, Image),
        (json!({"type": "conv2d_transpose", "filters": 3, "kernel_size": 2, "strides": [3, 1]}), Image),
        (json!({"type": "conv2d_transpose", "filters": 3, "kernel_size": [4, 3], "strides": 2, "padding": "same"}), Image),
        (json!({"type": "conv2d_transpose", "filters": 3, "kernel_size": 3, "padding": [[1, 0], [0, 1]]}), Image),
        (transposed, Image),
        (depthwise, Image),
        (separable, Image),
        (json!("max_pool1d"), Sequence),
        (json!({"type": "max_pool1d", "pool_size": 3, "strides": 2, "padding": "same"}), Sequence),
        (json!("max_pool2d"), Image),
        (json!({"type": "max_pool2d", "pool_size": [3, 2], "strides": [2, 1], "padding": "same"}), Image),
        (json!({"type": "max_pool2d", "pool_size": 3, "padding": [[2, 0], [1, 2]]}), Image),
        (json!({"type": "average_pool1d", "pool_size": 2, "strides": 1, "padding": "same"}), Sequence),
        (json!("average_pool2d"), Image),
        (json!({"type": "average_pool2d", "pool_size": [3, 2], "strides": [2, 1], "padding": "same"}), Image),
        (json!({"type": "average_pool2d", "pool_size": 3, "padding": 2}), Image),
        (json!({"type": "adaptive_average_pool2d", "output_size": [2, 3]}), Image),
        (json!({"type": "adaptive_max_pool2d", "output_size": 2}), Image),
        (json!("global_average_pool1d"), Sequence),
        (json!("global_average_pool2d"), Image),
        (json!({"type": "global_max_pool1d", "keepdims": true}), Sequence),
        (json!({"type": "global_max_pool2d", "keepdims": true}), Image),
        (json!("batch_normalization"), Anything),
        (json!({"type": "batch_normalization", "center": false, "momentum": 0.5}), Image),
        (json!({"type": "batch_normalization", "scale": false, "beta_regularizer": "l2"}), Sequence),
        (json!("layer_normalization"), Anything),
        (json!({"type": "layer_normalization", "scale": false, "gamma_constraint": "non_neg"}), Image),
        (json!({"type": "group_normalization", "groups": 1}), Anything),
        (json!({"type": "group_normalization", "groups": 2, "gamma_initializer": "random_normal"}), Image),
        (json!("instance_normalization"), Image),
        (json!({"type": "instance_normalization", "center": false}), Sequence),
        (json!("flatten"), Anything),
        (json!("flatten"), Image),
        (json!({"type": "reshape", "target_shape": [-1]}), Anything),
        (json!({"type": "reshape", "target_shape": [1, -1, 2]}), Image),
        (json!({"type": "permute", "dims": [2, 1]}), Sequence),
        (json!({"type": "permute", "dims": [3, 1, 2]}), Image),
        (json!("zero_padding2d"), Image),
        (json!({"type": "zero_padding2d", "padding": [[1, 0], [2, 3]]}), Image),
        (json!({"type": "cropping2d", "cropping": [[1, 0], [0, 2]]}), Image),
        (json!("up_sampling2d"), Image),
        (json!({"type": "up_sampling2d", "size": [3, 1], "interpolation": "bilinear"}), Image),
        (json!({"type": "rescaling", "scale": 0.5, "offset": -1}), Anything),
        (json!({"type": "dropout", "rate": 0.4}), Anything),
        (json!({"type": "dropout", "rate": 0.4}), Image),
        (json!({"type": "spatial_dropout2d", "rate": 0.4}), Image),
        (json!({"type": "gaussian_noise", "stddev": 0.1}), Anything),
        (json!({"type": "activation", "activation": "relu"}), Anything),
        (json!({"type": "prelu", "alpha_initializer": "random_uniform"}), Anything),
        (json!({"type": "prelu", "shared_axes": [2, 3], "alpha_regularizer": "l1"}), Image),
        (json!("add"), Two),
        (json!({"type": "add", "projection": true}), RESIDUAL),
        (json!({"type": "add", "projection": true}), Shapes(&[&[4, 5], &[4, 3]])),
        (json!("subtract"), Two),
        (json!("multiply"), Two),
        (json!("multiply"), Shapes(&[&[4, 6, 5], &[4, 1, 1]])),
        (json!("average"), Two),
        (json!("maximum"), Two),
        (json!("minimum"), Two),
        (json!("concatenate"), Two),
        (json!({"type": "concatenate", "axis": 1}), Two),
        (json!({"type": "dot", "axes": 1}), Same),
        (json!({"type": "dot", "axes": [2, -1], "normalize": true}), Same),
    ]
    .into_iter()
    .chain(activations().into_iter().map(|body| (body, Anything)))
    .chain(["tanh", "softmax", "log_softmax"].map(|word| (json!(word), Image)))
    .collect()
}

fn activations() -> Vec<Value> {
    let mut all: Vec<Value> = Activation::NAMES.iter().map(|name| json!(name)).collect();
    all.extend([
        json!({"type": "relu", "max_value": 6}),
        json!({"type": "relu", "max_value": 1.5, "threshold": 0.5, "negative_slope": 0.1}),
        json!({"type": "leaky_relu", "negative_slope": 0.1}),
        json!({"type": "elu", "alpha": 0.5}),
        json!({"type": "gelu", "approximate": true}),
    ]);
    all
}

#[derive(Clone, Copy, PartialEq)]
enum Takes {
    /// A vector or a sequence.
    Anything,
    Sequence,
    Image,
    /// Two of one shape.
    Two,
    /// Two sequences.
    Same,
    /// These and no others.
    Shapes(&'static [&'static [u64]]),
}

impl Takes {
    fn inputs(self, extents: &[u64]) -> Vec<Shape> {
        match self {
            Self::Anything => vec![extents[..extents.len().min(2)].to_vec()],
            Self::Sequence => vec![extents[..2].to_vec()],
            Self::Image => vec![extents[..3].to_vec()],
            Self::Two => vec![extents.to_vec(); 2],
            Self::Same => vec![extents[..2].to_vec(); 2],
            Self::Shapes(shapes) => shapes.iter().map(|shape| shape.to_vec()).collect(),
        }
    }
}

fn name_of(body: &Value) -> &str {
    body.as_str().or_else(|| body["type"].as_str()).unwrap()
}

/// The network of one layer, or what the layer has against these shapes.
pub(crate) fn network_of(body: &Value, inputs: &[Shape], channels_last: bool) -> Option<NetworkPlan> {
    let layer: Layer = read(body);
    let output_shape = layer.infer(inputs).ok()?.output;
    let sources = (0..inputs.len()).map(Source::Input).collect();
    let named = |(index, shape): (usize, &Shape)| NetworkInput {
        name: format!("input_{index}"),
        shape: shape.clone(),
    };
    Some(NetworkPlan {
        inputs: inputs.iter().enumerate().map(named).collect(),
        nodes: vec![NetworkNode {
            name: "node".into(),
            layer,
            inputs: sources,
            output_shape,
            options: NodeOptions::default(),
        }],
        outputs: vec![0],
        channels_last,
        late_activations: vec![],
        overwriting: vec![],
    })
}

fn batches(inputs: &[Shape]) -> Vec<Tensor> {
    let batch = |(index, shape): (usize, &Shape)| {
        let extents: Vec<i64> = std::iter::once(3).chain(shape.iter().map(|extent| *extent as i64)).collect();
        let mut values = vec![0.0; extents.iter().product::<i64>() as usize];
        Stream::new(5, "conformance").at(index as u64).fill_normal(&mut values);
        Tensor::from_slice(&values).reshape(&extents)
    };
    inputs.iter().enumerate().map(batch).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// What was inferred is what comes out, and gradients are finite, whatever the shape and the layout in memory.
    #[test]
    fn shapes_are_inferred_as_they_come_out(extents in prop::array::uniform3(1_u64..9), channels_last: bool) {
        for (body, takes) in layers() {
            let inputs = takes.inputs(&extents);
            let Some(plan) = network_of(&body, &inputs, channels_last) else { continue };
            let network = Network::new(&plan, 1, Device::Cpu).unwrap();
            let batch: Vec<Tensor> =
                batches(&inputs).into_iter().map(|input| input.set_requires_grad(true)).collect();
            let output = network.forward(&batch, &Pass { training: true, step: 2 }, Head::Outputs).remove(0);
            let shape: Shape = output.size()[1..].iter().map(|extent| *extent as u64).collect();
            prop_assert_eq!(&shape, &plan.nodes[0].output_shape, "{}", body);
            prop_assert_eq!(output.size()[0], 3);
            let mut of: Vec<&Tensor> = batch.iter().collect();
            of.extend(network.trainable());
            for gradient in Tensor::run_backward(&[&output.square().sum(Kind::Float)], &of, false, false) {
                prop_assert!(bool::try_from(gradient.isfinite().all()).unwrap(), "{}", body);
            }
        }
    }
}

/// The gradient of every layer against differences of its output, in directions drawn at random.
#[test]
fn gradients_are_those_of_the_outputs() {
    for (body, takes) in layers() {
        let inputs = takes.inputs(&[4, 6, 5]);
        let network = Network::new(&network_of(&body, &inputs, false).unwrap(), 1, Device::Cpu).unwrap();
        let pass = Pass { training: true, step: 2 };
        let value =
            |batch: &[Tensor]| network.forward(batch, &pass, Head::Outputs)[0].square().sum(Kind::Double);
        let batch: Vec<Tensor> =
            batches(&inputs).into_iter().map(|input| input.set_requires_grad(true)).collect();
        let gradients = Tensor::run_backward(&[&value(&batch)], &batch, false, false);
        let directions: Vec<Tensor> = batch
            .iter()
            .enumerate()
            .map(|(index, input)| {
                let mut values = vec![0.0; input.numel()];
                Stream::new(9, "direction").at(index as u64).fill_normal(&mut values);
                Tensor::from_slice(&values).reshape(input.size())
            })
            .collect();
        let slope: f64 = gradients
            .iter()
            .zip(&directions)
            .map(|(gradient, direction)| (gradient * direction).sum(Kind::Double).double_value(&[]))
            .sum();
        let moved = |by: f64| {
            let batch: Vec<Tensor> = batch
                .iter()
                .zip(&directions)
                .map(|(input, direction)| input.detach() + direction * by)
                .collect();
            value(&batch).double_value(&[])
        };
        let difference = (moved(1e-3) - moved(-1e-3)) / 2e-3;
        let scale = slope.abs().max(difference.abs()).max(1.0);
        assert!((slope - difference).abs() / scale < 0.03, "{body}: {slope}, by differences {difference}");
    }
}

#[expect(clippy::too_many_lines, reason = "a table: one sample after the other")]
fn samples(set: &str) -> Vec<Value> {
    match set {
        "layers" => layers().into_iter().map(|(body, _)| body).collect(),
        "activations" => activations(),
        "initializers" => vec![
            json!("zeros"),
            json!("ones"),
            json!({"type": "constant", "value": [[0.5, -1.0]]}),
            json!({"type": "identity", "gain": 2}),
            json!({"type": "random_normal", "mean": 1}),
            json!({"type": "random_uniform", "minval": 0}),
            json!({"type": "truncated_normal", "stddev": 0.1}),
            json!("glorot_uniform"),
            json!("glorot_normal"),
            json!("he_uniform"),
            json!("he_normal"),
            json!("lecun_uniform"),
            json!("lecun_normal"),
            json!({"type": "variance_scaling", "mode": "fan_avg", "distribution": "uniform"}),
            json!("orthogonal"),
        ],
        "regularizers" => vec![json!("l1"), json!({"type": "l2", "l2": 0.1}), json!("l1_l2")],
        "constraints" => vec![
            json!({"type": "max_norm", "axis": [0, 1]}),
            json!("unit_norm"),
            json!("non_neg"),
            json!({"type": "min_max_norm", "rate": 0.5}),
        ],
        "losses" => losses().into_iter().map(|(body, _, _)| body).collect(),
        "metrics" => vec![
            json!("accuracy"),
            json!({"type": "top_k_accuracy", "k": 2}),
            json!({"type": "precision", "average": "micro"}),
            json!("recall"),
            json!({"type": "f1", "average": "none"}),
            json!("roc_auc"),
            json!("pr_auc"),
            json!("log_loss"),
            json!({"type": "expected_calibration_error", "bins": 10}),
            json!("confusion_matrix"),
            json!("classification_report"),
            json!("mean_squared_error"),
            json!("root_mean_squared_error"),
            json!("mean_absolute_error"),
            json!("mean_absolute_percentage_error"),
            json!("r2"),
        ],
        "optimizers" => optimizers(),
        "augmentations" => vec![
            json!({"type": "random_flip", "mode": "both"}),
            json!({"type": "random_crop", "height": 20, "width": 24, "padding": 2}),
            json!({"type": "random_translation", "height_factor": [-0.1, 0.3], "fill_mode": "wrap"}),
            json!({"type": "random_rotation", "factor": 0.1, "fill_mode": "constant", "fill_value": 9}),
            json!({"type": "random_zoom", "height_factor": 0.2, "width_factor": [0.1, 0.2]}),
            json!({"type": "random_shear", "x_factor": [0.1, 0.2], "y_factor": 0.1}),
            json!("random_brightness"),
            json!({"type": "random_contrast", "factor": [-0.5, 0]}),
            json!("random_hue"),
            json!("gaussian_noise"),
            json!({"type": "cutout", "size": 8}),
            json!({"type": "mixup", "alpha": 0.4}),
        ],
        "transforms" => vec![
            json!("impute_mean"),
            json!({"type": "impute_median", "indicator": true}),
            json!("impute_most_frequent"),
            json!({"type": "impute_constant", "value": "none"}),
            json!("standardize"),
            json!({"type": "min_max", "min": -1}),
            json!("robust_scale"),
            json!("log"),
            json!({"type": "clip", "min": 0, "upper_quantile": 0.99}),
            json!("one_hot"),
            json!({"type": "ordinal", "order": ["small", "large"]}),
            json!({"type": "hash", "buckets": 8}),
            json!({"type": "date_parts", "parts": ["month", "hour"], "cyclical": true}),
            json!("scale_image"),
        ],
        "schedules" => vec![
            json!({"type": "constant", "learning_rate": 0.1}),
            json!({"type": "cosine", "initial_learning_rate": 0.1}),
            json!({"type": "cosine_restarts", "initial_learning_rate": 0.1, "first_decay_steps": 10, "t_mul": 1}),
            json!({"type": "exponential", "initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.9}),
            json!({"type": "inverse_time", "initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}),
            json!({"type": "one_cycle", "max_learning_rate": 0.1}),
            json!({"type": "piecewise", "boundaries": [3, 9], "values": [0.1, 0.05, 0.01]}),
            json!({"type": "polynomial", "initial_learning_rate": 0.1, "decay_steps": 10, "cycle": true}),
            json!({"type": "step", "initial_learning_rate": 0.1, "step_size": 10}),
            json!({"type": "reduce_on_plateau", "initial_learning_rate": 0.1, "monitor": "accuracy"}),
        ],
        _ => vec![],
    }
}

/// Every loss in the forms that matter, with the activation and the target that it takes.
fn losses() -> Vec<(Value, &'static str, TargetView)> {
    let classes = |classes| TargetView { classes: Some(classes), columns: 1 };
    let numbers = |columns| TargetView { classes: None, columns };
    vec![
        (json!("categorical_cross_entropy"), "softmax", classes(3)),
        (
            json!({"type": "categorical_cross_entropy", "label_smoothing": 0.1}),
            "softmax",
            TargetView { classes: Some(3), columns: 3 },
        ),
        (json!("binary_cross_entropy"), "sigmoid", classes(2)),
        (json!({"type": "binary_cross_entropy", "label_smoothing": 0.1}), "sigmoid", numbers(3)),
        (json!({"type": "categorical_focal_cross_entropy", "gamma": 0.5}), "softmax", classes(3)),
        (json!({"type": "binary_focal_cross_entropy", "alpha": 0.3, "gamma": 0.5}), "sigmoid", classes(2)),
        (json!("hinge"), "linear", classes(2)),
        (json!("squared_hinge"), "tanh", numbers(2)),
        (json!("kl_divergence"), "softmax", numbers(3)),
        (json!("mean_squared_error"), "linear", numbers(1)),
        (json!("mean_absolute_error"), "linear", numbers(2)),
        (json!("mean_absolute_percentage_error"), "relu", numbers(1)),
        (json!({"type": "huber", "delta": 0.5}), "linear", numbers(1)),
        (json!("log_cosh"), "linear", numbers(1)),
        (json!("poisson"), "relu", numbers(1)),
        (json!("cosine_similarity"), "linear", numbers(2)),
        (json!("gaussian_nll"), "linear", numbers(1)),
    ]
}

fn optimizers() -> Vec<Value> {
    vec![
        json!("sgd"),
        json!({"type": "sgd", "momentum": 0.9, "nesterov": true, "weight_decay": 0.01}),
        json!({"type": "adam", "learning_rate": {"type": "cosine", "initial_learning_rate": 0.01}}),
        json!({"type": "adam", "amsgrad": true, "weight_decay": 0.01}),
        json!("adamw"),
        json!({"type": "adamw", "amsgrad": true}),
        json!("adadelta"),
        json!({"type": "adagrad", "learning_rate": 0.1, "initial_accumulator_value": 0.1}),
        json!("rmsprop"),
        json!({"type": "rmsprop", "momentum": 0.9, "centered": true, "weight_decay": 0.01}),
        json!({"type": "rmsprop", "momentum": 0.9}),
        json!("adamax"),
        json!("nadam"),
        json!({"type": "lion", "learning_rate": 1e-4, "weight_decay": 0.1}),
    ]
}

/// Reads every sample, writes it with its defaults, reads that again, and tells an unknown field by its place.
fn conforms<T: Field + PartialEq + std::fmt::Debug>(set: &str, names: &[&str], name: fn(&T) -> &'static str) {
    let samples = samples(set);
    for registered in names {
        assert!(
            samples.iter().any(|body| name_of(body) == *registered),
            "{registered} of {set} has no sample here"
        );
    }
    for body in samples {
        let component: T = read(&body);
        assert_eq!(name(&component), name_of(&body));
        assert_eq!(read::<T>(&component.write()), component);
        let mut wrong = if body.is_string() { json!({"type": body}) } else { body };
        wrong["nonsense"] = json!(1);
        let mut errors = SpecErrors::new();
        assert!(T::read(&wrong, &Pointer::root().key("at"), &mut errors).is_none() || !errors.is_empty());
        assert!(errors.iter().any(|error| error.pointer.as_str() == "/at/nonsense"), "{wrong}: {errors}");
    }
    assert!(T::schema()["anyOf"].is_array(), "{set}");
}

#[test]
fn every_component_is_read_and_written() {
    conforms::<Layer>("layers", Layer::NAMES, Layer::name);
    conforms::<Activation>("activations", Activation::NAMES, Activation::name);
    conforms::<Initializer>("initializers", Initializer::NAMES, Initializer::name);
    conforms::<Regularizer>("regularizers", Regularizer::NAMES, Regularizer::name);
    conforms::<Constraint>("constraints", Constraint::NAMES, Constraint::name);
    conforms::<Loss>("losses", Loss::NAMES, Loss::name);
    conforms::<Metric>("metrics", Metric::NAMES, Metric::name);
    conforms::<Optimizer>("optimizers", Optimizer::NAMES, Optimizer::name);
    conforms::<Schedule>("schedules", Schedule::NAMES, Schedule::name);
    conforms::<Augmentation>("augmentations", Augmentation::NAMES, Augmentation::name);
    conforms::<Transform>("transforms", Transform::NAMES, Transform::name);
}

#[test]
fn every_component_is_documented() {
    let all = [
        Layer::all(),
        Activation::all(),
        Initializer::all(),
        Regularizer::all(),
        Constraint::all(),
        Loss::all(),
        Metric::all(),
        Optimizer::all(),
        Schedule::all(),
        Augmentation::all(),
        Transform::all(),
    ];
    for component in all.concat() {
        assert!(!component.documentation.is_empty(), "{}", component.name);
        for field in component.fields {
            assert!(!field.documentation.is_empty(), "{}.{}", component.name, field.name);
        }
    }
}

const WEIGHTS: &str = "weights.safetensors";

/// What a new process computes from a file of weights is what the old one computed.
#[test]
fn layers_are_saved_and_loaded_in_a_new_process() {
    let folder = tempfile::tempdir().unwrap();
    for (index, (body, takes)) in layers().into_iter().enumerate() {
        let inputs = takes.inputs(&[4, 6, 5]);
        let folder = folder.path().join(index.to_string());
        std::fs::create_dir(&folder).unwrap();
        let network =
            Network::new(&network_of(&body, &inputs, takes == Takes::Image).unwrap(), 1, Device::Cpu)
                .unwrap();
        safetensors::save(&folder.join(WEIGHTS), &network.named()).unwrap();
        save_outputs(&network, &inputs, &folder.join("expected"));
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "conformance::in_a_new_process", "--ignored", "--test-threads=1"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    for index in 0..layers().len() {
        let folder = folder.path().join(index.to_string());
        let bytes = |name| std::fs::read(folder.join(name)).unwrap();
        assert_eq!(bytes("expected"), bytes("outputs"), "{}", layers()[index].0);
    }
}

fn save_outputs(network: &Network, inputs: &[Shape], path: &Path) {
    let output = network.forward(&batches(inputs), &Pass::INFERENCE, Head::Outputs).remove(0);
    safetensors::save(path, &[("output".into(), output)]).unwrap();
}

/// The other half of the test above; in its folder it finds what that test left.
#[test]
#[ignore = "run by layers_are_saved_and_loaded_in_a_new_process"]
fn in_a_new_process() {
    for (index, (body, takes)) in layers().into_iter().enumerate() {
        let folder = Path::new(".").join(index.to_string());
        if !folder.exists() {
            return;
        }
        let inputs = takes.inputs(&[4, 6, 5]);
        // Another seed: every value must come from the file.
        let plan = network_of(&body, &inputs, takes == Takes::Image).unwrap();
        let mut network = Network::new(&plan, 2, Device::Cpu).unwrap();
        network.load(&safetensors::read(&folder.join(WEIGHTS)).unwrap()).unwrap();
        save_outputs(&network, &inputs, &folder.join("outputs"));
    }
}

/// Gradients of every loss are finite where the network is certain and wrong, and metrics half taken go on.
#[test]
fn losses_and_metrics_are_finite_and_metrics_go_on() {
    for (body, word, view) in losses() {
        let loss: Loss = read(&body);
        let width = loss.width(&view);
        let (activation, shape): (Activation, Shape) = (read(&json!(word)), vec![width]);
        let fitted = loss.fit(&OutputView { shape: &shape, activation: Some(&activation) }, &view).unwrap();
        let target =
            match fitted.target {
                TargetEncoding::ClassIndex => Tensor::from_slice(&[1_i64, 2]),
                TargetEncoding::Numbers => Tensor::from_slice2(&[[0.0_f32, 1.0, 0.0], [1.0, 0.0, 0.0]])
                    .slice(1, 0, view.columns as i64, 1),
            };
        let head = Tensor::from_slice(&[200.0_f32, -200.0, 0.0]).repeat([2, 1]).slice(1, 0, width as i64, 1);
        let head = head.contiguous().set_requires_grad(true);
        let output = match fitted.form {
            LossForm::OnLogits => head.shallow_clone(),
            LossForm::OnOutputs => activation.apply(&head),
        };
        let (value, each) = (loss.forward(&output, &target, &fitted), loss.each(&output, &target, &fitted));
        assert!(value.size().is_empty() && value.double_value(&[]).is_finite(), "{body}");
        assert_eq!(each.size(), [2], "{body}");
        assert!((each.mean(None) - &value).abs().double_value(&[]) < 1e-3, "{body}");
        let gradients = Tensor::run_backward(&[&value], &[&head], false, false);
        assert!(bool::try_from(gradients[0].isfinite().all()).unwrap(), "{body}");
        let output = activation.apply(&head.detach());
        let one_of_two = view.classes == Some(2);
        let labels = if one_of_two { 2 } else { view.classes.unwrap_or(view.columns) };
        let labels = (0..labels).map(|label| label.to_string()).collect();
        let measured = Measured { task: fitted.task, labels, one_of_two };
        let output =
            if fitted.task == Task::Gaussian { output.narrow(1, 0, view.columns as i64) } else { output };
        for metric in samples("metrics").iter().map(read::<Metric>) {
            if metric.check(fitted.task).is_err() {
                continue;
            }
            let (mut whole, mut resumed) = (metric.build(&measured), metric.build(&measured));
            whole.update(&output, &target);
            let saved = safetensors::to_bytes(&whole.state()).unwrap();
            resumed.load(&safetensors::parse(&saved).unwrap()).unwrap();
            for state in [&mut whole, &mut resumed] {
                state.update(&output, &target);
            }
            let values = whole.values();
            assert!(values.iter().all(|value| value.is_finite()), "{body} {} {values:?}", metric.name());
            assert_eq!(
                (&values, whole.file()),
                (&resumed.values(), resumed.file()),
                "{body} {}",
                metric.name()
            );
            assert_eq!(values.len(), metric.series(metric.name(), &measured).len());
            assert!(!values.is_empty() || whole.file().is_some(), "{body} {} tells nothing", metric.name());
        }
    }
}

/// A network with convolutions, dropout and a rewrite.
fn deep() -> NetworkPlan {
    let mut shape: Shape = vec![1, 8, 8];
    let layers = [
        json!({"type": "conv2d", "filters": 4, "kernel_size": 3, "activation": "relu"}),
        json!("max_pool2d"),
        json!("flatten"),
        json!({"type": "dropout", "rate": 0.3}),
        json!({"type": "dense", "units": 3, "activation": "softmax"}),
    ];
    let nodes = layers.iter().enumerate().map(|(index, body)| {
        let layer: Layer = read(body);
        shape = layer.infer(&[shape.clone()]).unwrap().output;
        let inputs = vec![index.checked_sub(1).map_or(Source::Input(0), Source::Node)];
        NetworkNode {
            name: format!("n{index}"),
            layer,
            inputs,
            output_shape: shape.clone(),
            options: NodeOptions::default(),
        }
    });
    let nodes: Vec<NetworkNode> = nodes.collect();
    let inputs = vec![NetworkInput { name: "input".into(), shape: vec![1, 8, 8] }];
    NetworkPlan {
        inputs,
        outputs: vec![nodes.len() - 1],
        nodes,
        channels_last: true,
        late_activations: vec![0],
        overwriting: vec![],
    }
}

/// k steps, save, load into another network, k steps: byte for byte what 2k steps give.
#[test]
fn optimizers_go_on_where_they_were() {
    const K: u64 = 4;
    let softmax: Activation = read(&json!("softmax"));
    let shape = vec![3];
    let loss: Loss = read(&json!("categorical_cross_entropy"));
    let view = OutputView { shape: &shape, activation: Some(&softmax) };
    let fitted = loss.fit(&view, &TargetView { classes: Some(3), columns: 1 }).unwrap();
    let target = Tensor::from_slice(&[0_i64, 1, 2]);
    let built = || Network::new(&deep(), 1, Device::Cpu).unwrap().with_fused(&[true]);
    for body in optimizers() {
        let config: Optimizer = read(&body);
        let train = |network: &Network, optimizer: &mut lyceum::nn::optimizers::OptimizerState, from: u64| {
            for step in from..from + K {
                let batch = batches(&[vec![1, 8, 8]]);
                let head = network.forward(&batch, &Pass { training: true, step }, Head::Logits).remove(0);
                let loss = loss.forward(&head, &target, &fitted);
                let gradients = Tensor::run_backward(&[&loss], network.trainable(), false, false);
                optimizer.step(&gradients, config.learning_rate().at(step, 2 * K, &Plateau::default()));
            }
        };
        let (network, mut resumed) = (built(), built());
        // Every value must come from what was saved; the seed stays, since dropout's masks are drawn from it.
        resumed.trainable().iter().for_each(|weights| _ = weights.detach().zero_());
        let mut optimizer = config.build(&network.trainable_named());
        train(&network, &mut optimizer, 0);
        let (weights, state) = (
            safetensors::to_bytes(&network.named()).unwrap(),
            safetensors::to_bytes(&optimizer.state()).unwrap(),
        );
        resumed.load(&safetensors::parse(&weights).unwrap()).unwrap();
        let mut other = config.build(&resumed.trainable_named());
        let state: HashMap<String, Tensor> = safetensors::parse(&state).unwrap().into_iter().collect();
        other.load(&state).unwrap();
        train(&network, &mut optimizer, K);
        train(&resumed, &mut other, K);
        let bytes = |network: &Network| safetensors::to_bytes(&network.named()).unwrap();
        assert!(bytes(&network) == bytes(&resumed), "{body}");
        assert!(bytes(&network) != weights, "{body}");
        assert_eq!(
            safetensors::to_bytes(&optimizer.state()).unwrap(),
            safetensors::to_bytes(&other.state()).unwrap(),
            "{body}"
        );
    }
}
