"""The REST client of KServe's SDK, unchanged, against Lyceum."""
import os
import unittest

import numpy
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

SERVER = os.environ["LYCEUM_SERVER"]
FLOWERS = numpy.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.1, 5.6, 2.4]], dtype=numpy.float32)


class KServe(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.client = InferenceRESTClient(RESTConfig(protocol="v2"))
        self.addAsyncCleanup(self.client.close)

    async def test_health(self):
        self.assertTrue(await self.client.is_server_live(SERVER))
        self.assertTrue(await self.client.is_server_ready(SERVER))
        self.assertTrue(await self.client.is_model_ready(SERVER, "iris-logistic-regression"))

    async def test_tensors_as_json_and_in_binary(self):
        for binary in (False, True):
            tensor = InferInput("input", [2, 4], "FP32")
            tensor.set_data_from_numpy(FLOWERS, binary_data=binary)
            request = InferRequest(model_name="iris-logistic-regression", infer_inputs=[tensor])
            answer = await self.client.infer(SERVER, request, model_name="iris-logistic-regression")
            outputs = {output.name: output for output in answer.outputs}
            self.assertEqual(outputs["probabilities"].as_numpy().argmax(axis=1).tolist(), [0, 2])
            self.assertEqual(list(outputs["class"].data), ["setosa", "virginica"])
