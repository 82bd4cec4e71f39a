"""What Keras says of networks: the oracle for the shapes and counts of a plan, and for what networks give.
Usage: KERAS_BACKEND=jax python keras.py > keras.json (pip install keras==3.15.1 jax==0.10.2)

Each network is written as the body of a job has it, and built in Keras from that, blocks taken apart. `turned.py` says
how the two orders of axes come together. The networks of CALLED have their weights in the file, as constants, with what
comes out of them for three examples, as in inference."""
import json
import os
import sys

# This file's own name stands in the way of the library's.
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.remove(HERE)
import keras
import numpy
sys.path.append(HERE)
import turned

draws = numpy.random.default_rng(20261125)


def conv(filters, kernel_size, **more):
    return {"type": "conv2d", "filters": filters, "kernel_size": kernel_size, **more}


def pool(**more):
    return {"type": "max_pool2d", **more}


def dense(units, **more):
    return {"type": "dense", "units": units, **more}


def node(name, inputs, layer):
    return {"name": name, "inputs": inputs, **layer}


FLATTEN = {"type": "flatten"}
HEAD = dense(10, activation="softmax")
DIGIT = [1, 28, 28]
ODD = [3, 17, 23]

# Name, shapes of the inputs as Lyceum has them, model.
NETWORKS = [
    ("logistic regression", {"input": [4]}, {"layers": [HEAD]}),
    ("perceptron without a bias", {"input": [2]}, {"layers": [dense(10, use_bias=False, activation="softmax")]}),
    ("fully connected", {"input": DIGIT}, {"layers": [FLATTEN, dense(128, activation="relu"), HEAD]}),
    ("fully connected with dropout", {"input": DIGIT}, {"layers": [
        FLATTEN, dense(300, activation="relu"), {"type": "dropout", "rate": 0.5},
        dense(100, activation="tanh", use_bias=False), {"type": "dropout", "rate": 0.2}, HEAD]}),
    ("activations as layers", {"input": [7]}, {"layers": [
        dense(5, use_bias=False), {"type": "relu"}, dense(6), {"type": "activation", "activation": "sigmoid"},
        dense(10), {"type": "softmax"}]}),
    ("the lab's", {"input": DIGIT}, {"layers": [
        conv(24, 3, activation="relu"), pool(), conv(36, 3, activation="relu"), pool(), FLATTEN,
        dense(128, activation="relu"), HEAD]}),
    ("the text's", {"input": DIGIT}, {"layers": [
        conv(32, 3, activation="relu"), pool(pool_size=2, strides=2), conv(64, 3, activation="relu"),
        pool(pool_size=2, strides=2), FLATTEN, dense(1024, activation="relu"), HEAD]}),
    ("LeNet", {"input": DIGIT}, {"layers": [
        conv(6, 5, padding="same", activation="tanh"), pool(), conv(16, 5, activation="tanh"), pool(), FLATTEN,
        dense(120, activation="tanh"), dense(84, activation="tanh"), HEAD]}),
    ("same with strides", {"input": ODD}, {"layers": [
        conv(8, 3, strides=2, padding="same"), conv(8, 4, strides=3, padding="same"), FLATTEN, HEAD]}),
    ("valid with strides", {"input": ODD}, {"layers": [
        conv(8, 3, strides=2), conv(8, 2, strides=3, padding="valid"), FLATTEN, HEAD]}),
    ("pairs", {"input": ODD}, {"layers": [
        conv(5, [3, 5], strides=[1, 2]), pool(pool_size=[2, 3]), conv(7, [1, 4], strides=[2, 1], padding="same"),
        pool(pool_size=[3, 1], strides=[1, 2], padding="same"), FLATTEN, HEAD]}),
    ("pools", {"input": ODD}, {"layers": [
        pool(pool_size=3, padding="same"), pool(pool_size=2, strides=1), pool(pool_size=2, strides=1, padding="same"),
        pool(padding="same"), pool(pool_size=[1, 2]), FLATTEN, HEAD]}),
    ("a kernel wider than the image", {"input": [2, 5, 3]}, {"layers": [
        conv(4, 7, padding="same"), conv(3, 4, strides=4, padding="same", use_bias=False), FLATTEN, HEAD]}),
    ("pixel by pixel", {"input": ODD}, {"layers": [
        conv(16, 1, use_bias=False, activation="relu"), dense(12, activation="relu"), dense(4, use_bias=False),
        {"type": "softmax"}, FLATTEN, HEAD]}),
    ("residual", {"input": [16, 12, 12]}, {"nodes": [
        node("first", ["input"], conv(16, 3, padding="same", activation="relu")),
        node("second", ["first"], conv(16, 3, padding="same", use_bias=False)),
        node("sum", ["second", "input"], {"type": "add"}),
        node("active", ["sum"], {"type": "relu"}),
        node("pooled", ["active"], pool()),
        node("flat", ["pooled"], FLATTEN),
        node("class", ["flat"], HEAD)]}),
    ("inception", {"input": DIGIT}, {"nodes": [
        node("one", ["input"], conv(4, 1, activation="relu")),
        node("three", ["input"], conv(8, 3, padding="same", activation="relu")),
        node("five", ["one"], conv(2, 5, padding="same", activation="relu")),
        node("pool", ["input"], pool(pool_size=3, strides=1, padding="same")),
        node("joined", ["one", "three", "five", "pool"], {"type": "concatenate"}),
        node("small", ["joined"], pool(pool_size=4)),
        node("flat", ["small"], FLATTEN),
        node("class", ["flat"], HEAD)]}),
    ("joined along every axis", {"input": ODD}, {"nodes": [
        node("a", ["input"], conv(3, 1)),
        node("by_channel", ["input", "a"], {"type": "concatenate", "axis": 1}),
        node("by_row", ["by_channel", "by_channel"], {"type": "concatenate", "axis": 2}),
        node("by_column", ["by_row", "by_row"], {"type": "concatenate", "axis": -1}),
        node("flat", ["by_column"], FLATTEN),
        node("also", ["a"], FLATTEN),
        node("vector", ["flat", "also"], {"type": "concatenate"}),
        node("class", ["vector"], HEAD)]}),
    ("two inputs", {"wide": [5], "deep": [3]}, {"nodes": [
        node("hidden", ["deep"], dense(16, activation="relu")),
        node("dropped", ["hidden"], {"type": "dropout", "rate": 0.1}),
        node("deeper", ["dropped"], dense(8, activation="relu")),
        node("both", ["wide", "deeper"], {"type": "concatenate", "axis": -1}),
        node("class", ["both"], HEAD)]}),
    ("three summands", {"input": [6]}, {"nodes": [
        node("a", ["input"], dense(9, activation="relu")),
        node("b", ["input"], dense(9, activation="tanh", use_bias=False)),
        node("c", ["a"], dense(9)),
        node("sum", ["a", "b", "c"], {"type": "add"}),
        node("class", ["sum"], HEAD)]}),
]



