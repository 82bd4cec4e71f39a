"""Trains a network on MNIST as a user of Keras would write it, on JAX, and prints what `train.py` prints."""
import argparse
import gzip
import json
import os
import pathlib
import time

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy
from keras import layers

DIGITS = pathlib.Path(__file__).parent.parent / "datasets" / "mnist"


def read(name, header):
    with gzip.open(DIGITS / f"{name}-ubyte.gz") as file:
        return numpy.frombuffer(file.read()[header:], dtype=numpy.uint8)


def digits(part, examples=None):
    images = read(f"{part}-images-idx3", 16).reshape(-1, 28, 28, 1)[:examples].astype("float32") / 255
    return images, read(f"{part}-labels-idx1", 8)[:examples].astype("int32")


def mlp():
    return keras.Sequential([
        keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(128, "relu"), layers.Dense(10, "softmax"),
    ])


def cnn():
    return keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Conv2D(24, 3, activation="relu"), layers.MaxPooling2D(2),
        layers.Conv2D(36, 3, activation="relu"), layers.MaxPooling2D(2),
        layers.Flatten(), layers.Dense(128, "relu"), layers.Dense(10, "softmax"),
    ])


def normalised(filters, strides, x):
    x = layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)


def block(filters, strides, inputs):
    x = layers.ReLU()(normalised(filters, strides, inputs))
    x = normalised(filters, 1, x)
    around = layers.Conv2D(filters, 1, strides, use_bias=False)(inputs) if strides > 1 else inputs
    return layers.ReLU()(layers.Add()([x, around]))


def resnet():
    inputs = keras.Input((28, 28, 1))
    x = layers.ReLU()(normalised(16, 1, inputs))
    for filters, strides in [(16, 1), (32, 2), (64, 2)]:
        x = block(filters, strides, x)
    return keras.Model(inputs, layers.Dense(10, "softmax")(layers.GlobalAveragePooling2D()(x)))


class Clock(keras.callbacks.Callback):
    """From the end of the first step to the end of the last."""

    def __init__(self):
        super().__init__()
        self.steps, self.began, self.ended = 0, None, None

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        self.ended = time.perf_counter()
        self.began = self.began or self.ended


def main():
    networks = {"mlp": mlp, "cnn": cnn, "resnet": resnet}
    parser = argparse.ArgumentParser()
    parser.add_argument("network", choices=list(networks))
    parser.add_argument("--examples", type=int)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()

    # JAX takes as many threads as the process has cores.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:options.threads])
    keras.utils.set_random_seed(7)
    images, labels = digits("train", options.examples)
    network, clock = networks[options.network](), Clock()
    network.compile(
        optimizer=keras.optimizers.Adam(1e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    network.fit(images, labels, options.batch_size, options.epochs, verbose=0, callbacks=[clock])
    seconds = (clock.ended - clock.began) / (clock.steps - 1)
    _, known = network.evaluate(*digits("t10k"), batch_size=500, verbose=0)
    versions = {"Keras": keras.__version__, "JAX": jax.__version__}
    print(json.dumps({"seconds": seconds, "accuracy": float(known), "versions": versions}))


main()
