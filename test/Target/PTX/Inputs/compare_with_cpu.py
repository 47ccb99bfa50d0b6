#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs every program of a library on the CPU and of a folder in the PTX
simulator, on the same random inputs, and compares all outputs.

Integers and booleans must be equal. Floats may differ by `--rtol`: the order of
a sum and the use of fused operations differ between the targets.

    compare_with_cpu.py QC_RUN LIBRARY FOLDER SCRATCH [--rtol R] [--seeds N]
"""
import argparse
import json
import pathlib
import subprocess
import sys

import numpy


def run(command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, command))}\nexit {result.returncode}\n{result.stderr}{result.stdout}")
    return result.stdout


def load(folder):
    """The outputs by name; .pb files stay bytes."""
    outputs = {}
    for path in sorted(folder.iterdir()):
        outputs[path.name] = numpy.load(path) if path.suffix == ".npy" else path.read_bytes()
    return outputs


def describe_difference(cpu, gpu, rtol):
    """None if equal within the tolerance, else what differs."""
    if isinstance(cpu, bytes) or isinstance(gpu, bytes):
        return None if cpu == gpu else "bytes differ"
    if cpu.dtype != gpu.dtype or cpu.shape != gpu.shape:
        return f"{cpu.dtype}{cpu.shape} and {gpu.dtype}{gpu.shape}"
    if cpu.dtype.kind == "f":
        wide = [x.astype(numpy.float64) for x in (cpu, gpu)]
        equal = numpy.isclose(wide[1], wide[0], rtol=rtol, atol=rtol * 1e-2, equal_nan=True)
    else:
        equal = cpu == gpu
    if equal.all():
        return None
    at = numpy.unravel_index(numpy.argmin(equal), cpu.shape)
    return f"{(~equal).sum()} of {cpu.size} elements differ; at {tuple(map(int, at))}: CPU {cpu[at]}, PTX {gpu[at]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("qc_run", "library", "folder"):
        parser.add_argument(name)
    parser.add_argument("scratch", type=pathlib.Path)
    parser.add_argument("--rtol", type=float, default=2e-6)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    programs = [p["name"] for p in json.loads(run([args.qc_run, args.library, "--info", "--json"]))["programs"]]
    failures = []
    for program in programs:
        for seed in range(args.seeds):
            outputs = []
            for target, artefact in (("cpu", [args.library]), ("ptx", [args.folder, "--device=ptx-sim"])):
                folder = args.scratch / f"{program}-{seed}-{target}"
                folder.mkdir(parents=True, exist_ok=True)
                run([args.qc_run, *artefact, "--program", program, "--random", str(seed), "--output", folder])
                outputs.append(load(folder))
            cpu, gpu = outputs
            if not cpu or cpu.keys() != gpu.keys():
                failures.append(f"{program}: outputs {list(cpu)} and {list(gpu)}")
            for name in cpu.keys() & gpu.keys():
                difference = describe_difference(cpu[name], gpu[name], args.rtol)
                if difference:
                    failures.append(f"{program}, seed {seed}, {name}: {difference}")
    print("\n".join(failures))
    print(f"{len(programs)} programs, {args.seeds} inputs each, {len(failures)} differences")
    return 1 if failures or not programs else 0


if __name__ == "__main__":
    sys.exit(main())
