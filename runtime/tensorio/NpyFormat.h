// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What Npy.cpp offers to Npz.cpp beside the public functions.
#ifndef TENSORIO_NPYFORMAT_H
#define TENSORIO_NPYFORMAT_H

#include "tensorio/TensorFile.h"

namespace qcrt {

/// All bytes of an npy file before the elements.
std::string npyHeader(const Tensor &tensor);

} // namespace qcrt

#endif // TENSORIO_NPYFORMAT_H
