# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Times of runners that take turns.

Thread pools spin for a while after a run; a turn begins only when the process
has come to rest, so that nobody is measured against a neighbour's spinning.
"""
import statistics
import time

import numpy as np
import qctest

TURN_SECONDS = 0.06
LEAST_TURNS = 5


def settle():
    """Waits until the threads of the last turn sleep."""
    for _ in range(200):
        start = time.process_time()
        time.sleep(0.002)
        if time.process_time() - start < 0.0004:
            return


def turn(run, count, times):
    run()  # Caches and sleeping threads are the turn's, not the runner's.
    for _ in range(count):
        start = time.perf_counter_ns()
        run()
        times.append(time.perf_counter_ns() - start)


def interleaved(runners, seconds):
    """{name: median milliseconds}, each measured for about `seconds`."""
    counts, times = {}, {name: [] for name in runners}
    for name, runner in runners.items():
        settle()
        runner.run()
        start = time.perf_counter()
        runner.run()
        counts[name] = max(1, int(TURN_SECONDS / (time.perf_counter() - start)))
    begin, turns = time.perf_counter(), 0
    names = list(runners)
    while names and (turns < LEAST_TURNS or time.perf_counter() - begin < seconds * len(names)):
        # Another one begins each time.
        for name in names[turns % len(names):] + names[:turns % len(names)]:
            settle()
            turn(runners[name].run, counts[name], times[name])
        turns += 1
    return {name: statistics.median(values) / 1e6 for name, values in times.items()}


def difference(runner, reference):
    """Root mean square of the outputs' difference as a share of the range (or of the
    size, where models.py takes that), of the worst output, or None where the reference has nothing finite to compare with."""
    runner.run()
    reference.run()
    actual, worst = runner.outputs(), None
    for name, expected in reference.outputs().items():
        a, e = actual[name].astype(np.float64), expected.astype(np.float64)
        if e.size and np.isfinite(e).all():
            error = float(np.sqrt(np.mean((a - e)**2)) / qctest.get_scale(e))
            worst = error if worst is None else max(worst, error)
    return worst
