# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints raw little-endian 32-bit integers, one line per file."""
import struct
import sys

for path in sys.argv[1:]:
    data = open(path, "rb").read()
    print(list(struct.unpack("<%di" % (len(data) // 4), data)))
