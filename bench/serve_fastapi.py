"""The perceptron behind FastAPI, with orjson, at the path and in the JSON of the Open Inference Protocol. The weights are
the safetensors file that WEIGHTS names; uvicorn runs it."""
import os

import orjson
import torch
from fastapi import FastAPI, Request, Response

from networks import served_mlp

torch.set_num_threads(1)
network = served_mlp(os.environ["WEIGHTS"])
app = FastAPI()


@app.post("/v2/models/mlp/infer")
async def infer(request: Request):
    image = orjson.loads(await request.body())["inputs"][0]
    with torch.inference_mode():
        probabilities = network(torch.tensor(image["data"], dtype=torch.float32).reshape(image["shape"]))
    output = {"name": "probabilities", "datatype": "FP32", "shape": list(probabilities.shape)}
    answer = {"model_name": "mlp", "model_version": "1", "outputs": [output | {"data": probabilities.ravel().tolist()}]}
    return Response(orjson.dumps(answer), media_type="application/json")
