#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs int8 networks on another target than the CPU: the outputs have the CPU's bits.

  targets.py --target ptx-sim|hls-csim [-k REGEX] [--runs N] [--list]

The networks are int8 files that scripts/quantize_qdq.py makes of real ones (see
networks.py), fed with real inputs. Without the data folder ($QC_DATA or
../shared/data) only the committed Fashion-MNIST network runs, on random inputs.

onnxruntime plays no part: what the CPU computes is compared with it by
models.py. Here two back ends get the same kernels, so there is no tolerance.
"""
import argparse
import itertools
import os
import re
import subprocess
import sys
import tempfile
import time

import numpy as np

import models
import networks
import qctest

NETWORKS = ("int8/cnn", "int8/resnet8", "int8/resnet20", "int8/vww")
STYLE = "-reduce-range-per-channel"


def committed_case(work):
    """The network of test/data, quantized with and fed with random pictures."""
    def feeds(count):
        random = np.random.default_rng(1)
        return ({"input": random.random((1, 1, 28, 28), np.float32)} for _ in range(count))

    def model():
        pictures, path = os.path.join(work, "pictures.npz"), os.path.join(work, "fashion_cnn.onnx")
        np.savez(pictures, **next(feeds(1)))
        subprocess.run([sys.executable, os.path.join(qctest.ROOT, "scripts", "quantize_qdq.py"),
                        os.path.join(qctest.ROOT, "test", "data", "fashion_cnn.onnx"), pictures, path],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return path

    return networks.Case("int8/fashion_cnn", model, feeds, int8=True)


def all_cases(work):
    data = qctest.data_directory()
    if not data:
        return [committed_case(work)]
    cases = {case.name: case for case in networks.data_cases(data)}
    return [cases[name + STYLE] for name in NETWORKS]


def outputs_on(target, path, feeds, work):
    """([outputs by name for each feed], seconds to compile, seconds to run)."""
    arguments, suffix, timeout = qctest.TARGETS[target]
    artifact = os.path.join(work, target + suffix)
    shapes = {name: value.shape for name, value in feeds[0].items()}
    compiling = qctest.compile_model(path, artifact, shapes, *arguments)
    results, start = [], time.monotonic()
    for index, feed in enumerate(feeds):
        folder = os.path.join(work, f"{target}-{index}")
        os.mkdir(folder)
        files = {}
        for name, value in feed.items():
            files[name] = os.path.join(folder, f"input_{len(files)}.npy")
            np.save(files[name], value)
        os.mkdir(os.path.join(folder, "out"))
        results.append(qctest.run_artifact(artifact, target, files, os.path.join(folder, "out"), timeout))
    return results, compiling, time.monotonic() - start


def run_case(case, target, runs):
    """Prints a row; the result is None if all bits are equal, else the reason."""
    feeds = list(itertools.islice(case.feeds(runs), runs))
    with tempfile.TemporaryDirectory(prefix="qc-targets-") as work:
        try:
            path = case.model()
            expected, _, _ = outputs_on("cpu", path, feeds, work)
            actual, compiling, running = outputs_on(target, path, feeds, work)
        except qctest.RunFailure as failure:
            return models.clean(failure)
    elements = 0
    for index, (one, other) in enumerate(zip(actual, expected, strict=True)):
        if not other or one.keys() != other.keys():
            return f"run {index} has outputs {sorted(one)} instead of {sorted(other)}"
        for name, values in other.items():
            elements += values.size
            if one[name].dtype != values.dtype or one[name].shape != values.shape:
                return (f"run {index}, output '{name}' is {one[name].dtype}{list(one[name].shape)} instead of "
                        f"{values.dtype}{list(values.shape)}")
            # Bits, so that -0 is not 0 and NaNs are compared.
            if one[name].tobytes() != values.tobytes():
                wrong = int((one[name] != values).sum())
                return f"run {index}, output '{name}': {wrong} of {values.size} elements differ from the CPU's"
    print(f"{case.name:44} {compiling:7.1f} s {running / len(feeds):8.2f} s {elements:8} outputs equal", flush=True)
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", choices=[name for name in qctest.TARGETS if name != "cpu"], required=True)
    parser.add_argument("-k", metavar="REGEX", default="", help="only networks whose names match")
    parser.add_argument("--runs", type=int, default=2, help="inputs per network")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qc-targets-") as work:
        cases = [case for case in all_cases(work) if re.search(options.k, case.name)]
        if options.list:
            print("\n".join(case.name for case in cases))
            return
        failures = {}
        print(f"{'network':44} {'compile':>9} {'a run':>10}")
        for case in cases:
            reason = run_case(case, options.target, options.runs)
            if reason:
                failures[case.name] = reason
                print(f"FAIL {case.name}: {reason}", flush=True)
    qctest.finish(len(cases) - len(failures), len(failures), 0)


if __name__ == "__main__":
    main()
