# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs an int8 network as a shared library and as an HLS project in C
simulation, and compares every bit of the outputs: from outside, and as the
vectors that the project holds.

    compare_with_cpu.py FLOAT_MODEL.onnx SOURCE_DIR WORK_DIR

The project is built by each compiler, with its own streams and with the vendor's
headers. The model has one input `input` of 1x28x28 values per image. It is
quantized here with inputs from a fixed generator; the integers behind that are
what counts, not the accuracy.
"""
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
    model, source, work = sys.argv[1:]
    sys.path.insert(0, os.path.join(source, "test", "Integration"))
    import hls_csim
    inputs, outputs, project = (os.path.join(work, name) for name in ("inputs", "outputs", "project"))
    for folder in (inputs, outputs, project):
        os.makedirs(folder, exist_ok=True)
    images = np.random.default_rng(5).random((IMAGES, 1, 1, 28, 28), dtype=np.float32)
    for index, image in enumerate(images):
        np.savez(os.path.join(inputs, "%02d.npz" % index), input=image)
    quantized = os.path.join(work, "int8.onnx")
    run(sys.executable, os.path.join(source, "scripts", "quantize_qdq.py"), "--activations", "s8", "--weights", "s8",
        "--per-channel", model, inputs, quantized)

    library = os.path.join(work, "model.so")
    run("qc-compile", quantized, "--bind", "N=1", "-o", library)
    run("qc-run", library, "--inputs", inputs, "--outputs", outputs)
    expected = [dict(np.load(os.path.join(outputs, name))) for name in sorted(os.listdir(outputs))]

    for name, arrays in (("inputs", images), ("outputs", [next(iter(image.values())) for image in expected])):
        os.makedirs(os.path.join(work, "vectors", name), exist_ok=True)
        np.concatenate(arrays).tofile(os.path.join(work, "vectors", name, "0.bin"))
    run("qc-compile", quantized, "--bind", "N=1", "--target=hls", "--hls-vectors", os.path.join(work, "vectors"),
        "-o", project)
    with open(os.path.join(project, "top.cpp")) as file:
        sums = file.read().count("int32_t carried")
    for compiler in hls_csim.compilers():
        for streams in ("", hls_csim.vendor_flags()):
            simulation = hls_csim.build(project, compiler, "-O1 -Werror " + streams, again=True)
            actual = simulation.run([{"input": image} for image in images], work)
            equal = sum(a.keys() == e.keys() and all(a[name].tobytes() == e[name].tobytes() for name in e)
                        for a, e in zip(actual, expected, strict=True))
            distinct = len({tuple(values.tobytes() for values in image.values()) for image in actual})
            print("%s, %s streams: %d of %d images agree, %d distinct; integer sums: %s"
                  % (os.path.basename(compiler), "vendor's" if streams else "own", equal, IMAGES, distinct, sums > 0))
    print(subprocess.run(["make", "-s", "-C", project, "check"], stdout=subprocess.PIPE, text=True).stdout)


main()
