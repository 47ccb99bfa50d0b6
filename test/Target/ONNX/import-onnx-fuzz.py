# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small models with something changed at random, by seed: a field set to a value
that does not fit, a node, name or attribute exchanged, bytes flipped, the end cut
off. The importer ends with a model or with errors that name the file; it does
not crash, hang or fill the memory.

  import-onnx-fuzz.py WORK TOOL [FIRST_SEED COUNT]
"""
# REQUIRES: onnx
# RUN: %python %s %t %qc-translate %if sanitizer %{ --sanitizer %}
import os
import random
import resource
import shutil
import subprocess
import sys

import numpy
import onnx
from google.protobuf.descriptor import FieldDescriptor
from onnx import TensorProto, helper, numpy_helper, parser

is_sanitized = "--sanitizer" in sys.argv
work, tool, *seeds = (a for a in sys.argv[1:] if a != "--sanitizer")
first, count = (int(a) for a in seeds) if seeds else (0, 160)
shutil.rmtree(work, ignore_errors=True)
os.makedirs(work)

TEXTS = ["""
<ir_version: 8, opset_import: ["" : 17]>
g (float[1,3,8,8] x, float[4,3,3,3] w, float[4] s) => (float[1,4] y) {
  c = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (x, w, s)
  b = BatchNormalization <epsilon = 0.001> (c, s, s, s, s)
  p = MaxPool <kernel_shape = [2, 2]> (b)
  shape = Constant <value_ints = [0, -1]> ()
  f = Reshape (p, shape)
  axes = Constant <value_ints = [1]> ()
  m = ReduceMean <axes = [2, 3]> (c)
  q = Squeeze (m)
  y = Flatten (m)
}
""", """
<ir_version: 8, opset_import: ["" : 23]>
g (float[1,2,4,8] q, float[1,2,6,8] k, int64[1,4] i, float[8,4] t) => (float[1,2,4,8] y, float[1,2,4,8] z) {
  y = Attention <is_causal = 1, softcap = 2.0> (q, k, k)
  z = RotaryEmbedding (q, t, t, i)
}
""", """
<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
g (float[4] x, bool c) => (float[4] y) {
  n = Constant <value_int = 3> ()
  a = Loop <body = b (int64 i, bool k, float[4] v) => (bool k2, float[4] w) { k2 = Identity (k) w = Add (v, x) }> (n, , x)
  d = local.twice (a)
  y = If <then_branch = t () => (float[4] u) { u = Relu (d) }, else_branch = e () => (float[4] u) { u = Neg (d) }> (c)
}
<domain: "local", opset_import: ["" : 17]>
twice (v) => (w) { two = Constant <value_float = 2.0> () w = Mul (v, two) }
""", """
<ir_version: 8, opset_import: ["" : 17]>
g (float[1,6,4] b, float[1,2,6] s) => (float[N,4] y, int64[K] u) {
  l = Constant <value_ints = [2]> ()
  t = Constant <value_floats = [0.5]> ()
  n = NonMaxSuppression (b, s, l, t, t)
  two = Constant <value_int = 2> ()
  i = Gather <axis = 1> (n, two)
  f = Constant <value_ints = [6, 4]> ()
  r = Reshape (b, f)
  y = Gather (r, i)
  z, u, v, w = Unique (s)
}
""", """
<ir_version: 8, opset_import: ["" : 17]>
g (float[1,4] x, float[4,3] w) => (float[1,3] y) {
  a = Constant <value = float {0.5}> ()
  z = Constant <value = uint8 {3}> ()
  q = QuantizeLinear (x, a, z)
  d = DequantizeLinear (q, a, z)
  y = Gemm <alpha = 0.5> (d, w)
}
"""]


def models():
    for text in TEXTS:
        model = parser.parse_model(text.strip())
        # Initializers in three ways of storing them.
        model.graph.initializer.append(numpy_helper.from_array(numpy.ones(4, numpy.float32), "extra"))
        tensor = model.graph.initializer.add(name="typed", data_type=TensorProto.FLOAT, dims=[2, 2])
        tensor.float_data.extend([1, 2, 3, 4])
        tensor = model.graph.initializer.add(name="outside", data_type=TensorProto.FLOAT, dims=[4],
                                             data_location=TensorProto.EXTERNAL)
        for key, value in (("location", "data.bin"), ("offset", "16"), ("length", "16")):
            tensor.external_data.add(key=key, value=value)
        for name in ("extra", "typed", "outside"):
            model.graph.node.append(helper.make_node("Relu", [name], ["relu_" + name]))
            model.graph.output.append(helper.make_tensor_value_info("relu_" + name, TensorProto.FLOAT, None))
        yield model


NUMBERS = [0, 1, -1, 2, 3, 7, -2, 255, 1 << 16, 1 << 31, -(1 << 31), 1 << 40, 1 << 62, (1 << 63) - 1, -(1 << 63)]
STRINGS = ["", "x", "y", "../data.bin", "/etc/passwd", "data.bin", "-16", "99999999999999999999", "linear", "ai.onnx",
           "Add", "Concat", "Loop", "Einsum", "TopK", "Range", "Expand", "Tile", "\x00", "\u00e9"]


def messages(message):
    """All messages inside one, itself included."""
    yield message
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for item in value if field.is_repeated else [value]:
                yield from messages(item)


def change(model, generator):
    """One change of a random field somewhere in the model."""
    message = generator.choice(list(messages(model)))
    field = generator.choice(list(message.DESCRIPTOR.fields))
    old = getattr(message, field.name)
    if field.is_repeated:
        action = generator.randrange(4)
        if action == 0 and len(old):
            del old[generator.randrange(len(old))]
        elif action == 1 and len(old):
            other = generator.choice(list(old))
            old.append(other) if field.type != FieldDescriptor.TYPE_MESSAGE else old.add().CopyFrom(other)
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            old.add()
        elif len(old):
            old[generator.randrange(len(old))] = value_for(field, generator)
        else:
            old.append(value_for(field, generator))
    elif field.type == FieldDescriptor.TYPE_MESSAGE:
        message.ClearField(field.name) if message.HasField(field.name) else old.SetInParent()
    elif generator.randrange(4) == 0:
        message.ClearField(field.name)
    else:
        setattr(message, field.name, value_for(field, generator))


def value_for(field, generator):
    if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
        text = generator.choice(STRINGS)
        return text.encode() if field.type == FieldDescriptor.TYPE_BYTES else text
    if field.type in (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE):
        return generator.choice([0.0, 1.0, -1.0, 1e30, float("nan"), float("inf")])
    if field.type == FieldDescriptor.TYPE_ENUM:
        return generator.choice([value.number for value in field.enum_type.values])
    number = generator.choice(NUMBERS)
    if field.type in (FieldDescriptor.TYPE_INT32,):
        return max(-(1 << 31), min(number, (1 << 31) - 1))
    if field.type in (FieldDescriptor.TYPE_UINT64,):
        return number & ((1 << 64) - 1)
    return number


# The address sanitizer reserves more address space for itself; it has a limit of
# its own, for one allocation.
environment = dict(os.environ)
if is_sanitized:
    environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":max_allocation_size_mb=4096"


def limit_memory():
    if not is_sanitized:
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))


def run(path):
    """Exit code and messages under 4 GiB of address space and 30 seconds."""
    try:
        result = subprocess.run([tool, "--import-onnx", path, "-o", os.devnull], capture_output=True, timeout=30,
                                env=environment, preexec_fn=limit_memory)
    except subprocess.TimeoutExpired:
        return "hang", ""
    return result.returncode, result.stderr.decode(errors="replace")


originals = list(models())
numpy.arange(8, dtype=numpy.float32).tofile(os.path.join(work, "data.bin"))
path = os.path.join(work, "mutant.onnx")
failures = imported = 0
for index, model in enumerate(originals):
    onnx.save(model, path)
    code, text = run(path)
    if code != 0:
        sys.exit(f"the unchanged model {index} is not imported:\n{text}")
for seed in range(first, first + count):
    generator = random.Random(seed)
    model = onnx.ModelProto()
    model.CopyFrom(generator.choice(originals))
    for _ in range(generator.randint(1, 3)):
        change(model, generator)
    data = bytearray(model.SerializeToString())
    if generator.randrange(5) == 0:
        for _ in range(generator.randint(1, 3)):
            data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
    if generator.randrange(12) == 0:
        del data[generator.randrange(len(data)):]
    with open(path, "wb") as file:
        file.write(data)
    code, text = run(path)
    imported += code == 0
    if code != 0 and (code != 1 or "error:" not in text or "mutant.onnx" not in text):
        failures += 1
        shutil.copy(path, os.path.join(work, f"seed-{seed}.onnx"))
        print(f"seed {seed}: exit code {code}, kept as seed-{seed}.onnx\n{text[-1500:]}")
print(f"{count} mutants: {imported} imported, {count - imported - failures} refused, {failures} wrong")
# Mutants that are all refused, or all accepted, would test nothing.
sys.exit(1 if failures or not 0 < imported < count else 0)
