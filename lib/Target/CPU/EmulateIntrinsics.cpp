// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Code for CPUs that are not there. Everything else in a kernel is target-free
// LLVM IR, whatever the width of its vectors.

#include "EmulateIntrinsics.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Instructions.h"

using namespace llvm;

/// `value` as a vector of integers of `bits`.
static Value *asVector(IRBuilder<> &builder, Value *value, unsigned bits) {
  unsigned lanes = value->getType()->getPrimitiveSizeInBits() / bits;
  return builder.CreateBitCast(
      value, FixedVectorType::get(builder.getIntNTy(bits), lanes));
}

/// The i32 products of two vectors of integers, `count` neighbours added up.
static Value *sumProducts(IRBuilder<> &builder, Value *a, bool isUnsigned,
                          Value *b, unsigned count) {
  auto widen = [&](Value *value, bool isUnsigned) {
    auto *type = VectorType::get(builder.getInt32Ty(),
                                 cast<VectorType>(value->getType()));
    return isUnsigned ? builder.CreateZExt(value, type)
                      : builder.CreateSExt(value, type);
  };
  Value *products =
      builder.CreateMul(widen(a, isUnsigned), widen(b, /*isUnsigned=*/false));
  unsigned lanes =
      cast<FixedVectorType>(products->getType())->getNumElements() / count;
  Value *sum = nullptr;
  for (unsigned part = 0; part < count; ++part) {
    SmallVector<int> mask;
    for (unsigned lane = 0; lane < lanes; ++lane)
      mask.push_back(lane * count + part);
    Value *own = builder.CreateShuffleVector(products, mask);
    sum = sum ? builder.CreateAdd(sum, own) : own;
  }
  return sum;
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
    return builder.CreateAdd(
        as(0, 32),
        sumProducts(builder, as(1, 8), /*isUnsigned=*/true, as(2, 8), 4));
  if (name.starts_with("llvm.x86.avx512.vpdpwssd."))
    return builder.CreateAdd(
        as(0, 32),
        sumProducts(builder, as(1, 16), /*isUnsigned=*/false, as(2, 16), 2));
  if (name.contains(".pmaddw.d.") || name.ends_with(".pmadd.wd"))
    return sumProducts(builder, as(0, 16), /*isUnsigned=*/false, as(1, 16), 2);
  if (name.contains(".pmaddubs.w.") || name.ends_with(".pmadd.ub.sw")) {
    Value *sum =
        sumProducts(builder, as(0, 8), /*isUnsigned=*/true, as(1, 8), 2);
    auto limit = [&](Intrinsic::ID which, int64_t bound) {
      sum = builder.CreateBinaryIntrinsic(
          which, sum, ConstantInt::getSigned(sum->getType(), bound));
    };
    limit(Intrinsic::smin, INT16_MAX);
    limit(Intrinsic::smax, INT16_MIN);
    return builder.CreateTrunc(
        sum, VectorType::get(builder.getInt16Ty(),
                             cast<VectorType>(sum->getType())));
  }
  if (name.starts_with("llvm.x86.avx512.vpermi2var.qi."))
    return lookUp(builder, as(0, 8), as(1, 8), as(2, 8));
  return nullptr;
}

std::string qc::emulateIntrinsics(Module &code) {
  for (Function &function : make_early_inc_range(code)) {
    if (!function.getName().starts_with("llvm.x86."))
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
