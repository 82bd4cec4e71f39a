"""Lyceum's layers in Keras, for the scripts beside this one.

Keras has the channels of an image last and Lyceum first: within a network all values stand as Keras has them, and what
looks at the order of axes is done between two turns. Weights are the same in both: documents have Keras's layouts."""
import keras
from keras import ops

LAYERS = {
    "dense": keras.layers.Dense, "conv1d": keras.layers.Conv1D, "conv2d": keras.layers.Conv2D,
    "conv2d_transpose": keras.layers.Conv2DTranspose, "depthwise_conv2d": keras.layers.DepthwiseConv2D,
    "separable_conv2d": keras.layers.SeparableConv2D, "max_pool1d": keras.layers.MaxPooling1D,
    "max_pool2d": keras.layers.MaxPooling2D, "average_pool1d": lambda pool_size=2, **fields: keras.layers.AveragePooling1D(pool_size, **fields),
    "average_pool2d": lambda pool_size=2, **fields: keras.layers.AveragePooling2D(pool_size, **fields),
    "adaptive_average_pool2d": keras.layers.AdaptiveAveragePooling2D,
    "adaptive_max_pool2d": keras.layers.AdaptiveMaxPooling2D,
    "global_average_pool1d": keras.layers.GlobalAveragePooling1D,
    "global_average_pool2d": keras.layers.GlobalAveragePooling2D,
    "global_max_pool1d": keras.layers.GlobalMaxPooling1D, "global_max_pool2d": keras.layers.GlobalMaxPooling2D,
    "batch_normalization": keras.layers.BatchNormalization, "layer_normalization": keras.layers.LayerNormalization,
    "group_normalization": keras.layers.GroupNormalization,
    "instance_normalization": lambda **fields: keras.layers.GroupNormalization(groups=-1, **fields),
    "up_sampling2d": keras.layers.UpSampling2D, "rescaling": keras.layers.Rescaling, "dropout": keras.layers.Dropout,
    "spatial_dropout2d": keras.layers.SpatialDropout2D, "gaussian_noise": keras.layers.GaussianNoise,
    "add": keras.layers.Add, "subtract": keras.layers.Subtract, "multiply": keras.layers.Multiply,
    "average": keras.layers.Average, "maximum": keras.layers.Maximum, "minimum": keras.layers.Minimum,
}
# These look at the order of axes.
BETWEEN_TURNS = {
    "flatten": keras.layers.Flatten, "reshape": keras.layers.Reshape, "permute": keras.layers.Permute,
    "zero_padding2d": lambda padding=1: keras.layers.ZeroPadding2D(padding, data_format="channels_first"),
    "cropping2d": lambda cropping=0: keras.layers.Cropping2D(cropping, data_format="channels_first"),
    "prelu": keras.layers.PReLU, "dot": keras.layers.Dot,
    "concatenate": lambda axis: keras.layers.Concatenate(axis=axis),
}
# What a weight of Keras is called in the fields of Lyceum, where it is called otherwise.
FIELDS = {"depthwise_kernel": "depthwise", "pointwise_kernel": "pointwise"}


def turned(shape):
    """Channels last from channels first."""
    return shape[1:] + shape[:1] if len(shape) == 3 else shape


def turned_back(shape):
    return shape[-1:] + shape[:-1] if len(shape) == 3 else shape


def turn(x):
    """A batch of images with its channels last."""
    return ops.transpose(x, (0, 2, 3, 1)) if len(x.shape) == 4 else x


def turn_back(x):
    return ops.transpose(x, (0, 3, 1, 2)) if len(x.shape) == 4 else x


def frozen(value):
    """Pairs as Keras wants them."""
    return tuple(frozen(item) for item in value) if isinstance(value, list) else value


def activation(spec):
    """A function, or none."""
    if spec is None:
        return None
    kind, fields = (spec, {}) if isinstance(spec, str) else (
        spec["type"], {name: value for name, value in spec.items() if name != "type"})
    if kind == "leaky_relu":
        # The default slope is that of Keras's layer, not of its function.
        fields = {"negative_slope": 0.3, **fields}
    function = getattr(keras.activations, kind)
    return lambda x: function(x, **fields)


