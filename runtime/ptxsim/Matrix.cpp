// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix instructions of a warp: mma.sync and ldmatrix (PTX ISA 8.8, section
// 9.7.14). Fragments are spread over the lanes: with g = lane / 4, t = lane % 4
// and n elements in a 32-bit register, register r of A holds row g (+ 8 for odd
// r of a 16-row A) and columns t·n … t·n + n - 1 (+ 4·n for every second
// register), register r of B rows t·n + 4·n·r … of column g, and the
// accumulators i = 0, 1 (2, 3) row g (+ 8), column 2·t + i % 2.
//
// Integer results are exact. Floating-point products and sums are formed in
// double precision and rounded once; PTX leaves their order and precision open.
#include "Warp.h"

#include <algorithm>

namespace qcrt::ptxsim {
namespace {

enum class Element : uint8_t { S8, U8, F16, BF16 };

struct Shape {
  std::string_view name;
  uint8_t rows, depth;
  uint8_t elementBits;
};

constexpr Shape shapes[] = {
    {".m8n8k16", 8, 16, 8},    {".m16n8k16", 16, 16, 8},
    {".m16n8k32", 16, 32, 8},  {".m16n8k8", 16, 8, 16},
    {".m16n8k16", 16, 16, 16},
};

/// Instruction::flags of mma.
struct Configuration {
  unsigned shape;  // 3 bits
  Element a, b;    // 2 bits each
  bool halfResult; // accumulators and results are f16
  bool saturate;

