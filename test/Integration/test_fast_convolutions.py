# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Fast convolutions with products of codes (the attribute qc.transform with scales)
against their definition in numpy, bit for bit: every form of the CPU code, the
simulated GPU, HLS C++.

The matrices of an algorithm are read off its transforms, one unit vector after the
other, and must form a convolution; the arithmetic between them is written a second
time here from the description in qc/Dialect/QC/Transforms/ConvTransform.h.
"""
import dataclasses
import functools
import os
import sys
import tempfile

import numpy as np
import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import qctest  # noqa: E402

FORMS = qctest.cpu_forms()


def run(folder, text, feeds, *options, target="cpu"):
    path = os.path.join(folder, "model.mlir")
    with open(path, "w") as file:
        file.write(text)
    return qctest.compile_and_run(path, target, feeds, folder, *options)


# ---------------------------------------------------------------------------
# Algorithms


@dataclasses.dataclass(frozen=True)
class Algorithm:
    name: str
    outputs: tuple
    taps: tuple
    denominator: int

    @property
    def tile(self):
        return tuple(m + r - 1 for m, r in zip(self.outputs, self.taps))


ALGORITHMS = [Algorithm("sfc-6(6x6,3x3)", (6, 6), (3, 3), 36), Algorithm("sfc-6(7x7,3x3)", (7, 7), (3, 3), 36),
              Algorithm("sfc-4(4x4,3x3)", (4, 4), (3, 3), 16), Algorithm("sfc-6(4x4,5x5)", (4, 4), (5, 5), 36),
              Algorithm("sfc-6(1x6,1x3)", (1, 6), (1, 3), 6), Algorithm("winograd(2x2,3x3)", (2, 2), (3, 3), 4),
              Algorithm("winograd(4x4,3x3)", (4, 4), (3, 3), 576)]

PROBE = """
func.func @main(%x: tensor<{l}x1x{th}x{tw}xf32> {{qc.name = "x"}}, %w: tensor<{r}x1x{rh}x{rw}xf32> {{qc.name = "w"}}, %m: tensor<{t}x{t}x1xf32> {{qc.name = "m"}})
    -> (tensor<{t}x{l}x1xf32> {{qc.name = "v"}}, tensor<{t}x1x{r}xf32> {{qc.name = "u"}}, tensor<{t}x1x{oh}x{ow}xf32> {{qc.name = "y"}}) {{
  %v = qc.sfc_input_transform %x {{algorithm = "{name}"}} : (tensor<{l}x1x{th}x{tw}xf32>) -> tensor<{t}x{l}x1xf32>
  %u = qc.sfc_weight_transform %w {{algorithm = "{name}"}} : (tensor<{r}x1x{rh}x{rw}xf32>) -> tensor<{t}x1x{r}xf32>
  %y = qc.sfc_output_transform %m {{algorithm = "{name}", height = {oh} : i64, width = {ow} : i64}} : (tensor<{t}x{t}x1xf32>) -> tensor<{t}x1x{oh}x{ow}xf32>
  return %v, %u, %y : tensor<{t}x{l}x1xf32>, tensor<{t}x1x{r}xf32>, tensor<{t}x1x{oh}x{ow}xf32>
}}
"""

PRODUCTS = {"sfc-6(6x6,3x3)": 88, "sfc-6(7x7,3x3)": 132, "sfc-4(4x4,3x3)": 46, "sfc-6(4x4,5x5)": 88, "sfc-6(1x6,1x3)": 10,
            "winograd(2x2,3x3)": 16, "winograd(4x4,3x3)": 36}


@functools.lru_cache
def matrices(algorithm):
    """B (T x tile), G (T x taps), A (outputs x T) of integers: they are proven to be a
    convolution before they are used."""
    products, tile, taps = PRODUCTS[algorithm.name], np.prod(algorithm.tile), np.prod(algorithm.taps)
    text = PROBE.format(name=algorithm.name, l=tile, r=taps, t=products, th=algorithm.tile[0], tw=algorithm.tile[1],
                        rh=algorithm.taps[0], rw=algorithm.taps[1], oh=algorithm.outputs[0], ow=algorithm.outputs[1])
    feeds = {"x": np.eye(tile, dtype=np.float32).reshape(tile, 1, *algorithm.tile),
             "w": np.eye(taps, dtype=np.float32).reshape(taps, 1, *algorithm.taps),
             "m": np.eye(products, dtype=np.float32).reshape(products, products, 1)}
    with tempfile.TemporaryDirectory(prefix="qc-probe-") as folder:
        result = run(folder, text, feeds)
    b = result["v"][:, :, 0].astype(np.int64)
    scaled = result["u"][:, 0].astype(np.float64) * algorithm.denominator
    g = np.rint(scaled).astype(np.int64)
    assert np.abs(scaled - g).max() < 1e-3
    a = result["y"].reshape(products, -1).T.astype(np.int64)
    identity = np.einsum("jt,tk,ti->jki", a, g, b).reshape(*algorithm.outputs, *algorithm.taps, *algorithm.tile)
    for index in np.ndindex(*identity.shape):
        hit = all(index[d] + index[2 + d] == index[4 + d] for d in range(2))
        assert identity[index] == (algorithm.denominator if hit else 0)
    return b, g, a


# ---------------------------------------------------------------------------
# The definition


def quantize_column(values, bits):
    """Codes and scale of one product and output channel's weights."""
    levels, largest = 2**(bits - 1) - 1, np.abs(values).max()
    best = None
    for percent in range(100, 30 if bits < 8 else 95, -5):
        scale = largest * percent / (100.0 * levels) if largest else 1.0
        error = ((np.abs(values) - np.minimum(np.rint(np.abs(values) / scale), levels) * scale)**2).sum()
        if best is None or error < best[0]:
            best = error, scale
    scale = best[1]
    return np.clip(np.rint(values / scale), -levels, levels).astype(np.int64), scale


