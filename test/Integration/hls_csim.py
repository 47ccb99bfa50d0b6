# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""C simulations of HLS projects: building and running them.

A project's Makefile builds its simulation in half a second, nearly all of which
goes into the standard headers. `build_together` makes one program of many
projects: a folder with the same Makefile, qc_hls.h and test bench, whose
`top.cpp` includes each project's in a namespace of its own, and whose
`test_bench_data.h` chooses one by the environment variable QC_PROJECT. So what
is compiled is what the projects hold, in the way that they say; warnings are
errors. The test bench is the same text in all such programs, and a third of the
time to build one: its object is built once.
"""
import functools
import importlib.util
import json
import os
import tempfile
import threading

import qctest


def compilers():
    """The compilers that every project has to pass."""
    return ["g++", os.path.join(os.environ.get("QC_LLVM") or "/usr/lib/llvm-22", "bin", "clang++")]


def vendor_flags():
    """Flags to compile against the vendor's open headers, which PyPI's hls4ml
    carries, instead of the streams of qc_hls.h."""
    package = os.path.dirname(importlib.util.find_spec("hls4ml").origin)
    return "-D__VITIS_HLS__ -isystem " + os.path.join(package, "templates", "vivado", "ap_types")


class Simulation:
    """The built simulation of a project; `number` chooses it among several."""

    def __init__(self, project, program, number=None):
        self.project, self.program = project, os.path.abspath(program)
        self.environment = None if number is None else {**os.environ, "QC_PROJECT": str(number)}

    def run(self, sets, work, timeout=600):
        """Runs on each of `sets`, {input name: array}, in one process. Returns a
        list of {output name: array}; `work` is a folder for files in between."""
        with open(os.path.join(self.project, "project.json")) as file:
            description = json.load(file)
        os.makedirs(outputs := os.path.abspath(os.path.join(work, "outputs")), exist_ok=True)
        for port in description["inputs"]:
            with open(os.path.join(work, port["file"]), "wb") as file:
                for feed in sets:
                    file.write(qctest.pack_elements(feed[port["name"]], port["bytes"]))
        # Weights that are not in the source are read from the current folder.
        said = qctest.run_command([self.program, os.path.abspath(work), outputs], timeout, self.project,
                                  self.environment)
        # The vendor's streams tell when one is read while empty or not to its end.
        if said:
            raise qctest.RunFailure(f"run: csim: {said.splitlines()[0]}")
        results = [{} for _ in sets]
        for port in description["outputs"]:
            with open(os.path.join(outputs, port["file"]), "rb") as file:
                for result in results:
                    result[port["name"]] = qctest.unpack_elements(
                        file.read(port["bytes"]), qctest.numpy_type(port["type"]), port["shape"])
        return [cut_outputs(description["outputs"], result) for result in results]


def cut_outputs(ports, result):
    """Outputs of run-time size cut to their extents, which are outputs too."""
    extents = {ports[port["extents"]]["name"] for port in ports if "extents" in port}
    for port in ports:
        if "extents" in port:
            shape = result[ports[port["extents"]]["name"]]
            count = int(shape.prod())
            result[port["name"]] = result[port["name"]].reshape(-1)[:count].reshape(shape)
    return {name: value for name, value in result.items() if name not in extents}


def build(project, compiler="g++", flags="-O1", timeout=600, again=False):
    """Builds one project with its Makefile, `again` even if it was; raises
    RunFailure."""
    # Programs that never come again would only fill a compiler cache.
    qctest.run_command(["make", "-s", *(["-B"] if again else []), "-C", project, "csim", "CXX=" + compiler,
                        "CXXFLAGS=" + flags], timeout, environment={**os.environ, "CCACHE_DISABLE": "1"})
    return Simulation(project, os.path.join(project, "csim"))


def build_together(projects, work, compiler, flags, timeout=600):
    """Builds many projects as one program in the folder `work`. Returns
    {project: its Simulation, or the RunFailure of that project}."""
    texts = {}
    for name in ("Makefile", "qc_hls.h", "test_bench.cpp"):
        with open(os.path.join(projects[0], name)) as file:
            texts[name] = file.read()
    source = (SOURCE + "".join(PROJECT.format(number=number, folder=os.path.abspath(project))
                               for number, project in enumerate(projects))
              + CHOICE + "".join(CASE.format(number=number) for number in range(len(projects))) + "  }\n}\n")
    try:
        bench = build_test_bench(compiler, flags, timeout, *texts.values())
        write_files(work, {**texts, "top.h": HEADER, "top.cpp": source, "test_bench.cpp": "// Compiled already.\n",
                           "test_bench_data.h": TEST_BENCH_DATA})
        build(work, compiler, f"{flags} {bench}", timeout)
    except qctest.RunFailure:
        # One project spoils the program of all: build each alone.
        return {project: build_alone(project, compiler, flags, timeout) for project in projects}
    return {project: Simulation(project, os.path.join(work, "csim"), number) for number, project in enumerate(projects)}


def write_files(folder, texts):
    os.makedirs(folder, exist_ok=True)
    for name, text in texts.items():
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)


def build_test_bench(compiler, flags, timeout, makefile, header, bench):
    """The object of the test bench of programs of many projects, which does not know
    the projects. The texts are those of files of a project."""
    with BENCH_LOCK:
        return build_test_bench_once(compiler, flags, timeout, makefile, header, bench)


@functools.lru_cache
def build_test_bench_once(compiler, flags, timeout, makefile, header, bench):
    folder = tempfile.mkdtemp(dir=BENCHES.name)
    write_files(folder, {"Makefile": makefile, "qc_hls.h": header, "test_bench.cpp": bench, "top.h": HEADER, "top.cpp": "",
                         "test_bench_data.h": TEST_BENCH_DATA})
    # The project's own recipe, whose program is to be linked with more (-r).
    object_file = os.path.join(folder, "test_bench.o")
    os.rename(build(folder, compiler, flags + " -r", timeout).program, object_file)
    return object_file


# Gone with the process.
BENCHES = tempfile.TemporaryDirectory(prefix="qc-benches-")
BENCH_LOCK = threading.Lock()


def build_alone(project, compiler, flags, timeout):
    try:
        return build(project, compiler, flags, timeout, again=True)
    except qctest.RunFailure as failure:
        return failure


HEADER = """
#pragma once
#include "qc_hls.h"
#include <cstddef>
#include <cstdlib>
#include <vector>

