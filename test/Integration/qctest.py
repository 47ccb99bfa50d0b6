# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the integration tests share.

Where the tools are, reading ONNX tensors, comparing outputs, processes that may
crash or hang without taking the run with them, expected failures as data files,
and the closing line that scripts/check reads.
"""
import json
import os
import re
import selectors
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("QC_BUILD") or os.path.join(ROOT, "build")
CACHE = os.environ.get("QC_DEPS") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"), "qc")


def tool(name):
    """Path of a tool of this build; ends the program if it was not built."""
    path = os.path.join(BUILD, "bin", name)
    if not os.access(path, os.X_OK):
        sys.exit(f"error: {path} is missing: build first (scripts/build), or set QC_BUILD")
    return path


def cpu_forms():
    """Forms of CPU code to test, as --mcpu has them: this machine's, those of lesser
    CPUs, and the widest one, emulated where this machine has not got it."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        flags = set(next((line for line in file if line.startswith("flags")), "").split())
    widest = [] if {"avx512vl", "avx512bw", "avx512_vnni", "avx512_vbmi"} <= flags else ["x86-64-v4+vnni+vbmi+emulated"]
    lesser = ["x86-64-v3", "x86-64"] if flags & {"avx512vl", "avx_vnni"} else ["x86-64"]
    return ["native", *widest, *lesser]


def data_directory():
    """Folder of real models and data, or None: $QC_DATA or ../shared/data."""
    path = os.environ.get("QC_DATA") or os.path.join(ROOT, os.pardir, "shared", "data")
    return os.path.abspath(path) if os.path.isdir(path) else None


def jobs():
    """How many processes may run at once."""
    return int(os.environ.get("QC_JOBS") or os.cpu_count())


# ---------------------------------------------------------------------------
# Tensors


def read_tensor(path):
    """Reads a TensorProto file as a numpy array."""
    import onnx
    from onnx import numpy_helper
    with open(path, "rb") as file:
        return numpy_helper.to_array(onnx.TensorProto.FromString(file.read()))


def read_array(path):
    """Reads a .npy or .pb file."""
    return np.load(path) if path.endswith(".npy") else read_tensor(path)


def numpy_type(name):
    """The numpy type of an ONNX element type by ONNX's or numpy's name."""
    import onnx
    if name.upper() in onnx.TensorProto.DataType.keys():
        return numpy_type_of(onnx.TensorProto.DataType.Value(name.upper()))
    return np.dtype(name)


def numpy_type_of(data_type):
    """The numpy type of an ONNX data type number."""
    import onnx
    return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(data_type))


