// The body of a common job, from a data set and a kind of network.

export const KINDS = [["dense", "dense layers"], ["linear", "one layer"], ["convolutional", "convolutions"]];

/** A body that trains such a network to predict a column, by default the last one. */
export function body(set, { target, kind, epochs = 5 }) {
  const column = set.columns.find(({ name }) => name === target) ?? set.columns.at(-1);
  const images = set.columns.filter((one) => one.kind === "image");
  const classes = column.kind === "category" ? column.classes.length : 0;
  const dataset = { name: set.name, version: set.version, target: column.name };
  if (images.length > 0) dataset.input = images[0].name;
  if (Object.keys(set.splits).length === 1) dataset.test = { fraction: 0.2 };
  const head = classes > 0 ? { type: "dense", activation: "softmax" } : { type: "dense" };
  return {
    name: set.name,
    training: {
      method: "supervised",
      dataset,
      model: { layers: [...hidden(kind, images.length > 0), head] },
      loss: classes > 0 ? "categorical_cross_entropy" : "mean_squared_error",
      optimizer: { type: "adam", learning_rate: 0.001 },
      metrics: classes > 0 ? ["accuracy", "confusion_matrix"] : ["mean_absolute_error"],
      batch_size: 64,
      epochs,
    },
  };
}

function hidden(kind, images) {
  if (kind === "convolutional" && images) {
    const convolution = (filters) => ({ type: "conv2d", filters, kernel_size: 3, activation: "relu" });
    return [convolution(24), { type: "max_pool2d", pool_size: 2 }, convolution(36), { type: "max_pool2d", pool_size: 2 }, { type: "flatten" }, { type: "dense", units: 128, activation: "relu" }];
  }
  const flat = images ? [{ type: "flatten" }] : [];
  if (kind === "linear") return flat;
  return [...flat, { type: "dense", units: 64, activation: "relu" }, { type: "dense", units: 64, activation: "relu" }];
}
