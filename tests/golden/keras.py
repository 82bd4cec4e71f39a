"""What Keras says of networks: the oracle for the shapes and counts of a plan.
Usage: KERAS_BACKEND=jax python keras.py > keras.json (pip install keras==3.15.1 jax==0.10.2)

Each network is written as the body of a job has it, and built in Keras from that. Keras has the channels of an image
last and Lyceum first, so shapes are turned round on the way in and out; an axis to join along is turned with them."""
import json
import os
import sys

# This file's own name stands in the way of the library's.
sys.path.remove(os.path.dirname(os.path.abspath(__file__)))
import keras


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


def turned(shape):
    """Channels last from channels first."""
    return shape[1:] + shape[:1] if len(shape) == 3 else shape


def turned_back(shape):
    return shape[-1:] + shape[:-1] if len(shape) == 3 else shape


def turned_axis(axis, rank):
    if axis is None or rank != 3:
        return -1 if axis is None else axis
    return {1: 3, 2: 1, 3: 2}[axis if axis > 0 else rank + 1 + axis]


def pair(value):
    return tuple(value) if isinstance(value, list) else value


def layer(spec, rank):
    fields = {name: pair(value) for name, value in spec.items() if name not in ("name", "inputs", "type")}
    match spec["type"]:
        case "conv2d":
            return keras.layers.Conv2D(**fields)
        case "max_pool2d":
            return keras.layers.MaxPooling2D(**fields)
        case "dense":
            return keras.layers.Dense(**fields)
        case "flatten":
            return keras.layers.Flatten()
        case "dropout":
            return keras.layers.Dropout(**fields)
        case "add":
            return keras.layers.Add()
        case "concatenate":
            return keras.layers.Concatenate(axis=turned_axis(fields.get("axis"), rank))
        case "activation":
            return keras.layers.Activation(**fields)
        case word:
            return keras.layers.Activation(word)


def size(shape):
    elements = 1
    for extent in shape:
        elements *= extent
    return elements


def build(inputs, model):
    """The network in Keras, and what it says of each node."""
    values = {name: keras.Input(turned(shape)) for name, shape in inputs.items()}
    entries = list(values.values())
    nodes, last = [], "input"
    for index, spec in enumerate(model.get("layers") or model["nodes"]):
        name = spec.get("name", str(index))
        taken = [values[source] for source in spec.get("inputs", [last])]
        built = layer(spec, len(taken[0].shape) - 1)
        values[name] = built(taken if len(taken) > 1 else taken[0])
        nodes.append({
            "type": spec["type"],
            "output_shape": turned_back(list(values[name].shape[1:])),
            "parameters": built.count_params(),
            "trainable": sum(size(weight.shape) for weight in built.trainable_weights),
        })
        last = name
    return keras.Model(entries, values[last]), nodes


cases = []
for name, inputs, model in NETWORKS:
    network, nodes = build(inputs, model)
    cases.append({"name": name, "inputs": inputs, "model": model, "nodes": nodes, "total": network.count_params()})
lines = ",\n".join(json.dumps(case) for case in cases)
print(f'{{"by": "Keras {keras.__version__}", "networks": [\n{lines}\n]}}')