def difference(actual, expected, rtol, atol):
    """None if `actual` equals `expected` as ONNX's own test runner compares
    them, else a sentence that says how they differ. bfloat16 is compared with
    two units in the last place, as there."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    if actual.shape != expected.shape:
        return f"shape {list(actual.shape)} instead of {list(expected.shape)}"
    if actual.dtype != expected.dtype:
        return f"type {actual.dtype} instead of {expected.dtype}"
    if actual.size == 0:
        return None
    if expected.dtype.kind in "biu":
        wrong = actual != expected
        if not wrong.any():
            return None
        at = np.unravel_index(np.argmax(wrong), wrong.shape)
        return (f"{int(wrong.sum())} of {wrong.size} elements differ, first at "
                f"{[int(i) for i in at]}: {actual[at]} instead of {expected[at]}")
    if expected.dtype.name == "bfloat16":
        rtol = max(rtol, 2.0**-6)
    # float8, float4, int4 and bfloat16 are numpy types of another package.
    wide = np.float64
    a, e = actual.astype(wide), expected.astype(wide)
    close = np.isclose(a, e, rtol=rtol, atol=atol, equal_nan=True)
    if close.all():
        return None
    at = np.unravel_index(np.argmin(close), close.shape)
    with np.errstate(invalid="ignore"):
        worst = float(np.nanmax(np.where(np.isfinite(a) & np.isfinite(e), abs(a - e), 0)))
    return (f"{int((~close).sum())} of {close.size} elements differ, first at "
            f"{[int(i) for i in at]}: {a[at]:.9g} instead of {e[at]:.9g}, largest difference {worst:.3g}")


def get_scale(expected):
    """What errors of finite floats are a share of: their range, or where they are
    equal but for rounding, which have none, their size."""
    magnitude, extent = float(np.abs(expected).max()), float(expected.max() - expected.min())
    return extent if extent > 2.0**-16 * magnitude else max(magnitude, 1e-30)


# ---------------------------------------------------------------------------
# Processes


class Worker:
    """A child process that answers lines with lines. `ask` returns its answer,
    or raises Crashed or Hung, after which the worker starts afresh on the next
    question."""

    class Crashed(Exception):
        pass

    class Hung(Exception):
        pass

    def __init__(self, command, timeout, environment=None):
        self.command, self.timeout, self.environment = command, timeout, environment
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
            stderr=subprocess.DEVNULL, env=self.environment)
        self.pending = b""

    def ask(self, question):
        if self.process is None:
            self.start()
        try:
            self.process.stdin.write((question + "\n").encode())
        except BrokenPipeError:
            self._end("before it took the question")
        return self.read_line()

    def read_line(self):
        deadline = time.monotonic() + self.timeout
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self.pending:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    self.close()
                    raise Worker.Hung(f"no answer within {self.timeout} s")
                piece = self.process.stdout.read(65536)
                if not piece:
                    self._end("without an answer")
                self.pending += piece
        line, self.pending = self.pending.split(b"\n", 1)
        return line.decode(errors="replace")

    def _end(self, when):
        code = self.process.wait()
        self.process = None
        raise Worker.Crashed(f"ended with {exit_text(code)} {when}")

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def exit_text(code):
    """'signal SIGSEGV' or 'exit code 1'."""
    if code < 0:
        import signal
        try:
            return "signal " + signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"
    return f"exit code {code}"


# ---------------------------------------------------------------------------
# Artefacts

TARGETS = {
    # target: qc-compile's arguments, suffix of an artefact, seconds for a run
    "cpu": (["--target=cpu"], ".so", 60),
    "ptx-sim": (["--target=ptx"], "", 180),
    "cuda": (["--target=ptx"], "", 60),
    "hls-csim": (["--target=hls"], "", 300),
}


def compile_model(model, artifact, shapes, *options, timeout=900):
    """Compiles an ONNX file for input shapes {name: dims}, or {name: [dims, ...]}
    for several programs. Returns the seconds it took; raises RunFailure."""
    command = [tool("qc-compile"), str(model), "-o", str(artifact), *options]
    for name, alternatives in shapes.items():
        if not alternatives or not isinstance(alternatives[0], (tuple, list)):
            alternatives = [alternatives]
        command += ["--shape", f"{name}=" + ",".join("x".join(map(str, dims)) for dims in alternatives)]
    start = time.monotonic()
    run_command(command, timeout)
    return time.monotonic() - start


def quantize_commands(model, target, graph, shapes, options):
    """The two commands that quantize an ONNX file: importing it for `shapes`
    {name: dims} to the file `graph`, and --qc-quantize-pipeline with the text `options`."""
    return ([tool("qc-translate"), "--import-onnx", str(model), "--mlir-print-debuginfo", "-o", str(graph),
             *(f"--shape={name}=" + "x".join(map(str, dims)) for name, dims in shapes.items())],
            [tool("qc-opt"), str(graph), "--mlir-print-debuginfo", "-o", str(target), f"--qc-quantize-pipeline={options}"])


class RunFailure(Exception):
    """An artefact did not run; the text says why."""


def run_artifact(artifact, target, inputs, work, timeout=600, *options):
    """Runs an artefact once. `target` is cpu, ptx-sim, cuda or hls-csim, `inputs` maps
    names to .npy or .pb files, `work` is a folder for files in between, `options`
    are more of qc-run's. Returns {output name: array}; raises RunFailure."""
    if target == "hls-csim":
        import hls_csim
        values = {name: read_array(path) for name, path in inputs.items()}
        return hls_csim.build(artifact, timeout=timeout).run([values], work, timeout)[0]
    command = [tool("qc-run"), artifact, "--output", work, "--json", *options]
    if target != "cpu":
        command.append("--device=" + target)
    for name, path in inputs.items():
        command += ["--input", f"{name}={path}"]
    report = json.loads(run_command(command, timeout))
    results = {}
    for output in report["outputs"]:
        # As qc-run names the files: see --output in its help.
        stem = re.sub(r"[^A-Za-z0-9._-]", "_", output["name"])
        stem = re.sub(r"^\.", "_", stem)
        path = os.path.join(work, stem)
        results[output["name"]] = read_array(path + (".npy" if os.path.exists(path + ".npy") else ".pb"))
    return results


def compile_and_run(model, target, feeds, work, *options):
    """Outputs by name of a model file (`options` are more of qc-compile's) on `target`
    for `feeds` {name: array}; `work` is a folder for what lies between."""
    arguments, suffix, timeout = TARGETS[target]
    artifact = os.path.join(work, "artifact" + suffix)
    compile_model(model, artifact, {}, *arguments, *options)
    files = {}
    for name, value in feeds.items():
        files[name] = os.path.join(work, f"in_{name}.npy")
        np.save(files[name], value)
    os.makedirs(out := os.path.join(work, "out"), exist_ok=True)
    return run_artifact(artifact, target, files, out, timeout)


def packed_bits(dtype):
    """Bits of an element of a type that shares bytes in files, else 8."""
    return {"int4": 4, "uint4": 4, "float4_e2m1fn": 4, "int2": 2, "uint2": 2}.get(dtype.name, 8)


