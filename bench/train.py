"""Trains a network on MNIST as a PyTorch user would write it and prints, as JSON, the seconds of a step and the share of
the 10,000 test images that the network then knows. `make bench-pytorch` runs it beside the same job on Lyceum."""
import argparse
import json
import time

import torch
from torch.utils.data import DataLoader, TensorDataset

from networks import NETWORKS, digits


def indexed(images, labels, batch_size):
    """All examples in one tensor, and a batch indexed out of it at every step."""
    for rows in torch.randperm(len(images)).split(batch_size):
        yield images[rows], labels[rows]


def accuracy(network, images, labels):
    network.eval()
    with torch.inference_mode():
        right = sum((network(x).argmax(1) == y).sum().item() for x, y in zip(images.split(500), labels.split(500)))
    return right / len(images)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("network", choices=list(NETWORKS))
    parser.add_argument("--examples", type=int)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--loader", action="store_true", help="batches from torch's DataLoader")
    parser.add_argument("--compile", action="store_true", help="the network through torch.compile")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.manual_seed(7)
    images, labels = digits("train", options.examples)
    network = NETWORKS[options.network]()
    forward = torch.compile(network) if options.compile else network
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    criterion = torch.nn.CrossEntropyLoss()
    loader = DataLoader(TensorDataset(images, labels), options.batch_size, shuffle=True)

    steps, began = 0, None
    for _ in range(options.epochs):
        for x, y in loader if options.loader else indexed(images, labels, options.batch_size):
            loss = criterion(forward(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            steps += 1
            began = began or time.perf_counter()  # behind the first step, which is slower than all others
    seconds = (time.perf_counter() - began) / (steps - 1)
    known = accuracy(network, *digits("t10k"))
    print(json.dumps({"seconds": seconds, "accuracy": known, "versions": {"PyTorch": torch.__version__}}))


main()
