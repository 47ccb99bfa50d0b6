# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The integer level on every target, against its definition in numpy.

Both modes of requantization bit for bit, on random and on extreme numbers; sums
that leave 32 bits; codes of 16 bits and of less than a byte. The definitions are
those of qc-to-integer (docs: TableGen descriptions of the pass and the ops),
written a second time here with int64 and float32 arrays.
"""
import os
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import qctest  # noqa: E402

INT32 = np.iinfo(np.int32)
OPSET = 21


# ---------------------------------------------------------------------------
# Definitions


def saturate(codes, dtype):
    return np.clip(codes, np.iinfo(dtype).min, np.iinfo(dtype).max).astype(dtype)


def requantize_float(acc, factor, zero, dtype):
    """saturate(round_half_even(fl(float(acc) factor)) + zero), factor in f32."""
    scaled = acc.astype(np.float32) * factor.astype(np.float32)
    return saturate(np.rint(scaled).astype(np.float64) + zero, dtype)


def fixed_factor(factor):
    """M and k of factor = M 2^-k, |M| in [2^30, 2^31) rounded half to even."""
    fraction, exponent = np.frexp(np.float64(factor))
    multiplier = int(np.rint(np.ldexp(fraction, 31)))
    if abs(multiplier) == 1 << 31:
        multiplier, exponent = multiplier // 2, exponent + 1
    shift = 31 - int(exponent)
    assert 0 <= shift <= 62
    return multiplier, shift


def requantize_fixed(acc, multipliers, shifts, zero, dtype):
    """((acc M + 2^(k-1)) >> k) + zero with Python's integers, which do not overflow."""
    def one(a, m, k):
        return ((int(a) * int(m) + ((1 << int(k)) >> 1)) >> int(k)) + zero
    codes = np.vectorize(one, otypes=[object])(acc, multipliers, shifts)
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    return np.vectorize(lambda code: min(max(code, low), high), otypes=[np.int64])(codes).astype(dtype)