def of(kind, **fields):
    return {"type": kind, **fields}


NORMAL = of("batch_normalization")
RELU = of("relu")

NETWORKS += [
    ("a residual network of blocks", {"input": [3, 20, 18]}, {"layers": [
        conv(8, 3, padding="same", use_bias=False), NORMAL, RELU,
        *[of("block", name=f"stage{stage}_{place}", repeat=repeat, residual=True, activation="relu", layers=[
            conv(8 * stage, 3, strides=strides, padding="same", use_bias=False), NORMAL, RELU,
            conv(8 * stage, 3, padding="same", use_bias=False), NORMAL])
          for stage in (1, 2, 3)
          for place, repeat, strides in (("first", 1, min(stage, 2)), ("rest", 2, 1))],
        of("global_average_pool2d"), HEAD]}),
    ("blocks in a graph", {"input": [6]}, {"nodes": [
        node("deep", ["input"], of("block", repeat=3, residual=True, layers=[dense(6, activation="gelu"), of("layer_normalization")])),
        node("wide", ["deep"], of("block", layers=[dense(9), of("block", repeat=2, residual=True, layers=[RELU, dense(12)])])),
        node("both", ["deep", "wide"], of("concatenate")),
        node("class", ["both"], HEAD)]}),
    ("frozen nodes", {"input": [7]}, {"layers": [
        dense(5, trainable=False), NORMAL, of("batch_normalization", trainable=False, scale=False), HEAD]}),
]

