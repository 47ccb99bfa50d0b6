# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How accurate the arithmetic of qc-expand-math is.

Each function of the pass is compiled by itself and compared with a wider
reference: f32 with numpy in f64 on every 1021st of the 2^32 bit patterns, so that
every binade has thousands of arguments; f64 with long double on random ones.
The pass's description states these bounds. `pytest -s` prints what was measured.
"""
import ctypes
import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.special

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import qctest  # noqa: E402

STEP = 1021

# name: (op, function in a wider type, largest error in units of f32's last place)
SINGLE = {
    "exp": ("math.exp", np.exp, 2), "expm1": ("math.expm1", np.expm1, 3.5), "log": ("math.log", np.log, 2),
    "log1p": ("math.log1p", np.log1p, 2), "tanh": ("math.tanh", np.tanh, 2.7), "erf": ("math.erf", scipy.special.erf, 5.5),
    "rsqrt": ("math.rsqrt", lambda x: 1 / np.sqrt(x), 2),
    "erfc": ("math.erfc", scipy.special.erfc, 0.501), "exp2": ("math.exp2", np.exp2, 0.501),
    "log2": ("math.log2", np.log2, 0.501), "log10": ("math.log10", np.log10, 0.501),
    "sin": ("math.sin", np.sin, 0.501), "cos": ("math.cos", np.cos, 0.501), "tan": ("math.tan", np.tan, 0.501),
    "asin": ("math.asin", np.arcsin, 0.501), "acos": ("math.acos", np.arccos, 0.501),
    "atan": ("math.atan", np.arctan, 0.501), "sinh": ("math.sinh", np.sinh, 0.501),
    "cosh": ("math.cosh", np.cosh, 0.501), "asinh": ("math.asinh", np.arcsinh, 0.501),
    "acosh": ("math.acosh", np.arccosh, 0.501), "atanh": ("math.atanh", np.arctanh, 0.501),
}
LARGEST_ANGLE = 4e8

# f64: largest error in units of f64's last place; long double has a reference for these.
DOUBLE = {"exp": 4, "expm1": 4, "log": 4, "log1p": 4, "tanh": 4, "sin": 4, "cos": 4, "tan": 4, "asin": 5, "acos": 5,
          "atan": 4, "sinh": 4, "cosh": 4, "asinh": 4, "acosh": 4, "atanh": 4, "log2": 4, "log10": 4, "exp2": 4}

LOOP = """
func.func @run(%x: memref<?x{type}>, %y: memref<?x{type}>, %z: memref<?x{type}>) {{
  %k = arith.constant {number!r} : {type}
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %x, %c0 : memref<?x{type}>
  scf.for %i = %c0 to %n step %c1 {{
    %a = memref.load %x[%i] : memref<?x{type}>
    %b = memref.load %y[%i] : memref<?x{type}>
    %r = {op} : {type}
    memref.store %r, %z[%i] : memref<?x{type}>
  }}
  return
}}
"""
LOWER = ("--qc-expand-math", "--convert-scf-to-cf", "--convert-cf-to-llvm", "--convert-arith-to-llvm",
         "--convert-math-to-llvm", "--finalize-memref-to-llvm", "--convert-func-to-llvm",
         "--reconcile-unrealized-casts")


def compute(folder, op, x, y=None, number=0.0):
    """`op` on each element, as qc-expand-math computes it; `number` is its %k."""
    y = x if y is None else y
    kind = "f32" if x.dtype == np.float32 else "f64"
    llvm = os.path.join(os.environ.get("QC_LLVM", "/usr/lib/llvm-22"), "bin")
    text = LOOP.format(type=kind, op=op, number=number)
    for command in ([qctest.tool("qc-opt"), "-", *LOWER], [os.path.join(llvm, "mlir-translate"), "--mlir-to-llvmir", "-"]):
        text = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
    assert "math." not in text and "@llvm.exp" not in text
    library = os.path.join(folder, "run.so")
    subprocess.run([os.path.join(llvm, "clang"), "-x", "ir", "-", "-O2", "-ffp-contract=off", "-shared", "-fPIC",
                    "-Wno-override-module", "-lm", "-o", library], input=text, text=True, check=True)
    z = np.empty_like(x)
    arguments = []
    for array in (x, y, z):
        # A memref as LLVM sees it: two pointers, offset, size, stride.
        pointer = ctypes.c_void_p(array.ctypes.data)
        arguments += [pointer, pointer, ctypes.c_int64(0), ctypes.c_int64(len(array)), ctypes.c_int64(1)]
    ctypes.CDLL(library).run(*arguments)
    return z


def largest_error(actual, exact):
    """(units in the last place of `actual`'s type, index) against `exact`, which
    is wider. NaNs must be where they belong; infinities may differ from the
    largest number by less than the error."""
    dtype = actual.dtype
    number = ~np.isnan(exact)
    wrong = np.flatnonzero(np.isnan(actual) == number)
    assert wrong.size == 0, f"NaN or not at index {wrong[:5]}: {actual[wrong[:5]]} instead of {exact[wrong[:5]]}"
    # Infinity stands one unit behind the largest number.
    largest = np.finfo(dtype).max
    below = np.nextafter(largest, dtype.type(0))
    limit = exact.dtype.type(largest) + exact.dtype.type(np.spacing(below))
    a, e = np.clip(actual.astype(exact.dtype), -limit, limit), np.clip(exact, -limit, limit)
    unit = np.spacing(np.clip(np.abs(e), 0, below).astype(dtype)).astype(exact.dtype)
    error = np.where(number, np.abs(a - e) / unit, 0)
    at = int(np.argmax(error))
    return float(error[at]), at


@pytest.fixture(scope="module")
def patterns():
    return np.arange(0, 1 << 32, STEP, np.uint64).astype(np.uint32).view(np.float32)


@pytest.mark.parametrize("name", list(SINGLE))
def test_f32(name, patterns, tmp_path):
    op, function, bound = SINGLE[name]
    x = patterns
    if name in ("sin", "cos", "tan"):
        x = x[np.abs(x) <= LARGEST_ANGLE]
    with np.errstate(all="ignore"):
        exact = function(x.astype(np.float64))
        error, at = largest_error(compute(tmp_path, op + " %a", x), exact)
    print(f"{name} f32: {error:.4f} units in the last place at {x[at]!r}")
    assert error <= bound


def test_finite_exp_f32(patterns, tmp_path):
    x = patterns[~(patterns > 88)]
    y = compute(tmp_path, "math.exp %a fastmath<ninf>", x)
    with np.errstate(all="ignore"):
        exact = np.exp(x.astype(np.float64))
    is_small = exact < 2.0**-126
    assert (y[is_small] < 2.0**-125).all() and (y[x < -88] == 0).all()
    error, at = largest_error(y[~is_small], exact[~is_small])
    print(f"finite exp f32: {error:.4f} units in the last place at {x[~is_small][at]!r}")
    assert error <= 2


def test_pow_f32(patterns, tmp_path):
    random = np.random.default_rng(11)
    x, y = random.permutation(patterns), random.permutation(patterns)
    # Most random exponents overflow: half of them are of moderate size.
    y[::2] = (random.standard_normal(len(y[::2])) * 8).astype(np.float32)
    with np.errstate(all="ignore"):
        exact = np.power(x.astype(np.float64), y.astype(np.float64))
        error, at = largest_error(compute(tmp_path, "math.powf %a, %b", x, y), exact)
    print(f"pow f32: {error:.4f} units in the last place at {x[at]!r}, {y[at]!r}")
    assert error <= 0.501


@pytest.mark.parametrize("exponent", [0.25, 0.5, 0.75, 1.25, 1.5, 1.75])
def test_pow_of_quarters_f32(exponent, patterns, tmp_path):
    x = np.concatenate([patterns, np.array([0, -0.0, np.inf, -np.inf, np.nan, 1, -1], np.float32)])
    with np.errstate(all="ignore"):
        # Of one exponent numpy takes the square root, NaN for -infinity.
        exact = np.power(x.astype(np.float64), np.full(len(x), exponent))
        actual = compute(tmp_path, "math.powf %a, %k", x, number=exponent)
        error, at = largest_error(actual, exact)
    print(f"pow f32 to {exponent}: {error:.4f} units in the last place at {x[at]!r}")
    assert error <= 0.501 and not np.signbit(actual[~np.isnan(actual)]).any()


@pytest.mark.parametrize("name", list(DOUBLE))
@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="long double is no wider than double")
def test_f64(name, tmp_path):
    op, function, _ = SINGLE[name]
    random = np.random.default_rng(12)
    x = np.concatenate([random.standard_normal(200_000) * 10.0 ** random.uniform(-8, 3, 200_000),
                        random.uniform(-1, 1, 100_000), 10.0 ** random.uniform(-300, 300, 100_000)])
    if name in ("sin", "cos", "tan"):
        x = x[np.abs(x) <= LARGEST_ANGLE]
    with np.errstate(all="ignore"):
        exact = function(x.astype(np.longdouble))
        error, at = largest_error(compute(tmp_path, op + " %a", x), exact)
    print(f"{name} f64: {error:.2f} units in the last place at {x[at]!r}")
    assert error <= DOUBLE[name]


@pytest.mark.parametrize("name", ["erf", "erfc"])
def test_error_function_f64(name, tmp_path):
    """Against the C library's long double function, rounded to f64. erfc is 1 - erf
    where that cancels: its error is absolute."""
    function = getattr(ctypes.CDLL("libm.so.6"), name + "l")
    function.argtypes, function.restype = [ctypes.c_longdouble], ctypes.c_longdouble
    random = np.random.default_rng(13)
    x = np.concatenate([random.standard_normal(20_000) * 2, 10.0 ** random.uniform(-300, 1.4, 10_000)])
    exact = np.array([function(value) for value in x], np.float64)
    actual = compute(tmp_path, f"math.{name} %a", x)
    error, at = largest_error(actual, exact.astype(np.longdouble))
    absolute = float(np.max(np.abs(actual - exact)))
    print(f"{name} f64: {error:.2f} units in the last place at {x[at]!r}, absolute {absolute:.2e}")
    assert absolute <= 1e-15 and (name == "erfc" or error <= 9)


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="long double is no wider than double")
def test_pow_f64(tmp_path):
    """The error grows with the logarithm of the result: relative, within 1e-13."""
    random = np.random.default_rng(14)
    x, y = np.exp(random.standard_normal(200_000) * 20), random.standard_normal(200_000) * 30
    x[:1000], y[:1000] = -x[:1000], np.rint(y[:1000])
    with np.errstate(all="ignore"):
        exact = np.power(x.astype(np.longdouble), y.astype(np.longdouble))
        actual = compute(tmp_path, "math.powf %a, %b", x, y)
        normal = (np.abs(exact) < 1e308) & (np.abs(exact) > 1e-307)
        error = float(np.max(np.abs(actual[normal] / exact[normal] - 1)))
    print(f"pow f64: relative error {error:.2e}")
    assert normal.sum() > 50_000 and error <= 1e-13
