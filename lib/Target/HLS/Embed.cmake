# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Writes SOURCE as a C++ raw string literal to EMBEDDED. Run with cmake -P.
file(READ "${SOURCE}" text)
file(WRITE "${EMBEDDED}" "R\"QC_EMBED(${text})QC_EMBED\"\n")
