// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Code for CPUs that are not there. Everything else in a kernel is target-free
// LLVM IR, whatever the width of its vectors.

#include "EmulateIntrinsics.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicsX86.h"

using namespace llvm;

/// `value` as a vector of integers of `bits`.
static Value *asVector(IRBuilder<> &builder, Value *value, unsigned bits) {
  unsigned lanes = value->getType()->getPrimitiveSizeInBits() / bits;
  return builder.CreateBitCast(
      value, FixedVectorType::get(builder.getIntNTy(bits), lanes));
}

/// Whether code for every CPU that is emulated on may call an intrinsic:
/// vectors of 32 bytes are only in forms whose base has AVX2, see getEmulated.
static bool isLegal(StringRef name) {
  return name == "llvm.x86.sse2.pmadd.wd" || name == "llvm.x86.avx2.pmadd.wd" ||
         name == "llvm.x86.avx2.pmadd.ub.sw";
}

/// An instruction of AVX2 that multiplies elements and adds neighbours up, on
/// parts of 32 bytes. As general arithmetic it would be shuffles of vectors
/// wider than registers, which legalization takes apart at length: most of the
/// time that a kernel took to compile.
static Value *multiplyParts(IRBuilder<> &builder, Intrinsic::ID instruction,
                            Value *a, Value *b) {
  unsigned lanes = cast<FixedVectorType>(a->getType())->getNumElements();
  if (a->getType()->getPrimitiveSizeInBits() == 256)
    return builder.CreateIntrinsic(instruction, {a, b});
  auto part = [&](unsigned begin, unsigned end) {
    auto mask = to_vector(seq<int>(begin, end));
    Value *ownA = builder.CreateShuffleVector(a, mask);
    return multiplyParts(builder, instruction, ownA,
                         builder.CreateShuffleVector(b, mask));
  };
  Value *low = part(0, lanes / 2);
  return builder.CreateShuffleVector(low, part(lanes / 2, lanes),
                                     to_vector(seq<int>(0, lanes / 2)));
}

/// The i32 products of two vectors of i16, neighbours added up: pmaddwd.
static Value *sumPairs(IRBuilder<> &builder, Value *a, Value *b) {
  if (a->getType()->getPrimitiveSizeInBits() == 128)
    return builder.CreateIntrinsic(Intrinsic::x86_sse2_pmadd_wd, {a, b});
  return multiplyParts(builder, Intrinsic::x86_avx2_pmadd_wd, a, b);
}

/// The i32 products of unsigned bytes `a` and signed ones `b`, four neighbours
/// added up. Even and odd bytes are i16 in place; 2 * 255 * 128 is far from the
/// bounds of i32, so that the sums are exact.
static Value *sumQuadruples(IRBuilder<> &builder, Value *a, Value *b) {
  auto *eight = ConstantInt::get(a->getType(), 8);
  Value *evenA = builder.CreateAnd(a, ConstantInt::get(a->getType(), 255));
  Value *evenB = builder.CreateAShr(builder.CreateShl(b, eight), eight);
  Value *oddA = builder.CreateLShr(a, eight);
  Value *oddB = builder.CreateAShr(b, eight);
  Value *even = sumPairs(builder, evenA, evenB);
  return builder.CreateAdd(even, sumPairs(builder, oddA, oddB));
}

/// Bytes `codes` modulo 128 of the table of two vectors.
static Value *lookUp(IRBuilder<> &builder, Value *low, Value *codes,
                     Value *high) {
  auto *type = cast<FixedVectorType>(codes->getType());
  unsigned lanes = type->getNumElements();
  Function *function = builder.GetInsertBlock()->getParent();
  IRBuilder<> entry(&function->getEntryBlock(),
                    function->getEntryBlock().begin());
  Value *table =
      entry.CreateAlloca(ArrayType::get(builder.getInt8Ty(), 2 * lanes));
  auto at = [&](Value *index) {
    return builder.CreateGEP(builder.getInt8Ty(), table, index);
  };
  builder.CreateAlignedStore(low, at(builder.getInt64(0)), Align(1));
  builder.CreateAlignedStore(high, at(builder.getInt64(lanes)), Align(1));
  Value *result = PoisonValue::get(type);
  for (unsigned lane = 0; lane < lanes; ++lane) {
    Value *index = builder.CreateZExt(
        builder.CreateAnd(builder.CreateExtractElement(codes, lane),
                          builder.getInt8(2 * lanes - 1)),
        builder.getInt64Ty());
    result = builder.CreateInsertElement(
        result, builder.CreateLoad(builder.getInt8Ty(), at(index)), lane);
  }
  return result;
}

/// What `call` of an intrinsic returns, null for one that is not known.
static Value *emulate(IRBuilder<> &builder, CallInst *call) {
  StringRef name = call->getCalledFunction()->getName();
  auto as = [&](unsigned operand, unsigned bits) {
    return asVector(builder, call->getArgOperand(operand), bits);
  };
  if (name.starts_with("llvm.x86.avx512.vpdpbusd."))
    return builder.CreateAdd(as(0, 32),
                             sumQuadruples(builder, as(1, 16), as(2, 16)));
  if (name.starts_with("llvm.x86.avx512.vpdpwssd."))
    return builder.CreateAdd(as(0, 32),
                             sumPairs(builder, as(1, 16), as(2, 16)));
  if (name.starts_with("llvm.x86.avx512.pmaddw.d."))
    return sumPairs(builder, as(0, 16), as(1, 16));
  if (name.starts_with("llvm.x86.avx512.pmaddubs.w."))
    return multiplyParts(builder, Intrinsic::x86_avx2_pmadd_ub_sw, as(0, 8),
                         as(1, 8));
  if (name.starts_with("llvm.x86.avx512.vpermi2var.qi."))
    return lookUp(builder, as(0, 8), as(1, 8), as(2, 8));
  return nullptr;
}

std::string qc::emulateIntrinsics(Module &code) {
  for (Function &function : make_early_inc_range(code)) {
    if (!function.getName().starts_with("llvm.x86.") ||
        isLegal(function.getName()))
      continue;
    for (User *user : make_early_inc_range(function.users())) {
      auto *call = cast<CallInst>(user);
      IRBuilder<> builder(call);
      Value *result = emulate(builder, call);
      if (!result)
        return function.getName().str();
      call->replaceAllUsesWith(builder.CreateBitCast(result, call->getType()));
      call->eraseFromParent();
    }
    function.eraseFromParent();
  }
  return "";
}
