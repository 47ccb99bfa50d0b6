# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The lit suites: one test per .mlir, .test or .py file below test/.
#
# Tools are written by name, plain (`qc-opt`) or with a percent sign
# (`%qc-opt`). `lit -Dverify_roundtrip=1` reruns the tests of qc-opt with
# `qc-opt --verify-roundtrip`, which prints and parses each input and compares.
import os
import re
import shutil
import subprocess
import sys

import lit.formats

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
import roundtrip  # noqa: E402

verify_roundtrip = lit_config.params.get("verify_roundtrip", "0") not in ("0", "")

config.name = "qc"
config.test_format = (roundtrip.RoundtripTest if verify_roundtrip else lit.formats.ShTest)(execute_external=False)
config.suffixes = [".mlir", ".test", ".py"]
config.excludes = ["Inputs", "Unit", "Integration", "Passes", "data", "lit.cfg.py", "lit.site.cfg.py"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.qc_build_dir, "test")

config.environment["PATH"] = os.pathsep.join(
    [config.qc_tools_dir, config.llvm_tools_dir, config.environment.get("PATH", "")])
for name in ("HOME", "CUDA_HOME", "ASAN_OPTIONS", "UBSAN_OPTIONS", "QC_DEPS"):
    if name in os.environ:
        config.environment[name] = os.environ[name]
if config.qc_data_dir:
    config.environment["QC_DATA"] = config.qc_data_dir


def add_tool(name, command):
    """Lets tests write NAME or %NAME for COMMAND."""
    # The longer %-form first; neither matches inside a path or a longer word.
    config.substitutions.append(("%" + re.escape(name) + r"(?![\w.-])", command))
    config.substitutions.append((r"(?<![\w./%=-])" + re.escape(name) + r"(?![\w./=-])", command))


def tool_path(directory, name):
    return os.path.join(directory, name).replace("\\", "/")


for tool in ("qc-opt", "qc-test-opt", "qc-translate", "qc-compile", "qc-compare", "qc-run"):
    command = tool_path(config.qc_tools_dir, tool)
    if verify_roundtrip and tool in roundtrip.TOOLS:
        command += " --verify-roundtrip"
    add_tool(tool, command)
for tool in ("FileCheck", "not", "count", "split-file", "mlir-opt", "llvm-readelf", "llvm-objdump", "llvm-nm"):
    add_tool(tool, tool_path(config.llvm_tools_dir, tool))
# What the innermost loops of assembly consist of.
add_tool("inner-loops", config.python_executable + " "
         + os.path.join(config.test_source_root, "Target", "CPU", "Assembly", "Inputs", "inner_loops.py"))
config.substitutions.append(("%python", config.python_executable))
config.substitutions.append(("%cxx", config.cxx))
config.substitutions.append(("%qc_src", config.qc_source_dir))
config.substitutions.append(("%qc_libs", config.qc_lib_dir))
config.substitutions.append(("%qc_data", config.qc_data_dir or "no-data"))
# The model.so of the runtime's unit tests, and one that leaves a buffer.
config.substitutions.append(("%faulty_model", os.path.join(config.qc_build_dir, "test", "Unit", "qcrt-faulty-model.so")))
config.substitutions.append(("%test_model", os.path.join(config.qc_build_dir, "test", "Unit", "qcrt-test-model.so")))
config.substitutions.append(("%test_data", os.path.join(config.qc_source_dir, "test", "data")))


# ptxas comes with CUDA, which is not on every PATH.
cuda_tools = [os.path.join(root, "bin") for root in (os.environ.get("CUDA_HOME"), "/usr/local/cuda") if root]
ptxas = shutil.which("ptxas", path=os.pathsep.join([config.environment["PATH"]] + cuda_tools))
if ptxas:
    add_tool("ptxas", ptxas)


def python_has(module):
    return subprocess.run([config.python_executable, "-c", "import " + module],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def cpu_flags():
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith("flags"):
                    return set(line.split(":", 1)[1].split())
    except OSError:
        pass
    return set()


flags = cpu_flags()
features = {
    "shared-data": bool(config.qc_data_dir) and os.path.isdir(config.qc_data_dir),
    "ptxas": bool(ptxas),
    "avx2": {"avx2", "fma"} <= flags,
    "avx512vnni": {"avx512f", "avx512bw", "avx512vl", "avx512_vnni"} <= flags,
    "onnx": python_has("onnx"),
    "onnxruntime": python_has("onnxruntime"),
    "qemu": bool(shutil.which("qemu-x86_64")),
    "gpu": os.path.exists("/dev/nvidia0"),
    "sanitizer": bool(config.qc_sanitize),
    "compiler": config.qc_import_only == "OFF",
    "roundtrip": verify_roundtrip,
}
config.available_features.update(name for name, present in features.items() if present)