  uint32_t encode() const {
    return shape | uint32_t(a) << 3 | uint32_t(b) << 5 |
           uint32_t(halfResult) << 8 | uint32_t(saturate) << 9;
  }
  static Configuration decode(uint32_t flags) {
    return {flags & 7, static_cast<Element>(flags >> 3 & 3),
            static_cast<Element>(flags >> 5 & 3), (flags >> 8 & 1) != 0,
            (flags >> 9 & 1) != 0};
  }
};

struct Counts {
  unsigned perRegister, blocks, a, b, accumulators;
};

Counts countsOf(const Configuration &configuration) {
  const Shape &shape = shapes[configuration.shape];
  Counts counts;
  counts.perRegister = 32u / shape.elementBits;
  counts.blocks = shape.depth / (4 * counts.perRegister);
  counts.a = counts.blocks * (shape.rows / 8);
  counts.b = counts.blocks;
  counts.accumulators = shape.rows / 4 / (configuration.halfResult ? 2 : 1);
  return counts;
}

double elementValue(Element element, uint32_t word, unsigned index) {
  switch (element) {
  case Element::S8:
    return static_cast<int8_t>(word >> (8 * index));
  case Element::U8:
    return static_cast<uint8_t>(word >> (8 * index));
  case Element::F16:
    return widen(F16{static_cast<uint16_t>(word >> (16 * index))});
  case Element::BF16:
    break;
  }
  return widen(BF16{static_cast<uint16_t>(word >> (16 * index))});
}

uint32_t allLanes(Thread &, const Instruction *) { return UINT32_MAX; }

/// All 32 lanes must be there, at one instruction.
bool together(WarpGroup &group) {
  for (uint32_t lane = 0; lane < warpSize; ++lane) {
    Thread *thread = group.lanes[lane];
    if (thread && group.mask == UINT32_MAX &&
        group.instruction[lane] == group.instruction[0])
      continue;
    const auto some = static_cast<uint32_t>(std::countr_zero(group.mask));
    Thread &reported = thread ? *thread : *group.lanes[some];
    reported.fail(reported.pc, PtxErrorKind::Barrier,
                  "a matrix instruction needs all 32 lanes of the warp at the "
                  "same instruction");
    return false;
  }
  return true;
}

void multiply(WarpGroup &group) {
  if (!together(group))
    return;
  const Instruction &at = *group.instruction[0];
  const Configuration configuration = Configuration::decode(at.flags);
  const Shape &shape = shapes[configuration.shape];
  const Counts counts = countsOf(configuration);
  const uint32_t *slots = group.lanes[0]->function->lists.data() + at.e;
  const uint32_t *dSlots = slots;
  const uint32_t *aSlots = dSlots + counts.accumulators;
  const uint32_t *bSlots = aSlots + counts.a;
  const uint32_t *cSlots = bSlots + counts.b;
  double a[16][32] = {}, b[32][8] = {};
  const unsigned halves = shape.rows / 8;
  for (uint32_t lane = 0; lane < warpSize; ++lane) {
    Thread &thread = *group.lanes[lane];
    const unsigned g = lane / 4, t = lane % 4;
    for (unsigned r = 0; r < counts.a; ++r)
      for (unsigned i = 0; i < counts.perRegister; ++i)
        a[g + 8 * (r % halves)]
         [t * counts.perRegister + i + 4 * counts.perRegister * (r / halves)] =
             elementValue(configuration.a,
                          static_cast<uint32_t>(thread.reg(aSlots[r])), i);
    for (unsigned r = 0; r < counts.b; ++r)
      for (unsigned i = 0; i < counts.perRegister; ++i)
        b[t * counts.perRegister + i + 4 * counts.perRegister * r][g] =
            elementValue(configuration.b,
                         static_cast<uint32_t>(thread.reg(bSlots[r])), i);
  }
  const bool integer = shape.elementBits == 8;
  for (uint32_t lane = 0; lane < warpSize; ++lane) {
    Thread &thread = *group.lanes[lane];
    const unsigned g = lane / 4, t = lane % 4;
    uint32_t results[4] = {};
    for (unsigned i = 0; i < shape.rows / 4u; ++i) {
      const unsigned row = g + 8 * (i / 2), column = 2 * t + i % 2;
      double sum = 0;
      for (unsigned k = 0; k < shape.depth; ++k)
        sum += a[row][k] * b[k][column];
      if (integer) {
        const int64_t total = static_cast<int64_t>(sum) +
                              static_cast<int32_t>(thread.reg(cSlots[i]));
        results[i] = static_cast<uint32_t>(
            configuration.saturate
                ? std::clamp<int64_t>(total, INT32_MIN, INT32_MAX)
                : total);
      } else if (configuration.halfResult) {
        const auto bits =
            static_cast<uint16_t>(thread.reg(cSlots[i / 2]) >> (16 * (i % 2)));
        const uint32_t rounded = narrow<F16>(sum + widen(F16{bits})).bits;
        results[i / 2] |= rounded << (16 * (i % 2));
      } else {
        const float accumulator = load<float>(thread.reg(cSlots[i]));
        results[i] = toBits(canonical(static_cast<float>(sum + accumulator)));
      }
    }
    for (unsigned i = 0; i < counts.accumulators; ++i)
      thread.reg(dSlots[i]) = results[i];
  }
}

constexpr WarpOperationInfo multiplyInfo{multiply, allLanes};

bool appendSlots(Decoder &d, size_t index, unsigned count, Type type,
                 bool write, std::vector<uint32_t> &slots) {
  const Operand &operand = d.operand(index);
  const bool vector = operand.kind == Operand::Kind::Vector;
  if ((vector ? operand.elements.size() : 1) != count)
    return d.fail("operand " + std::to_string(index + 1) + " needs " +
                      std::to_string(count) + " registers",
                  PtxErrorKind::Syntax);
  for (unsigned i = 0; i < count; ++i) {
    const Operand &element = vector ? operand.elements[i] : operand;
    slots.push_back(write ? d.destination(element, type, false)
                          : d.source(element, type, false));
  }
  return true;
}

bool elementOf(Decoder &d, Type type, Element &element) {
  switch (type) {
  case Type::S8:
    element = Element::S8;
    return true;
  case Type::U8:
    element = Element::U8;
    return true;
  case Type::F16:
    element = Element::F16;
    return true;
  case Type::BF16:
    element = Element::BF16;
    return true;
  default:
    return d.badType(type);
  }
}

void decodeMma(Decoder &d) {
  d.need({".sync"});
  d.need({".aligned"});
  std::string_view shapeName;
  for (const Shape &shape : shapes)
    if (shapeName.empty() && d.has(shape.name))
      shapeName = shape.name;
  d.need({".row"});
  d.need({".col"});
  Configuration configuration{};
  configuration.saturate = d.has(".satfinite");
  const Type dType = d.type(), aType = d.type(), bType = d.type(),
             cType = d.type();
  if (d.failed() || !elementOf(d, aType, configuration.a) ||
      !elementOf(d, bType, configuration.b))
    return;
  const unsigned bits = bitsOf(aType);
  bool found = false;
  for (unsigned i = 0; i < std::size(shapes); ++i)
    if (shapes[i].name == shapeName && shapes[i].elementBits == bits) {
      configuration.shape = i;
      found = true;
    }
  const bool integer = bits == 8;
  configuration.halfResult = dType == Type::F16;
  const bool typesFit =
      bitsOf(bType) == bits && dType == cType &&
      (integer ? dType == Type::S32
               : aType == bType && !configuration.saturate &&
                     (dType == Type::F32 ||
                      (dType == Type::F16 && aType == Type::F16)));
  if (!found || !typesFit) {
    d.fail("this combination of shape and types is not supported");
    return;
  }
  if (!d.operands(4))
    return;
  const Counts counts = countsOf(configuration);
  const Type accumulator = integer                    ? Type::S32
                           : configuration.halfResult ? Type::B32
                                                      : Type::F32;
  std::vector<uint32_t> slots;
  if (!appendSlots(d, 0, counts.accumulators, accumulator, true, slots) ||
      !appendSlots(d, 1, counts.a, Type::B32, false, slots) ||
      !appendSlots(d, 2, counts.b, Type::B32, false, slots) ||
      !appendSlots(d, 3, counts.accumulators, accumulator, false, slots))
    return;
  d.inst.e = d.list(slots);
  d.inst.flags = configuration.encode();
  setWarpOperation(d, multiplyInfo);
}

//===----------------------------------------------------------------------===//
// ldmatrix
//===----------------------------------------------------------------------===//

/// flags: 1 transposed, 2 generic addresses; b: number of matrices, c: offset
/// slot.
void loadMatrix(WarpGroup &group) {
  if (!together(group))
    return;
  const Instruction &at = *group.instruction[0];
  const uint32_t *slots = group.lanes[0]->function->lists.data() + at.e;
  const Space space = at.flags & 2 ? Space::Generic : Space::Shared;
  constexpr uint64_t rowBytes = 16;
  for (uint32_t matrix = 0; matrix < at.b; ++matrix) {
    uint16_t elements[8][8];
    for (uint32_t row = 0; row < 8; ++row) {
      Thread &owner = *group.lanes[matrix * 8 + row];
      const uint64_t address = owner.reg(at.a) + owner.reg(at.c);
      const uint8_t *from =
          findIn(owner, space, false, address, rowBytes, rowBytes);
      if (!from) {
        faultAccess(owner, &at, space, address, rowBytes, false);
        return;
      }
      std::memcpy(elements[row], from, rowBytes);
    }
    for (uint32_t lane = 0; lane < warpSize; ++lane) {
      const uint32_t major = lane / 4, minor = 2 * (lane % 4);
      const bool transposed = at.flags & 1;
      const uint32_t low =
          transposed ? elements[minor][major] : elements[major][minor];
      const uint32_t high =
          transposed ? elements[minor + 1][major] : elements[major][minor + 1];
      group.lanes[lane]->reg(slots[matrix]) = low | high << 16;
    }
  }
}

constexpr WarpOperationInfo loadMatrixInfo{loadMatrix, allLanes};

void decodeLdmatrix(Decoder &d) {
  d.need({".sync"});
  d.need({".aligned"});
  d.need({".m8n8"});
  const unsigned count = 1u << d.need({".x1", ".x2", ".x4"});
  const bool transposed = d.has(".trans");
  const Space space = d.space();
  const Type type = d.type();
  if (type != Type::B16)
    d.badType(type);
  if (space != Space::Shared && space != Space::Generic)
    d.fail("the matrix must be in shared memory");
  if (!d.operands(2) || d.failed())
    return;
  std::vector<uint32_t> slots;
  if (!appendSlots(d, 0, count, Type::B32, true, slots))
    return;
  const AddressOperand address = d.address(1);
  d.inst.a = address.base;
  d.inst.c = d.frame.constant(address.offset);
  d.inst.b = count;
  d.inst.e = d.list(slots);
  d.inst.flags = (transposed ? 1u : 0u) | (space == Space::Generic ? 2u : 0u);
  setWarpOperation(d, loadMatrixInfo);
}

constexpr Opcode table[] = {
    {"mma",
     "mma.sync.aligned.{m8n8k16,m16n8k16,m16n8k32}.row.col{.satfinite}.s32."
     "{s8,u8}.{s8,u8}.s32, mma.sync.aligned.{m16n8k8,m16n8k16}.row.col."
     "{f16.f16.f16.f16,f32.f16.f16.f32,f32.bf16.bf16.f32}",
     decodeMma},
    {"ldmatrix", "ldmatrix.sync.aligned.m8n8.{x1,x2,x4}{.trans}{.shared}.b16",
     decodeLdmatrix},
};

} // namespace

std::span<const Opcode> matrixOpcodes() { return table; }

} // namespace qcrt::ptxsim
