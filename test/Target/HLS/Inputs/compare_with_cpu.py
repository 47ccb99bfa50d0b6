# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs an int8 network as a shared library and as an HLS project in C
simulation, and compares every bit of the outputs.

    compare_with_cpu.py FLOAT_MODEL.onnx QUANTIZE_QDQ.py WORK_DIR

The model has one input `input` of 1x28x28 values per image. It is quantized here
with inputs from a fixed generator; the integers behind that are what counts, not
the accuracy.
"""
import glob
import json
import os
import subprocess
import sys

import numpy as np

IMAGES = 20


def run(*command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode:
        sys.exit("%s\nfailed with %d:\n%s" % (" ".join(command), result.returncode, result.stdout))


def main():
    model, quantizer, work = sys.argv[1:]
    inputs, outputs, project = (os.path.join(work, name) for name in ("inputs", "outputs", "project"))
    for folder in (inputs, outputs, project):
        os.makedirs(folder, exist_ok=True)
    images = np.random.default_rng(5).random((IMAGES, 1, 28, 28), dtype=np.float32)
    for index, image in enumerate(images):
        np.savez(os.path.join(inputs, "%02d.npz" % index), input=image[None])
    quantized = os.path.join(work, "int8.onnx")
    run(sys.executable, quantizer, "--activations", "s8", "--weights", "s8", "--per-channel", model, inputs, quantized)

    library = os.path.join(work, "model.so")
    run("qc-compile", quantized, "--bind", "N=1", "-o", library)
    run("qc-run", library, "--inputs", inputs, "--outputs", outputs)
    paths = sorted(glob.glob(os.path.join(outputs, "*.npz")))
    expected = np.concatenate([next(iter(np.load(path).values())) for path in paths])

    run("qc-compile", quantized, "--bind", "N=1", "--target=hls", "-o", project)
    with open(os.path.join(project, "project.json")) as file:
        description = json.load(file)
    assert [port["type"] for port in description["inputs"] + description["outputs"]] == ["float", "float"]
    images.tofile(os.path.join(project, "0.bin"))
    run("make", "-C", project, "run", "CXXFLAGS=-O1 -Werror", "IN=.", "OUT=out")
    actual = np.fromfile(os.path.join(project, "out", "0.bin"), np.float32).reshape(expected.shape)
    with open(os.path.join(project, "top.cpp")) as file:
        sums = file.read().count("int32_t carried")
    equal = int((actual.view(np.uint32) == expected.view(np.uint32)).all(axis=1).sum())
    distinct = len(np.unique(actual, axis=0))
    print("%d of %d images agree, %d distinct; integer sums: %s" % (equal, IMAGES, distinct, sums > 0))


main()
