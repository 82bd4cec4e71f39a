//! What a layer costs beside the libtorch call that it stands for: one step forward and back through a network of that
//! layer alone, and the same by calls of tch on the same tensors, in turns.

use lyceum::clock::monotonic;
use lyceum::nn::Pass;
use lyceum::nn::layers::Layer;
use lyceum::nn::network::{Head, Network, NetworkInput, NetworkNode, NetworkPlan, Source};
use lyceum::spec::{Field as _, NodeOptions, Pointer, Shape, SpecErrors};
use lyceum::torch::ops;
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

use crate::table::{Figures, Table, Target};

const BATCH: i64 = 64;
/// Pairs of measurements, and the seconds that one takes.
const ROUNDS: usize = 15;
const SECONDS: f64 = 0.03;

/// Inputs and parameters to an output.
type Bare = fn(&[Tensor], &[Tensor]) -> Tensor;

struct Case {
    layer: Value,
    shapes: Vec<Shape>,
    bare: Bare,
}

const IMAGE: [u64; 3] = [16, 28, 28];
/// Steps and channels.
const SEQUENCE: [u64; 2] = [256, 32];
const FEATURES: [u64; 1] = [4_096];

fn case(layer: Value, shapes: &[&[u64]], bare: Bare) -> Case {
    Case { layer, shapes: shapes.iter().map(|shape| shape.to_vec()).collect(), bare }
}

fn activations() -> Vec<Case> {
    let bare: [(&str, Bare); 17] = [
        ("relu", |x, _| x[0].relu()),
        ("leaky_relu", |x, _| x[0].leaky_relu()),
        ("elu", |x, _| x[0].elu()),
        ("selu", |x, _| x[0].selu()),
        ("gelu", |x, _| x[0].gelu("none")),
        ("silu", |x, _| x[0].silu()),
        ("softplus", |x, _| x[0].softplus()),
        ("softsign", |x, _| &x[0] / (x[0].abs() + 1.0)),
        ("mish", |x, _| x[0].mish()),
        ("sigmoid", |x, _| x[0].sigmoid()),
        ("tanh", |x, _| x[0].tanh()),
        ("hard_sigmoid", |x, _| x[0].hardsigmoid()),
        ("hard_swish", |x, _| x[0].hardswish()),
        ("exponential", |x, _| x[0].exp()),
        ("softmax", |x, _| x[0].softmax(-1, Kind::Float)),
        ("log_softmax", |x, _| x[0].log_softmax(-1, Kind::Float)),
        ("linear", |x, _| x[0].shallow_clone()),
    ];
    let mut cases: Vec<Case> =
        bare.into_iter().map(|(name, bare)| case(json!({"type": name}), &[&FEATURES], bare)).collect();
    cases.push(case(json!({"type": "activation", "activation": "relu"}), &[&FEATURES], |x, _| x[0].relu()));
    cases.push(case(json!({"type": "prelu"}), &[&FEATURES], |x, p| x[0].prelu(&p[0])));
    cases
}

fn weighted() -> Vec<Case> {
    let squares = json!({"type": "conv2d", "filters": 32, "kernel_size": 3});
    let up = json!({"type": "conv2d_transpose", "filters": 8, "kernel_size": 3, "strides": 2});
    let line = json!({"type": "conv1d", "filters": 32, "kernel_size": 5});
    vec![
        case(json!({"type": "dense", "units": 256}), &[&[784]], |x, p| x[0].linear(&p[0], Some(&p[1]))),
        case(line, &[&SEQUENCE], |x, p| {
            x[0].transpose(1, 2).conv1d(&p[0], Some(&p[1]), 1, 0, 1, 1).transpose(1, 2)
        }),
        case(squares, &[&IMAGE], |x, p| x[0].conv2d(&p[0], Some(&p[1]), 1, 0, 1, 1)),
        case(up, &[&IMAGE], |x, p| x[0].conv_transpose2d(&p[0], Some(&p[1]), 2, 0, 0, 1, 1)),
        case(json!({"type": "depthwise_conv2d", "kernel_size": 3}), &[&IMAGE], |x, p| {
            x[0].conv2d(&p[0], Some(&p[1]), 1, 0, 1, 16)
        }),
        case(json!({"type": "separable_conv2d", "filters": 32, "kernel_size": 3}), &[&IMAGE], |x, p| {
            let each = x[0].conv2d(&p[0], None::<&Tensor>, 1, 0, 1, 16);
            each.conv2d(&p[1], Some(&p[2]), 1, 0, 1, 1)
        }),
    ]
}

