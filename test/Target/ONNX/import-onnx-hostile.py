# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Files that lie about sizes, point outside their folder or stop in the middle
give an error that names what is wrong: never a crash, never a large allocation."""
# REQUIRES: onnx
# RUN: %python %s %t %qc-translate %if sanitizer %{ sanitizer %}
import os
import random
import resource
import shutil
import subprocess
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

work, tool = sys.argv[1], sys.argv[2]
shutil.rmtree(work, ignore_errors=True)
os.makedirs(os.path.join(work, "model"))
failures = 0


def limit_memory():
    # The address sanitizer reserves more address space than that for itself.
    if len(sys.argv) < 4:
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))


# It has a limit of its own, for one allocation.
environment = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":max_allocation_size_mb=4096"}


def run(path, *arguments):
    """Exit code and messages under 4 GiB of memory and 60 seconds."""
    result = subprocess.run([tool, "--import-onnx", path, *arguments], capture_output=True, timeout=60,
                            env=environment, preexec_fn=limit_memory)
    return result.returncode, result.stderr.decode(errors="replace")


def check(what, path, expected, code=1):
    global failures
    got, message = run(path)
    if got != code or expected not in message:
        failures += 1
        print(f"{what}: exit code {got}, expected {code} and '{expected}', got:\n{message}")


def model(initializer, name="m.onnx", value=None):
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"], name="add")], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])], [initializer])
    path = os.path.join(work, "model", name)
    with open(path, "wb") as file:
        file.write(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())
    return path


def external(location, offset=None, length=None):
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        if value is not None:
            tensor.external_data.add(key=key, value=str(value))
    return model(tensor, "external.onnx")


good = numpy_helper.from_array(numpy.arange(4, dtype=numpy.float32), "w")
path = model(good)
assert run(path)[0] == 0, run(path)

# External data: good, then every way to leave the folder or the file.
numpy.arange(8, dtype=numpy.float32).tofile(os.path.join(work, "model", "data.bin"))
with open(os.path.join(work, "secret.bin"), "wb") as file:
    file.write(bytes(64))
os.symlink(os.path.join("..", "secret.bin"), os.path.join(work, "model", "link.bin"))
check("external data", external("data.bin", 16, 16), "", 0)
check("unaligned external data", external("data.bin", 1, 16), "", 0)
check("parent folder", external("../secret.bin"), "is no path inside the data folder")
check("absolute path", external(os.path.abspath(os.path.join(work, "secret.bin"))), "is no path inside the data folder")
check("link", external("link.bin"), "leads outside the data folder")
check("missing file", external("none.bin"), "cannot be opened")
check("folder", external("."), "error")
check("offset behind the end", external("data.bin", 32, 16), "which has 32")
check("huge offset", external("data.bin", 2**64 - 8, 16), "which has 32")
check("negative offset", external("data.bin", -4, 16), "accepted: a number of bytes")
check("wrong length", external("data.bin", 0, 8), "its type needs 16")

# Sizes.
def raw(dims, data=b"", **fields):
    return model(TensorProto(name="w", data_type=TensorProto.FLOAT, dims=dims, raw_data=data, **fields), "sizes.onnx")

check("too few bytes", raw([4], bytes(8)), "stores 8 bytes, its type needs 16")
check("too many bytes, read where they lie", raw([4], bytes(8000)), "stores 8000 bytes, its type needs 16")
check("negative dimension", raw([-4], bytes(16)), "negative dimension -4")
check("huge dimensions", raw([2**62, 2**62, 4], bytes(16)), "more than 2^48 elements")
check("large dimension without data", raw([2**40]), "its type needs 4398046511104")
tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2**40])
check("typed data that is not there", model(tensor, "typed.onnx"), "does not store the 1099511627776 elements")
check("unknown type", model(TensorProto(name="w", data_type=77, dims=[4], raw_data=bytes(16)), "type.onnx"),
      "has element type data type 77")
check("complex", model(TensorProto(name="w", data_type=TensorProto.COMPLEX64, dims=[2], raw_data=bytes(16)), "c.onnx"),
      "has element type complex64")

# Truncated and damaged files: an error or, by luck, a valid model; no signal.
source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data", "fashion_cnn.onnx")
with open(source, "rb") as file:
    network = file.read()
damaged = os.path.join(work, "damaged.onnx")
for size in (0, 1, 7, 100, 5000, len(network) // 2, len(network) - 1):
    with open(damaged, "wb") as file:
        file.write(network[:size])
    check(f"the first {size} bytes", damaged, "damaged.onnx: is no ONNX model")
generator = random.Random(1)
with open(path, "rb") as file:
    small = file.read()
with open(raw([500, 4], bytes(8000)), "rb") as file:
    large = file.read()
for turn in range(90):
    data = bytearray(large if turn % 3 == 0 else small)
    for _ in range(generator.randint(1, 4)):
        # Not in the data of the large model but around it.
        data[generator.randrange(-60, 60)] = generator.randrange(256)
    with open(damaged, "wb") as file:
        file.write(data)
    code, message = run(damaged)
    if code not in (0, 1) or (code == 1 and "error" not in message):
        failures += 1
        print(f"damaged file: exit code {code}: {data[:200].hex()}\n{message}")

sys.exit(1 if failures else 0)
