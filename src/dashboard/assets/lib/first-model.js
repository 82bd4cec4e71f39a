// The job of the first steps: small enough for a minute on two cores, good enough for digits that somebody draws.

export const TOUR = { name: "tour", value: "first-model" };

export const FIRST_MODEL = {
  name: "first-model",
  training: {
    method: "supervised",
    dataset: { name: "mnist", input: "image", target: "label" },
    model: {
      layers: [
        { type: "conv2d", filters: 16, kernel_size: 5, strides: 2, activation: "relu" },
        { type: "conv2d", filters: 32, kernel_size: 3, strides: 2, activation: "relu" },
        { type: "flatten" },
        { type: "dense", units: 64, activation: "relu" },
        { type: "dense", activation: "softmax" },
      ],
    },
    loss: "categorical_cross_entropy",
    optimizer: { type: "adam", learning_rate: { type: "cosine", initial_learning_rate: 0.003 } },
    metrics: ["accuracy", "confusion_matrix"],
    batch_size: 128,
    epochs: 3,
  },
  seed: 7,
  labels: { [TOUR.name]: TOUR.value },
};
