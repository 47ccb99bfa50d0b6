// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --qc-schedule-contractions %s | FileCheck %s
// RUN: qc-opt --qc-schedule-contractions="dot=dot-product" %s | FileCheck %s --check-prefix=DOT

// Six rows of sixteen channels: twelve accumulators, one step of k is twelve FMAs.
// CHECK-LABEL: func.func @floats
// CHECK: scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>)
// CHECK-COUNT-12: math.fma
// CHECK-NOT: math.fma
// CHECK: return
qc.kernel @floats(%a: tensor<6x32xf32>, %b: tensor<32x16xf32, #qc.layout<1:16:1, 0:1:32, 1:1:16>>) -> tensor<6x16xf32> attributes {family = "contraction"} {
  %0 = qc.matmul %a, %b : (tensor<6x32xf32>, tensor<32x16xf32, #qc.layout<1:16:1, 0:1:32, 1:1:16>>) -> tensor<6x16xf32>
  qc.yield %0 : tensor<6x16xf32>
}

// Without vpdpbusd: of both vectors of weights and of each row's inputs the even
// and the odd bytes as 16-bit numbers, and two products for each accumulator,
// which has all of a channel in its lane.
// CHECK-LABEL: func.func @integers
// CHECK: scf.for {{.*}} -> (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>)
// CHECK-COUNT-2: vector.load %arg1{{.*}} vector<32xi8>
// CHECK: vector.load %arg0{{.*}} vector<4xi8>
// CHECK: arith.andi {{.*}} : vector<16xi16>
// CHECK: arith.shrui {{.*}} : vector<16xi16>
// CHECK-COUNT-4: llvm.x86.avx2.pmadd.wd
// CHECK: vector.load %arg0{{.*}} vector<4xi8>
// CHECK-COUNT-4: llvm.x86.avx2.pmadd.wd
// CHECK-NOT: llvm.x86.avx2.pmadd.wd
// CHECK: return
// DOT-LABEL: func.func @integers
// DOT: llvm.x86.avx512.vpdpbusd.256
qc.kernel @integers(%a: tensor<2x32xui8>, %b: tensor<32x16xsi8, #qc.layout<1:16:1, 0:4:8, 1:1:16, 0:1:4>>) -> tensor<2x16xsi32> attributes {family = "contraction"} {
  %0 = qc.matmul %a, %b : (tensor<2x32xui8>, tensor<32x16xsi8, #qc.layout<1:16:1, 0:4:8, 1:1:16, 0:1:4>>) -> tensor<2x16xsi32>
  qc.yield %0 : tensor<2x16xsi32>
}

// Weights of 4 bits: eight steps of sums of two products fit 16 bits, here those
// of four bytes' reductions 0 to 7; then pairs of these are added up in 32. The
// ninth step is one of its own.
// CHECK-LABEL: func.func @small
// CHECK-NOT: pmadd.wd
// CHECK-COUNT-14: llvm.x86.avx2.pmadd.ub.sw
// CHECK-NOT: pmadd.wd
// CHECK: llvm.x86.avx2.pmadd.ub.sw
// CHECK: arith.addi {{.*}} : vector<16xi16>
// CHECK: llvm.x86.avx2.pmadd.wd
// CHECK: arith.addi {{.*}} : vector<8xi32>
// CHECK: llvm.x86.avx2.pmadd.ub.sw
// CHECK: llvm.x86.avx2.pmadd.wd
// CHECK: llvm.x86.avx2.pmadd.ub.sw
// CHECK-NEXT: llvm.x86.avx2.pmadd.wd
// CHECK: return
// DOT-LABEL: func.func @small
// DOT-NOT: pmadd
// DOT: return
qc.kernel @small(%a: tensor<1x36xui8>, %b: tensor<36x16xsi8, #qc.layout<1:16:1, 0:4:9, 1:1:16, 0:1:4>>) -> tensor<1x16xsi32> attributes {family = "contraction"} {
  %0 = qc.matmul %a, %b {qc.weight_bound = 8 : i64} : (tensor<1x36xui8>, tensor<36x16xsi8, #qc.layout<1:16:1, 0:4:9, 1:1:16, 0:1:4>>) -> tensor<1x16xsi32>
  qc.yield %0 : tensor<1x16xsi32>
}

// For many channels an iteration's inputs are widened before: 512 bytes here, 256
// even ones and behind them 256 odd ones. A step multiplies by the even ones of
// all rows, then by the odd ones.
// CHECK-LABEL: func.func @widened
// CHECK: %[[HALVES:.*]] = memref.alloca() : memref<512xi16>
// CHECK: scf.parallel
// CHECK: scf.for %[[AT:.*]] = %{{.*}} to %c512{{.*}} step %c32
// CHECK: vector.load %arg0{{.*}} vector<32xi8>
// CHECK: arith.andi
// CHECK: vector.store {{.*}}%[[HALVES]]{{.*}} vector<16xi16>
// CHECK: arith.shrui
// CHECK: vector.store {{.*}}%[[HALVES]]{{.*}} vector<16xi16>
// CHECK: scf.for {{.*}} to %c16
// CHECK-COUNT-2: vector.load %arg1{{.*}} vector<32xi8>
// CHECK-NOT: %arg0
// CHECK-COUNT-8: llvm.x86.avx2.pmadd.wd
// CHECK: %c256
// CHECK-COUNT-8: llvm.x86.avx2.pmadd.wd
// CHECK: scf.yield
// DOT-LABEL: func.func @widened
// DOT-NOT: memref.alloca
// DOT: return
#wide = #qc.layout<1:16:4, 0:4:16, 1:1:16, 0:1:4>
qc.kernel @widened(%a: tensor<8x64xui8>, %b: tensor<64x64xsi8, #wide>) -> tensor<8x64xsi32> attributes {family = "contraction"} {
  %0 = qc.matmul %a, %b : (tensor<8x64xui8>, tensor<64x64xsi8, #wide>) -> tensor<8x64xsi32>
  qc.yield %0 : tensor<8x64xsi32>
}

// 16 bits: two of the reduction per lane, the same on all CPUs (LLVM makes
// vpdpwssd of both where there is one).
// CHECK-LABEL: func.func @shorts
// CHECK: vector.load {{.*}} vector<16xi16>
// CHECK: vector.load {{.*}} vector<2xi16>
// CHECK: llvm.x86.avx2.pmadd.wd
// CHECK: arith.addi {{.*}} : vector<8xi32>
// DOT-LABEL: func.func @shorts
// DOT: llvm.x86.avx2.pmadd.wd
#pairs = #qc.layout<0:1:3, 2:16:1, 1:2:16, 2:1:16, 1:1:2>
qc.kernel @shorts(%a: tensor<3x2x32xsi16>, %b: tensor<3x32x16xsi16, #pairs>) -> tensor<3x2x16xsi32> attributes {family = "contraction"} {
  %0 = qc.matmul %a, %b : (tensor<3x2x32xsi16>, tensor<3x32x16xsi16, #pairs>) -> tensor<3x2x16xsi32>
  qc.yield %0 : tensor<3x2x16xsi32>
}

// Groups are a parallel loop; their weights are padded to blocks of their own.
// CHECK-LABEL: func.func @groups
// CHECK: scf.parallel {{.*}} to (%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}})
// CHECK: math.fma
#grouped = #qc.layout<0:3:2, 0:16:1:3, 2:1:1, 3:1:1, 1:1:4, 0:1:16:3>
qc.kernel @groups(%x: tensor<1x8x2x2xf32>, %w: tensor<6x4x1x1xf32, #grouped>) -> tensor<1x6x2x2xf32> attributes {family = "contraction"} {
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 2 : i64} : (tensor<1x8x2x2xf32>, tensor<6x4x1x1xf32, #grouped>) -> tensor<1x6x2x2xf32>
  qc.yield %0 : tensor<1x6x2x2xf32>
}

// Zero points of both sides: one sum of ones per column and one per row beside
// the product; unsigned weights of vpdpbusd are flipped. Of the eight channels'
// block the vector without channels is left out.
// DOT-LABEL: func.func @zero_points
// DOT: scf.for
// DOT: arith.xori
// DOT-COUNT-3: llvm.x86.avx512.vpdpbusd.256
// DOT-NOT: llvm.x86.avx512.vpdpbusd.256
// DOT: scf.yield
#matrix = #qc.layout<1:16:1, 0:4:2, 1:1:16, 0:1:4>
qc.kernel @zero_points(%a: tensor<1x8xui8>, %b: tensor<8x8xui8, #matrix>) -> tensor<1x8xsi32> attributes {family = "contraction"} {
  %x = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
  %w = qc.constant dense<5> : tensor<ui8> : tensor<ui8>
  %0 = qc.matmul %a, %b a_zero %x b_zero %w : (tensor<1x8xui8>, tensor<8x8xui8, #matrix>, tensor<ui8>, tensor<ui8>) -> tensor<1x8xsi32>
  qc.yield %0 : tensor<1x8xsi32>
}

// Weights of half a megabyte: while a tile is computed it asks for its part of
// the next 16 channels' 8192 weights, of which there are two here, half as many
// in a step as the tile itself reads.
// CHECK-LABEL: func.func @prefetched
// CHECK: scf.for %[[TILE:.*]] = %{{.*}} to %c2
// CHECK: %[[WEIGHTS:.*]] = arith.muli %{{.*}}, %c8192
// CHECK: %[[NEXT:.*]] = arith.addi %[[WEIGHTS]], %c8192
// CHECK: %[[SHARE:.*]] = arith.muli %[[TILE]], %c4096
// CHECK: %[[BASE:.*]] = arith.addi %[[NEXT]], %[[SHARE]]
// CHECK: scf.for %[[STEP:.*]] = %{{.*}} to %c512
// CHECK: %[[OFFSET:.*]] = arith.muli %[[STEP]], %c8
// CHECK: %[[POSITION:.*]] = arith.addi %[[BASE]], %[[OFFSET]]
// CHECK: memref.prefetch %arg1[%[[POSITION]]], read, locality<2>, data
// CHECK-NOT: memref.prefetch
// CHECK: return
#large = #qc.layout<1:16:16, 0:1:512, 1:1:16>
qc.kernel @prefetched(%a: tensor<12x512xf32>, %b: tensor<512x256xf32, #large>) -> tensor<12x256xf32> attributes {family = "contraction"} {
  %0 = qc.matmul %a, %b : (tensor<12x512xf32>, tensor<512x256xf32, #large>) -> tensor<12x256xf32>
  qc.yield %0 : tensor<12x256xf32>
}

// No change: weights that are not packed by four stay for the general loops.
// CHECK: qc.kernel @unpacked
qc.kernel @unpacked(%a: tensor<2x32xui8>, %b: tensor<32x16xsi8>) -> tensor<2x16xsi32> attributes {family = "contraction"} {
  %0 = qc.matmul %a, %b : (tensor<2x32xui8>, tensor<32x16xsi8>) -> tensor<2x16xsi32>
  qc.yield %0 : tensor<2x16xsi32>
}
