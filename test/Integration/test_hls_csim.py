# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The helpers for C simulations: projects built together keep apart, and one
that does not compile, or that complains while it runs, is told from the others."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import hls_csim  # noqa: E402
import qctest  # noqa: E402

# The least that a project needs: no input, one output.
FILES = {
    "Makefile": "csim:\n\t$(CXX) $(CXXFLAGS) -o $@ top.cpp test_bench.cpp\n",
    "qc_hls.h": "#include <cstdio>\n",
    "top.h": "",
    "test_bench_data.h": """
#include "top.h"
struct Tensor { const char *name; unsigned long bytes; int element_bytes; unsigned long long infinity; };
static const int INPUT_COUNT = 0, OUTPUT_COUNT = 1;
static const Tensor INPUTS[] = {{nullptr, 0, 1, 0}}, OUTPUTS[] = {{"y", 1, 1, 0}};
static const unsigned long WEIGHT_BYTES = 0;
void top(char *y);
static void call_top(char *const *, char *const *outputs, const char *) { top(outputs[0]); }
""",
    "test_bench.cpp": """
#include <fstream>
#include <string>
#include "test_bench_data.h"
int main(int, char **arguments) {
  char value = 0, *outputs[] = {&value};
  call_top(nullptr, outputs, nullptr);
  std::ofstream(arguments[2] + std::string("/0.bin")) << value;
}
""",
    "project.json": '{"inputs": [], "outputs": [{"name": "y", "type": "int8", "shape": [], "bytes": 1, "file": "0.bin"}]}',
}


@pytest.fixture
def project(tmp_path):
    def write(name, body):
        (tmp_path / name).mkdir()
        for file, text in {**FILES, "top.cpp": '#include "qc_hls.h"\nvoid top(char *y) { %s }\n' % body}.items():
            (tmp_path / name / file).write_text(text)
        return str(tmp_path / name)
    return write


def value(simulation, folder):
    folder.mkdir()
    outputs, = simulation.run([{}], str(folder), 10)
    return int(outputs["y"])


def test_projects_together_keep_apart(project, tmp_path):
    one, two = project("one", "*y = 1;"), project("two", "*y = 2;")
    built = hls_csim.build_together([one, two], str(tmp_path / "together"), "g++", "-O0")
    assert built[one].program == built[two].program
    assert [value(built[one], tmp_path / "1"), value(built[two], tmp_path / "2")] == [1, 2]


def test_a_broken_project_spoils_no_other(project, tmp_path):
    good, bad = project("good", "*y = 3;"), project("bad", "*y = nothing;")
    built = hls_csim.build_together([good, bad], str(tmp_path / "together"), "g++", "-O0")
    assert isinstance(built[bad], qctest.RunFailure) and "nothing" in str(built[bad])
    assert value(built[good], tmp_path / "work") == 3


def test_complaints_are_failures(project, tmp_path):
    loud = hls_csim.build(project("loud", 'std::puts("WARNING: left over");'), flags="-O0")
    with pytest.raises(qctest.RunFailure, match="WARNING: left over"):
        value(loud, tmp_path / "work")