fn normalising() -> Vec<Case> {
    vec![
        case(json!({"type": "batch_normalization"}), &[&IMAGE], |x, p| {
            let none = None::<&Tensor>;
            x[0].batch_norm(Some(&p[0]), Some(&p[1]), none, none, true, 0.01, 1e-3, true)
        }),
        case(json!({"type": "layer_normalization"}), &[&FEATURES], |x, p| {
            x[0].layer_norm([4_096], Some(&p[0]), Some(&p[1]), 1e-3, true)
        }),
        case(json!({"type": "group_normalization", "groups": 4}), &[&IMAGE], |x, p| {
            x[0].group_norm(4, Some(&p[0]), Some(&p[1]), 1e-3, true)
        }),
        case(json!({"type": "instance_normalization"}), &[&IMAGE], |x, p| {
            let none = None::<&Tensor>;
            x[0].instance_norm(Some(&p[0]), Some(&p[1]), none, none, true, 0.01, 1e-3, true)
        }),
        case(json!({"type": "rescaling", "scale": 0.5, "offset": 1.0}), &[&FEATURES], |x, _| {
            &x[0] * 0.5 + 1.0
        }),
        case(json!({"type": "dropout", "rate": 0.3}), &[&FEATURES], |x, _| x[0].dropout(0.3, true)),
        case(json!({"type": "spatial_dropout2d", "rate": 0.3}), &[&IMAGE], |x, _| {
            x[0].feature_dropout(0.3, true)
        }),
        case(json!({"type": "gaussian_noise", "stddev": 0.1}), &[&FEATURES], |x, _| {
            &x[0] + x[0].randn_like() * 0.1
        }),
    ]
}

fn pooling() -> Vec<Case> {
    vec![
        case(json!({"type": "max_pool1d", "pool_size": 2}), &[&SEQUENCE], |x, _| {
            x[0].transpose(1, 2).max_pool1d([2], [2], [0], [1], false).transpose(1, 2)
        }),
        case(json!({"type": "max_pool2d", "pool_size": 2}), &[&IMAGE], |x, _| {
            x[0].max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false)
        }),
        case(json!({"type": "average_pool1d", "pool_size": 2}), &[&SEQUENCE], |x, _| {
            x[0].transpose(1, 2).avg_pool1d([2], [2], [0], false, false).transpose(1, 2)
        }),
        case(json!({"type": "average_pool2d", "pool_size": 2}), &[&IMAGE], |x, _| {
            x[0].avg_pool2d([2, 2], [2, 2], [0, 0], false, false, None)
        }),
        case(json!({"type": "adaptive_average_pool2d", "output_size": 7}), &[&IMAGE], |x, _| {
            x[0].adaptive_avg_pool2d([7, 7])
        }),
        case(json!({"type": "adaptive_max_pool2d", "output_size": 7}), &[&IMAGE], |x, _| {
            x[0].adaptive_max_pool2d([7, 7]).0
        }),
        case(json!({"type": "global_average_pool1d"}), &[&SEQUENCE], |x, _| {
            x[0].mean_dim([1_i64].as_slice(), false, Kind::Float)
        }),
        case(json!({"type": "global_average_pool2d"}), &[&IMAGE], |x, _| {
            x[0].mean_dim([2_i64, 3].as_slice(), false, Kind::Float)
        }),
        case(json!({"type": "global_max_pool1d"}), &[&SEQUENCE], |x, _| x[0].amax([1], false)),
        case(json!({"type": "global_max_pool2d"}), &[&IMAGE], |x, _| x[0].amax([2, 3], false)),
    ]
}

