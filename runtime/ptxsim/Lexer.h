// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Splits PTX text into tokens. A word keeps its dots ("ld.global.v4.b32",
// "%tid.x", ".reg"), because PTX separates an opcode from its modifiers by
// nothing else.
#ifndef QCRT_PTXSIM_LEXER_H
#define QCRT_PTXSIM_LEXER_H

#include "qcrt/ptx_sim.h"

#include <string_view>
#include <vector>

namespace qcrt::ptxsim {

enum class TokenKind : uint8_t {
  End,
  Word,    ///< identifier, directive or opcode with modifiers
  Integer, ///< decimal, hexadecimal, octal or binary, with optional U
  Single,  ///< 0f followed by eight hexadecimal digits: bits of an f32
  Double,  ///< 0d followed by sixteen hexadecimal digits: bits of an f64
  Decimal, ///< decimal floating-point number, bits of an f64
  String,  ///< quoted text, without the quotes
  Punctuation
};

struct Token {
  TokenKind kind = TokenKind::End;
  char punctuation = 0;
  unsigned line = 0;
  uint64_t value = 0; ///< integer value or float bits
  std::string_view text;
};

/// Tokens of \p text, which must outlive them; the last one has kind End.
PtxResult<std::vector<Token>> tokenize(std::string_view text,
                                       const std::string &fileName);

} // namespace qcrt::ptxsim

#endif // QCRT_PTXSIM_LEXER_H
