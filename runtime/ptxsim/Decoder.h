// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns statements into instructions. Each opcode has a row in a table: its
// name, the forms it accepts (quoted in errors), and a function that reads the
// modifiers and operands through `Decoder` and picks a handler. Handlers are
// templates over operand types, so picking one settles everything that does
// not change at run time.
#ifndef QCRT_PTXSIM_DECODER_H
#define QCRT_PTXSIM_DECODER_H

#include "Machine.h"
#include "Numeric.h"
#include "Program.h"

#include <initializer_list>
#include <optional>
#include <span>
#include <unordered_map>

namespace qcrt::ptxsim {

/// Constants and special registers of the function being decoded.
class FrameBuilder {
public:
  explicit FrameBuilder(Function &function) : function(function) {}
  uint32_t constant(uint64_t value);
  uint32_t special(Special special);
  /// A slot that only the decoder knows, for intermediate values.
  uint32_t scratch();

private:
  Function &function;
  std::unordered_map<uint64_t, uint32_t> constants;
  std::unordered_map<uint8_t, uint32_t> specials;
};

/// A memory operand: value of a slot plus a constant.
struct AddressOperand {
  uint32_t base = 0;
  uint64_t offset = 0;
  /// Set if the operand names a variable: where that lies.
  bool named = false;
  Space space = Space::Generic;
};

/// One statement being decoded. The first error sticks and is reported at the
/// end, so decode functions need not check each step.
class Decoder {
public:
  Decoder(const Program &program, Function &function, FrameBuilder &frame,
          const Statement &statement, std::string_view forms)
      : program(program), function(function), frame(frame),
        statement(statement), forms(forms),
        used(statement.modifiers.size(), false) {}

  const Program &program;
  Function &function;
  FrameBuilder &frame;
  const Statement &statement;
  std::string_view forms;
  Instruction inst;
  std::optional<PtxError> failure;

  //===--------------------------------------------------------------------===//
  // Modifiers
  //===--------------------------------------------------------------------===//

  /// True, and the modifier is used up, if it is there.
  bool has(std::string_view modifier);
  /// Index of the modifier that is there, or -1.
  int oneOf(std::initializer_list<std::string_view> modifiers);
  /// As oneOf; an error if none is there.
  int need(std::initializer_list<std::string_view> modifiers);
  /// Uses up modifiers that do not affect the result.
  void ignore(std::initializer_list<std::string_view> modifiers);
  /// Uses up modifiers that begin with a prefix and do not affect the result.
  void ignorePrefix(std::string_view prefix);
  /// The next type among the modifiers; an error if there is none.
  Type type();
  /// The same, but None if there is none.
  Type optionalType();
  /// .rn, .rz, .rm, .rp; nearest-even if none is given.
  Rounding rounding();
  /// .global, .shared, ... or generic.
  Space space();

  //===--------------------------------------------------------------------===//
  // Operands
  //===--------------------------------------------------------------------===//

  size_t count() const { return statement.operands.size(); }
  /// An error unless there are this many operands.
  bool operands(size_t least, size_t most);
  bool operands(size_t exactly) { return operands(exactly, exactly); }
  const Operand &operand(size_t index) const;

  /// Slot of a source whose register has exactly the width of \p type.
  uint32_t source(size_t index, Type type) {
    return source(operand(index), type, false);
  }
  /// As source, but a wider register is fine (ld, st, cvt).
  uint32_t sourceWide(size_t index, Type type) {
    return source(operand(index), type, true);
  }
  uint32_t source(const Operand &operand, Type type, bool wide);
  uint32_t destination(size_t index, Type type) {
    return destination(operand(index), type, false);
  }
  uint32_t destinationWide(size_t index, Type type) {
    return destination(operand(index), type, true);
  }
  uint32_t destination(const Operand &operand, Type type, bool wide);
  /// A predicate source; \p negated is set for "!p".
  uint32_t predicate(size_t index, bool &negated);
  /// Bits of the register of an operand, or of \p type if it has none.
  unsigned registerBits(const Operand &operand, Type type) const;
  /// A constant; an error if the operand is none.
  uint64_t immediate(size_t index);
  AddressOperand address(size_t index);
  /// Address of the symbol of an operand: slot plus constant.
  AddressOperand symbolAddress(const Operand &operand);
  /// Index of the statement that a label stands before.
  /// The variable a name means here, or null.
  const Variable *variable(std::string_view name) const;
  bool label(std::string_view name, uint32_t &place);
  const Function::Scope *scopeOf(std::string_view branchTargets);
  uint32_t list(const std::vector<uint32_t> &slots);

