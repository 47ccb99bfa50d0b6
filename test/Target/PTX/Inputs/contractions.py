# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints convolutions and matrix products of many shapes as MLIR programs.

Float programs round their inputs and have integers as weights: their sums are
exact in any order, so that results can be compared bit for bit.
"""
import numpy

random = numpy.random.default_rng(7)


def constant(name, values, element):
    shape = "x".join(map(str, values.shape)) + "x" + element
    data = values.tobytes().hex().upper()
    print(f'  %{name} = qc.constant dense<"0x{data}"> : tensor<{shape}> : tensor<{shape}>')
    return f"tensor<{shape}>"


def floats(*shape):
    return random.integers(-3, 4, shape).astype(numpy.float32)


def codes(*shape):
    return random.integers(-128, 128, shape).astype(numpy.int8)


def requantize(sums, channels, axis):
    """Per channel, with ties and saturation."""
    scales = random.choice([2.0**-9, 0.001, 0.003, 2.0**-7], channels).astype(numpy.float32)
    m = constant("m", scales, "f32")
    result = sums.replace("si32", "si8")
    print("  %z = qc.constant dense<-3> : tensor<1xsi8> : tensor<1xsi8>")
    print(f"  %q = qc.requantize %y, %m, %z {{axis = {axis} : i64}} : ({sums}, {m}, tensor<1xsi8>) -> {result}")
    print(f"  return %q : {result}\n}}")


def conv(name, image, channels, kernel, stride=1, pad=0, element="f32", groups=1):
    count, depth, height, width = image
    size = [(extent + 2 * pad - kernel) // stride + 1 for extent in (height, width)]
    x = f"tensor<{count}x{depth}x{height}x{width}x{element}>"
    sum_element = "f32" if element == "f32" else "si32"
    y = f"tensor<{count}x{channels}x{size[0]}x{size[1]}x{sum_element}>"
    result = y.replace("si32", "si8")
    print(f"func.func @{name}(%x: {x}) -> {result} {{")
    attributes = (f"strides = array<i64: {stride}, {stride}>, pads = array<i64: {pad}, {pad}, {pad}, {pad}>, "
                  f"dilations = array<i64: 1, 1>, group = {groups} : i64")
    if element == "f32":
        w = constant("w", floats(channels, depth // groups, kernel, kernel), "f32")
        b = constant("b", floats(channels), "f32")
        print(f"  %i = qc.round %x : ({x}) -> {x}")
        print(f"  %y = qc.conv %i, %w bias %b {{{attributes}}} : ({x}, {w}, {b}) -> {y}")
        print(f"  %r = qc.relu %y : ({y}) -> {y}\n  return %r : {y}\n}}")
        return
    w = constant("w", codes(channels, depth // groups, kernel, kernel), "si8")
    print(f"  %o = qc.constant dense<3> : tensor<1x{element}> : tensor<1x{element}>")
    print(f"  %y = qc.conv %x, %w x_zero %o {{{attributes}}} : ({x}, {w}, tensor<1x{element}>) -> {y}")
    requantize(y, channels, 1)


def matmul(name, rows, depth, channels, element="f32", batch=(), isComputed=False):
    shape = "x".join(map(str, (*batch, rows, depth)))
    a = f"tensor<{shape}x{element}>"
    sum_element = "f32" if element == "f32" else "si32"
    y = "tensor<" + "x".join(map(str, (*batch, rows, channels))) + f"x{sum_element}>"
    if isComputed:
        b = "tensor<" + "x".join(map(str, (*batch, depth, channels))) + "xf32>"
        print(f"func.func @{name}(%x: {a}, %v: {b}) -> {y} {{")
        print(f"  %i = qc.round %x : ({a}) -> {a}\n  %w = qc.round %v : ({b}) -> {b}")
        print(f"  %y = qc.matmul %i, %w : ({a}, {b}) -> {y}\n  return %y : {y}\n}}")
        return
    print(f"func.func @{name}(%x: {a}) -> {y.replace('si32', 'si8')} {{")
    if element == "f32":
        w = constant("w", floats(depth, channels), "f32")
        print(f"  %i = qc.round %x : ({a}) -> {a}")
        print(f"  %y = qc.matmul %i, %w : ({a}, {w}) -> {y}\n  return %y : {y}\n}}")
        return
    w = constant("w", codes(depth, channels), "si8")
    print(f"  %y = qc.matmul %x, %w : ({a}, {w}) -> {y}")
    requantize(y, channels, len(batch) + 1)


conv("first_layer", (1, 3, 9, 12), 8, 3, stride=2, pad=1)
conv("whole_tiles", (1, 16, 8, 8), 64, 3, pad=1)
conv("few_channels", (2, 8, 6, 6), 10, 1)
conv("seven_rows", (1, 32, 7, 7), 20, 1)
conv("odd_depth", (1, 5, 4, 4), 6, 3)
conv("grouped", (1, 16, 5, 5), 12, 3, groups=4)
conv("deep", (1, 256, 2, 2), 16, 1)
for element in ("ui8", "si8"):
    conv(f"first_layer_{element}", (1, 3, 9, 12), 8, 3, stride=2, pad=1, element=element)
    conv(f"whole_tiles_{element}", (1, 64, 8, 8), 64, 3, pad=1, element=element)
    conv(f"seven_rows_{element}", (1, 128, 7, 7), 20, 1, element=element)
    conv(f"odd_depth_{element}", (1, 6, 5, 5), 7, 3, element=element)
    conv(f"grouped_{element}", (1, 32, 4, 4), 10, 1, element=element, groups=2)
    matmul(f"one_row_{element}", 1, 512, 24, element)
    matmul(f"rows_{element}", 12, 60, 17, element)
matmul("one_row", 1, 512, 24)
matmul("rows", 24, 36, 48)
matmul("odd_matrix", 5, 7, 9)
matmul("computed", 6, 16, 12, batch=(2, 3), isComputed=True)
matmul("computed_odd", 3, 5, 7, batch=(2,), isComputed=True)
