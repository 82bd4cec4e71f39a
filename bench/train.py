"""Trains a network on MNIST as a PyTorch user would write it, all examples in one tensor and a batch indexed out of it
at every step, and prints the seconds of a step. `make bench-pytorch` runs it beside the same job on Lyceum."""
import argparse
import gzip
import pathlib
import time

import torch
from torch import nn

DIGITS = pathlib.Path(__file__).parent.parent / "datasets" / "mnist"


def read(name, header):
    with gzip.open(DIGITS / f"{name}-ubyte.gz") as file:
        return torch.frombuffer(bytearray(file.read()[header:]), dtype=torch.uint8)


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 24, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(24, 36, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(36 * 5 * 5, 128), nn.ReLU(), nn.Linear(128, 10),
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("network", choices=["mlp", "cnn"])
    parser.add_argument("--part", choices=["train", "t10k"], default="train")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=64)
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.manual_seed(7)
    images = read(f"{options.part}-images-idx3", 16).reshape(-1, 1, 28, 28).float() / 255
    labels = read(f"{options.part}-labels-idx1", 8).long()
    network = {"mlp": mlp, "cnn": cnn}[options.network]()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()

    steps, began = 0, None
    for _ in range(options.epochs):
        total = 0.0
        for rows in torch.randperm(len(images)).split(options.batch_size):
            loss = criterion(network(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
            steps += 1
            began = began or time.perf_counter()  # behind the first step, which is slower than all others
    print((time.perf_counter() - began) / (steps - 1))
    if total / len(images) > 1.0:
        raise SystemExit(f"the network learned nothing: the loss is {total / len(images)}")


main()
