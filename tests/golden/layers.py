"""What Keras computes with each layer, and its gradients: the oracle for ours.
Usage: KERAS_BACKEND=jax python layers.py > layers.json (pip install keras==3.15.1 jax==0.10.2)

All in float64. Inputs, weights and the output's gradient are drawn and rounded, so that the file holds them exactly; the
weights stand in the layer's fields as constants. A layer that is drawn from at random is asked as in inference."""
import json
import os
import sys

# The name of a file beside this one stands in the way of the library's.
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.remove(HERE)
import jax
jax.config.update("jax_enable_x64", True)
import keras
keras.config.set_floatx("float64")
keras.config.set_dtype_policy("float64")
import numpy
sys.path.append(HERE)
import turned

VECTOR, SEQUENCE, IMAGE = [5], [6, 4], [4, 6, 5]
draws = numpy.random.default_rng(20261125)


def of(kind, **fields):
    return {"type": kind, **fields}


# The layer, the shapes of its inputs, whether it is asked as in training.
CASES = [
    *[(of(kind), shape, True) for kind in (
        "linear", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "softsign",
        "mish", "hard_sigmoid", "hard_swish", "exponential", "softmax", "log_softmax")
      for shape in ([VECTOR], [[2, 3, 2]])],
    (of("relu", max_value=1.0), [VECTOR], True),
    (of("relu", max_value=1.5, threshold=0.4, negative_slope=0.2), [VECTOR], True),
    (of("relu", negative_slope=0.2), [VECTOR], True),
    (of("leaky_relu", negative_slope=0.1), [VECTOR], True),
    (of("elu", alpha=0.5), [VECTOR], True),
    (of("gelu", approximate=True), [VECTOR], True),
    (of("activation", activation="tanh"), [VECTOR], True),
    (of("activation", activation=of("relu", max_value=0.5)), [IMAGE], True),
    (of("dense", units=3), [VECTOR], True),
    (of("dense", units=3, activation="tanh", use_bias=False), [SEQUENCE], True),
    (of("dense", units=3, kernel_regularizer=of("l1_l2", l1=0.1, l2=0.2), bias_regularizer="l2",
        activity_regularizer=of("l2", l2=0.3), activation="sigmoid"), [IMAGE], True),
    (of("conv1d", filters=3, kernel_size=2, activation=of("elu", alpha=0.5)), [SEQUENCE], True),
    (of("conv1d", filters=3, kernel_size=4, strides=3, padding="same"), [SEQUENCE], True),
    (of("conv1d", filters=2, kernel_size=2, dilation_rate=2, padding=[2, 0], groups=2), [SEQUENCE], True),
    (of("conv2d", filters=3, kernel_size=[2, 3], activation="relu", activity_regularizer="l1"), [IMAGE], True),
    (of("conv2d", filters=3, kernel_size=[3, 2], strides=[2, 3], padding="same"), [IMAGE], True),
    (of("conv2d", filters=4, kernel_size=2, dilation_rate=[1, 2], groups=2, kernel_regularizer="l1"), [IMAGE], True),
    (of("conv2d", filters=2, kernel_size=3, padding=[[1, 2], [0, 3]], strides=2), [IMAGE], True),
    (of("conv2d", filters=2, kernel_size=3, padding="same", dilation_rate=2, use_bias=False), [IMAGE], True),
    (of("conv2d_transpose", filters=3, kernel_size=3, strides=2, padding="same"), [[2, 3, 4]], True),
    (of("conv2d_transpose", filters=2, kernel_size=[4, 2], strides=[2, 3], padding="same"), [[2, 3, 4]], True),
    (of("conv2d_transpose", filters=2, kernel_size=[2, 3], strides=[3, 2]), [[2, 3, 4]], True),
    (of("conv2d_transpose", filters=2, kernel_size=3, strides=2, padding="same", output_padding=[0, 1]),
     [[2, 3, 4]], True),
    (of("conv2d_transpose", filters=2, kernel_size=[2, 4], strides=2, output_padding=1), [[2, 3, 4]], True),
    (of("conv2d_transpose", filters=2, kernel_size=3, strides=2, padding=[[1, 2], [0, 1]]), [[2, 3, 4]], True),
    (of("conv2d_transpose", filters=2, kernel_size=2, dilation_rate=2, padding="same", activation="relu"),
     [[2, 3, 4]], True),
    (of("depthwise_conv2d", kernel_size=2), [[3, 4, 3]], True),
    (of("depthwise_conv2d", kernel_size=3, depth_multiplier=2, padding="same", activation="tanh",
        depthwise_regularizer="l2"), [[3, 4, 3]], True),
    (of("depthwise_conv2d", kernel_size=2, strides=2, padding=[1, 0], use_bias=False), [[3, 4, 3]], True),
    (of("separable_conv2d", filters=4, kernel_size=[3, 2], depth_multiplier=2, padding="same",
        pointwise_regularizer="l1"), [[3, 4, 3]], True),
    (of("separable_conv2d", filters=2, kernel_size=2, strides=2, use_bias=False), [[3, 4, 3]], True),
    *[(of(kind, **fields), [SEQUENCE], True) for kind in ("max_pool1d", "average_pool1d") for fields in (
        {}, {"pool_size": 3, "strides": 2, "padding": "same"}, {"pool_size": 3, "padding": [2, 1]})],
    *[(of(kind, **fields), [IMAGE], True) for kind in ("max_pool2d", "average_pool2d") for fields in (
        {}, {"pool_size": [3, 2], "strides": [1, 2], "padding": "same"}, {"pool_size": 3, "strides": 1, "padding": 1},
        {"pool_size": 3, "strides": 2, "padding": [[2, 0], [1, 2]]})],
    *[(of(kind, output_size=size), [[2, 6, 5]], True) for kind in ("adaptive_average_pool2d", "adaptive_max_pool2d")
      for size in (2, [3, 5])],
    *[(of(kind, keepdims=keep), [shape], True) for kind, shape in (
        ("global_average_pool1d", SEQUENCE), ("global_max_pool1d", SEQUENCE), ("global_average_pool2d", IMAGE),
        ("global_max_pool2d", IMAGE)) for keep in (False, True)],
    *[(of("batch_normalization", **fields), [shape], training) for shape in (VECTOR, SEQUENCE, [3, 2, 4])
      for fields, training in (({}, True), ({"momentum": 0.6, "epsilon": 0.01, "scale": False}, True),
                               ({"center": False}, False))],
    *[(of("layer_normalization", **fields), [shape], True) for shape in (VECTOR, SEQUENCE, [3, 2, 4])
      for fields in ({}, {"epsilon": 0.1, "center": False})],
    *[(of("group_normalization", groups=2, **fields), [shape], True) for shape in ([6], SEQUENCE, [4, 2, 3])
      for fields in ({}, {"epsilon": 0.1, "scale": False})],
    *[(of("instance_normalization", **fields), [shape], True) for shape in (SEQUENCE, [3, 2, 4])
      for fields in ({}, {"epsilon": 0.1, "center": False})],
    (of("flatten"), [IMAGE], True),
    (of("flatten"), [SEQUENCE], True),
    (of("reshape", target_shape=[6, -1]), [[2, 3, 4]], True),
    (of("reshape", target_shape=[2, 3, 2]), [[12]], True),
    (of("permute", dims=[2, 1]), [SEQUENCE], True),
    (of("permute", dims=[3, 1, 2]), [[2, 3, 4]], True),
    (of("zero_padding2d"), [[2, 3, 4]], True),
    (of("zero_padding2d", padding=[[1, 0], [2, 3]]), [[2, 3, 4]], True),
    (of("cropping2d", cropping=[[1, 0], [0, 2]]), [[2, 3, 4]], True),
    (of("cropping2d", cropping=1), [[2, 3, 4]], True),
    (of("up_sampling2d"), [[2, 3, 4]], True),
    (of("up_sampling2d", size=[2, 3], interpolation="bilinear"), [[2, 3, 4]], True),
    (of("rescaling", scale=0.5, offset=-1.5), [VECTOR], True),
    (of("dropout", rate=0.5), [VECTOR], False),
    (of("spatial_dropout2d", rate=0.5), [[2, 3, 4]], False),
    (of("gaussian_noise", stddev=0.5), [VECTOR], False),
    (of("prelu"), [[2, 3, 4]], True),
    (of("prelu", shared_axes=[2, 3], alpha_regularizer="l1"), [[2, 3, 4]], True),
    *[(of(kind), [shape] * count, True) for kind in ("add", "multiply", "average", "maximum", "minimum")
      for shape, count in ((VECTOR, 2), ([2, 3, 4], 3))],
    (of("subtract"), [SEQUENCE] * 2, True),
    (of("multiply"), [[2, 3, 4], [2, 1, 1]], True),
    (of("add", projection=True), [[3, 5, 6], [2, 3, 2]], True),
    (of("add", projection=True), [[4], [3]], True),
    (of("concatenate"), [[2, 3, 4], [1, 3, 4]], True),
    (of("concatenate", axis=1), [[2, 4], [3, 4]], True),
    (of("dot", axes=1), [VECTOR] * 2, True),
    (of("dot", axes=[2, 1], normalize=True), [[2, 3], [3, 4]], True),
    (of("dot", axes=1), [[3, 2], [3, 4]], True),
]