fn shaping() -> Vec<Case> {
    let bilinear = json!({"type": "up_sampling2d", "size": 2, "interpolation": "bilinear"});
    vec![
        case(json!({"type": "flatten"}), &[&IMAGE], |x, _| x[0].flatten(1, -1)),
        case(json!({"type": "reshape", "target_shape": [64, 64]}), &[&FEATURES], |x, _| {
            x[0].reshape([BATCH, 64, 64])
        }),
        case(json!({"type": "permute", "dims": [2, 1]}), &[&SEQUENCE], |x, _| x[0].permute([0, 2, 1])),
        case(json!({"type": "zero_padding2d", "padding": 2}), &[&IMAGE], |x, _| {
            x[0].constant_pad_nd([2, 2, 2, 2])
        }),
        case(json!({"type": "cropping2d", "cropping": 2}), &[&IMAGE], |x, _| {
            x[0].narrow(2, 2, 24).narrow(3, 2, 24)
        }),
        case(json!({"type": "up_sampling2d", "size": 2}), &[&IMAGE], |x, _| {
            x[0].upsample_nearest2d([56, 56], None, None)
        }),
        case(bilinear, &[&IMAGE], |x, _| x[0].upsample_bilinear2d([56, 56], false, None, None)),
    ]
}

fn merging() -> Vec<Case> {
    let two: [(&str, Bare); 7] = [
        ("add", |x, _| &x[0] + &x[1]),
        ("subtract", |x, _| &x[0] - &x[1]),
        ("multiply", |x, _| &x[0] * &x[1]),
        ("average", |x, _| (&x[0] + &x[1]) / 2.0),
        ("maximum", |x, _| x[0].maximum(&x[1])),
        ("minimum", |x, _| x[0].minimum(&x[1])),
        ("concatenate", |x, _| Tensor::cat(x, 1)),
    ];
    let mut cases: Vec<Case> = two
        .into_iter()
        .map(|(name, bare)| case(json!({"type": name}), &[&FEATURES, &FEATURES], bare))
        .collect();
    cases.push(case(json!({"type": "dot", "axes": 1}), &[&FEATURES, &FEATURES], |x, _| {
        (&x[0] * &x[1]).sum_dim_intlist([1_i64].as_slice(), true, Kind::Float)
    }));
    cases
}

fn plan(case: &Case) -> NetworkPlan {
    let mut errors = SpecErrors::new();
    let layer = Layer::read(&case.layer, &Pointer::root(), &mut errors).expect("a layer");
    let inferred = layer.infer(&case.shapes).expect("a shape");
    let named = |(index, shape): (usize, &Shape)| NetworkInput {
        name: format!("input_{index}"),
        shape: shape.clone(),
    };
    let node = NetworkNode {
        name: "node".into(),
        inputs: (0..case.shapes.len()).map(Source::Input).collect(),
        output_shape: inferred.output,
        options: NodeOptions::default(),
        layer,
    };
    let plan = NetworkPlan {
        inputs: case.shapes.iter().enumerate().map(named).collect(),
        nodes: vec![node],
        outputs: vec![0],
        channels_last: false,
        late_activations: Vec::new(),
        overwriting: Vec::new(),
    };
    NetworkPlan { channels_last: plan.wants_channels_last(), ..plan }
}

