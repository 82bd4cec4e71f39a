"""Becomes Triton's server, as the wheel `nvidia-pytriton` brings it, with the perceptron in its Python backend. Usage:
serve_triton.py FOLDER PORT; FOLDER is empty and Triton's own. The weights are the safetensors file that WEIGHTS names."""
import os
import pathlib
import sys
import sysconfig

HERE = pathlib.Path(__file__).resolve().parent


def main():
    folder, port = pathlib.Path(sys.argv[1]), sys.argv[2]
    packages = pathlib.Path(sysconfig.get_path("purelib"))
    triton = packages / "pytriton" / "tritonserver"
    # The backend looks beside itself for the program that runs models, of which the wheel has one for each Python.
    backend = folder / "backends" / "python"
    backend.mkdir(parents=True)
    stub = triton / "python_backend_stubs" / f"{sys.version_info.major}.{sys.version_info.minor}"
    for file in [*(triton / "backends" / "python").iterdir(), stub / "triton_python_backend_stub"]:
        (backend / file.name).symlink_to(file)
    environment = os.environ | {
        # The stub has a Python of its own, which takes the modules of the one that it finds first.
        "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
        "LD_LIBRARY_PATH": str(packages / "nvidia_pytriton.libs"),
    }
    os.execve(triton / "bin" / "tritonserver", [
        "tritonserver", f"--model-repository={HERE / 'triton'}", f"--backend-directory={folder / 'backends'}",
        "--http-address=127.0.0.1", f"--http-port={port}", "--allow-grpc=false", "--allow-metrics=false",
        "--log-verbose=0",
    ], environment)


main()
