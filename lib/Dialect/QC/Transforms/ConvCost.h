// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a convolution costs on a CPU core, direct and in a transform domain.
#ifndef QC_LIB_DIALECT_QC_TRANSFORMS_CONVCOST_H
#define QC_LIB_DIALECT_QC_TRANSFORMS_CONVCOST_H

#include "qc/SFC/FastConvolution.h"

namespace qc {

/// A two-dimensional convolution of stride 1.
struct ConvShape {
  int64_t images, inputChannels, outputChannels;
  /// Height and width of the result.
  std::array<int64_t, 2> size;
  bool isInteger;
  /// Whether its channels are a part of the maps' and copied.
  bool isGroup = false;
  /// As qc.weight_bound: 0 for none.
  int64_t weightBound = 0;
};

/// How a core multiplies codes in the direct form: by one instruction for
/// bytes (vpdpbusd), which 16-bit products need two of, or by widening them to
/// 16 bits as transformed data are anyway. Or transformed data are codes and
/// multiplied as those of the direct form, in one of these ways.
enum class ByteProducts { DotProduct, Widened, Codes, WidenedCodes };

/// The time of the direct form, in multiply-accumulates of the direct form with
/// weights that have no bound. No dimension of `shape` is 0, here and below;
/// costs are floats because products of dimensions may exceed 64 bits.
double getDirectCost(const ConvShape &shape, llvm::ArrayRef<int64_t> taps,
                     ByteProducts products);

/// The time of `algorithm`, as a number of multiply-accumulates of the direct
/// form that take as long. `cacheBytes` is what bands may fill.
double getTransformedCost(const ConvShape &shape,
                          const FastConvolution &algorithm,
                          ByteProducts products, int64_t cacheBytes);

/// Parts of a fast convolution's maps (`parts` of them) in a band, so that what
/// passes a cache of `cacheBytes` is least: `between` bytes lie between its
/// kernels in all, `weights` bytes are read per band. All parts for no bands.
int64_t chooseBand(int64_t parts, double between, double weights,
                   int64_t cacheBytes);

/// Bytes of a core's own cache that bands fill if nothing else is said.
constexpr int64_t defaultBandBytes = 512 << 10;

} // namespace qc

#endif // QC_LIB_DIALECT_QC_TRANSFORMS_CONVCOST_H
