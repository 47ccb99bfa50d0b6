# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The integration tests' own helpers: that wrong results, crashes, hangs and
unexpected passes are seen."""
import json
import os
import sys

import ml_dtypes
import numpy as np
import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import qctest  # noqa: E402


def test_equal_tensors_have_no_difference():
    for values in (np.arange(6, dtype=np.int32), np.array([1.0, np.nan, np.inf], np.float32),
                   np.array([True, False]), np.array(3.5, np.float64), np.zeros((0, 2), np.float32),
                   np.array([1.5, -2], ml_dtypes.bfloat16), np.array([1, -8], ml_dtypes.int4)):
        assert qctest.difference(values, values.copy(), 1e-3, 1e-7) is None


def test_integers_are_compared_exactly():
    assert "1 of 3" in qctest.difference(np.array([1, 2, 100001]), np.array([1, 2, 100000]), 1e-3, 1e-7)


@pytest.mark.parametrize("actual, expected, says", [
    (np.zeros(2, np.float32), np.zeros((2, 1), np.float32), "shape [2] instead of [2, 1]"),
    (np.zeros(2, np.float64), np.zeros(2, np.float32), "type float64 instead of float32"),
    (np.array([1.0, 2.1], np.float32), np.array([1.0, 2.0], np.float32), "first at [1]"),
    (np.array([np.nan], np.float32), np.array([1.0], np.float32), "1 of 1"),
    (np.array([np.inf], np.float32), np.array([-np.inf], np.float32), "1 of 1"),
])
def test_differences_are_named(actual, expected, says):
    assert says in qctest.difference(actual, expected, 1e-3, 1e-7)


def test_scale_is_the_range_or_the_size():
    assert qctest.get_scale(np.array([-1.0, 3.0])) == 4
    assert qctest.get_scale(np.array([5.0, 5.0 + 2.0**-20])) == 5.0 + 2.0**-20
    assert qctest.get_scale(np.zeros(3)) == 1e-30


def test_tolerance_is_relative_and_absolute():
    one, near = np.array([1000.0], np.float32), np.array([1000.9], np.float32)
    assert qctest.difference(near, one, 1e-3, 0) is None
    assert qctest.difference(near, one, 1e-4, 0) is not None
    assert qctest.difference(near, one, 0, 1) is None


PROGRAM = """
import os, sys, time
for line in sys.stdin:
    line = line.strip()
    if line == "crash": os.abort()
    if line == "hang": time.sleep(60)
    if line == "end": sys.exit(3)
    print("echo " + line, flush=True)
"""


def test_worker_survives_crash_and_hang():
    worker = qctest.Worker([sys.executable, "-c", PROGRAM], timeout=5)
    assert worker.ask("a") == "echo a"
    with pytest.raises(qctest.Worker.Crashed, match="SIGABRT"):
        worker.ask("crash")
    assert worker.ask("b") == "echo b"
    with pytest.raises(qctest.Worker.Crashed, match="exit code 3"):
        worker.ask("end")
    worker.timeout = 0.5
    with pytest.raises(qctest.Worker.Hung):
        worker.ask("hang")
    worker.timeout = 5
    assert worker.ask("c") == "echo c"
    worker.close()


def test_expected_failures_keep_what_a_person_wrote(tmp_path):
    path = tmp_path / "xfail.json"
    path.write_text(json.dumps({"mended": "compile: x", "by_hand": "the reference is wrong", "old": "run: y"}))
    qctest.ExpectedFailures(str(path)).update(
        {"mended": None, "by_hand": "result: z", "old": "result: w", "new": "crash: v", "good": None})
    assert json.loads(path.read_text()) == {
        "by_hand": "the reference is wrong", "new": "crash: v", "old": "result: w"}
    assert not os.path.exists(str(path) + ".new")


def test_expected_failures_add_to_others(tmp_path):
    (tmp_path / "base.json").write_text(json.dumps({"everywhere": "compile: a"}))
    (tmp_path / "own.json").write_text(json.dumps({"here": "run: b"}))
    base = qctest.ExpectedFailures(str(tmp_path / "base.json"))
    own = qctest.ExpectedFailures(str(tmp_path / "own.json"), base)
    assert own.reasons == {"everywhere": "compile: a", "here": "run: b"}
    assert (own.place("everywhere"), own.place("here")) == (base.path, own.path)
    own.update({"everywhere": "compile: a", "here": "run: b", "new": "result: c"})
    assert json.loads((tmp_path / "own.json").read_text()) == {"here": "run: b", "new": "result: c"}
    own.update({"here": None, "new": None})
    assert not (tmp_path / "own.json").exists()
    assert json.loads((tmp_path / "base.json").read_text()) == {"everywhere": "compile: a"}


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.bool_, ml_dtypes.bfloat16, ml_dtypes.int4, ml_dtypes.uint4,
                                   ml_dtypes.float4_e2m1fn, ml_dtypes.uint2])
@pytest.mark.parametrize("packed", [False, True])
def test_elements_survive_packing(dtype, packed):
    dtype = np.dtype(dtype)
    values = np.array([1, 0, 3, 2, 1], np.int8).astype(dtype).reshape(5, 1)
    size = -(-5 * qctest.packed_bits(dtype) // 8) if packed and values.itemsize == 1 else values.nbytes
    data = qctest.pack_elements(values, size)
    assert len(data) == size
    assert qctest.difference(qctest.unpack_elements(data, dtype, [5, 1]), values, 0, 0) is None


def test_packing_keeps_signs():
    values = np.array([-8, 7, -1], ml_dtypes.int4)
    assert list(qctest.unpack_elements(qctest.pack_elements(values, 2), values.dtype, [3])) == list(values)


def test_failing_commands_tell_why(tmp_path):
    with pytest.raises(qctest.RunFailure, match="run: .*the reason"):
        qctest.run_command([sys.executable, "-c", "raise SystemExit('error: the reason')"], 10)
    with pytest.raises(qctest.RunFailure, match="crash: .*SIGSEGV"):
        qctest.run_command([sys.executable, "-c", "import os; os.kill(os.getpid(), 11)"], 10)
    with pytest.raises(qctest.RunFailure, match="hang: "):
        qctest.run_command([sys.executable, "-c", "import time; time.sleep(60)"], 0.2)