def convolution(x, zero, w, bias, pad, algorithm, bits, scales, offsets, weights):
    """The convolution's si32 sums, and whether products of codes fit si16. `scales` are
    products x 1 or x input channels; `weights` are codes and their scales, if not to
    nearest."""
    b, g, a = matrices(algorithm)
    products, zero_code = len(b), 2**(bits - 1)
    channels = len(w)
    # Weights.
    exact = np.einsum("tj,kcj->tck", g, w.reshape(*w.shape[:2], -1).astype(np.int64))
    codes, steps = np.zeros_like(exact), np.zeros((products, channels))
    for t, k in np.ndindex(products, channels):
        codes[t, :, k], steps[t, k] = quantize_column(scales[t].astype(np.float64) * exact[t, :, k], bits)
    if weights:
        codes, steps = weights[0].astype(np.int64), weights[1].astype(np.float64)
    shifts = np.rint(-offsets[:, None] * exact.sum(1) / steps)
    constants = shifts.astype(np.int64) - zero_code * codes.sum(1)
    # Units.
    ends = np.stack([-zero_code * codes, (zero_code - 1) * codes])
    reach = np.maximum(np.abs(ends.min(0).sum(1) + shifts), np.abs(ends.max(0).sum(1) + shifts))
    real = steps / algorithm.denominator
    bound = (reach * real).max(0)
    units = 2.0**np.ceil(np.log2(np.maximum(bound / 32767, 1)))
    gains = (a**2).sum(0)[:, None]
    noise = (gains * real**2 * (codes**2).sum(1) / 12).sum(0)
    share = (gains.sum() / 12 * units**2 / np.where(units > 1, noise, np.inf)).sum()
    narrow = share <= channels / 16
    if not narrow:
        units = np.ones_like(units)
    factors = (real / units).astype(np.float32)
    # Data.
    height, width = (x.shape[2 + d] + 2 * pad[d] - algorithm.taps[d] + 1 for d in range(2))
    rows, columns = -(-height // algorithm.outputs[0]), -(-width // algorithm.outputs[1])
    padded = np.full((*x.shape[:2], rows * algorithm.outputs[0] + algorithm.taps[0] - 1,
                      columns * algorithm.outputs[1] + algorithm.taps[1] - 1), zero, np.int64)
    padded[:, :, pad[0]:pad[0] + x.shape[2], pad[1]:pad[1] + x.shape[3]] = x
    windows = np.lib.stride_tricks.sliding_window_view(padded, algorithm.tile, (2, 3))
    tiles = windows[:, :, ::algorithm.outputs[0], ::algorithm.outputs[1]]  # N C Y X tile
    tiles = tiles.transpose(0, 2, 3, 1, 4, 5).reshape(-1, x.shape[1], b.shape[1])
    data = np.einsum("tj,pcj->tpc", b, tiles) + offsets[:, None, None]
    inverse = (np.float32(1) / scales)[:, None, :]
    data = np.clip(np.rint(data.astype(np.float32) * inverse).astype(np.float64) + zero_code, 0, 2**bits - 1)
    sums = np.matmul(data.astype(np.int64), codes) + constants[:, None]
    m = np.rint(sums.astype(np.float32) * factors[:, None]).astype(np.int64)
    assert not narrow or np.abs(m).max() <= 32767
    y = np.einsum("jt,tpk->pkj", a, m) * units.astype(np.int64)[:, None]
    y = y.reshape(len(x), rows, columns, channels, *algorithm.outputs).transpose(0, 3, 1, 4, 2, 5)
    y = y.reshape(len(x), channels, rows * algorithm.outputs[0], columns * algorithm.outputs[1])[:, :, :height, :width]
    bias = bias.astype(np.int64) - zero * w.reshape(channels, -1).astype(np.int64).sum(1)
    return (y + bias[:, None, None]).astype(np.int32), narrow


def direct(x, zero, w, bias, pad):
    centered = np.pad(x.astype(np.int64) - zero, ((0, 0), (0, 0), (pad[0], pad[0]), (pad[1], pad[1])))
    windows = np.lib.stride_tricks.sliding_window_view(centered, w.shape[2:], (2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, w.astype(np.int64), optimize=True) + bias[:, None, None]


def ranges(x, zero, pad, algorithm):
    """Smallest and largest transformed value per product."""
    b, _, _ = matrices(algorithm)
    wide = np.pad(x.astype(np.int64), ((0, 0), (0, 0), *((p + t, p + t) for p, t in zip(pad, algorithm.tile))),
                  constant_values=zero)
    tiles = np.lib.stride_tricks.sliding_window_view(wide, algorithm.tile, (2, 3)).reshape(-1, b.shape[1])
    data = tiles[::7] @ b.T
    return data.min(0), data.max(0)


# ---------------------------------------------------------------------------
# Tests

MODEL = """
func.func @main(%x: tensor<{n}x{c}x{h}x{w}x{xt}> {{qc.name = "x"}}) -> (tensor<{n}x{k}x{oh}x{ow}xsi32> {{qc.name = "y"}}) {{
  %w = qc.constant dense<{weights}> : tensor<{k}x{c}x{rh}x{rw}xsi8> : tensor<{k}x{c}x{rh}x{rw}xsi8>
  %b = qc.constant dense<{bias}> : tensor<{k}xsi32> : tensor<{k}xsi32>
  %z = qc.constant dense<{zero}> : tensor<{xt}> : tensor<{xt}>
  %y = qc.conv %x, %w bias %b x_zero %z {{strides = array<i64: 1, 1>, pads = array<i64: {ph}, {pw}, {ph}, {pw}>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {{algorithm = "{name}", bits = {bits} : i64, scales = {scales}, offsets = array<i64: {offsets}>{more}}}}}
    : (tensor<{n}x{c}x{h}x{w}x{xt}>, tensor<{k}x{c}x{rh}x{rw}xsi8>, tensor<{k}xsi32>, tensor<{xt}>) -> tensor<{n}x{k}x{oh}x{ow}xsi32>
  return %y : tensor<{n}x{k}x{oh}x{ow}xsi32>
}}
"""


@dataclasses.dataclass
class Case:
    algorithm: Algorithm
    bits: int
    channels: int = 5
    out: int = 4
    size: tuple = (13, 10)
    images: int = 2
    dtype: type = np.uint8
    zero: int = 0
    seed: int = 0
    clip: float = 1.0  # of the range that occurs
    per_channel: bool = False
    rounded: bool = False  # weights and biases are given

    def __post_init__(self):
        random = np.random.default_rng(self.seed)
        self.pad = tuple(r // 2 for r in self.algorithm.taps)
        shape = (self.images, self.channels, *self.size)
        info = np.iinfo(self.dtype)
        smooth = random.standard_normal(shape).cumsum(2).cumsum(3)
        smooth *= 90 / np.abs(smooth).max()
        self.x = np.clip(np.rint(smooth + random.standard_normal(shape) * 15) + self.zero, info.min, info.max).astype(self.dtype)
        self.w = np.clip(np.rint(random.standard_normal((self.out, self.channels, *self.algorithm.taps)) * 40), -128, 127)
        self.w = self.w.astype(np.int8)
        self.w[-1, :] = 0  # A channel without weights has no scale.
        self.bias = random.integers(-9000, 9000, self.out, np.int32)
        low, high = ranges(self.x, self.zero, self.pad, self.algorithm)
        self.offsets = np.where(random.random(len(low)) < 0.3, -(low + high) // 2, 0)
        reach = np.maximum(np.abs(low + self.offsets), np.abs(high + self.offsets))
        spread = random.uniform(1, 3, (len(low), self.channels)) if self.per_channel else 1
        self.scales = np.maximum(1, self.clip * reach[:, None] * spread / 2**(self.bits - 1)).astype(np.float32)
        self.weights, self.correction = None, np.zeros(self.out, np.int32)
        if self.rounded:
            # Any codes with any scales: what they stand for does not matter here.
            levels = 2**(self.bits - 1) - 1
            self.weights = (random.integers(-levels, levels + 1, (len(low), self.channels, self.out), np.int8),
                            random.uniform(0.5, 20, (len(low), self.out)).astype(np.float32))
            self.correction = random.integers(-5000, 5000, self.out, np.int32)

    def text(self):
        def floats(values):
            return "array<f32: " + ", ".join(f"{np.float64(value):.17e}" for value in values.ravel()) + ">"
        more = ""
        if self.rounded:
            codes, scales = self.weights
            more = (f", weights = dense<{codes.tolist()}> : tensor<{'x'.join(map(str, codes.shape))}xsi8>, weight_scales = {floats(scales)}"
                    f", bias = array<i64: {', '.join(map(str, self.correction))}>")
        y = [self.size[d] + 2 * self.pad[d] - self.algorithm.taps[d] + 1 for d in range(2)]
        return MODEL.format(
            n=self.images, c=self.channels, h=self.size[0], w=self.size[1], k=self.out, oh=y[0], ow=y[1],
            xt="ui8" if self.dtype == np.uint8 else "si8", rh=self.algorithm.taps[0], rw=self.algorithm.taps[1],
            weights=self.w.tolist(), bias=self.bias.tolist(), zero=self.zero, ph=self.pad[0], pw=self.pad[1],
            name=self.algorithm.name, bits=self.bits, offsets=", ".join(map(str, self.offsets.tolist())), scales=floats(self.scales), more=more)

    def expected(self):
        return convolution(self.x, self.zero, self.w, self.bias + self.correction, self.pad, self.algorithm, self.bits, self.scales,
                           self.offsets, self.weights)

    def check(self, folder, *options, target="cpu"):
        expected, narrow = self.expected()
        actual = run(folder, self.text(), {"x": self.x}, *options, target=target)["y"]
        np.testing.assert_array_equal(actual, expected)
        return expected, narrow


def sqnr(reference, value):
    reference, value = reference.astype(np.float64), value.astype(np.float64)
    return 10 * np.log10((reference**2).sum() / ((reference - value)**2).sum())


@pytest.mark.parametrize("bits", [8, 6, 4])
@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: algorithm.name)
def test_is_the_definition(algorithm, bits, tmp_path):
    case = Case(algorithm, bits, seed=bits)
    expected, _ = case.check(tmp_path)
    # The definition itself is a convolution: 6 dB a bit, Winograd's F(4x4) less.
    least = 6 * bits - (32 if algorithm.name == "winograd(4x4,3x3)" else 16)
    assert sqnr(direct(case.x, case.zero, case.w, case.bias, case.pad), expected) > least


def check_form(case, form, folder):
    try:
        case.check(folder, "--mcpu=" + form)
    except qctest.RunFailure as failure:
        if "CPU" not in str(failure):
            raise
        pytest.skip(f"this machine does not run {form}")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("channels, out", [(64, 64), (19, 33), (3, 1)])
def test_forms(form, channels, out, tmp_path):
    """Vectors and their rests; zero points; clipped data."""
    case = Case(ALGORITHMS[0], 8, channels, out, zero=128 if out == 64 else 3, clip=0.3, seed=out)
    check_form(case, form, tmp_path)


@pytest.mark.parametrize("channels, out", [(64, 64), (19, 33), (3, 1)])
def test_signed_data(channels, out, tmp_path):
    Case(ALGORITHMS[1], 8, channels, out, dtype=np.int8, zero=-7, seed=out).check(tmp_path, "--mcpu=native")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("channels, out", [(64, 64), (19, 33), (1, 2)])
def test_scales_of_channels_and_given_weights(form, channels, out, tmp_path):
    case = Case(ALGORITHMS[0], 8, channels, out, zero=3, seed=out, per_channel=True, rounded=True)
    check_form(case, form, tmp_path)


@pytest.mark.parametrize("channels, out", [(64, 64), (19, 33), (1, 2)])
def test_scales_of_channels(channels, out, tmp_path):
    case = Case(ALGORITHMS[0], 8, channels, out, seed=out, per_channel=True)
    expected, _ = case.check(tmp_path, "--mcpu=native")
    assert sqnr(direct(case.x, case.zero, case.w, case.bias, case.pad), expected) > 25


@pytest.mark.parametrize("target", ["ptx-sim", "hls-csim"])
@pytest.mark.parametrize("algorithm, bits", [(ALGORITHMS[0], 8), (ALGORITHMS[2], 6), (ALGORITHMS[6], 4)],
                         ids=lambda value: getattr(value, "name", value))
def test_targets(target, algorithm, bits, tmp_path):
    for rounded in (False, True):
        Case(algorithm, bits, 4, 3, (7, 9), 1, seed=9, per_channel=rounded, rounded=rounded).check(tmp_path, target=target)


def test_products_of_16_and_32_bits(tmp_path):
    """Where a single product is far larger than the others, 16 bits are too few for those."""
    narrow, wide = Case(ALGORITHMS[0], 8, 32, 8), Case(ALGORITHMS[0], 8, 96, 8)
    wide.scales[0] = 300
    widths = []
    for case in narrow, wide:
        widths.append(case.check(tmp_path)[1])
    assert widths == [True, False]


SUMS = """
func.func @main(%x: tensor<2x16x13x10xui8> {{qc.name = "x"}}, %z: tensor<ui8> {{qc.name = "z"}}, %b: tensor<16xsi32> {{qc.name = "b"}}) -> (tensor<2x16x13x10xsi32> {{qc.name = "y"}}) {{
  %w = qc.constant dense<{weights}> : tensor<16x16x3x3xsi8> : tensor<16x16x3x3xsi8>
  %zero = qc.constant dense<7> : tensor<ui8> : tensor<ui8>
  %bias = qc.constant dense<{bias}> : tensor<16xsi32> : tensor<16xsi32>
  %y = qc.conv %x, %w bias {operands} {{strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64}} : (tensor<2x16x13x10xui8>, tensor<16x16x3x3xsi8>, tensor<16xsi32>{zero}) -> tensor<2x16x13x10xsi32>
  return %y : tensor<2x16x13x10xsi32>
}}
"""


@pytest.mark.parametrize("bias", ["%b", "%bias"])
@pytest.mark.parametrize("zero", ["%z", "%zero", None])
def test_zero_points_and_biases_that_are_inputs(zero, bias, tmp_path):
    """Exact products: what cannot be folded before the transforms must not get lost."""
    random = np.random.default_rng(0)
    x, w = random.integers(0, 256, (2, 16, 13, 10), np.uint8), random.integers(-128, 128, (16, 16, 3, 3), np.int8)
    biases = {"%b": random.integers(-9000, 9000, 16, np.int32), "%bias": random.integers(-9000, 9000, 16, np.int32)}
    zeros = {"%z": np.array(100, np.uint8), "%zero": np.array(7, np.uint8), None: np.array(0, np.uint8)}
    text = SUMS.format(weights=w.tolist(), bias=biases["%bias"].tolist(), operands=bias + (f" x_zero {zero}" if zero else ""),
                       zero=", tensor<ui8>" if zero else "")
    actual = run(tmp_path, text, {"x": x, "z": zeros["%z"], "b": biases["%b"]}, "--conv-algorithm=sfc-6")["y"]
    np.testing.assert_array_equal(actual, direct(x, int(zeros[zero]), w, biases[bias], (1, 1)))


NARROW = """
func.func @main(%x: tensor<1x19x13x10xui8> {{qc.name = "x"}}) -> (tensor<1x33x13x10xsi32> {{qc.name = "y"}}) {{
  %w = qc.constant dense<{weights}> : tensor<33x19x3x3x{type}> : tensor<33x19x3x3x{type}>
  %b = qc.constant dense<{bias}> : tensor<33xsi32> : tensor<33xsi32>
  %y = qc.conv %x, %w bias %b {{strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64}} : (tensor<1x19x13x10xui8>, tensor<33x19x3x3x{type}>, tensor<33xsi32>) -> tensor<1x33x13x10xsi32>
  return %y : tensor<1x33x13x10xsi32>
}}
"""


@pytest.mark.parametrize("target", ["cpu", "ptx-sim", "hls-csim"])
@pytest.mark.parametrize("algorithm", ["sfc-6", "direct"])
@pytest.mark.parametrize("bits", [2, 4, 7])
def test_weights_of_few_bits(bits, algorithm, target, tmp_path):
    """They are bytes before they are transformed, and small where they are not."""
    random = np.random.default_rng(bits)
    x = random.integers(0, 256, (1, 19, 13, 10), np.uint8)
    w = random.integers(-(1 << bits - 1), 1 << bits - 1, (33, 19, 3, 3), np.int8)
    # All inputs at their end meet weights at theirs.
    x[:, :, :5, :5], w[0], w[1] = 255, -(1 << bits - 1), (1 << bits - 1) - 1
    bias = random.integers(-9000, 9000, 33, np.int32)
    text = NARROW.format(type=f"si{bits}", weights=w.tolist(), bias=bias.tolist())
    actual = run(tmp_path, text, {"x": x}, f"--conv-algorithm={algorithm}", target=target)["y"]
    np.testing.assert_array_equal(actual, direct(x, 0, w, bias, (1, 1)))
