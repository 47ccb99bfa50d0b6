#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Integer convolutions and matrix products of random shapes against numpy, bit
for bit, in every form of the CPU code and with 1 to 4 threads.

  contractions.py [--count 2000] [--first SEED] [--conv-algorithm NAME] [--target ptx-sim|hls-csim] [-- MORE...]

A case is a ConvInteger, a MatMulInteger, or a convolution or product between
DequantizeLinear and QuantizeLinear with scales that are powers of two, so that the
exact result is known there, too. Shapes, strides, dilations, paddings, groups,
zero points and signedness vary; values are random, or the extremes. Many cases
are one model, which saves process starts; each case has inputs and an output of
its own. With --conv-algorithm all cases are convolutions that fast algorithms are
for, computed in the transform domain; --target runs another back end. Arguments
behind -- are another run, whose models are tested beside those of the first.
"""
import argparse
import concurrent.futures
import os
import sys
import tempfile

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

import qctest

sys.path.insert(0, os.path.join(qctest.ROOT, "python"))
import qcrt  # noqa: E402

FORMS = qctest.cpu_forms()
THREADS = (1, 2, 3, 4)
CASES_OF_A_MODEL = 50


class Case:
    """One contraction: ONNX nodes, inputs and the expected output."""

    def __init__(self, index, seed):
        self.random = np.random.default_rng(seed)
        self.seed, self.index = seed, index
        self.nodes, self.initializers, self.inputs, self.feeds = [], [], [], {}
        self.dtypes = [self.pick([np.uint8, np.uint8, np.int8]), self.pick([np.int8, np.int8, np.uint8])]
        # Kernels of this many operations run on several threads.
        self.large = self.random.random() < 0.06
        self.build(*self.contraction())

    def contraction(self):
        return self.conv(*self.conv_shape()) if self.random.random() < 0.7 else self.product()

    def pick(self, choices):
        return choices[int(self.random.integers(len(choices)))]

    def data(self, shape, dtype, bits=8):
        """Numbers of so many bits."""
        low, high = (int(limit) >> (8 - bits) for limit in (np.iinfo(dtype).min, np.iinfo(dtype).max))
        choice = self.random.random()
        if choice < 0.15:
            return np.full(shape, self.pick([low, high]), dtype)
        if choice < 0.35:
            return self.random.choice([low, high], shape).astype(dtype)
        return self.random.integers(low, high + 1, shape).astype(dtype)

    def weights(self, shape):
        """Small ones are computed in other ways."""
        return self.data(shape, self.dtypes[1], self.pick([8, 8, 8, 8, 7, 6, 5, 4, 3, 2]))

    def zero(self, dtype):
        info = np.iinfo(dtype)
        return np.array(self.pick([0, 0, 128 if info.min == 0 else 0, info.min, info.max,
                                   self.random.integers(info.min, info.max + 1)]), dtype)

    def name(self, what):
        return f"{what}_{self.index}_{len(self.nodes) + len(self.initializers) + len(self.inputs)}"

    def constant(self, array):
        name = self.name("c")
        self.initializers.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def input(self, array):
        name = self.name("x")
        self.inputs.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape))
        self.feeds[name] = array
        return name

    def node(self, op, inputs, **attributes):
        name = self.name(op.lower())
        self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    def conv_shape(self):
        """What `conv` takes."""
        spatial = self.pick([1, 2, 2, 2, 2])
        group = self.pick([1, 1, 1, 2, 3, 8, 16, 20])
        channels = group * (self.pick([1, 1, 2, 3, 4]) if group > 1 else self.pick([1, 2, 3, 4, 5, 16, 31, 64]))
        out = group * (self.pick([1, 1, 2, 3]) if group > 1 else self.pick([1, 3, 8, 16, 17, 32, 40, 65, 130]))
        extents, kernel, strides, dilations, begin, end = [], [], [], [], [], []
        for _ in range(spatial):
            extent = self.pick([1, 2, 4, 7, 8, 13]) if not self.large else self.pick([24, 31])
            k, dilation, stride = self.pick([1, 1, 2, 3, 3, 5]), self.pick([1, 1, 2, 3]), self.pick([1, 1, 2, 3])
            pads = [int(self.random.integers(0, k)), int(self.random.integers(0, k))]
            if extent + sum(pads) < (k - 1) * dilation + 1:
                k, dilation, pads = 1, 1, [0, 0]
            extents.append(extent), kernel.append(k), strides.append(stride), dilations.append(dilation)
            begin.append(pads[0]), end.append(pads[1])
        return group, channels, out, extents, kernel, strides, dilations, begin, end

    def conv(self, group, channels, out, extents, kernel, strides, dilations, begin, end):
        """(op, x, weights, attributes, exact result in 64 bits)"""
        spatial = len(extents)
        x = self.data((self.pick([1, 1, 2]), channels, *extents), self.dtypes[0])
        w = self.weights((out, channels // group, *kernel))
        attributes = {"kernel_shape": kernel, "strides": strides, "dilations": dilations, "pads": begin + end, "group": group}
        zeros = self.zero(self.dtypes[0]), self.zero(self.dtypes[1])
        wide = np.pad(x.astype(np.int64) - int(zeros[0]), [(0, 0), (0, 0), *zip(begin, end)])
        weights = w.astype(np.int64) - int(zeros[1])
        result = [(wide.shape[2 + i] - (kernel[i] - 1) * dilations[i] - 1) // strides[i] + 1 for i in range(spatial)]
        sums = np.zeros((x.shape[0], out, *result), np.int64)
        for tap in np.ndindex(*kernel):
            window = wide[(slice(None), slice(None),
                           *(slice(tap[i] * dilations[i], tap[i] * dilations[i] + (result[i] - 1) * strides[i] + 1, strides[i])
                             for i in range(spatial)))]
            for g in range(group):
                ins = slice(g * (channels // group), (g + 1) * (channels // group))
                outs = slice(g * (out // group), (g + 1) * (out // group))
                sums[:, outs] += np.einsum("nc...,oc->no...", window[:, ins], weights[(outs, slice(None), *tap)])
        return "Conv", x, w, attributes, zeros, sums

    def product(self):
        m, k, n = (self.pick([1, 2, 5, 16, 33]), self.pick([1, 3, 4, 7, 32, 65, 130]), self.pick([1, 2, 15, 16, 17, 48, 80, 200]))
        if self.large:
            # The second has weights that are prefetched.
            m, k, n = self.pick([(64, 150, 100), (5, 2300, 256)])
        batch = self.pick([(), (), (3,), (2, 2)])
        a, b = self.data((*batch, m, k), self.dtypes[0]), self.weights((k, n))
        zeros = self.zero(self.dtypes[0]), self.zero(self.dtypes[1])
        return "MatMul", a, b, {}, zeros, (a.astype(np.int64) - int(zeros[0])) @ (b.astype(np.int64) - int(zeros[1]))

    def build(self, op, x, w, attributes, zeros, sums):
        # Products of two inputs are another path than those with constants.
        weights = self.input(w) if op == "MatMul" and self.random.random() < 0.2 else self.constant(w)
        terms = int(np.prod(w.shape[1:] if op == "Conv" else w.shape[:1]))
        # The float meaning of a quantized node is exact up to 24 bits.
        if terms * 255 * 255 >= 1 << 24 or self.random.random() < 0.4:
            # As behind DynamicQuantizeLinear.
            zero = (self.input if self.random.random() < 0.2 else self.constant)(zeros[0])
            self.output = self.node(op + "Integer", [self.input(x), weights, zero, self.constant(zeros[1])], **attributes)
            self.expected = sums.astype(np.int32)
            return
        dtype = self.pick([np.uint8, np.int8])
        zero, info = self.zero(dtype), np.iinfo(dtype)
        # Scales that leave about 8 bits of the sums.
        shift = int(np.ceil(np.log2(max(1, np.abs(sums).max()) / self.pick([64, 128, 256]))))
        operands = [self.node("DequantizeLinear", [name, self.constant(np.float32(1)), self.constant(offset)])
                    for name, offset in ((self.input(x), zeros[0]), (weights, zeros[1]))]
        if op == "Conv" and self.random.random() < 0.5:
            bias = self.random.integers(-5000, 5001, w.shape[0])
            operands.append(self.constant(bias.astype(np.float32)))
            sums = sums + bias.reshape(-1, *[1] * (sums.ndim - 2))
        result = self.node(op, operands, **attributes)
        if self.random.random() < 0.4:
            result, sums = self.node("Relu", [result]), np.maximum(sums, 0)
        self.output = self.node("QuantizeLinear", [result, self.constant(np.float32(2.0**shift)), self.constant(zero)])
        # Half to even, as rint.
        codes = np.rint(sums * 2.0**-shift) + int(zero)
        self.expected = np.clip(codes, info.min, info.max).astype(dtype)

    def __str__(self):
        node = next(node for node in self.nodes if node.op_type.startswith(("Conv", "MatMul")))
        shapes = " ".join(f"{name}{list(value.shape)}{value.dtype}" for name, value in self.feeds.items())
        settings = " ".join(f"{a.name}={helper.get_attribute_value(a)}" for a in node.attribute)
        return f"seed {self.seed}: {node.op_type} {shapes} -> {list(self.expected.shape)}{self.expected.dtype} {settings}"


class FastCase(Case):
    """A convolution of a window that fast algorithms are for."""

    WINDOWS = [(3, 3), (3, 3), (3, 3), (5, 5), (7, 7), (1, 3), (3, 1), (1, 5), (5, 1), (1, 7), (7, 1), (3,), (5,), (7,)]

    def contraction(self):
        kernel = self.pick(self.WINDOWS)
        channels, out = self.pick([1, 2, 3, 4, 6, 16, 31, 64]), self.pick([1, 3, 8, 16, 17, 32, 40])
        pads = [[int(self.random.integers(0, k)) for k in kernel] for _ in range(2)]
        extents = [max(self.pick([1, 3, 5, 6, 7, 8, 12, 14, 19]), k) for k in kernel]
        if self.random.random() < 0.1:
            # More than a cache holds between the kernels: several bands.
            channels, out, extents = 16, self.pick([16, 40]), [self.pick([40, 57]), self.pick([33, 61])][-len(kernel):]
        group = self.pick([2, 3]) if channels > 1 and self.random.random() < 0.2 else 1
        ones = [1] * len(kernel)
        return self.conv(group, group * channels, group * out, extents, list(kernel), ones, ones, *pads)


def check(cases, work, arguments, target):
    """Failures as texts, and the number of comparisons."""
    model = helper.make_model(helper.make_graph(
        [node for case in cases for node in case.nodes], "contractions", [value for case in cases for value in case.inputs],
        [helper.make_tensor_value_info(case.output, helper.np_dtype_to_tensor_dtype(case.expected.dtype), case.expected.shape)
         for case in cases], [tensor for case in cases for tensor in case.initializers]),
        opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path, library = os.path.join(work, "model.onnx"), os.path.join(work, "model.so")
    save(model, path)
    feeds = {name: value for case in cases for name, value in case.feeds.items()}
    failures, compared = [], 0
    if target != "cpu":
        outputs = qctest.compile_and_run(path, target, feeds, work, *arguments)
        for case in cases:
            wrong = qctest.difference(outputs[case.output], case.expected, 0, 0)
            if wrong:
                failures.append(f"{target}, {case}: {wrong}")
        return failures, len(cases)
    try:
        qctest.compile_model(path, library, {}, "--mcpu=" + ",".join(FORMS), *arguments)
    except qctest.RunFailure as failure:
        return [str(failure)], 0
    for form in FORMS:
        try:
            # The best one of this machine is "native", which is no form's name.
            loaded = qcrt.Model(library, cpu_form=None if form == "native" else form)
        except qcrt.Error as error:
            if error.status == 5:  # QCRT_UNSUPPORTED_CPU
                continue
            raise
        for threads in THREADS:
            outputs = loaded.session(threads=threads, divide=True).run(feeds)
            for case in cases:
                compared += 1
                wrong = qctest.difference(outputs[case.output], case.expected, 0, 0)
                if wrong:
                    failures.append(f"{form}, {threads} thread(s), {case}: {wrong}")
    return failures, compared


class Run:
    """What the arguments of one run ask for."""

    def __init__(self, arguments):
        parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], usage="%(prog)s [options] [-- options]...")
        parser.add_argument("--count", type=int, default=2000, help="cases")
        parser.add_argument("--first", type=int, default=0, help="seed of the first")
        parser.add_argument("--conv-algorithm", metavar="NAME", help="as qc-compile's: check convolutions by this algorithm")
        parser.add_argument("--target", default="cpu", choices=("cpu", "ptx-sim", "hls-csim"), help="default: cpu")
        parser.parse_args(arguments, self)
        self.failures, self.compared = {}, 0

    def models(self):
        """The seeds of each model's cases, as many models as can be tested at once."""
        size = min(CASES_OF_A_MODEL, -(-self.count // qctest.jobs()))
        end = self.first + self.count
        return [range(seed, min(seed + size, end)) for seed in range(self.first, end, size)]

    def check(self, seeds):
        """What `check` says of one model's cases."""
        kind = FastCase if self.conv_algorithm else Case
        arguments = [f"--conv-algorithm={self.conv_algorithm}"] if self.conv_algorithm else []
        cases = [kind(index, seed) for index, seed in enumerate(seeds)]
        with tempfile.TemporaryDirectory(prefix="qc-contractions-") as work:
            return check(cases, work, arguments, self.target)

    def report(self):
        where = f"in up to {len(FORMS)} forms with {len(THREADS)} numbers of threads" if self.target == "cpu" else f"on {self.target}"
        how = f" by {self.conv_algorithm}" if self.conv_algorithm else ""
        print(f"{self.count} contractions{how} {where}: {self.compared} comparisons")


def main():
    runs, rest = [], sys.argv[1:]
    while rest is not None:
        own, rest = (rest[:rest.index("--")], rest[rest.index("--") + 1:]) if "--" in rest else (rest, None)
        runs.append(Run(own))
    # One pool, so that no run waits for the last model of another.
    with concurrent.futures.ThreadPoolExecutor(qctest.jobs()) as pool:
        results = [(run, pool.submit(run.check, seeds)) for run in runs for seeds in run.models()]
        for run, result in results:
            failures, compared = result.result()
            run.compared += compared
            for failure in failures:
                run.failures.setdefault(failure.split("seed ")[-1].split(":")[0], failure)
                print("FAIL", failure, flush=True)
    for run in runs:
        run.report()
    failed = sum(len(run.failures) for run in runs)
    qctest.finish(sum(run.count for run in runs) - failed, failed, 0)


if __name__ == "__main__":
    main()