  //===--------------------------------------------------------------------===//
  // Result
  //===--------------------------------------------------------------------===//

  /// Records an error (the first one counts) and returns false.
  bool fail(std::string message, PtxErrorKind kind = PtxErrorKind::Unsupported);
  bool failed() const { return failure.has_value(); }
  /// "type .f32 is not supported here" and the accepted forms.
  bool badType(Type type);
  /// Adds an instruction before the one that is being decoded.
  void emit(const Instruction &instruction);
  /// Checks that every modifier was used.
  bool finish();

private:
  std::vector<bool> used;
};

struct Opcode {
  std::string_view name;
  std::string_view forms;
  void (*decode)(Decoder &);
};

std::span<const Opcode> integerOpcodes();
std::span<const Opcode> floatOpcodes();
std::span<const Opcode> compareOpcodes();
std::span<const Opcode> convertOpcodes();
std::span<const Opcode> memoryOpcodes();
std::span<const Opcode> controlOpcodes();
std::span<const Opcode> warpOpcodes();
std::span<const Opcode> matrixOpcodes();

/// add, sub, mul, ... exist for integers and floats: the integer table has the
/// row and hands float types over.
void decodeFloatArithmetic(Decoder &decoder);

/// bar.warp.sync, a warp operation in the row of bar.
void decodeWarpBarrier(Decoder &decoder);

/// Decodes all functions of a parsed program.
std::optional<PtxError> decodeProgram(Program &program);

//===----------------------------------------------------------------------===//
// Values in slots
//===----------------------------------------------------------------------===//

/// Slots hold the bits of a value, zero-extended to 64 bits.
template <class T> T load(uint64_t slot) {
  return std::bit_cast<T>(static_cast<BitsOf<T>>(slot));
}
template <class T> uint64_t store(T value) {
  return std::bit_cast<BitsOf<T>>(value);
}

/// A type of the host passed as a value.
template <class T> struct Tag {
  using type = T;
};

template <class Use> Handler forInteger(Decoder &decoder, Type type, Use use) {
  switch (type) {
  case Type::B16:
  case Type::U16:
    return use(Tag<uint16_t>());
  case Type::B32:
  case Type::U32:
    return use(Tag<uint32_t>());
  case Type::B64:
  case Type::U64:
    return use(Tag<uint64_t>());
  case Type::S16:
    return use(Tag<int16_t>());
  case Type::S32:
    return use(Tag<int32_t>());
  case Type::S64:
    return use(Tag<int64_t>());
  default:
    decoder.badType(type);
    return nullptr;
  }
}

template <class Use> Handler forFloat(Decoder &decoder, Type type, Use use) {
  switch (type) {
  case Type::F32:
    return use(Tag<float>());
  case Type::F64:
    return use(Tag<double>());
  default:
    decoder.badType(type);
    return nullptr;
  }
}

template <class Use> Handler forReal(Decoder &decoder, Type type, Use use) {
  switch (type) {
  case Type::F16:
    return use(Tag<F16>());
  case Type::BF16:
    return use(Tag<BF16>());
  default:
    return forFloat(decoder, type, use);
  }
}

} // namespace qcrt::ptxsim

#endif // QCRT_PTXSIM_DECODER_H
