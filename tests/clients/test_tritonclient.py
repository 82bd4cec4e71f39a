"""The HTTP client of Triton, unchanged, against Lyceum."""
import os
import unittest

import numpy
import tritonclient.http as triton

ADDRESS = os.environ["LYCEUM_SERVER"].removeprefix("http://")
FLOWERS = numpy.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.1, 5.6, 2.4]], dtype=numpy.float32)
SPECIES = ["setosa", "virginica"]


def numbers(binary):
    tensor = triton.InferInput("input", FLOWERS.shape, "FP32")
    tensor.set_data_from_numpy(FLOWERS, binary_data=binary)
    return tensor


def words(name, values, binary):
    array = numpy.array([[value] for value in values], dtype=numpy.object_)
    tensor = triton.InferInput(name, array.shape, "BYTES")
    tensor.set_data_from_numpy(array, binary_data=binary)
    return tensor


def texts(array):
    return [text.decode() if isinstance(text, bytes) else text for text in array.reshape(-1)]


class TritonClient(unittest.TestCase):
    def setUp(self):
        self.client = triton.InferenceServerClient(ADDRESS)
        self.addCleanup(self.client.close)

    def test_health_and_metadata(self):
        self.assertTrue(self.client.is_server_live())
        self.assertTrue(self.client.is_server_ready())
        self.assertTrue(self.client.is_model_ready("iris-logistic-regression"))
        self.assertFalse(self.client.is_model_ready("iris-logistic-regression", "99"))
        self.assertEqual(self.client.get_server_metadata()["name"], "lyceum")
        metadata = self.client.get_model_metadata("iris-logistic-regression")
        self.assertEqual(metadata["inputs"][0]["datatype"], "FP32")
        self.assertEqual(metadata["inputs"][0]["shape"], [-1, 4])
        self.assertIn("probabilities", [output["name"] for output in metadata["outputs"]])
        self.assertEqual(self.client.get_model_config("iris-logistic-regression")["name"], "iris-logistic-regression")

    def test_tensors_in_every_form(self):
        outputs = lambda binary: [triton.InferRequestedOutput("probabilities", binary_data=binary),
                                  triton.InferRequestedOutput("class", binary_data=binary)]
        answers = [self.client.infer("iris-logistic-regression", [numbers(inwards)], outputs=outputs(outwards), request_id="7")
                   for inwards in (True, False) for outwards in (True, False)]
        for answer in answers:
            probabilities = answer.as_numpy("probabilities")
            self.assertEqual((probabilities.shape, probabilities.dtype), ((2, 3), numpy.float32))
            numpy.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
            numpy.testing.assert_allclose(probabilities, answers[0].as_numpy("probabilities"), atol=1e-6)
            self.assertEqual(texts(answer.as_numpy("class")), SPECIES)
            self.assertEqual(answer.get_response()["id"], "7")

    def test_all_outputs_where_none_is_named(self):
        answer = self.client.infer("iris-logistic-regression", [numbers(True)])
        self.assertEqual(texts(answer.as_numpy("class")), SPECIES)

    def test_texts(self):
        for binary in (True, False):
            inputs = [words("sky", ["sun", "rain"], binary), words("wind", ["calm", "calm"], binary)]
            answer = self.client.infer("weather", inputs)
            self.assertEqual(texts(answer.as_numpy("class")), ["yes", "no"])

    def test_classification(self):
        best = triton.InferRequestedOutput("probabilities", class_count=2)
        answer = self.client.infer("iris-logistic-regression", [numbers(True)], outputs=[best])
        first = [text.split(":")[-1] for text in texts(answer.as_numpy("probabilities"))[::2]]
        self.assertEqual(first, SPECIES)

    def test_calls_that_overlap(self):
        client = triton.InferenceServerClient(ADDRESS, concurrency=4)
        self.addCleanup(client.close)
        waiting = [client.async_infer("iris-logistic-regression", [numbers(True)]) for _ in range(50)]
        for answer in waiting:
            self.assertEqual(texts(answer.get_result().as_numpy("class")), SPECIES)

    def test_statistics_count(self):
        def count():
            return self.client.get_inference_statistics("iris-logistic-regression")["model_stats"][0]["inference_count"]
        before = count()
        self.client.infer("iris-logistic-regression", [numbers(True)])
        self.assertEqual(count(), before + len(FLOWERS))

    def test_the_repository(self):
        names = [model["name"] for model in self.client.get_model_repository_index()]
        self.assertIn("iris-logistic-regression", names)
        self.client.unload_model("weather")
        self.client.load_model("weather")
        self.assertTrue(self.client.is_model_ready("weather"))
        with self.assertRaisesRegex(triton.InferenceServerException, "nothing-of-that-name"):
            self.client.load_model("nothing-of-that-name")

    def test_errors_are_the_clients_own(self):
        with self.assertRaisesRegex(triton.InferenceServerException, "nothing-of-that-name"):
            self.client.infer("nothing-of-that-name", [numbers(True)])
        narrow = triton.InferInput("input", [1, 3], "FP32")
        narrow.set_data_from_numpy(FLOWERS[:1, :3])
        with self.assertRaisesRegex(triton.InferenceServerException, "shape"):
            self.client.infer("iris-logistic-regression", [narrow])