def pack_elements(values, size):
    """Little-endian elements in `size` bytes; elements of less than 8 bits share
    bytes if the size says so, the first in the lowest bits."""
    data = np.ascontiguousarray(values).tobytes()
    if len(data) == size:
        return data
    bits = packed_bits(values.dtype)
    if bits == 8 or size != -(-len(data) * bits // 8):
        raise RunFailure(f"{values.dtype} {list(values.shape)} does not fit {size} bytes")
    padded = np.zeros(size * 8 // bits, np.uint8)
    padded[:len(data)] = np.frombuffer(data, np.uint8) & (1 << bits) - 1
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    return np.bitwise_or.reduce(padded.reshape(size, -1) << shifts, axis=1).tobytes()


def unpack_elements(data, dtype, shape):
    """The inverse of pack_elements."""
    count, bits = int(np.prod(shape, dtype=np.int64)), packed_bits(dtype)
    if bits < 8 and len(data) < count:
        shifts = np.arange(0, 8, bits, dtype=np.uint8)
        codes = (np.frombuffer(data, np.uint8)[:, None] >> shifts & (1 << bits) - 1).reshape(-1)[:count]
        # A negative number has ones above.
        negative = (codes >> bits - 1) * (dtype.name in ("int4", "int2"))
        data = (codes | negative * np.uint8(256 - (1 << bits))).astype(np.uint8).tobytes()
    return np.frombuffer(data, dtype).reshape(shape)


def run_command(command, timeout, directory=None, environment=None):
    """Standard output of a program; RunFailure with what it said otherwise."""
    try:
        process = subprocess.run(command, capture_output=True, timeout=timeout, cwd=directory, env=environment)
    except subprocess.TimeoutExpired:
        raise RunFailure(f"hang: {os.path.basename(command[0])} did not end within {timeout} s") from None
    if process.returncode:
        raise RunFailure(failure_text(command, process.returncode, process.stderr + process.stdout))
    return process.stdout.decode(errors="replace")


def failure_text(command, code, output):
    """What is worth telling of a program that failed."""
    lines = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
    told = next((line for line in lines if "error" in line.lower()), lines[0] if lines else "no message")
    return f"{'crash' if code < 0 else 'run'}: {os.path.basename(command[0])}: {told} ({exit_text(code)})"


def run_measured(command, timeout):
    """Runs a program that must succeed: {"seconds", "cpu_seconds", "peak_bytes"},
    the last being the most memory that it had resident."""
    with tempfile.TemporaryFile() as output:
        start, peak, ended = time.monotonic(), 0, 0
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        # Not the ru_maxrss of wait4, which begins with that of this process.
        while not ended:
            try:
                with open(f"/proc/{process.pid}/status") as file:
                    peak = max([peak, *(int(line.split()[1]) << 10 for line in file if line.startswith("VmHWM:"))])
            except OSError:  # It has just ended.
                pass
            if time.monotonic() - start > timeout:
                process.kill()
            time.sleep(0.002)
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise RunFailure(failure_text(command, process.returncode, output.read()))
    return {"seconds": seconds, "cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_bytes": peak}


# ---------------------------------------------------------------------------
# Expected failures and the result


class ExpectedFailures:
    """A JSON file {test name: reason}. Failing there is expected, passing is an
    error: the file says what does not work, and must not say too much. It may
    add to another one, `base`, whose tests it does not repeat."""

    def __init__(self, path, base=None):
        self.path, self.base = path, base
        self.own = {}
        if os.path.exists(path):
            with open(path) as file:
                self.own = json.load(file)

    @property
    def reasons(self):
        return {**self.base.reasons, **self.own} if self.base else self.own

    def place(self, name):
        """The file that says that `name` fails."""
        return self.path if name in self.own or not self.base else self.base.place(name)

    def update(self, results):
        """Rewrites the file from {name: None if passed, else reason}. Names that
        did not run and reasons that a person wrote (anything that does not
        begin as the automatic ones do) stay."""
        for name, reason in results.items():
            if reason is None or (self.base and name in self.base.reasons):
                self.own.pop(name, None)
            elif name not in self.own or is_automatic(self.own[name]):
                self.own[name] = reason
        if not self.own and self.base:
            # An empty file would say nothing.
            if os.path.exists(self.path):
                os.unlink(self.path)
            return
        with open(self.path, "w") as file:
            json.dump(dict(sorted(self.own.items())), file, indent=1, ensure_ascii=False)
            file.write("\n")


AUTOMATIC = ("compile: ", "crash: ", "hang: ", "run: ", "result: ", "export: ", "reimport: ")


def is_automatic(reason):
    return reason.startswith(AUTOMATIC)


def finish(passed, failed, skipped):
    """Prints the closing line and ends the program."""
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
    sys.exit(1 if failed or not passed else 0)
