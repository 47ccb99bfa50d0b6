# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Weights of fewer than 8 bits, and weights with scales per block, on every target
against a numpy computation of the same graph of quantize and dequantize ops.

Convolutions (plain, grouped, depthwise), matrix products and gathers with
constant codes of 2 to 8 bits and of 8-bit floats, symmetric or with zero points,
with scales per tensor, per channel or per block of 16 to 256 along the reduction.
What has an integer form agrees bit for bit, and so do gathers; products of f32
are within 2^-20 of the sum of the absolute values of their terms. The artefact
keeps the codes: its weights have at most bits * parameters / 8 bytes and the
parameters of quantization, plus 64 KiB.
"""
import os
import sys

import ml_dtypes
import numpy as np
import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import qctest  # noqa: E402
from test_integer import correlate, run  # noqa: E402

INTEGERS = [sign + str(bits) for bits in range(2, 9) for sign in ("si", "ui")]
FLOATS = {"f8E4M3FN": ml_dtypes.float8_e4m3fn, "f8E5M2": ml_dtypes.float8_e5m2}
SLACK = 64 << 10


def is_float(kind):
    return kind in FLOATS


def bits_of(kind):
    return 8 if is_float(kind) else int(kind[2:])


def code_range(kind):
    bits = bits_of(kind)
    return (0, (1 << bits) - 1) if kind.startswith("ui") else (-(1 << bits - 1), (1 << bits - 1) - 1)


def pack(values, kind):
    """Bytes of codes: a stream of bits from the low bits of each byte."""
    if is_float(kind):
        return values.astype(FLOATS[kind]).tobytes()
    bits = bits_of(kind)
    stream = (values.reshape(-1, 1).astype(np.int64) >> np.arange(bits)) & 1
    return np.packbits(stream.astype(np.uint8), bitorder="little").tobytes()


class Model:
    """MLIR text of a graph, with inputs, expected outputs and the size of its weights."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.lines, self.blobs, self.inputs, self.outputs = [], [], [], []
        self.feeds, self.expected = {}, {}
        self.allowed = SLACK

    def pick(self, choices):
        return choices[int(self.random.integers(len(choices)))]

    def name(self):
        return f"%v{len(self.lines)}"

    def op(self, text, shape, kind):
        name = self.name()
        self.lines.append(f"  {name} = {text} -> {tensor(shape, kind)}")
        return name

    def constant(self, values, kind):
        data = values.astype(np.float32).tobytes() if kind == "f32" else pack(values, kind)
        key = f"blob{len(self.blobs)}"
        self.blobs.append(f'      {key}: "0x10000000{data.hex()}"')
        type = tensor(values.shape, kind)
        name = self.name()
        self.lines.append(f"  {name} = qc.constant dense_resource<{key}> : {type} : {type}")
        self.allowed += len(data)
        return name

    def input(self, values, kind):
        port = f"x{len(self.inputs)}"
        self.inputs.append((port, tensor(values.shape, kind)))
        self.feeds[port] = values
        return "%" + port

    def output(self, value, expected, tolerance=None):
        port = f"y{len(self.outputs)}"
        self.outputs.append((value, port, tensor(expected.shape, "f32")))
        self.expected[port] = expected.astype(np.float32), tolerance

    def codes(self, shape, kind):
        if is_float(kind):
            return self.random.normal(0, 2, shape).astype(FLOATS[kind]).astype(np.float32)
        low, high = code_range(kind)
        values = self.random.integers(low, high + 1, shape)
        ends = self.random.random(shape)
        return np.where(ends < 0.1, low, np.where(ends > 0.9, high, values))

    def dequantized(self, shape, kind, axis, block=0, per_tensor=False, symmetric=True):
        """The dequantized constant, its codes minus zero points and its scales, both of
        its shape."""
        if block:
            parameters = [size if d != axis else -(-size // block) for d, size in enumerate(shape)]
        else:
            parameters = [] if per_tensor else [shape[axis]]
        codes = self.codes(shape, kind)
        scales = np.exp2(self.random.uniform(-6, -2, parameters)).astype(np.float32)
        zeros = np.zeros(parameters) if symmetric or is_float(kind) else self.codes(parameters, kind)
        operands = [self.constant(np.asarray(codes), kind), self.constant(np.asarray(scales), "f32"),
                    self.constant(np.asarray(zeros), kind)]
        types = ", ".join([tensor(shape, kind), tensor(parameters, "f32"), tensor(parameters, kind)])
        value = self.op(f"qc.dequantize {', '.join(operands)} {{axis = {0 if per_tensor else axis} : i64, "
                        f"blockSize = {block} : i64}} : ({types})", shape, "f32")

        def spread(values):
            if block:
                index = np.minimum(np.arange(shape[axis]) // block, parameters[axis] - 1)
                return np.take(values, index, axis)
            return np.broadcast_to(values if per_tensor else
                                   values.reshape([-1 if d == axis else 1 for d in range(len(shape))]), shape)
        return value, codes - spread(zeros), spread(scales)

    def data(self, shape):
        """Dequantized 8-bit codes, the codes minus the zero point and their scale."""
        kind = self.pick(["ui8", "si8"])
        low, high = code_range(kind)
        codes = self.random.integers(low, high + 1, shape).astype(np.uint8 if low == 0 else np.int8)
        zero = self.pick([0, 0, 7, high])
        scale = np.float32(np.exp2(self.random.uniform(-6, -2)))
        x = self.input(codes, kind)
        s, z = self.constant(np.asarray(scale), "f32"), self.constant(np.asarray(zero), kind)
        value = self.op(f"qc.dequantize {x}, {s}, {z} {{axis = 0 : i64}} : ({tensor(shape, kind)}, tensor<f32>, "
                        f"tensor<{kind}>)", shape, "f32")
        return value, codes.astype(np.int64) - zero, scale

    def contraction(self, kind, is_integer, block=0):
        random = self.random
        symmetric = bool(random.random() < 0.5)
        per_tensor = not block and bool(random.random() < 0.3)
        is_conv = bool(random.random() < 0.6)
        if is_conv:
            group = self.pick([1, 1, 2, 24])
            channels = group * (1 if group == 24 else self.pick([3, 4, 16, 33]))
            out = group * (1 if group == 24 else self.pick([8, 16, 40]))
            pad, taps = self.pick([0, 1]), self.pick([1, 3])
            shape, axis = (out, channels // group, taps, taps), 1 if block else 0
            x_shape = (1, channels, 6, 7)
        else:
            rows, depth, columns = self.pick([1, 1, 2, 3, 7, 20]), self.pick([30, 64, 100, 260]), self.pick([16, 40, 96])
            shape, axis = (depth, columns), 0 if block else 1
            x_shape = (rows, depth)
        if is_integer:
            x, x_codes, x_scale = self.data(x_shape)
        else:
            x_codes = random.normal(0, 1, x_shape).astype(np.float32)
            x, x_scale = self.input(x_codes, "f32"), 1
        w, w_codes, w_scales = self.dequantized(shape, kind, axis, block, per_tensor, symmetric)
        factors = x_codes, w_codes if is_integer else w_codes * w_scales.astype(np.float64)

        def contract(x, w):
            if not is_conv:
                return x @ w
            per = channels // group
            return np.concatenate([convolve(x[:, g * per:(g + 1) * per], w[g * (out // group):(g + 1) * (out // group)],
                                            pad) for g in range(group)], 1)
        sums = contract(*factors)
        if is_conv:
            text = (f"qc.conv {x}, {w} {{strides = array<i64: 1, 1>, pads = array<i64: {pad}, {pad}, {pad}, {pad}>, "
                    f"dilations = array<i64: 1, 1>, group = {group} : i64}}")
        else:
            text = f"qc.matmul {x}, {w}"
        y = self.op(f"{text} : ({tensor(x_shape, 'f32')}, {tensor(shape, 'f32')})", sums.shape, "f32")
        if not is_integer:
            self.output(y, sums, np.exp2(-20) * contract(*map(np.abs, factors)))
            return
        # qc-to-integer: the exact sum as f32, times fl(s_x s_w).
        scales = w_scales[:, 0, 0, 0].reshape(1, -1, 1, 1) if is_conv else w_scales[:1]
        self.output(y, sums.astype(np.float32) * (x_scale * scales).astype(np.float32))

    def gather(self, kind, mode):
        rows, columns = self.pick([40, 101]), self.pick([48, 64, 99])
        symmetric = bool(self.random.random() < 0.5)
        axis = {"rows": 0, "columns": 1, "tensor": 0}.get(mode, 1)
        block = mode if isinstance(mode, int) else 0
        w, codes, scales = self.dequantized((rows, columns), kind, axis, block, mode == "tensor", symmetric)
        indices = self.random.integers(0, rows, self.pick([(3,), (1, 5)]))
        i = self.input(indices, "si64")
        expected = (codes.astype(np.float32) * scales)[indices]
        self.output(self.op(f"qc.gather {w}, {i} {{axis = 0 : i64}} : ({tensor((rows, columns), 'f32')}, "
                            f"{tensor(indices.shape, 'si64')})", expected.shape, "f32"), expected)
        return w, codes.astype(np.float32) * scales

    def tied(self, kind, mode):
        """An embedding whose transpose is the classifier."""
        w, table = self.gather(kind, mode)
        rows, columns = table.shape
        x = self.random.normal(0, 1, (2, columns)).astype(np.float32)
        t = self.op(f"qc.transpose {w} {{permutation = array<i64: 1, 0>}} : ({tensor(table.shape, 'f32')})",
                    (columns, rows), "f32")
        y = self.op(f"qc.matmul {self.input(x, 'f32')}, {t} : ({tensor(x.shape, 'f32')}, "
                    f"{tensor((columns, rows), 'f32')})", (2, rows), "f32")
        wide = table.astype(np.float64).T
        self.output(y, x @ wide, np.exp2(-20) * (np.abs(x) @ np.abs(wide)))

    def text(self):
        arguments = ", ".join(f'%{name}: {type} {{qc.name = "{name}"}}' for name, type in self.inputs)
        results = ", ".join(f'{type} {{qc.name = "{name}"}}' for _, name, type in self.outputs)
        body = "\n".join(self.lines)
        values = ", ".join(value for value, _, _ in self.outputs)
        types = ", ".join(type for _, _, type in self.outputs)
        blobs = ",\n".join(self.blobs)
        return (f"func.func @main({arguments}) -> ({results}) {{\n{body}\n  return {values} : {types}\n}}\n"
                f"{{-#\n  dialect_resources: {{\n    builtin: {{\n{blobs}\n    }}\n  }}\n#-}}\n")

    def check(self, folder, target, *options):
        outputs = run(folder, target, self.text(), self.feeds, *options)
        for port, (expected, tolerance) in self.expected.items():
            if tolerance is None:
                np.testing.assert_array_equal(outputs[port], expected, port)
            else:
                assert (np.abs(outputs[port].astype(np.float64) - expected) <= tolerance).all(), port
        if target == "cpu":
            self.check_artifact(folder)

    def check_artifact(self, folder):
        """The size of the weights, and that no access leaves its buffer."""
        artifact = os.path.join(folder, "artifact.so")
        sys.path.insert(0, os.path.join(qctest.ROOT, "python"))
        import qcrt
        model = qcrt.Model(artifact)
        assert model.weights_bytes <= self.allowed, (model.weights_bytes, self.allowed)
        files = {name: os.path.join(folder, f"in_{name}.npy") for name in self.feeds}
        os.makedirs(out := os.path.join(folder, "guarded"), exist_ok=True)
        guarded = qctest.run_artifact(artifact, "cpu", files, out, 120, "--guard")
        for port, value in qctest.run_artifact(artifact, "cpu", files, out, 60, "--threads", "3").items():
            np.testing.assert_array_equal(guarded[port], value, port)


def convolve(x, w, pad):
    if np.issubdtype(x.dtype, np.integer):
        return correlate(x, w, 0, pad)
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, w.shape[2:], (2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, w)


def tensor(shape, kind):
    return "tensor<" + "".join(f"{size}x" for size in shape) + kind + ">"


@pytest.fixture(params=["cpu", "ptx-sim", "hls-csim"])
def target(request):
    return request.param


def test_integer_contractions(target, tmp_path):
    for round in range(4 if target == "cpu" else 1):
        model = Model(round)
        for kind in INTEGERS if target == "cpu" else ("si3", "ui4", "si6"):
            model.contraction(kind, is_integer=True)
        model.check(make(tmp_path, round), target)


# Tests of their own, because workers share tests and these are the longest.
@pytest.mark.parametrize("target, seed", [*(("cpu", seed) for seed in range(100, 104)), ("ptx-sim", 100), ("hls-csim", 100)])
def test_float_contractions(target, seed, tmp_path):
    model = Model(seed)
    for kind in (*INTEGERS, *FLOATS) if target == "cpu" else ("si3", "ui4", "f8E4M3FN"):
        model.contraction(kind, is_integer=False)
        model.contraction(kind, is_integer=False, block=model.pick([16, 32, 64, 128, 256]))
    model.check(str(tmp_path), target)


@pytest.mark.parametrize("form", qctest.cpu_forms())
def test_forms_of_the_cpu_code(form, tmp_path):
    model = Model(500)
    for kind in INTEGERS:
        model.contraction(kind, is_integer=True)
        model.contraction(kind, is_integer=False)
        model.contraction(kind, is_integer=False, block=32)
    try:
        model.check(str(tmp_path), "cpu", "--mcpu=" + form)
    except qctest.RunFailure as failure:
        if "cannot run" not in str(failure):
            raise
        pytest.skip("not on this CPU")


def test_gathers(target, tmp_path):
    model = Model(200)
    for kind in (*INTEGERS, *FLOATS) if target == "cpu" else ("si3", "ui4", "si8"):
        for mode in ("rows", "columns", "tensor", 16, 32):
            model.gather(kind, mode)
    model.check(make(tmp_path, 0), target)


def test_tied_embeddings(target, tmp_path):
    model = Model(300)
    for kind in ("si4", "ui4", "si6", "si8"):
        for mode in ("rows", "tensor", 32):
            model.tied(kind, mode)
    model.check(make(tmp_path, 0), target)


def test_size_of_artefacts(tmp_path):
    """Layers as large as those of networks: 64 KiB are little beside them."""
    for kind in ("si2", "si3", "si4", "ui5", "si8", "f8E5M2"):
        model = Model(400)
        low, high = (0, 0) if is_float(kind) else code_range(kind)
        x = model.input(model.random.normal(0, 1, (2, 512)).astype(np.float32), "f32")
        for block in (0, 32, 128):
            w, codes, scales = model.dequantized((512, 1024), kind, 0 if block else 1, block)
            expected = model.feeds["x0"] @ (codes * scales.astype(np.float64))
            model.output(model.op(f"qc.matmul {x}, {w} : (tensor<2x512xf32>, tensor<512x1024xf32>)", (2, 1024), "f32"),
                         expected, np.exp2(-20) * (np.abs(model.feeds["x0"]) @ np.abs(codes * scales)))
        if low < high:
            data, sums, scale = model.data((1, 64, 8, 8))
            w, codes, scales = model.dequantized((256, 64, 3, 3), kind, 0)
            sums = correlate(sums, codes.astype(np.int64), 0, 1)
            y = model.op(f"qc.conv {data}, {w} {{strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = "
                         "array<i64: 1, 1>, group = 1 : i64} : (tensor<1x64x8x8xf32>, tensor<256x64x3x3xf32>)",
                         sums.shape, "f32")
            model.output(y, sums.astype(np.float32) * (scale * scales[:, 0, 0, 0].reshape(1, -1, 1, 1)))
        model.check(make(tmp_path, kind), "cpu")


def make(folder, number):
    path = folder / str(number)
    path.mkdir()
    return str(path)