def regularizer(spec):
    if isinstance(spec, str):
        return spec
    fields = {name: value for name, value in spec.items() if name != "type"}
    return {"l1": keras.regularizers.L1, "l2": keras.regularizers.L2, "l1_l2": keras.regularizers.l1_l2}[spec["type"]](
        **fields)


def initializer(spec):
    """What a weight holds is set afterwards."""
    return "zeros"


def around(padding, axes):
    """Explicit padding as pairs."""
    if axes == 1:
        return [[padding, padding] if isinstance(padding, int) else padding]
    if isinstance(padding, int):
        return [[padding, padding]] * 2
    return [extent if isinstance(extent, list) else [extent, extent] for extent in padding]


def padded(x, pairs, value):
    return ops.pad(x, [[0, 0], *pairs, [0, 0]], constant_values=value)


def explicit(kind, fields, x):
    """A layer with explicit padding, out of one without."""
    axes = 1 if kind.endswith("1d") else 2
    pairs = around(fields.pop("padding"), axes)
    if kind == "conv2d_transpose":
        extra = fields.pop("output_padding", 0)
        built = LAYERS[kind](**fields, padding="valid")
        y = built(x)
        spans = zip(pair(fields["kernel_size"]), pair(fields.get("strides", 1)), pair(extra), x.shape[1:3], pairs)
        (top, bottom), (left, right) = (
            (before, (extent - 1) * stride + span - behind + extra)
            for span, stride, extra, extent, (before, behind) in spans)
        return y[:, top:bottom, left:right], built
    built = LAYERS[kind](**fields, padding="valid")
    if kind.startswith("max_pool"):
        return built(padded(x, pairs, -1e30)), built
    if kind.startswith("average_pool"):
        share = built(padded(ops.ones((1, *x.shape[1:-1], 1), dtype=x.dtype), pairs, 0.0))
        return built(padded(x, pairs, 0.0)) / share, built
    return built(padded(x, pairs, 0.0)), built


def pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def projected_sum(values):
    """The sum of two values, the first brought into the second's shape."""
    one, other = values
    if one.shape == other.shape:
        built = keras.layers.Add()
        return built(values), built
    if len(one.shape) == 4:
        strides = tuple(-(-one.shape[axis] // other.shape[axis]) for axis in (1, 2))
        built = keras.layers.Conv2D(other.shape[-1], 1, strides=strides, use_bias=False)
    else:
        built = keras.layers.Dense(other.shape[-1], use_bias=False)
    return built(one) + other, built


def apply(spec, values):
    """What a node gives for these values, and its layer in Keras."""
    kind = spec["type"]
    fields = {name: frozen(value) for name, value in spec.items()
              if name not in ("name", "inputs", "type", "trainable", "learning_rate_factor")}
    for name in list(fields):
        if name.endswith("_initializer"):
            fields[name] = initializer(spec[name])
        elif name.endswith("_regularizer"):
            fields[name] = regularizer(spec[name])
        elif name == "activation":
            fields[name] = activation(spec[name])
        elif name == "padding" and not isinstance(spec[name], str):
            fields[name] = spec[name]
    if kind == "add" and fields.pop("projection", False):
        return projected_sum(values)
    value = values if len(values) > 1 else values[0]
    if kind in BETWEEN_TURNS:
        if kind == "concatenate" and fields.get("axis") is None:
            fields["axis"] = 1 if len(values[0].shape) == 4 else -1
        built = BETWEEN_TURNS[kind](**fields)
        value = [turn_back(value) for value in values] if len(values) > 1 else turn_back(value)
        return turn(built(value)), built
    if kind == "activation":
        built = keras.layers.Activation(fields["activation"])
    elif kind not in LAYERS:
        built = keras.layers.Activation(activation({"type": kind, **fields}))
    elif not isinstance(fields.get("padding", "valid"), str):
        return explicit(kind, fields, value)
    else:
        built = LAYERS[kind](**fields)
    return built(value), built


def field(kind, weight):
    """The field of Lyceum that says what a weight of Keras holds at first."""
    if kind == "depthwise_conv2d" and weight.name == "kernel":
        return "depthwise_initializer"
    return FIELDS.get(weight.name, weight.name) + "_initializer"
