// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How an instruction names the warp operation that it takes part in.
#ifndef QCRT_PTXSIM_WARP_H
#define QCRT_PTXSIM_WARP_H

#include "Decoder.h"

namespace qcrt::ptxsim {

/// The operation of an instruction at which a lane waits.
const WarpOperationInfo &warpOperation(const Instruction &instruction);

/// Makes the instruction being decoded wait for an operation. Uses
/// Instruction::imm; lanes may join one operation from several instructions if
/// the low eight bits of their flags agree.
void setWarpOperation(Decoder &decoder, const WarpOperationInfo &info);

} // namespace qcrt::ptxsim

#endif // QCRT_PTXSIM_WARP_H