def drawn(shape):
    return numpy.round(draws.normal(size=shape), 3)


def said(values):
    """Numbers as JSON holds them, to the digits that are compared."""
    return [float(f"{value:.7g}") for value in numpy.asarray(values).reshape(-1)]


def case(layer, shapes, training):
    entries = [keras.Input(shape, dtype="float64") for shape in shapes]
    output, built = turned.apply(layer, [turned.turn(entry) for entry in entries])
    model = keras.Model(entries, turned.turn_back(output))
    layer = dict(layer)
    for weight in built.weights:
        # A variance is no less than nought.
        values = drawn(weight.shape)
        values = numpy.abs(values) + 0.5 if weight.name == "moving_variance" else values
        weight.assign(values)
        layer[turned.field(layer["type"], weight)] = {"type": "constant", "value": values.tolist()}
    inputs = [drawn((3, *shape)) for shape in shapes]
    if layer["type"] == "prelu":
        # At nought its slope is PyTorch's, not Keras's.
        inputs = [numpy.where(value == 0, 0.5, value) for value in inputs]

    def run(trainable, inputs):
        output, statistics, losses = model.stateless_call(
            trainable, [weight.value for weight in model.non_trainable_variables],
            inputs if len(inputs) > 1 else inputs[0], training=training, return_losses=True)
        return output, (statistics, losses)

    trainable = [weight.value for weight in model.trainable_variables]
    output, pull, (statistics, losses) = jax.vjp(run, trainable, inputs, has_aux=True)
    cotangent = drawn(output.shape)
    # Keras takes the hyperbolic tangent in single precision.
    parameters, entering = pull(jax.numpy.asarray(cotangent, dtype=output.dtype))
    if not training:
        statistics = []
    return {
        "layer": layer, "shapes": shapes, "training": training, "inputs": [said(value) for value in inputs],
        "output_shape": list(output.shape[1:]), "output": said(output), "cotangent": said(cotangent),
        "input_gradients": [said(gradient) for gradient in entering],
        "parameter_gradients": {weight.name: said(gradient)
                                for weight, gradient in zip(model.trainable_variables, parameters)},
        "statistics": {weight.name: said(value) for weight, value in zip(model.non_trainable_variables, statistics)
                       if weight.name.startswith("moving")},
        "penalty": float(f"{float(sum(losses)):.7g}"),
    }


lines = ",\n".join(json.dumps(case(*each)) for each in CASES)
print(f'{{"by": "Keras {keras.__version__}, float64", "cases": [\n{lines}\n]}}')
