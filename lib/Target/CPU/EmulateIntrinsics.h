// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Code for CPUs that are not there.
#ifndef QC_LIB_TARGET_CPU_EMULATEINTRINSICS_H
#define QC_LIB_TARGET_CPU_EMULATEINTRINSICS_H

#include "llvm/IR/Module.h"

namespace qc {

/// Replaces calls of x86 intrinsics by instructions that the CPUs of an
/// emulated form have and that compute the same bits. Returns the name of one
/// that it does not know, or an empty string.
std::string emulateIntrinsics(llvm::Module &code);

} // namespace qc

#endif // QC_LIB_TARGET_CPU_EMULATEINTRINSICS_H
