# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The CPU's name and what it can do at most, measured (peaks.c)."""
import os
import shutil
import subprocess
import tempfile

import environment

HERE = os.path.dirname(os.path.abspath(__file__))


def measure(counts):
    """{threads: {"fma": GMAC/s, "vpdpbusd": GMAC/s, "read": {bytes: GB/s}}}"""
    compiler = shutil.which("clang-22") or "cc"
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "peaks")
        subprocess.run([compiler, "-O2", "-march=native", "-pthread", os.path.join(HERE, "peaks.c"), "-o", program],
                       check=True)
        for threads in counts:
            text = subprocess.run([program, str(threads)], check=True, capture_output=True, text=True).stdout
            values = {name: float(value) for name, value in (line.split() for line in text.splitlines())}
            reads = {int(name[5:]): values.pop(name) for name in list(values) if name.startswith("read_")}
            result[str(threads)] = {**values, "read": reads}
    return result


def machine(counts):
    return {"cpu": environment.cpu_name(), "peaks": measure(counts)}
