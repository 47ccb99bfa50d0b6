# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models of 3x3 convolutions and of whole networks' shape, float and quantized, with
weights and inputs of a fixed seed: what benchmarks/sfc measures."""
import dataclasses

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

RELU_STEP = 0.05
REPEATED = 4


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
    """Nodes of a float or quantized graph (QDQ, codes unsigned, weights int8 per
    channel)."""

    def __init__(self, seed, style):
        self.random, self.style = np.random.default_rng(seed), style
        self.nodes, self.initializers = [], []

    def constant(self, array):
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, op, inputs, **attributes):
        name = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    def store(self, x, step):
        """`x` as it goes from layer to layer: through codes where there are any."""
        if self.style == "fp32":
            return x
        parameters = [self.constant(np.float32(step)), self.constant(np.uint8(0))]
        return self.node("DequantizeLinear", [self.node("QuantizeLinear", [x, *parameters]), *parameters])

    def conv(self, x, inputs, outputs, size=3, stride=1, relu=True):
        """A convolution with He's initialization, which keeps the second moment of
        ReLU maps."""
        w = self.random.standard_normal((outputs, inputs, size, size)) * np.sqrt(2 / (inputs * size * size))
        if self.style == "fp32":
            weights = self.constant(w.astype(np.float32))
        else:
            scale = (np.abs(w).max(axis=(1, 2, 3)) / 127).astype(np.float32)
            codes = np.rint(w / scale[:, None, None, None]).astype(np.int8)
            weights = self.node("DequantizeLinear", [self.constant(codes), self.constant(scale),
                                                     self.constant(np.zeros(outputs, np.int8))], axis=0)
        bias = self.constant((self.random.standard_normal(outputs) * 0.05).astype(np.float32))
        y = self.node("Conv", [x, weights, bias], kernel_shape=[size, size], strides=[stride, stride], pads=[size // 2] * 4)
        return self.node("Relu", [y]) if relu else y

    def save(self, path, shape, output, output_shape):
        graph = helper.make_graph(self.nodes, "graph", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                                  [helper.make_tensor_value_info(output, TensorProto.FLOAT, output_shape)], self.initializers)
        save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def write_layers(layer, style, path):
    """Writes the model, REPEATED such layers one behind the other; the feed. Maps
    between layers have each runner's own layout, as in networks, and the global
    average at the end leaves nothing to convert."""
    builder = Builder(1, style)
    shape = (layer.batch, layer.channels, layer.size, layer.size)
    codes = smooth_map(builder.random, *shape)
    # Five times the root mean square covers nearly all.
    step = RELU_STEP * float(np.sqrt(np.mean(np.square(codes, dtype=np.float64)))) * 5 / 255
    x = builder.store("x", RELU_STEP)
    for _ in range(REPEATED):
        x = builder.store(builder.conv(x, layer.channels, layer.channels), step)
    builder.save(path, shape, builder.node("GlobalAveragePool", [x]), (*shape[:2], 1, 1))
    return {"x": (codes * np.float32(RELU_STEP)).astype(np.float32)}


def resnet18(builder, x, step):
    def block(x, inputs, outputs, stride):
        y = builder.store(builder.conv(x, inputs, outputs, stride=stride), step)
        y = builder.store(builder.conv(y, outputs, outputs, relu=False), step)
        if stride != 1:
            x = builder.store(builder.conv(x, inputs, outputs, 1, stride, relu=False), step)
        return builder.store(builder.node("Relu", [builder.node("Add", [x, y])]), step)

    x = builder.store(builder.conv(x, 3, 64, 7, 2), step)
    x = builder.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    inputs = 64
    for outputs in (64, 128, 256, 512):
        x = block(x, inputs, outputs, 1 if outputs == inputs else 2)
        x = block(x, outputs, outputs, 1)
        inputs = outputs
    return x, inputs


def vgg16(builder, x, step):
    inputs = 3
    for outputs, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            x = builder.store(builder.conv(x, inputs, outputs), step)
            inputs = outputs
        x = builder.node("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])
    return x, inputs


NETWORKS = {"resnet18": resnet18, "vgg16": vgg16}


def write_network(name, style, path):
    """A network of that shape up to its global average, with random weights."""
    builder = Builder(2, style)
    shape = (1, 3, 224, 224)
    image = builder.random.random(shape, dtype=np.float32)
    x, channels = NETWORKS[name](builder, builder.store("x", 1 / 255), 5 / 255)
    builder.save(path, shape, builder.node("GlobalAveragePool", [x]), (1, channels, 1, 1))
    return {"x": image}
