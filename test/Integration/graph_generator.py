# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random valid ONNX graphs of 3 to 20 nodes, equal for equal seeds.

Three kinds of graph differ in what can be said of the right result:

  exact   quantized; every scale is a power of two, every weight and bias a
          multiple of one, and every sum stays below 2^24 units, so that the
          float meaning of the graph has no rounding but that of its
          QuantizeLinear nodes, half to even. All correct programs give the same
          bits. Ties and saturation are frequent.
  scaled  quantized with arbitrary scales, float operators in between. The
          caller chooses inputs for which no value is near a tie.
  float   no quantization.

What varies: shared producers, residuals, concatenation along any axis, several
outputs, odd sizes, broadcasting, grouped, depthwise, strided, dilated and
unevenly padded convolutions, pools, resizing, matrix products, reshapes and
transposes; Q/DQ before, between and behind all of them, shared or repeated, per
tensor and per channel, signed and unsigned, with and without zero points.
"""
import math

import numpy as np
from onnx import TensorProto, helper, numpy_helper

KINDS = ("exact", "scaled", "float")
BITS = 24


class Value:
    """A float tensor in the graph. All its elements are multiples of 2^exponent,
    at most `bound` of it in magnitude (exact graphs); `rms` is a guess. `scale`
    is that of the DequantizeLinear that made it, if one did, `grid` that of the
    one whose codes it holds, perhaps moved or clamped."""

    def __init__(self, name, shape, exponent=0, bound=1.0, rms=1.0, scale=None, grid=None):
        self.name, self.shape = name, tuple(shape)
        self.exponent, self.bound, self.rms, self.scale = exponent, bound, rms, scale
        self.grid = scale if grid is None else grid


# Operators whose results are codes of their operand's grid.
SAME_GRID = {"Relu", "Clip", "Max", "Transpose", "Reshape", "Flatten", "Slice", "Pad", "MaxPool", "Resize", "ReduceMax"}


class Generator:
    def __init__(self, seed, cap=None):
        self.random = np.random.default_rng(seed)
        self.kind = KINDS[seed % len(KINDS)]
        self.cap = cap or 1 << 30
        self.nodes, self.initializers, self.inputs, self.values, self.used = [], [], [], [], set()
        self.codes = []  # integer tensors: (name, type, shape)
        self.limit = int(self.random.integers(3, 21))

    # -- small choices ------------------------------------------------------

    def chance(self, probability):
        return self.random.random() < probability

    def pick(self, choices):
        return choices[int(self.random.integers(len(choices)))]

    def size(self, choices):
        return min(self.pick(choices), self.cap)

    def name(self, prefix):
        return f"{prefix}_{len(self.nodes) + len(self.initializers)}"

    # -- building -----------------------------------------------------------

    def constant(self, array, prefix="c"):
        name = self.name(prefix)
        self.initializers.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, op, inputs, outputs=1, **attributes):
        names = [self.name(op.lower()) + (f"_{i}" if outputs > 1 else "") for i in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, name=names[0], **attributes))
        self.used.update(inputs)
        return names[0] if outputs == 1 else names

    def add(self, value):
        self.values.append(value)
        return value

    def make(self, op, source, shape, *more, bound=None, rms=None, exponent=None, **attributes):
        """A node whose numbers behave as those of `source` unless said otherwise."""
        name = self.node(op, [source.name, *more], **attributes)
        return self.add(Value(name, shape, source.exponent if exponent is None else exponent,
                              source.bound if bound is None else bound, source.rms if rms is None else rms,
                              grid=source.grid if op in SAME_GRID else None))

    def input(self):
        rank = self.pick([4, 4, 4, 4, 3, 2])
        if rank == 4:
            shape = (self.size([1, 1, 1, 2]), self.size([1, 3, 4, 5, 8, 12, 16, 17]),
                     self.size([1, 2, 5, 6, 7, 8, 9]), self.size([1, 3, 5, 6, 7, 8, 11]))
        else:
            shape = tuple(self.size([1, 2, 3, 5, 8, 13, 16]) for _ in range(rank))
        name = f"input_{len(self.inputs)}"
        if self.kind != "float" and self.chance(0.2):
            # The caller gives codes.
            dtype = self.pick([np.uint8, np.int8])
            self.inputs.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape))
            return self.dequantize(name, shape, dtype, *self.parameters(1.0, dtype, 0))
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        # See random_inputs: multiples of 1/8 with magnitudes up to 8.
        value = Value(name, shape, -3, 64, 2.0)
        return self.quantize(value) if self.kind != "float" and self.chance(0.7) else self.add(value)

    # -- quantization -------------------------------------------------------

    def parameters(self, rms, dtype, lowest_zero):
        """A scale that spreads the codes over some multiples of `rms`, and a zero
        point."""
        scale = max(rms, 1e-6) * self.pick([1.0, 2.0, 4.0]) / 64
        scale = 2.0**round(math.log2(scale)) if self.kind == "exact" else scale * (1 + self.random.random())
        if dtype is np.uint8:
            zero = int(self.pick([128, 0 if lowest_zero else 127, 0, 255, self.random.integers(0, 256)]))
        else:
            zero = int(self.pick([0, 0, -128 if lowest_zero else 1, 127, self.random.integers(-128, 128)]))
        return np.float32(scale), zero

    def dequantize(self, codes, shape, dtype, scale, zero):
        operands = [codes, self.constant(scale, "scale")]
        if zero or self.chance(0.7):
            operands.append(self.constant(np.array(zero, dtype), "zero"))
        exponent = round(math.log2(scale)) if self.kind == "exact" else 0
        name = self.node("DequantizeLinear", operands)
        return self.add(Value(name, shape, exponent, 255, 48 * float(scale), scale))

    def quantize(self, source):
        """QuantizeLinear and one or two DequantizeLinear."""
        dtype = self.pick([np.uint8, np.int8])
        scale, zero = self.parameters(source.rms, dtype, False)
        if zero == 0 and dtype is np.uint8 and self.chance(0.5):
            codes = self.node("QuantizeLinear", [source.name, self.constant(scale, "scale")])
        else:
            codes = self.node("QuantizeLinear", [source.name, self.constant(scale, "scale"),
                                                 self.constant(np.array(zero, dtype), "zero")])
        self.codes.append((codes, dtype, source.shape))
        if self.chance(0.15):
            self.dequantize(codes, source.shape, dtype, scale, zero)
        return self.dequantize(codes, source.shape, dtype, scale, zero)

    def ready(self, source, terms, weight_bound=1):
        """`source`, quantized first where `terms` products of it would not be
        exact, and at times where they would."""
        if self.kind == "float":
            return source
        exact = source.bound * weight_bound * terms < 1 << BITS
        if self.kind == "exact" and not exact or source.scale is None and self.chance(0.5):
            return self.quantize(source)
        return source

    def weight(self, shape, axis, terms):
        """(name, exponent, bound, rms, scales or None) of a weight tensor."""
        channels = shape[axis]
        if self.kind == "float" or self.chance(0.1):
            codes = self.random.integers(-16, 17, shape)
            exponent = -4
            values = codes * 2.0**exponent
            if self.kind != "exact":
                values = values + self.random.normal(0, 0.1, shape)
            return self.constant(values.astype(np.float32), "weight"), exponent, 16, 0.6, None
        # Exact graphs sum as many products as 24 bits hold.
        top = 127 if self.kind != "exact" else max(1, min(127, (1 << BITS) // (256 * max(terms, 1))))
        signed = self.chance(0.8)
        codes = self.random.integers(-top, top + 1, shape)
        if self.chance(0.3):
            codes.flat[:] = self.random.choice([-top, top], codes.size).reshape(shape)
        zero = 0 if signed and self.chance(0.8) else int(self.random.integers(-8, 9) if self.kind == "exact"
                                                         else self.random.integers(-64, 65))
        zeros = np.full(channels, zero)
        dtype, shift = (np.int8, 0) if signed else (np.uint8, 128)
        codes = np.clip(codes + zero, -128, 127) + shift
        per_channel = self.chance(0.5)
        scales = np.full(channels, 1.0 / top)
        if per_channel:
            scales = scales * self.random.choice([0.5, 1, 2] if self.kind == "exact" else [0.3, 0.9, 1.7], channels)
        if self.kind == "exact":
            scales = 2.0**np.round(np.log2(scales))
        elif not per_channel:
            scales = scales * 1.234
        scales = scales.astype(np.float32)
        operands = [self.constant(codes.astype(dtype), "weight"),
                    self.constant(scales if per_channel else scales[0], "scale")]
        if not signed or zero or self.chance(0.7):
            operands.append(self.constant((zeros + shift if per_channel else np.array(zero + shift)).astype(dtype), "zero"))
        name = self.node("DequantizeLinear", operands, **({"axis": axis} if per_channel else {}))
        exponent = int(np.round(np.log2(scales.min()))) if self.kind == "exact" else 0
        bound = (top + abs(zero)) * (scales.max() / scales.min())
        return name, exponent, bound, float(scales.mean()) * top / 2, scales if per_channel else scales[:1]

    def bias(self, source, scales, channels, exponent):
        """Name of a bias of `channels` elements, or None: float, or 32-bit codes of
        the products' scale where that is known. There floats are multiples of it,
        too: a quantized contraction rounds its bias to them."""
        if self.chance(0.3):
            return None
        codes = self.random.integers(-200, 201, channels)
        if source.scale is not None and scales is not None and self.chance(0.7):
            product = (np.float32(source.scale) * scales).astype(np.float32)
            name = self.constant(codes.astype(np.int32), "bias")
            return self.node("DequantizeLinear", [name, self.constant(product if len(product) > 1 else product[0], "scale")],
                             **({"axis": 0} if len(product) > 1 else {}))
        scale = 2.0**exponent if self.kind == "exact" else 0.011
        if self.kind == "exact" and scales is not None:
            # `exponent` is that of the smallest of the scales.
            scale = scale * (scales / scales.min()).astype(np.float64)
        if self.kind != "exact" and source.grid is not None and scales is not None:
            scale = (np.float32(source.grid) * scales).astype(np.float64)
        return self.constant((codes * scale).astype(np.float32), "bias")

    # -- operators ----------------------------------------------------------

    def conv(self, x):
        n, c, height, width = x.shape
        group = self.pick([1, 1, 1, c, c] + [g for g in range(2, c) if c % g == 0][:2])
        out = group * self.size([1, 2, 3] if group > 1 else [1, 2, 3, 5, 8, 15, 16, 17, 32])
        kernel, strides, dilations, begin, end, result = [], [], [], [], [], []
        for extent in (height, width):
            k, dilation, stride = self.pick([1, 1, 2, 3, 3, 3, 5]), self.pick([1, 1, 1, 2]), self.pick([1, 1, 1, 2, 3])
            reach = (k - 1) * dilation + 1
            pads = [int(self.random.integers(0, k)), int(self.random.integers(0, k))] if self.chance(0.4) \
                else [(reach - 1) // 2] * 2
            if extent + sum(pads) < reach:
                k, dilation, reach, pads = 1, 1, 1, [0, 0]
            kernel.append(k), strides.append(stride), dilations.append(dilation)
            begin.append(pads[0]), end.append(pads[1])
            result.append((extent + sum(pads) - reach) // stride + 1)
        terms = c // group * kernel[0] * kernel[1]
        weight, exponent, bound, rms, scales = self.weight((out, c // group, *kernel), 0, terms)
        x = self.ready(x, terms, bound)
        operands = [x.name, weight]
        bias = self.bias(x, scales, out, x.exponent + exponent)
        if bias:
            operands.append(bias)
        name = self.node("Conv", operands, kernel_shape=kernel, strides=strides, dilations=dilations,
                         pads=begin + end, group=group)
        return self.add(Value(name, (n, out, *result), x.exponent + exponent, x.bound * bound * terms + 1000,
                              x.rms * rms * math.sqrt(terms)))

    def product(self, x):
        """MatMul or Gemm with a constant, or with another value."""
        k = x.shape[-1]
        if self.chance(0.25):
            others = [v for v in self.values if len(v.shape) == len(x.shape) and v.shape[-2] == k
                      and v.shape[:-2] == x.shape[:-2]]
            if others:
                y = self.pick(others)
                x, y = self.ready(x, k, y.bound), self.ready(y, k, x.bound)
                if self.kind != "exact" or x.bound * y.bound * k < 1 << BITS:
                    name = self.node("MatMul", [x.name, y.name])
                    return self.add(Value(name, (*x.shape[:-1], y.shape[-1]), x.exponent + y.exponent,
                                          x.bound * y.bound * k, x.rms * y.rms * math.sqrt(k)))
        out = self.size([1, 2, 3, 7, 8, 16, 17, 33])
        gemm = len(x.shape) == 2 and self.chance(0.5)
        transposed = gemm and self.chance(0.5)
        weight, exponent, bound, rms, scales = self.weight((out, k) if transposed else (k, out), 0 if transposed else 1, k)
        x = self.ready(x, k, bound)
        operands = [x.name, weight]
        attributes = {}
        if gemm:
            bias = self.bias(x, scales, out, x.exponent + exponent)
            if bias:
                operands.append(bias)
            attributes = {"transB": int(transposed)}
        name = self.node("Gemm" if gemm else "MatMul", operands, **attributes)
        return self.add(Value(name, (*x.shape[:-1], out), x.exponent + exponent, x.bound * bound * k + 1000,
                              x.rms * rms * math.sqrt(k)))

    def activation(self, x):
        choices = ["Relu", "Relu", "Clip", "Abs", "Neg", "Max"]
        if self.kind != "exact":
            choices += ["Sigmoid", "Tanh", "HardSwish", "LeakyRelu", "HardSigmoid", "Swish", "Exp"]
        op = self.pick(choices)
        if op == "Clip":
            low, high = self.pick([(0, 6), (-2, 3), (0, 1)])
            return self.make("Clip", x, x.shape, self.constant(np.float32(low)), self.constant(np.float32(high)),
                             exponent=min(x.exponent, 0), bound=max(x.bound, 8 * 2.0**-min(x.exponent, 0)),
                             rms=min(x.rms, high))
        if op == "Max":
            return self.make("Max", x, x.shape, self.constant(np.float32(0)))
        if op == "Swish":
            y = self.make("Sigmoid", x, x.shape, rms=0.5)
            return self.make("Mul", x, x.shape, y.name)
        if op == "Exp":
            y = self.make("Clip", x, x.shape, self.constant(np.float32(-4)), self.constant(np.float32(4)))
            return self.make("Exp", y, x.shape, rms=3.0)
        rms = 0.5 if op in ("Sigmoid", "Tanh", "HardSigmoid") else x.rms
        return self.make(op, x, x.shape, rms=rms)

    def binary(self, x):
        """Two values of one shape (a residual), or one and something that broadcasts."""
        op = self.pick(["Add", "Add", "Sub", "Mul"])
        others = [v for v in self.values if v.shape == x.shape]
        broadcast = [v for v in self.values if v.shape != x.shape and len(v.shape) == len(x.shape)
                     and all(b in (1, a) for a, b in zip(x.shape, v.shape))]
        if self.chance(0.3) or not others + broadcast:
            shape = self.pick([x.shape, tuple(s if i == 1 else 1 for i, s in enumerate(x.shape)), (1,), ()])
            codes = self.random.integers(-9, 10, shape)
            y = Value(self.constant((codes / 8).astype(np.float32), "operand"), shape, -3, 9, 0.7)
        else:
            y = self.pick(broadcast if broadcast and self.chance(0.5) else others or broadcast)
            y = self.ready(y, 1)
        x = self.ready(x, 1)
        if self.kind == "exact":
            limits = 1 << BITS
            exponent = x.exponent + y.exponent if op == "Mul" else min(x.exponent, y.exponent)
            bound = x.bound * y.bound if op == "Mul" else (x.bound * 2.0**(x.exponent - exponent)
                                                           + y.bound * 2.0**(y.exponent - exponent))
            if bound >= limits:
                return None
        else:
            exponent, bound = 0, 1.0
        names = [x.name, y.name] if op == "Sub" or self.chance(0.7) else [y.name, x.name]
        return self.add(Value(self.node(op, names), x.shape, exponent, bound,
                              x.rms * y.rms if op == "Mul" else math.hypot(x.rms, y.rms)))

    def concat(self, x):
        axis = self.pick(range(len(x.shape)))
        others = [v for v in self.values if len(v.shape) == len(x.shape)
                  and all(a == b for i, (a, b) in enumerate(zip(v.shape, x.shape)) if i != axis)]
        parts = [x] + [self.pick(others) for _ in range(self.pick([1, 1, 2]))]
        shape = list(x.shape)
        shape[axis] = sum(part.shape[axis] for part in parts)
        if math.prod(shape) > 4096:
            return None
        exponent = min(part.exponent for part in parts)
        bound = max(part.bound * 2.0**(part.exponent - exponent) for part in parts)
        name = self.node("Concat", [part.name for part in parts], axis=axis)
        return self.add(Value(name, shape, exponent, bound, max(part.rms for part in parts),
                              grid=parts[0].grid if all(part.grid == parts[0].grid for part in parts) else None))

    def pool(self, x):
        n, c, height, width = x.shape
        op = self.pick(["MaxPool", "MaxPool", "AveragePool", "Global"])
        if self.kind == "exact" and op == "Global" and math.log2(height * width) % 1:
            op = "MaxPool"
        if op == "Global":
            extra = int(math.ceil(math.log2(height * width)))
            if self.kind == "exact" and x.bound * height * width >= 1 << BITS:
                return None
            return self.make("GlobalAveragePool", x, (n, c, 1, 1), exponent=x.exponent - extra,
                             bound=x.bound * height * width, rms=x.rms / 2)
        k = 2 if self.kind == "exact" and op == "AveragePool" else self.pick([2, 3])
        kernel, stride = [min(k, height), min(k, width)], self.pick([1, 2])
        pads = [0, 0, 0, 0] if op == "AveragePool" or self.chance(0.5) else [
            int(self.random.integers(0, kernel[0])), int(self.random.integers(0, kernel[1]))] * 2
        shape = [(size + pads[i] + pads[i + 2] - kernel[i]) // stride + 1 for i, size in enumerate((height, width))]
        if op == "AveragePool" and self.kind == "exact" and x.bound * 4 >= 1 << BITS:
            return None
        attributes = {} if op == "MaxPool" else {"count_include_pad": int(self.chance(0.5))}
        # The sum of up to four values, divided.
        more = {"exponent": x.exponent - 2, "bound": x.bound * 4} if op == "AveragePool" else {}
        return self.make(op, x, (n, c, *shape), kernel_shape=kernel, strides=[stride, stride], pads=pads, **attributes, **more)

    def resize(self, x):
        n, c, height, width = x.shape
        if height * width > 64:
            return None
        linear = self.kind != "exact" and self.chance(0.4)
        factors = [1.0, 1.0, *([2.0, 2.0] if self.chance(0.7) else [2.0, 3.0])]
        mode = {"mode": "linear", "coordinate_transformation_mode": self.pick(["half_pixel", "align_corners", "asymmetric"])} \
            if linear else {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return self.make("Resize", x, (n, c, height * 2, int(width * factors[3])), "",
                         self.constant(np.array(factors, np.float32)), **mode)

    def shape_op(self, x):
        rank, choice = len(x.shape), self.pick(["Transpose", "Reshape", "Flatten", "Slice", "Pad", "Split", "Squeeze"])
        if choice == "Transpose":
            order = [int(i) for i in self.random.permutation(rank)]
            return self.make("Transpose", x, [x.shape[i] for i in order], perm=order)
        if choice == "Flatten":
            return self.make("Flatten", x, (x.shape[0], math.prod(x.shape[1:])), axis=1)
        if choice == "Reshape":
            shape = [x.shape[0], x.shape[1], math.prod(x.shape[2:])] if rank == 4 else [1, *x.shape] if rank < 4 else x.shape
            return self.make("Reshape", x, shape, self.constant(np.array(shape, np.int64)))
        if choice == "Squeeze":
            single = [axis for axis in range(1, rank) if x.shape[axis] == 1]
            if single and rank > 2:
                axis = self.pick(single)
                return self.make("Squeeze", x, [*x.shape[:axis], *x.shape[axis + 1:]], self.constant(np.array([axis], np.int64)))
            if rank < 4:
                axis = self.pick(range(1, rank + 1))
                return self.make("Unsqueeze", x, [*x.shape[:axis], 1, *x.shape[axis:]], self.constant(np.array([axis], np.int64)))
            return None
        axis = self.pick(range(1, rank))
        size = x.shape[axis]
        if choice == "Slice" and size > 1:
            start, step = int(self.random.integers(0, size - 1)), self.pick([1, 1, 2])
            shape = list(x.shape)
            shape[axis] = -(-(size - start) // step)
            return self.make("Slice", x, shape, *(self.constant(np.array([v], np.int64)) for v in (start, size, axis, step)))
        if choice == "Pad" and rank == 4:
            pads = [0, 0, int(self.random.integers(0, 3)), 0, 0, 0, 0, int(self.random.integers(0, 3))]
            shape = [s + pads[i] + pads[i + 4] for i, s in enumerate(x.shape)]
            return self.make("Pad", x, shape, self.constant(np.array(pads, np.int64)))
        if choice == "Split" and size > 1:
            first = int(self.random.integers(1, size))
            names = self.node("Split", [x.name, self.constant(np.array([first, size - first], np.int64))], 2, axis=axis)
            for name, part in zip(names, (first, size - first)):
                shape = list(x.shape)
                shape[axis] = part
                result = self.add(Value(name, shape, x.exponent, x.bound, x.rms, grid=x.grid))
            return result
        return None

    def reduction(self, x):
        if self.kind == "exact":
            return self.make("ReduceMax", x, [*x.shape[:-1], 1], axes=[-1], keepdims=1)
        if self.chance(0.5):
            return self.make("Softmax", x, x.shape, axis=self.pick([-1, 1]), rms=1 / x.shape[-1])
        return self.make("ReduceMean", x, [*x.shape[:-1], 1], axes=[-1], keepdims=1)

    # -- the graph ----------------------------------------------------------

    def step(self):
        # Recent values more often, so that graphs are deep; any, so that
        # producers are shared.
        x = self.values[-1] if self.chance(0.6) else self.pick(self.values)
        if self.kind != "float" and x.scale is None and self.chance(0.35):
            x = self.quantize(x)
        choices = [self.activation, self.activation, self.binary, self.binary, self.binary, self.concat, self.concat,
                   self.shape_op, self.reduction, self.product]
        if len(x.shape) == 4:
            choices = choices[:-2] + [self.conv] * 6 + [self.pool, self.pool, self.resize]
        else:
            choices += [self.product] * 3
        # Slices of one element and products without a partner make no node.
        if self.pick(choices)(x) is None and self.kind != "float" and x.scale is None:
            self.quantize(x)

    def model(self):
        for _ in range(self.pick([1, 1, 2])):
            self.input()
        for _ in range(60):
            if len(self.nodes) >= self.limit:
                break
            self.step()
        outputs = {}
        for value in self.values:
            is_sink = value.name not in self.used and not value.name.startswith("input")
            if is_sink or self.chance(0.08) and not value.name.startswith("input"):
                outputs[value.name] = (TensorProto.FLOAT, value.shape)
        for name, dtype, shape in self.codes:
            if self.chance(0.15):
                outputs[name] = (helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)
        graph = helper.make_graph(
            self.nodes, f"random-{self.kind}", self.inputs,
            [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in outputs.items()],
            self.initializers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def generate(seed, cap=None):
    """(model, kind) for a seed; `cap` bounds every extent, for smaller versions of
    a graph."""
    generator = Generator(seed, cap)
    return generator.model(), generator.kind
