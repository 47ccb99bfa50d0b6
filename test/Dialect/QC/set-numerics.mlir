// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt %s --qc-set-numerics=requantize=fixed | FileCheck %s --check-prefix=FIXED
// RUN: qc-opt %s --qc-set-numerics=requantize=float | FileCheck %s --check-prefix=FLOAT
// RUN: qc-opt %s --qc-set-numerics | FileCheck %s --check-prefix=KEPT
// RUN: not qc-opt %s --qc-set-numerics=requantize=double 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// FIXED: module attributes {qc.requantize = "fixed"}
// FLOAT: module attributes {qc.requantize = "float"}
// KEPT: module attributes {qc.requantize = "fixed"}
// UNKNOWN: requantization 'double' is unknown: expected float or fixed
module attributes {qc.requantize = "fixed"} {
}
