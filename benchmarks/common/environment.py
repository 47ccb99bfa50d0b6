# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where benchmarks run: the interpreter that has the peers, and the CPU."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def enter():
    """Makes that environment where it is missing and goes on in it; then the
    modules of the tests and of the runtime can be imported."""
    if not os.environ.get("QC_PEERS") or sys.prefix != os.environ["QC_PEERS"]:
        setup = os.path.join(ROOT, "scripts", "setup")
        subprocess.run([setup, "--peers"], check=True, stdout=sys.stderr)
        places = subprocess.run([setup, "--print"], check=True, capture_output=True, text=True).stdout
        environment = dict(os.environ, **dict(line.split("=", 1) for line in places.splitlines()))
        python = os.path.join(environment["QC_PEERS"], "bin", "python")
        os.execve(python, [python, *sys.argv], environment)
    sys.path[:0] = [os.path.join(ROOT, "test", "Integration"), os.path.join(ROOT, "python")]


def cpu_name():
    with open("/proc/cpuinfo") as file:
        text = file.read()
    fields = dict(re.findall(r"^(model name|cpu family|model)\s*: (.*)$", text, re.MULTILINE))
    return f"{fields.get('model name', 'unknown')} (family {fields.get('cpu family')}, model {fields.get('model')})"
