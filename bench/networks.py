"""The networks of the comparison in PyTorch, and the digits that they learn. `benches/service/networks.rs` has the same
as jobs."""
import gzip
import pathlib

import torch
from torch import nn

DIGITS = pathlib.Path(__file__).parent.parent / "datasets" / "mnist"


def read(name, header):
    with gzip.open(DIGITS / f"{name}-ubyte.gz") as file:
        return torch.frombuffer(bytearray(file.read()[header:]), dtype=torch.uint8)


def digits(part, examples=None):
    """Images `[n, 1, 28, 28]` from nought to one, and their labels."""
    images = read(f"{part}-images-idx3", 16).reshape(-1, 1, 28, 28)[:examples].float() / 255
    return images, read(f"{part}-labels-idx1", 8)[:examples].long()


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 24, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(24, 36, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(36 * 5 * 5, 128), nn.ReLU(), nn.Linear(128, 10),
    )


def convolution(channels, filters, stride=1):
    return nn.Conv2d(channels, filters, 3, stride, padding=1, bias=False)


class Block(nn.Module):
    """Two convolutions and the way around them."""

    def __init__(self, channels, filters, stride):
        super().__init__()
        self.inner = nn.Sequential(
            convolution(channels, filters, stride), nn.BatchNorm2d(filters), nn.ReLU(),
            convolution(filters, filters), nn.BatchNorm2d(filters),
        )
        same = stride == 1 and channels == filters
        self.around = nn.Identity() if same else nn.Conv2d(channels, filters, 1, stride, bias=False)

    def forward(self, inputs):
        return torch.relu(self.inner(inputs) + self.around(inputs))


def resnet():
    return nn.Sequential(
        convolution(1, 16), nn.BatchNorm2d(16), nn.ReLU(),
        Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
    )


NETWORKS = {"mlp": mlp, "cnn": cnn, "resnet": resnet}


def served_mlp(weights):
    """The perceptron that Lyceum trained, from the bytes of an image, 0 to 255, to probabilities."""
    from safetensors.torch import load_file

    network = mlp()
    network.load_state_dict(dict(zip(network.state_dict(), load_file(weights).values(), strict=True)))
    network.requires_grad_(False).eval()
    return lambda images: network(images / 255).softmax(1)
