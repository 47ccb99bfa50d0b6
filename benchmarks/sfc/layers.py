# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Quantized models of single 3x3 convolutions and of whole networks' shape, with
weights and inputs of a fixed seed: what benchmarks/sfc measures."""
import dataclasses

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

RELU_STEP, WEIGHT_SPREAD = 0.05, 0.05


@dataclasses.dataclass(frozen=True)
class Layer:
    """A 3x3 convolution with padding 1 of `size` x `size` maps."""
    size: int
    channels: int
    batch: int = 1
    where: str = ""

    @property
    def name(self):
        return f"{self.size}x{self.size}x{self.channels} batch {self.batch}"

    @property
    def macs(self):
        return self.batch * self.size**2 * self.channels**2 * 9


# ResNet-18/50 and VGG-16 have the first row's shapes, YOLO-style detectors on 640 x
# 640 images the second's.
LAYERS = [Layer(size, channels, batch, where) for batch in (1, 8) for size, channels, where in (
    (56, 64, "ResNet"), (28, 128, "ResNet"), (14, 256, "ResNet"), (7, 512, "ResNet"), (112, 64, "VGG"),
    (80, 128, "YOLO"), (40, 256, "YOLO"))]


def smooth_map(random, batch, channels, height, width):
    """Codes of a ReLU map whose neighbours are alike, as those of networks are."""
    noise = random.standard_normal((batch, channels, height + 2, width + 2)).astype(np.float32)
    total = sum(noise[:, :, dy:dy + height, dx:dx + width] for dy in range(3) for dx in range(3))
    return np.clip(np.rint(np.maximum(total * 12 + 20, 0)), 0, 255).astype(np.uint8)


class Builder:
    """Nodes of a quantized graph (QDQ, codes unsigned, weights int8 per channel)."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.initializers = [], []

    def constant(self, array):
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, op, inputs, **attributes):
        name = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    def quantize(self, x, step):
        return self.node("QuantizeLinear", [x, self.constant(np.float32(step)), self.constant(np.uint8(0))])

    def dequantize(self, x, step):
        return self.node("DequantizeLinear", [x, self.constant(np.float32(step)), self.constant(np.uint8(0))])

    def conv(self, x, inputs, outputs, size=3, stride=1, relu=True):
        """A convolution of reals with int8 weights; reals too."""
        fan_in = inputs * size * size
        w = (self.random.standard_normal((outputs, inputs, size, size)) * np.sqrt(2 / fan_in)).astype(np.float32)
        scale = (np.abs(w).max(axis=(1, 2, 3)) / 127).astype(np.float32)
        codes = np.rint(w / scale[:, None, None, None]).astype(np.int8)
        weights = self.node("DequantizeLinear", [self.constant(codes), self.constant(scale),
                                                 self.constant(np.zeros(outputs, np.int8))], axis=0)
        bias = self.constant((self.random.standard_normal(outputs) * 0.05).astype(np.float32))
        pad = size // 2
        y = self.node("Conv", [x, weights, bias], kernel_shape=[size, size], strides=[stride, stride], pads=[pad] * 4)
        return self.node("Relu", [y]) if relu else y

    def save(self, path, inputs, outputs):
        graph = helper.make_graph(self.nodes, "graph", inputs, outputs, self.initializers)
        save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


REPEATED = 4


def write_layer(layer, path):
    """Writes the model, REPEATED such layers one behind the other; the feed. Maps
    between layers have each runner's own layout, as in networks, and the global
    average at the end leaves nothing to convert."""
    builder = Builder(1)
    shape = (layer.batch, layer.channels, layer.size, layer.size)
    codes = smooth_map(builder.random, *shape)
    x = builder.dequantize("x", RELU_STEP)
    # He's initialization keeps the second moment of ReLU maps.
    step = RELU_STEP * float(np.sqrt(np.mean(np.square(codes, dtype=np.float64)))) * 5 / 255
    for _ in range(REPEATED):
        x = builder.dequantize(builder.quantize(builder.conv(x, layer.channels, layer.channels), step), step)
    output = builder.quantize(builder.node("GlobalAveragePool", [x]), step)
    builder.save(path, [helper.make_tensor_value_info("x", TensorProto.UINT8, shape)],
                 [helper.make_tensor_value_info(output, TensorProto.UINT8, (*shape[:2], 1, 1))])
    return {"x": codes}
