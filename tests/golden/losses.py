"""Losses and their gradients by Keras 3.15.1 on JAX in float64 but for its means, the oracle for ours; gaussian_nll, which Keras lacks, by
its formula. Usage: KERAS_BACKEND=jax python -P losses.py > losses.json (pip install keras==3.15.1 jax)"""
import json
import jax
jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
import keras
import numpy as np

FULL = {"reduction": None, "dtype": "float64"}
random = np.random.default_rng(20261125)
LINEAR, SIGMOID, TANH, SOFTMAX, RELU = "linear", "sigmoid", "tanh", "softmax", "relu"
ACTIVATIONS = {LINEAR: lambda z: z, SIGMOID: jax.nn.sigmoid, TANH: jnp.tanh, SOFTMAX: jax.nn.softmax, RELU: jax.nn.relu}
CLASSES = [2, 0, 1, 2, 1]
BITS = [[1.0], [0.0], [1.0], [1.0], [0.0]]
MANY = [[1.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
NUMBERS = random.normal(size=(5, 2)).tolist()
COUNTS = [[3.0, 1.0], [1.0, 4.0], [2.0, 2.0], [0.0, 7.0], [5.0, 0.0]]
# Without noughts, which Keras counts as 1e-7.
SHARES = [[0.2, 0.3, 0.5], [0.9, 0.06, 0.04], [0.1, 0.1, 0.8], [0.4, 0.55, 0.05], [0.3, 0.3, 0.4]]
L = keras.losses


def gaussian(target, output):
    means, raw = jnp.split(output, 2, axis=1)
    variances = jax.nn.softplus(raw) + 1e-6
    return jnp.mean(0.5 * (jnp.log(variances) + (means - target) ** 2 / variances), axis=1)


def one(**fields):
    return fields


# The loss in a body, Keras's, the activation, the target, and for one column of classes how many there are.
CASES = [
    (one(type="categorical_cross_entropy"), L.CategoricalCrossentropy(**FULL), SOFTMAX, CLASSES, 3),
    (one(type="categorical_cross_entropy", label_smoothing=0.1),
     L.CategoricalCrossentropy(label_smoothing=0.1, **FULL), SOFTMAX, CLASSES, 3),
    (one(type="binary_cross_entropy"), L.BinaryCrossentropy(**FULL), SIGMOID, BITS, 2),
    (one(type="binary_cross_entropy", label_smoothing=0.2), L.BinaryCrossentropy(label_smoothing=0.2, **FULL), SIGMOID, MANY, None),
    (one(type="categorical_focal_cross_entropy"), L.CategoricalFocalCrossentropy(**FULL), SOFTMAX, CLASSES, 3),
    (one(type="categorical_focal_cross_entropy", alpha=0.5, gamma=1.5, label_smoothing=0.1),
     L.CategoricalFocalCrossentropy(alpha=0.5, gamma=1.5, label_smoothing=0.1, **FULL), SOFTMAX, CLASSES, 3),
    (one(type="binary_focal_cross_entropy"), L.BinaryFocalCrossentropy(**FULL), SIGMOID, BITS, 2),
    (one(type="binary_focal_cross_entropy", alpha=0.25, gamma=1.5, label_smoothing=0.1),
     L.BinaryFocalCrossentropy(apply_class_balancing=True, alpha=0.25, gamma=1.5, label_smoothing=0.1, **FULL), SIGMOID, MANY, None),
    (one(type="hinge"), L.Hinge(**FULL), LINEAR, BITS, 2),
    (one(type="hinge"), L.Hinge(**FULL), TANH, MANY, None),
    (one(type="squared_hinge"), L.SquaredHinge(**FULL), LINEAR, BITS, 2),
    (one(type="kl_divergence"), L.KLDivergence(**FULL), SOFTMAX, SHARES, None),
    (one(type="mean_squared_error"), L.MeanSquaredError(**FULL), LINEAR, NUMBERS, None),
    (one(type="mean_absolute_error"), L.MeanAbsoluteError(**FULL), LINEAR, NUMBERS, None),
    (one(type="mean_absolute_percentage_error"), L.MeanAbsolutePercentageError(**FULL), LINEAR, NUMBERS, None),
    (one(type="huber"), L.Huber(**FULL), LINEAR, NUMBERS, None),
    (one(type="huber", delta=0.3), L.Huber(delta=0.3, **FULL), LINEAR, NUMBERS, None),
    (one(type="log_cosh"), L.LogCosh(**FULL), LINEAR, NUMBERS, None),
    (one(type="poisson"), L.Poisson(**FULL), SIGMOID, COUNTS, None),
    (one(type="cosine_similarity"), L.CosineSimilarity(**FULL), LINEAR, NUMBERS, None),
    (one(type="gaussian_nll"), gaussian, LINEAR, NUMBERS, None),
]
cases = []
for body, loss, activation, target, classes in CASES:
    indices = isinstance(target[0], int)
    width = classes if indices else len(target[0]) * (2 if body["type"] == "gaussian_nll" else 1)
    logits = jnp.asarray(random.normal(size=(5, width)))
    truth = jnp.eye(classes)[jnp.asarray(target)] if indices else jnp.asarray(target)

    def each(logits):
        return loss(truth, ACTIVATIONS[activation](logits))

    cases.append({
        "loss": body, "activation": activation, "classes": classes, "target": target, "logits": logits.tolist(),
        "each": each(logits).tolist(), "gradient": jax.grad(lambda z: jnp.mean(each(z)))(logits).tolist(),
    })
lines = ",\n".join(json.dumps(case) for case in cases)
print(f'{{"by": "Keras {keras.__version__}, float64", "cases": [\n{lines}\n]}}')
