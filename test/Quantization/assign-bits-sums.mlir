// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums behind functions of an accumulator: x * sigmoid(x) of a convolution that
// only the sum reads is not rounded before it; where something else reads a part
// of it, it is.

// RUN: qc-opt %s --split-input-file --qc-assign-bits | FileCheck %s

// CHECK: qc.plan @plan {
// CHECK-SAME: add = {by = "qc-assign-bits", inputs = {"0" = {granularity = "tensor", range = "mse", type = "ui8"}}}
// CHECK-SAME: conv =
// CHECK-LABEL: func.func @own
func.func @own(%x: tensor<1x4x6x6xf32>) -> tensor<1x4x6x6xf32> {
  %w = qc.constant dense<0.5> : tensor<4x4x1x1xf32> : tensor<4x4x1x1xf32>
  %0 = qc.conv %x, %w {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x4x6x6xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x6x6xf32>
  %1 = qc.conv %0, %w {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x4x6x6xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x6x6xf32>
  %2 = qc.sigmoid %1 : (tensor<1x4x6x6xf32>) -> tensor<1x4x6x6xf32>
  %3 = qc.mul %1, %2 : (tensor<1x4x6x6xf32>, tensor<1x4x6x6xf32>) -> tensor<1x4x6x6xf32>
  %4 = qc.add %0, %3 : (tensor<1x4x6x6xf32>, tensor<1x4x6x6xf32>) -> tensor<1x4x6x6xf32>
  %5 = qc.conv %4, %w {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x4x6x6xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x6x6xf32>
  return %5 : tensor<1x4x6x6xf32>
}

// -----

// CHECK: qc.plan @plan {
// CHECK-SAME: add = {by = "qc-assign-bits", inputs = {"0" = {granularity = "tensor", range = "mse", type = "ui8"}, "1" = {granularity = "tensor", range = "mse", type = "ui8"}}}
// CHECK-SAME: conv =
// CHECK-LABEL: func.func @shared
func.func @shared(%x: tensor<1x4x6x6xf32>) -> (tensor<1x4x6x6xf32>, tensor<1x4x6x6xf32>) {
  %w = qc.constant dense<0.5> : tensor<4x4x1x1xf32> : tensor<4x4x1x1xf32>
  %0 = qc.conv %x, %w {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x4x6x6xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x6x6xf32>
  %1 = qc.conv %0, %w {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x4x6x6xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x6x6xf32>
  %2 = qc.sigmoid %1 : (tensor<1x4x6x6xf32>) -> tensor<1x4x6x6xf32>
  %3 = qc.mul %1, %2 : (tensor<1x4x6x6xf32>, tensor<1x4x6x6xf32>) -> tensor<1x4x6x6xf32>
  %4 = qc.add %0, %3 : (tensor<1x4x6x6xf32>, tensor<1x4x6x6xf32>) -> tensor<1x4x6x6xf32>
  %5 = qc.conv %4, %w {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x4x6x6xf32>, tensor<4x4x1x1xf32>) -> tensor<1x4x6x6xf32>
  return %5, %2 : tensor<1x4x6x6xf32>, tensor<1x4x6x6xf32>
}