/// Values for each input, laid out as the network has them inside.
fn inputs(plan: &NetworkPlan) -> Vec<Tensor> {
    let batch = |input: &NetworkInput| {
        let extents: Vec<i64> =
            std::iter::once(BATCH).chain(input.shape.iter().map(|extent| *extent as i64)).collect();
        let values = Tensor::rand(&extents, (Kind::Float, Device::Cpu));
        let values = if plan.channels_last && values.dim() == 4 {
            ops::contiguous_channels_last(&values)
        } else {
            values
        };
        values.set_requires_grad(true)
    };
    plan.inputs.iter().map(batch).collect()
}

/// Microseconds of one step forward and back.
fn step(output: &dyn Fn() -> Tensor, of: &[&Tensor]) -> f64 {
    let begun = monotonic();
    let loss = output().sum(Kind::Float);
    let _ = Tensor::run_backward(&[&loss], of, false, false);
    begun.elapsed().as_secs_f64() * 1e6
}

/// The medians of so many steps of each, taken in turns: a core is taken away now and then, and a machine grows busy.
fn medians(one: &dyn Fn() -> Tensor, other: &dyn Fn() -> Tensor, of: &[&Tensor], steps: usize) -> [f64; 2] {
    let (one, other) = (0..steps).map(|_| (step(one, of), step(other, of))).unzip();
    [Figures::new(one).median(), Figures::new(other).median()]
}

fn compare(case: &Case) -> (Figures, f64) {
    let plan = plan(case);
    let network = Network::new(&plan, 1, Device::Cpu).expect("a network");
    let inputs = inputs(&plan);
    let parameters: Vec<Tensor> =
        network.parameters().iter().map(|parameter| parameter.tensor.shallow_clone()).collect();
    let pass = Pass { training: true, step: 1 };
    let ours = || network.forward(&inputs, &pass, Head::Outputs).remove(0);
    let bare = || (case.bare)(&inputs, &parameters);
    assert_eq!(ours().size(), bare().size(), "{}", case.layer);
    let of: Vec<&Tensor> = inputs.iter().chain(network.trainable()).collect();
    let [_, once] = medians(&ours, &bare, &of, 3);
    let steps = ((SECONDS * 1e6 / once) as usize).max(5);
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        // What goes first finds other memory free than what goes second.
        let [ours, bare] = if round % 2 == 0 {
            medians(&ours, &bare, &of, steps)
        } else {
            let [bare, ours] = medians(&bare, &ours, &of, steps);
            [ours, bare]
        };
        ratios.push(ours / bare);
    }
    (Figures::new(ratios), once)
}

/// Memory that was freed is kept for the next step, as the settings of a worker's process have it: else the C library now and
/// then gives a tensor's memory back to the system and asks for it anew, by turns of one side and of the other.
#[expect(unsafe_code, reason = "mallopt belongs to the C library")]
fn keep_memory() {
    unsafe extern "C" {
        fn mallopt(parameter: std::ffi::c_int, value: std::ffi::c_int) -> std::ffi::c_int;
    }
    const TRIM_THRESHOLD: std::ffi::c_int = -1;
    const MMAP_THRESHOLD: std::ffi::c_int = -3;
    // SAFETY: both take any size.
    let set = unsafe { (mallopt(TRIM_THRESHOLD, 1 << 30), mallopt(MMAP_THRESHOLD, 32 << 20)) };
    assert_eq!(set, (1, 1));
}

pub(crate) fn measure(table: &mut Table) {
    keep_memory();
    tch::set_num_threads(1);
    let cases =
        [activations(), weighted(), normalising(), pooling(), shaping(), merging()].into_iter().flatten();
    let mut measured = Vec::new();
    for case in cases {
        let (ratios, once) = compare(&case);
        let name = case.layer["type"].as_str().expect("a type").to_owned();
        table.row(&format!("{name} over its call ({once:.0} µs)"), &ratios, 2, "×", Target::AtMost(1.05));
        measured.push(name);
    }
    for name in Layer::NAMES {
        assert!(measured.iter().any(|one| one == name), "{name} is not measured");
    }
}