CALLED = [
    ("a residual network", {"input": [2, 9, 8]}, {"nodes": [
        node("a", ["input"], conv(4, 3, padding="same", use_bias=False)),
        node("b", ["a"], NORMAL), node("c", ["b"], RELU),
        node("d", ["c"], conv(4, 3, padding="same", use_bias=False)),
        node("e", ["d"], NORMAL), node("f", ["e", "c"], of("add")), node("g", ["f"], RELU),
        node("h", ["g"], conv(6, 3, strides=2, padding="same", use_bias=False)),
        node("i", ["h"], NORMAL), node("j", ["g", "i"], of("add", projection=True)), node("k", ["j"], RELU),
        node("l", ["k"], pool(pool_size=3, strides=2, padding="same")),
        node("m", ["l"], of("global_average_pool2d")), node("class", ["m"], HEAD)]}),
    ("a network for small devices", {"input": [3, 11, 10]}, {"nodes": [
        node("a", ["input"], conv(4, 3, strides=2, padding="same", activation="hard_swish")),
        node("b", ["a"], of("depthwise_conv2d", kernel_size=3, padding="same", use_bias=False)),
        node("c", ["b"], NORMAL), node("d", ["c"], of("relu", max_value=6)),
        node("squeeze", ["d"], of("global_average_pool2d", keepdims=True)),
        node("narrow", ["squeeze"], dense(2, activation="relu")),
        node("excite", ["narrow"], dense(4, activation="hard_sigmoid")),
        node("weighed", ["d", "excite"], of("multiply")),
        node("e", ["weighed"], of("separable_conv2d", filters=5, kernel_size=3, depth_multiplier=2)),
        node("f", ["e"], of("instance_normalization")), node("g", ["f"], of("silu")),
        node("h", ["g"], of("average_pool2d", pool_size=2, padding="same")),
        node("i", ["h"], of("spatial_dropout2d", rate=0.2)), node("j", ["i"], FLATTEN), node("class", ["j"], HEAD)]}),
    ("convolutions over a sequence", {"input": [24]}, {"layers": [
        of("rescaling", scale=0.5, offset=0.1), of("reshape", target_shape=[8, 3]),
        of("conv1d", filters=4, kernel_size=3, padding=[2, 0], activation="relu"), of("layer_normalization"),
        of("conv1d", filters=4, kernel_size=3, padding="same", dilation_rate=2, groups=2), of("gelu"),
        of("max_pool1d", pool_size=3, strides=1, padding="same"), NORMAL, of("gaussian_noise", stddev=0.1),
        of("conv1d", filters=6, kernel_size=2, strides=2), of("prelu", shared_axes=[1]),
        of("average_pool1d", pool_size=2, strides=1, padding="same"), of("permute", dims=[2, 1]), dense(3, activation="tanh"),
        of("group_normalization", groups=3), of("global_max_pool1d"), HEAD]}),
    ("there and back", {"input": [2, 8, 6]}, {"nodes": [
        node("a", ["input"], conv(4, 3, padding="same", activation="relu")),
        node("b", ["a"], of("max_pool2d")), node("c", ["b"], conv(6, 3, padding="same", activation="elu")),
        node("d", ["c"], of("group_normalization", groups=2)),
        node("e", ["d"], of("conv2d_transpose", filters=4, kernel_size=3, strides=2, padding="same")),
        node("f", ["a", "e"], of("concatenate")), node("g", ["f"], conv(3, 1, activation="leaky_relu")),
        node("h", ["g"], of("up_sampling2d", size=2, interpolation="bilinear")),
        node("i", ["h"], of("zero_padding2d", padding=[[1, 0], [2, 1]])),
        node("j", ["i"], of("cropping2d", cropping=[[0, 2], [1, 3]])),
        node("k", ["j"], of("conv2d_transpose", filters=2, kernel_size=2, strides=[1, 3], activation="tanh")),
        node("l", ["k"], of("adaptive_average_pool2d", output_size=[3, 4])),
        node("m", ["l"], of("adaptive_max_pool2d", output_size=2)), node("n", ["m"], FLATTEN), node("class", ["n"], HEAD)]}),
    ("one activation after the other", {"input": [5]}, {"layers": [
        layer for word in ("relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "softsign", "mish",
                           "hard_sigmoid", "hard_swish", "exponential", "log_softmax", "sigmoid", "tanh")
        for layer in (dense(6), of(word))] + [HEAD]}),
    ("merges", {"input": [6]}, {"nodes": [
        node("a", ["input"], dense(5, activation="tanh")), node("b", ["input"], dense(5, activation="sigmoid")),
        node("c", ["a", "b"], of("subtract")), node("d", ["a", "b", "c"], of("multiply")),
        node("e", ["a", "c"], of("average")), node("f", ["d", "e", "b"], of("maximum")),
        node("g", ["f", "a"], of("minimum")), node("h", ["g", "b"], of("dot", axes=1)),
        node("i", ["g", "b"], of("dot", axes=1, normalize=True)), node("j", ["a", "g", "b"], of("add")),
        node("k", ["h", "i", "j"], of("concatenate")), node("l", ["k"], of("layer_normalization")),
        node("class", ["l"], HEAD)]}),
]


