# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What `lit -Dverify_roundtrip=1` runs. A module of its own because lit sends the
test format to its processes, which cannot be done with a class of lit.cfg.py."""
import re

import lit.formats

# They print, parse and compare their input with --verify-roundtrip.
TOOLS = ("qc-opt", "qc-test-opt")
RUN_LINE = re.compile(r"\bRUN:.*(?<![\w./=-])(?:" + "|".join(TOOLS) + r")(?![\w./=-])")


class RoundtripTest(lit.formats.ShTest):
    """Only the tests with a RUN line that names one of the tools. The others would
    do again, byte for byte, what they do without verify_roundtrip; they are no tests
    of round trips, so they are left out rather than counted as skipped."""

    def getTestsForPath(self, *arguments):
        for test in super().getTestsForPath(*arguments):
            with open(test.getSourcePath(), encoding="utf-8") as file:
                if any(map(RUN_LINE.search, file)):
                    yield test