def correlate(x, w, zero, pad):
    """Exact convolution of codes in int64; positions outside contribute nothing."""
    centered = np.pad(x.astype(np.int64) - zero, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(centered, w.shape[2:], (2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, w.astype(np.int64))


# ---------------------------------------------------------------------------
# Running


def run(folder, target, model, feeds, *options):
    """Outputs of `model` (an onnx model or MLIR text) on a target."""
    path = os.path.join(folder, "model.mlir" if isinstance(model, str) else "model.onnx")
    if isinstance(model, str):
        with open(path, "w") as file:
            file.write(model)
    else:
        onnx.checker.check_model(model)
        onnx.save(model, path)
    return qctest.compile_and_run(path, target, feeds, folder, *options)


def model_of(nodes, inputs, outputs, constants, opset=OPSET):
    """`inputs` and `outputs` map names to (dtype, shape), `constants` to arrays or TensorProtos."""
    def info(ports):
        return [helper.make_tensor_value_info(name, dtype if isinstance(dtype, int) else
                                              helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)
                for name, (dtype, shape) in ports.items()]
    tensors = [value if isinstance(value, TensorProto) else numpy_helper.from_array(np.asarray(value), name)
               for name, value in constants.items()]
    graph = helper.make_graph(nodes, "g", info(inputs), info(outputs), tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


@pytest.fixture(params=[name for name in qctest.TARGETS if name != "cuda"])
def target(request):
    return request.param


def codes(random, dtype, shape):
    """Random codes with the ends of the range among them."""
    info = np.iinfo(dtype)
    values = random.integers(info.min, info.max, shape, dtype, endpoint=True)
    choice = random.random(shape)
    values[choice < 0.1] = info.min
    values[choice > 0.9] = info.max
    return values


# ---------------------------------------------------------------------------
# Requantization


FIXED = """
func.func @main(%acc: tensor<{n}x{c}xsi32> {{qc.name = "acc"}}) -> (tensor<{n}x{c}x{type}> {{qc.name = "q"}}) {{
  %m = qc.constant dense<{m}> : tensor<{c}xsi32> : tensor<{c}xsi32>
  %k = qc.constant dense<{k}> : tensor<{c}xsi32> : tensor<{c}xsi32>
  %z = qc.constant dense<{z}> : tensor<{type}> : tensor<{type}>
  %q = qc.requantize_fixed %acc, %m, %k, %z {{axis = 1 : i64}} : (tensor<{n}x{c}xsi32>, tensor<{c}xsi32>, tensor<{c}xsi32>, tensor<{type}>) -> tensor<{n}x{c}x{type}>
  return %q : tensor<{n}x{c}x{type}>
}}
"""


@pytest.mark.parametrize("dtype, zero", [(np.uint8, 0), (np.int8, -128), (np.uint8, 255), (np.int16, 11)])
def test_fixed_requantization_of_extreme_numbers(target, dtype, zero, tmp_path):
    random = np.random.default_rng(5)
    multipliers = [1 << 30, (1 << 31) - 1, -(1 << 30), -(1 << 31) + 1, 0, 1518500250, -1700000001, 1 << 30]
    shifts = [62, 0, 31, 62, 0, 37, 45, 1]
    multipliers += [int(m) for m in random.integers(1 << 30, (1 << 31) - 1, 16)]
    shifts += [int(k) for k in random.integers(20, 50, 16)]
    extreme = np.array([INT32.min, INT32.min + 1, -1, 0, 1, INT32.max - 1, INT32.max], np.int32)
    rows = [np.full(len(shifts), value, np.int32) for value in extreme]
    # Ties and their neighbours: acc with acc M = (n + 1/2) 2^k, as near as integers come.
    for n in (-3, -2, -1, 0, 1, 2, 77):
        for step in (-1, 0, 1):
            rows.append(np.array([np.clip((((2 * n + 1) << k) // 2) // (m or 1) + step, INT32.min, INT32.max)
                                  for m, k in zip(multipliers, shifts)], np.int32))
    rows += list(random.integers(INT32.min, INT32.max, (40, len(shifts)), np.int32))
    rows += list(random.integers(-40000, 40000, (40, len(shifts)), np.int32))
    acc = np.stack(rows)
    info = np.iinfo(dtype)
    text = FIXED.format(n=len(acc), c=len(shifts), m=multipliers, k=shifts, z=zero,
                        type=("ui" if info.min == 0 else "si") + str(info.bits))
    actual = run(tmp_path, target, text, {"acc": acc})["q"]
    np.testing.assert_array_equal(actual, requantize_fixed(acc, multipliers, shifts, zero, dtype))


@pytest.mark.parametrize("mode", ["float", "fixed"])
def test_network_is_the_definition(target, mode, tmp_path):
    """Conv, bias, batch norm with negative factors, Relu, Conv, mean: one answer for each mode."""
    random = np.random.default_rng(6)
    x = codes(random, np.uint8, (1, 3, 9, 9))
    w, v = codes(random, np.int8, (5, 3, 3, 3)), codes(random, np.int8, (4, 5, 1, 1))
    f32 = np.float32
    sx, sy, sz, sp = f32(0.0173), f32(0.35), f32(1.7), f32(0.11)
    sw = (random.random(5) * 0.02 + 0.001).astype(f32)
    sv = (random.random(4) * 0.02 + 0.001).astype(f32)
    bias = random.integers(-5000, 5000, 5, np.int32)
    gamma = np.array([1.5, -0.75, 2.25, -1.0, 0.5], f32)
    beta, mean = (random.standard_normal(5).astype(f32) for _ in range(2))
    variance = (random.random(5) + 0.5).astype(f32)
    product = sx * sw
    nodes = [
        helper.make_node("DequantizeLinear", ["x", "sx", "zx"], ["xd"]),
        helper.make_node("DequantizeLinear", ["w", "sw", "zw"], ["wd"], axis=0),
        helper.make_node("DequantizeLinear", ["b", "sb", "zb"], ["bd"], axis=0),
        helper.make_node("Conv", ["xd", "wd", "bd"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["c", "gamma", "beta", "mean", "variance"], ["n"], epsilon=1e-3),
        helper.make_node("Relu", ["n"], ["r"]),
        helper.make_node("QuantizeLinear", ["r", "sy", "zy"], ["rq"]),
        helper.make_node("DequantizeLinear", ["rq", "sy", "zy"], ["rd"]),
        helper.make_node("DequantizeLinear", ["v", "sv", "zv"], ["vd"], axis=0),
        helper.make_node("Conv", ["rd", "vd"], ["e"]),
        helper.make_node("QuantizeLinear", ["e", "sz", "zz"], ["eq"]),
        helper.make_node("DequantizeLinear", ["eq", "sz", "zz"], ["ed"]),
        helper.make_node("GlobalAveragePool", ["ed"], ["p"]),
        helper.make_node("QuantizeLinear", ["p", "sp", "zp"], ["y"]),
    ]
    constants = {"sx": sx, "zx": np.uint8(7), "w": w, "sw": sw, "zw": np.zeros(5, np.int8), "b": bias, "sb": product,
                 "zb": np.zeros(5, np.int32), "gamma": gamma, "beta": beta, "mean": mean, "variance": variance,
                 "sy": sy, "zy": np.uint8(0), "v": v, "sv": sv, "zv": np.zeros(4, np.int8), "sz": sz,
                 "zz": np.int8(-3), "sp": sp, "zp": np.int8(5)}
    model = model_of(nodes, {"x": (np.uint8, x.shape)}, {"y": (np.int8, (1, 4, 1, 1)), "eq": (np.int8, (1, 4, 9, 9))},
                     constants)

    def requantize(acc, unit, exact_divisor, float_divisor, zero, dtype):
        shape = (-1, 1, 1)
        if mode == "float":
            return requantize_float(acc, (unit / float_divisor).reshape(shape), zero, dtype)
        factors = [fixed_factor(np.float64(u) / exact_divisor) for u in np.atleast_1d(unit)]
        return requantize_fixed(acc, np.array([m for m, _ in factors], object).reshape(shape),
                                np.array([k for _, k in factors], object).reshape(shape), zero, dtype)

    # The batch norm goes into scale and bias in f64, each rounded once.
    factor = gamma.astype(np.float64) / np.sqrt(variance.astype(np.float64) + np.float64(f32(1e-3)))
    unit = (product.astype(np.float64) * factor).astype(f32)
    real = factor * ((bias.astype(f32) * product).astype(np.float64) - mean) + beta
    folded = np.rint(real.astype(f32) / unit).astype(np.int64)
    acc = correlate(x, w, 7, 1) + folded[:, None, None]
    rq = requantize(acc, unit, np.float64(sy), sy, 0, np.uint8)
    eq = requantize(correlate(rq, v, 0, 0), sy * sv, np.float64(sz), sz, -3, np.int8)
    total = (eq.astype(np.int64) + 3).sum((2, 3), keepdims=True)
    y = requantize(total, sz.reshape(1), np.float64(sp) * 81, sp * f32(81), 5, np.int8)
    actual = run(tmp_path, target, model, {"x": x}, f"--requantize={mode}")
    np.testing.assert_array_equal(actual["eq"], eq)
    np.testing.assert_array_equal(actual["y"], y)


def test_modes_differ(tmp_path):
    """Half up against half to even: the option reaches the code."""
    model = model_of([helper.make_node("QLinearMatMul", ["a", "sa", "za", "b", "sb", "zb", "sy", "zy"], ["y"])],
                     {"a": (np.int8, (1, 4))}, {"y": (np.int8, (1, 1))},
                     {"sa": np.float32(1), "za": np.int8(0), "b": np.ones((4, 1), np.int8), "sb": np.float32(1),
                      "zb": np.int8(0), "sy": np.float32(2), "zy": np.int8(0)})
    feeds = {"a": np.array([[1, 0, 0, 0]], np.int8)}
    assert run(tmp_path, "cpu", model, feeds)["y"].item() == 0
    assert run(tmp_path, "cpu", model, feeds, "--requantize=fixed")["y"].item() == 1
    with pytest.raises(qctest.RunFailure, match="expected float or fixed"):
        run(tmp_path, "cpu", model, feeds, "--requantize=double")


# ---------------------------------------------------------------------------
# Long sums


LONG = 70000  # 70000 * 255 * 128 is more than 2^31.


@pytest.mark.parametrize("constant", [False, True], ids=["run-time weights", "constant weights"])
@pytest.mark.parametrize("length", [LONG, 1024], ids=["64 bits", "32 bits"])
def test_long_qlinear_matmul(target, length, constant, tmp_path):
    random = np.random.default_rng(7)
    a = random.integers(200, 255, (3, length), np.uint8, endpoint=True)
    b = np.full((length, 2), -128, np.int8)
    a[0], b[:, 1] = 255, random.integers(-128, 127, length, np.int8, endpoint=True)
    scales = np.array([3e-4, 2e-4], np.float32)
    sa, sy = np.float32(0.01), np.float32(0.01 * 3e-4 * length * 200)
    constants = {"sa": sa, "za": np.uint8(0), "sb": scales, "zb": np.zeros(2, np.int8), "sy": sy, "zy": np.uint8(254)}
    inputs, feeds = {"a": (np.uint8, a.shape)}, {"a": a}
    if constant:
        constants["b"] = b
    else:
        inputs["b"], feeds["b"] = (np.int8, b.shape), b
    model = model_of([helper.make_node("QLinearMatMul", ["a", "sa", "za", "b", "sb", "zb", "sy", "zy"], ["y"])],
                     inputs, {"y": (np.uint8, (3, 2))}, constants)
    acc = a.astype(np.int64) @ b.astype(np.int64)
    assert (acc.min() < INT32.min) == (length == LONG)
    expected = requantize_float(acc, (sa * scales) / sy, 254, np.uint8)
    np.testing.assert_array_equal(run(tmp_path, target, model, feeds)["y"], expected)


@pytest.mark.parametrize("mode", ["float", "fixed"])
def test_bias_that_leaves_32_bits(target, mode, tmp_path):
    """The products alone fit; with the bias they do not. Sums of 64 bits are requantized with floats."""
    x, w = np.full((1, 64, 2, 2), 255, np.uint8), np.full((3, 64, 1, 1), 127, np.int8)
    w[2] = -128
    bias = np.array([INT32.max, INT32.max - 5, INT32.min], np.int32)
    sx, sw, sy = np.float32(0.5), np.float32(0.25), np.float32(0.5 * 0.25 * 2**31 / 100)
    model = model_of(
        [helper.make_node("QLinearConv", ["x", "sx", "zx", "w", "sw", "zw", "sy", "zy", "b"], ["y"])],
        {"x": (np.uint8, x.shape)}, {"y": (np.uint8, (1, 3, 2, 2))},
        {"sx": sx, "zx": np.uint8(0), "w": w, "sw": sw, "zw": np.int8(0), "sy": sy, "zy": np.uint8(128), "b": bias})
    acc = correlate(x, w, 0, 0) + bias.astype(np.int64)[:, None, None]
    assert acc.max() > INT32.max and acc.min() < INT32.min
    expected = requantize_float(acc, (sx * sw) / sy, 128, np.uint8)
    actual = run(tmp_path, target, model, {"x": x}, f"--requantize={mode}")["y"]
    np.testing.assert_array_equal(actual, expected)


def test_integer_results_wrap(target, tmp_path):
    """ConvInteger and MatMulInteger give int32 by definition: modulo 2^32."""
    x, w = np.full((1, LONG, 1, 1), 255, np.uint8), np.full((2, LONG, 1, 1), 255, np.uint8)
    w[1] = 3
    model = model_of(
        [helper.make_node("ConvInteger", ["x", "w"], ["y"]), helper.make_node("MatMulInteger", ["a", "b"], ["z"])],
        {"x": (np.uint8, x.shape), "a": (np.uint8, (1, LONG)), "b": (np.uint8, (LONG, 2))},
        {"y": (np.int32, (1, 2, 1, 1)), "z": (np.int32, (1, 2))}, {"w": w})
    actual = run(tmp_path, target, model, {"x": x, "a": x.reshape(1, LONG), "b": w.reshape(2, LONG).T.copy()})
    expected = np.array([LONG * 255 * 255, LONG * 255 * 3]).astype(np.int32)
    assert expected[0] != LONG * 255 * 255
    np.testing.assert_array_equal(actual["y"].ravel(), expected)
    np.testing.assert_array_equal(actual["z"].ravel(), expected)


# ---------------------------------------------------------------------------
# Other widths


def dequantized(values, scale, zero=0):
    return (values.astype(np.int64) - zero).astype(np.float32) * scale


@pytest.mark.parametrize("dtype", [np.int16, np.uint16])
def test_16_bit_codes(target, dtype, tmp_path):
    """Computed in f32 between dequantize and quantize: within a step of the exact result."""
    random = np.random.default_rng(8)
    zero = dtype(0 if dtype == np.int16 else 32768)
    x, w = codes(random, dtype, (1, 3, 6, 6)), codes(random, dtype, (4, 3, 3, 3))
    sx, sw, sy = np.float32(1e-4), np.float32(3e-5), np.float32(1e-3)
    nodes = [helper.make_node("DequantizeLinear", ["x", "sx", "z"], ["xd"]),
             helper.make_node("DequantizeLinear", ["w", "sw", "z"], ["wd"]),
             helper.make_node("Conv", ["xd", "wd"], ["c"], pads=[1, 1, 1, 1]),
             helper.make_node("QuantizeLinear", ["c", "sy", "z"], ["y"])]
    model = model_of(nodes, {"x": (dtype, x.shape)}, {"y": (dtype, (1, 4, 6, 6))},
                     {"w": w, "sx": sx, "sw": sw, "sy": sy, "z": zero})
    exact = correlate(x, w.astype(np.int64) - int(zero), int(zero), 1) * (np.float64(sx) * sw / sy)
    actual = run(tmp_path, target, model, {"x": x})["y"].astype(np.float64) - int(zero)
    info = np.iinfo(dtype)
    clipped = np.clip(exact, info.min - int(zero), info.max - int(zero))
    # A code is within half a step of the real number, and 27 f32 additions move that by 1e-5 of the range.
    assert np.abs(actual - clipped).max() < 0.5 + 1e-5 * 65536


SUB_BYTE = {"int4": (TensorProto.INT4, -8, 7), "uint4": (TensorProto.UINT4, 0, 15),
            "int2": (TensorProto.INT2, -2, 1), "uint2": (TensorProto.UINT2, 0, 3)}


def packed_tensor(name, kind, values):
    """A constant of sub-byte codes, packed from the low bits."""
    dtype, low, _ = SUB_BYTE[kind]
    bits = 4 if kind.endswith("4") else 2
    flat = values.ravel().astype(np.int64) & ((1 << bits) - 1)
    per = 8 // bits
    flat = np.concatenate([flat, np.zeros(-len(flat) % per, np.int64)]).reshape(-1, per)
    data = (flat << (bits * np.arange(per))).sum(1).astype(np.uint8).tobytes()
    return helper.make_tensor(name, dtype, values.shape, data, raw=True)


@pytest.mark.parametrize("kind", list(SUB_BYTE))
@pytest.mark.parametrize("quantized", [True, False], ids=["integer", "weights only"])
def test_sub_byte_weights(target, kind, quantized, tmp_path):
    """8-bit data: the integer form, bit for bit. Float data: f32, within rounding."""
    random = np.random.default_rng(9)
    _, low, high = SUB_BYTE[kind]
    w = random.integers(low, high, (5, 3, 3, 3), np.int64, endpoint=True)
    zero = 1 if low == 0 else 0
    sx, sw, sy = np.float32(0.02), (random.random(5) * 0.1 + 0.05).astype(np.float32), np.float32(0.05)
    nodes = [helper.make_node("DequantizeLinear", ["w", "sw", "zw"], ["wd"], axis=0)]
    constants = {"w": packed_tensor("w", kind, w), "sw": sw,
                 "zw": packed_tensor("zw", kind, np.full(5, zero)), "sx": sx, "zx": np.uint8(9), "sy": sy,
                 "zy": np.int8(1)}
    if quantized:
        x = codes(random, np.uint8, (1, 3, 6, 6))
        nodes += [helper.make_node("DequantizeLinear", ["x", "sx", "zx"], ["xd"]),
                  helper.make_node("Conv", ["xd", "wd"], ["c"], pads=[1, 1, 1, 1]),
                  helper.make_node("QuantizeLinear", ["c", "sy", "zy"], ["y"])]
        model = model_of(nodes, {"x": (np.uint8, x.shape)}, {"y": (np.int8, (1, 5, 6, 6))}, constants, 25)
        acc = correlate(x, w - zero, 9, 1)
        expected = requantize_float(acc, ((sx * sw) / sy).reshape(-1, 1, 1), 1, np.int8)
        np.testing.assert_array_equal(run(tmp_path, target, model, {"x": x})["y"], expected)
        return
    x = random.standard_normal((1, 3, 6, 6)).astype(np.float32)
    nodes.append(helper.make_node("Conv", ["x", "wd"], ["y"], pads=[1, 1, 1, 1]))
    used = {name: constants[name] for name in ("w", "sw", "zw")}
    model = model_of(nodes, {"x": (np.float32, x.shape)}, {"y": (np.float32, (1, 5, 6, 6))}, used, 25)
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
    weights = dequantized(w, sw.reshape(-1, 1, 1, 1), zero).astype(np.float64)
    expected = np.einsum("nchwij,ocij->nohw", windows, weights)
    # 27 products and additions in f32.
    np.testing.assert_allclose(run(tmp_path, target, model, {"x": x})["y"], expected, rtol=0,
                               atol=27 * 2.0**-24 * np.abs(windows).max() * np.abs(weights).max() * 27)


@pytest.mark.parametrize("kind", list(SUB_BYTE))
def test_sub_byte_activations(target, kind, tmp_path):
    """Activations of less than a byte between two integer convolutions."""
    random = np.random.default_rng(10)
    dtype, low, high = SUB_BYTE[kind]
    x, w, v = codes(random, np.uint8, (1, 3, 5, 5)), codes(random, np.int8, (6, 3, 1, 1)), codes(random, np.int8, (4, 6, 3, 3))
    sx, sw, sm, sv, sy = (np.float32(s) for s in (0.02, 0.003, 2.4 / (high - low + 1), 0.01, 0.02))
    middle = 0 if low < 0 else 1
    constants = {"sx": sx, "zx": np.uint8(120), "w": w, "sw": sw, "zw": np.int8(0), "sm": sm,
                 "zm": packed_tensor("zm", kind, np.array(middle)), "v": v, "sv": sv, "sy": sy, "zy": np.int8(-4)}
    nodes = [helper.make_node("DequantizeLinear", ["x", "sx", "zx"], ["xd"]),
             helper.make_node("DequantizeLinear", ["w", "sw", "zw"], ["wd"]),
             helper.make_node("Conv", ["xd", "wd"], ["c"]),
             helper.make_node("QuantizeLinear", ["c", "sm", "zm"], ["m"]),
             helper.make_node("DequantizeLinear", ["m", "sm", "zm"], ["md"]),
             helper.make_node("DequantizeLinear", ["v", "sv", "zw"], ["vd"]),
             helper.make_node("Conv", ["md", "vd"], ["e"], pads=[1, 1, 1, 1]),
             helper.make_node("QuantizeLinear", ["e", "sy", "zy"], ["y"])]
    model = model_of(nodes, {"x": (np.uint8, x.shape)}, {"y": (np.int8, (1, 4, 5, 5))}, constants, 25)
    acc = correlate(x, w, 120, 0)
    m = np.clip(np.rint(acc.astype(np.float32) * ((sx * sw) / sm)).astype(np.int64) + middle, low, high)
    assert {low, high} <= set(np.unique(m))
    expected = requantize_float(correlate(m, v, middle, 1), (sm * sv) / sy, -4, np.int8)
    np.testing.assert_array_equal(run(tmp_path, target, model, {"x": x})["y"], expected)
