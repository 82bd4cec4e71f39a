"""Makes the data sets beside the examples that are made up, always the same: `python3 make.py`, in this folder.

It needs NumPy. `two-inputs.npz` and `few-digits.npz` take their pictures from `digits.csv`.
"""

import csv
import math
import random

import numpy


def write(name, header, rows):
    with open(name, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(header)
        table.writerows(rows)


def will_i_pass():
    """Students pass who put enough into both together, lectures times hours; one in twenty is an exception."""
    draw = random.Random(1)
    rows = []
    for _ in range(1000):
        lectures, hours = draw.randint(0, 10), round(draw.uniform(0, 30), 1)
        passed = lectures * hours > 60
        rows.append([lectures, hours, int(passed != (draw.random() < 0.05))])
    write("will-i-pass.csv", ["lectures", "hours", "passed"], rows)


def multi_label():
    """What to take along in what weather: three answers that do not exclude one another."""
    draw = random.Random(2)
    rows = []
    for _ in range(600):
        temperature, cloud = round(draw.gauss(14, 8), 1), round(draw.uniform(0, 100))
        humidity, wind = round(draw.uniform(30, 100)), round(draw.uniform(0, 60))
        umbrella = cloud + humidity > 140 and wind < 45
        coat = temperature - wind / 6 < 8
        sunglasses = cloud < 35
        answers = [int(answer != (draw.random() < 0.02)) for answer in (umbrella, coat, sunglasses)]
        rows.append([temperature, cloud, humidity, wind, *answers])
    write("multi-label.csv", ["temperature", "cloud", "humidity", "wind", "umbrella", "coat", "sunglasses"], rows)


def imbalance():
    """Readings of a machine, of which one in twenty is of a fault; faults lie where many good readings lie too."""
    draw = random.Random(3)
    rows = []
    for _ in range(2000):
        fault = draw.random() < 0.05
        temperature, vibration = draw.gauss(66 if fault else 60, 4), draw.gauss(2.6 if fault else 2.0, 0.5)
        rows.append([round(temperature, 1), round(vibration, 2), "yes" if fault else "no"])
    write("imbalance.csv", ["temperature", "vibration", "fault"], rows)


def random_labels():
    """Labels that have nothing to do with what stands beside them."""
    draw = random.Random(4)
    rows = [[round(draw.gauss(0, 1), 2) for _ in range(20)] + [draw.choice("abcd")] for _ in range(500)]
    write("random-labels.csv", [f"x{place}" for place in range(20)] + ["label"], rows)


def returns():
    """Orders of a shop, few of which are sent back: cells are empty, towns hold commas, columns are of many kinds."""
    draw = random.Random(5)
    towns = {"Paris, France": 0.6, "Rome, Italy": -0.5, "Cork, Ireland": 0.0, "Graz, Austria": -0.9}
    sizes = {"S": 0.8, "M": -0.6, "L": 0.0, "XL": 1.1}
    rows = []
    for _ in range(2000):
        price, days = round(draw.lognormvariate(3.5, 0.6), 2), draw.randint(1, 14)
        town, size = draw.choice(list(towns)), draw.choice(list(sizes))
        gift = draw.random() < 0.2
        leaning = 0.04 * price + 0.4 * days + 2 * (towns[town] + sizes[size] - gift) - 9.2
        returned = draw.random() < 1 / (1 + math.exp(-leaning))
        cells = [price, days, town, size, "yes" if gift else "no"]
        cells = ["" if draw.random() < 0.06 else cell for cell in cells]
        rows.append([*cells, "yes" if returned else "no"])
    write("returns.csv", ["price", "days", "town", "size", "gift", "returned"], rows)


def two_inputs():
    """A picture of a digit and a number from 0 to 9: is the digit greater?"""
    table = numpy.loadtxt("digits.csv", delimiter=",", skiprows=1)
    images = table[:, :64].reshape(-1, 8, 8).astype(numpy.uint8)
    numbers = numpy.array([random.Random(row).randint(0, 9) for row in range(len(images))])
    labels = (table[:, 64] > numbers).astype(numpy.uint8)
    numpy.savez_compressed("two-inputs.npz", image=images, number=numbers.astype(numpy.float32), label=labels)


def few_digits():
    """Digits of another hand: those of `digits.csv`, made as large as MNIST's."""
    table = numpy.loadtxt("digits.csv", delimiter=",", skiprows=1)[:600]
    images = table[:, :64].reshape(-1, 8, 8) * (255 / 16)
    images = images.round().astype(numpy.uint8).repeat(3, axis=1).repeat(3, axis=2)
    images = numpy.pad(images, ((0, 0), (2, 2), (2, 2)))
    numpy.savez_compressed("few-digits.npz", image=images, label=table[:, 64].astype(numpy.uint8))


if __name__ == "__main__":
    for make in (will_i_pass, multi_label, imbalance, random_labels, returns, two_inputs, few_digits):
        make()
