"""Takes out of wheels what Lyceum uses of them: unpack-wheels.py libtorch|libtorch-cuda WHEELS OUT"""

import pathlib
import shutil
import sys
import zipfile

BUILT_WITH = {"libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libcudart.so.13", "libcupti.so.13"}
# The wheel's own way into Python, and a stand-in that names all the others.
UNUSED = {"libtorch_python.so", "libshm.so", "libtorch.so", "libtorch_global_deps.so"}


def libtorch(path):
    """What Lyceum is built and runs with: headers, and the libraries of the CPU."""
    if path.parts[:2] == ("torch", "include"):
        return pathlib.PurePosixPath(*path.parts[1:])
    if path.name in BUILT_WITH and path.parent.name == "lib":
        return pathlib.PurePosixPath("lib", path.name)
    return None


def libtorch_cuda(path):
    """Every other library, in one folder, where they find one another."""
    if path.parent.name == "lib" and ".so" in path.name and path.name not in BUILT_WITH | UNUSED:
        return pathlib.PurePosixPath(path.name)
    return None


def main(what, wheels, out):
    place = {"libtorch": libtorch, "libtorch-cuda": libtorch_cuda}[what]
    for wheel in sorted(pathlib.Path(wheels).glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                target = place(pathlib.PurePosixPath(member.filename))
                if target is None or member.is_dir():
                    continue
                target = pathlib.Path(out, target)
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as source, open(target, "wb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
        wheel.unlink()  # so that the whole takes no more room than it must
    needed = {"lib/" + name for name in BUILT_WITH} if what == "libtorch" else {"libtorch_cuda.so", "libc10_cuda.so"}
    missing = [name for name in sorted(needed) if not pathlib.Path(out, name).exists()]
    if missing:
        sys.exit(f"the wheels lack {', '.join(missing)}")
    if what == "libtorch":
        # torch-sys links `torch`; everything that we use of it stands in torch_cpu.
        pathlib.Path(out, "lib", "libtorch.so").write_text("INPUT(-ltorch_cpu)\n")


main(*sys.argv[1:])
