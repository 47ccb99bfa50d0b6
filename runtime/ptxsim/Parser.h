// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parses the text of a module into a Program with undecoded statements.
#ifndef QCRT_PTXSIM_PARSER_H
#define QCRT_PTXSIM_PARSER_H

#include "Program.h"

#include <optional>

namespace qcrt::ptxsim {

/// Fills \p program, whose text and fileName are set, including the addresses
/// and initial contents of its variables.
std::optional<PtxError> parseProgram(Program &program);

} // namespace qcrt::ptxsim

#endif // QCRT_PTXSIM_PARSER_H