struct Tensor {
  const char *name;
  std::size_t bytes;
  int element_bytes;
  unsigned long long infinity;
};
struct Project {
  std::vector<Tensor> inputs, outputs;
  std::size_t weight_bytes;
  void (*call)(char *const *, char *const *, const char *);
};
// The project that the environment names.
Project choose_project();
"""

TEST_BENCH_DATA = """
#include "top.h"

static const Project project = choose_project();
static const Tensor *const INPUTS = project.inputs.data();
static const Tensor *const OUTPUTS = project.outputs.data();
static const int INPUT_COUNT = int(project.inputs.size());
static const int OUTPUT_COUNT = int(project.outputs.size());
static const std::size_t WEIGHT_BYTES = project.weight_bytes;
static void call_top(char *const *inputs, char *const *outputs, const char *weights) {
  project.call(inputs, outputs, weights);
}
"""

SOURCE = """
#include "top.h"

// A project's own type Tensor as the common one.
template <typename From> static std::vector<Tensor> list(const From *from, int count) {
  std::vector<Tensor> tensors;
  for (int index = 0; index < count; ++index)
    tensors.push_back({from[index].name, from[index].bytes, from[index].element_bytes, from[index].infinity});
  return tensors;
}
"""

PROJECT = """
#undef TOP_H
#undef WEIGHTS_H
namespace project_{number} {{
#include "{folder}/top.cpp"
#include "{folder}/test_bench_data.h"
}}
"""

CHOICE = """
Project choose_project() {
  const char *number = std::getenv("QC_PROJECT");
  switch (number ? std::atoi(number) : -1) {
  default:
    std::abort();
"""

CASE = """
  case {number}: {{
    using namespace project_{number};
    return {{list(INPUTS, INPUT_COUNT), list(OUTPUTS, OUTPUT_COUNT), WEIGHT_BYTES, call_top}};
  }}
"""
