# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Quantized models and how they are run. Each class makes what it runs once;
calling it with a feed gives the primary output. `cost` is what the quantization
took, `weight_bytes` the size of the constants; `seconds` and `tokens` add up what
runs took and computed."""
import os
import time

import files
import models
import numpy as np
import qctest


class Unavailable(Exception):
    """A tool has no such model; the text says why."""


class Qc:
    """The compiled program, one row at a time."""

    def __init__(self, network, configuration, threads):
        import qcrt
        try:
            quantized = files.quantized_module(network.case, configuration.name, " ".join(configuration.options),
                                               network.shapes())
            library = files.made_once(quantized.removesuffix(".mlir") + ".so", files.digest(quantized, qctest.tool("qc-compile")),
                                      lambda path: qctest.compile_model(quantized, path, {}))
        except qctest.RunFailure as failure:
            raise Unavailable(models.clean(failure)) from None
        self.cost = files.cost_of(quantized)
        self.network = network
        model = qcrt.Model(library)
        self.weight_bytes = model.weights_bytes
        self.session = model.session(threads=threads)
        self.seconds = self.tokens = 0

    def __call__(self, feed):
        rows = []
        for row in range(len(next(iter(feed.values())))):
            one = {name: np.ascontiguousarray(values[row:row + 1]) for name, values in feed.items()}
            length = self.network.length
            if length:
                # A causal model does not look at what is behind.
                true = next(iter(one.values())).shape[1]
                one = {name: np.pad(value, ((0, 0), (0, length - true))) for name, value in one.items()}
            start = time.perf_counter()
            output = self.session.run(one)[self.network.output]
            self.seconds += time.perf_counter() - start
            self.tokens += length or 1
            rows.append(output[:, :true].copy() if length else output.copy())
        return np.concatenate(rows)


class OnnxRuntime:
    """A file in onnxruntime with all its optimizations."""

    def __init__(self, network, file, int8, threads):
        try:
            self.session = models.onnxruntime_session(file, int8, threads)
        except Exception as error:  # onnxruntime has no common base of its exceptions.
            raise Unavailable(f"{type(error).__name__}: {str(error)[:200]}") from None
        self.output = network.output
        self.seconds = self.tokens = 0

    def __call__(self, feed):
        start = time.perf_counter()
        result = self.session.run([self.output], feed)[0]
        self.seconds += time.perf_counter() - start
        self.tokens += result.shape[0] * result.shape[1]
        return result


class Peer(OnnxRuntime):
    """What a peer makes of the float file."""

    def __init__(self, network, configuration, threads):
        style, = configuration.options
        try:
            file = files.quantized_file(network.case, style)
        except qctest.RunFailure as failure:
            raise Unavailable(models.clean(failure)) from None
        self.cost, self.weight_bytes = files.cost_of(file), files.weight_bytes(file)
        super().__init__(network, file, True, threads)


TOOLS = {"qc": Qc, "onnxruntime": Peer, "nncf": Peer}


def reference(network, threads):
    """What the float file computes, an array for each feed: kept for images,
    computed again for sequences, whose outputs are large."""
    session = OnnxRuntime(network, network.file, False, threads)
    if network.length:
        yield from map(session, network.feeds)
        return

    def make(path):
        with open(path, "wb") as file:
            np.save(file, np.concatenate(list(map(session, network.feeds))))
    path = os.path.join(files.folder("accuracy"), f"{network.name}.reference{network.rows}.npy")
    whole = np.load(files.made_once(path, files.digest(network.file), make), mmap_mode="r")
    sizes = np.cumsum([0] + [len(next(iter(feed.values()))) for feed in network.feeds])
    for begin, end in zip(sizes, sizes[1:]):
        yield np.asarray(whole[begin:end])
