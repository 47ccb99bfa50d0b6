# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Errors: exit status 2 and a message that names what is wrong; 1 is kept for
# mismatches. Nothing may end with a signal.
#
# REQUIRES: onnx
# RUN: rm -rf %t && %python %S/Inputs/make_tensors.py %t
# RUN: %python %s qc-run %test_model %t
import os
import subprocess
import sys

tool, model, folder = sys.argv[1:]
x, b = f"--input=x={folder}/x.npy", f"--input=scope/b:0={folder}/b.npy"


def write(name, content):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(content)
    return path


def expect(status, text, *arguments):
    process = subprocess.run([tool, *arguments], capture_output=True, text=True, timeout=60)
    assert process.returncode == status, (arguments, process.returncode, process.stderr)
    assert text in process.stdout + process.stderr, (arguments, text, process.stderr)
    if status == 2:
        assert process.stderr.startswith("qc-run: error: ") and not process.stdout, process


expect(0, "Exit status: 0 if", "--help")
expect(0, "match", model, x, b, f"--expect=y={folder}/y.npy")
expect(1, "MISMATCH", model, x, b, f"--expect=y={folder}/y_wrong.npy")
# the command line
expect(2, "no artefact given")
expect(2, "two artefacts given", model, model)
expect(2, "unknown option '--frobnicate'", model, "--frobnicate")
expect(2, "--repeat: '0'; accepted are integers from 1", model, "--repeat=0")
expect(2, "--threads: '5000'; accepted are integers from 1 to 1024", model, "--threads", "5000")
expect(2, "--rtol: 'x'; accepted are numbers from 0", model, "--rtol", "x")
expect(2, "--rtol: 'nan'", model, "--rtol", "nan")
expect(2, "--input needs a value", model, "--input")
expect(2, "--json takes no value", model, "--json=1")
expect(2, "accepted are cpu, ptx-sim and cuda", model, "--device=tpu")
expect(2, "--inputs and --outputs go together", model, "--inputs", folder)
expect(2, "do not go with it", model, "--inputs", folder, "--outputs", folder, x)
# inputs
expect(2, "these inputs are not given: 'x' (float32[1000]), 'scope/b:0' (float32[1000])", model)
expect(2, "these inputs are not given: 'scope/b:0' (float32[1000])", model, x)
expect(2, "not NAME=FILE with one of the names 'x', 'scope/b:0'", model, f"--input=z={folder}/x.npy")
expect(2, "not NAME=FILE", model, "--input=x=")
expect(2, "'x' is given twice", model, x, x)
expect(2, "no program takes x[8]; programs and their inputs: main: x[1000] scope/b:0[1000]; small: x[10]", model,
       f"--input=x={folder}/numbers.npy")
expect(2, "input 'x' is float32[10], but the file has float32[1000]", model, x, b, "--program=small")
expect(2, "no program 'huge'; there are: main, small", model, x, b, "--program=huge")
expect(2, "missing.npy: cannot open", model, "--input=x=missing.npy")
expect(2, "accepted are .npy and .pb", model, f"--input=x={folder}")
expect(2, "not an npy file", model, "--input=x=" + write("bad.npy", b"hello"))
expect(2, "not a TensorProto", model, "--input=x=" + write("bad.pb", b"\xff\xff"))
expect(2, "is no output of program 'small'", model, "--random=1", "--program=small",
       f"--expect=numbers={folder}/numbers.npy")
# artefacts
expect(2, "cannot open", "missing.so")
expect(2, "not a shared library", write("text.so", b"x" * 1000))
with open(model, "rb") as file:
    content = file.read()
expect(2, "truncated", write("truncated.so", content[:len(content) // 3]))
expect(2, "no CPU form 'vax'; there are: x86-64, x86-64-v2, future, x86-64-again", model, "--cpu-form=vax")
expect(2, "cannot run future", model, "--cpu-form=future")
expect(2, "add --device=ptx-sim or --device=cuda", folder)
expect(2, "holds code for the CPU", model, "--device=ptx-sim")
expect(2, "manifest.qcm: cannot open", folder, "--device=ptx-sim")
if not os.path.exists("/dev/nvidia0"):
    expect(2, "cuda: ", folder, "--device=cuda")
# data sets
os.makedirs(os.path.join(folder, "empty"))
expect(2, "no .npz file in this folder", model, f"--inputs={folder}/empty", f"--outputs={folder}/o")
expect(2, "cannot list the folder", model, f"--inputs={folder}/nowhere", f"--outputs={folder}/o")
os.makedirs(os.path.join(folder, "bad"))
write("bad/0.npz", b"PK")
expect(2, "0.npz: not a zip archive", model, f"--inputs={folder}/bad", f"--outputs={folder}/o")
expect(2, "cannot create the folder", model, "--random=1", f"--output={folder}/x.npy/sub")