def size(shape):
    elements = 1
    for extent in shape:
        elements *= extent
    return elements


class Expansion:
    """The nodes of a network, its blocks taken apart and named as the plan names them."""

    def __init__(self, model):
        self.nodes, self.last = [], {}
        before = "input"
        for index, spec in enumerate(model.get("layers") or model["nodes"]):
            inputs = [self.last.get(name, name) for name in spec.get("inputs", [before])]
            before = self.lay(spec, spec.get("name", str(index)), inputs)
            self.last[spec.get("name")] = before

    def lay(self, spec, name, inputs):
        if spec["type"] != "block":
            self.nodes.append({**spec, "name": name, "inputs": inputs})
            return name
        for repetition in range(spec.get("repeat", 1)):
            entered = inputs
            for place, layer in enumerate(spec["layers"]):
                inputs = [self.lay(layer, f"{name}/{repetition}/{place}", inputs)]
            if spec.get("residual"):
                inputs = [self.lay(of("add", projection=True), f"{name}/{repetition}/sum", entered + inputs)]
            if spec.get("activation"):
                inputs = [self.lay(of(spec["activation"]), f"{name}/{repetition}/activation", inputs)]
        return inputs[0]


def fill(spec, built):
    """The layer with constants as its weights, in Keras as in the body."""
    filled = dict(spec)
    for weight in built.weights:
        values = numpy.round(draws.normal(size=weight.shape) * (0.35 if len(weight.shape) > 1 else 0.2), 2)
        if weight.name in ("gamma", "moving_variance"):
            values = numpy.abs(values) + 0.75
        weight.assign(values)
        filled[turned.field(spec["type"], weight)] = {"type": "constant", "value": values.tolist()}
    return filled


def build(inputs, model, filled=False):
    """The network in Keras, what it says of each node, and its nodes."""
    entries = {name: keras.Input(shape) for name, shape in inputs.items()}
    values = {name: turned.turn(entry) for name, entry in entries.items()}
    nodes, specs = [], []
    for spec in Expansion(model).nodes:
        values[spec["name"]], built = turned.apply(spec, [values[source] for source in spec["inputs"]])
        built.trainable = spec.get("trainable", True)
        own = built.weights if not isinstance(built, keras.layers.Activation) else []
        nodes.append({
            "type": spec["type"],
            "output_shape": turned.turned_back(list(values[spec["name"]].shape[1:])),
            "parameters": sum(size(weight.shape) for weight in own),
            "trainable": sum(size(weight.shape) for weight in built.trainable_weights),
        })
        specs.append(fill(spec, built) if filled else spec)
    return keras.Model(list(entries.values()), turned.turn_back(values[specs[-1]["name"]])), nodes, specs


def called(name, inputs, model):
    network, nodes, specs = build(inputs, model, filled=True)
    if "layers" in model:
        specs = [{member: value for member, value in spec.items() if member not in ("name", "inputs")} for spec in specs]
    examples = {name: numpy.round(draws.normal(size=(3, *shape)), 2) for name, shape in inputs.items()}
    output = network(list(examples.values()), training=False)
    return {
        "name": name, "inputs": inputs, "model": {next(iter(model)): specs}, "nodes": nodes,
        "total": sum(node["parameters"] for node in nodes),
        "examples": {name: values.reshape(-1).tolist() for name, values in examples.items()},
        "output": [float(f"{value:.7g}") for value in numpy.asarray(output).reshape(-1)],
    }


cases = []
for name, inputs, model in NETWORKS:
    network, nodes, _ = build(inputs, model)
    cases.append({"name": name, "inputs": inputs, "model": model, "nodes": nodes, "total": network.count_params()})
cases += [called(*each) for each in CALLED]
lines = ",\n".join(json.dumps(case) for case in cases)
print(f'{{"by": "Keras {keras.__version__}", "networks": [\n{lines}\n]}}')
