"""The perceptron in Triton's Python backend: one thread, and all requests that wait together in one forward pass."""
import os
import pathlib
import sys

import numpy
import torch
import triton_python_backend_utils as triton

sys.path.insert(0, str(pathlib.Path(__file__).parents[3]))
sys.dont_write_bytecode = True
from networks import served_mlp


class TritonPythonModel:
    def initialize(self, arguments):
        torch.set_num_threads(1)
        self.network = served_mlp(os.environ["WEIGHTS"])

    def execute(self, requests):
        images = [triton.get_input_tensor_by_name(request, "image").as_numpy() for request in requests]
        with torch.inference_mode():
            probabilities = self.network(torch.from_numpy(numpy.concatenate(images))).numpy()
        ends = numpy.cumsum([len(image) for image in images])[:-1]
        return [
            triton.InferenceResponse([triton.Tensor("probabilities", part)])
            for part in numpy.split(probabilities, ends)
        ]
