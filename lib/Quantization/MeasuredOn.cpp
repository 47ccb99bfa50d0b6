// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Digests of constants and samples in table files.

#include "MeasuredOn.h"

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/QCDialect.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace qc;

static constexpr StringLiteral member = "#measured-on";

static std::string getText(uint64_t digest) {
  return llvm::utohexstr(digest, /*LowerCase=*/true, /*Width=*/16);
}

/// The digest of all constants' types and bytes in their order.
static FailureOr<std::string> digestConstants(func::FuncOp function) {
  std::string digests;
  for (ConstantOp op : function.getOps<ConstantOp>()) {
    SmallVector<char> scratch;
    FailureOr<ArrayRef<char>> bytes = getConstantBytes(op.getValue(), scratch);
    if (failed(bytes))
      return op.emitError("cannot read the constant");
    llvm::raw_string_ostream(digests)
        << op.getType() << ' '
        << getText(llvm::xxh3_64bits(StringRef(bytes->data(), bytes->size())))
        << '\n';
  }
  return getText(llvm::xxh3_64bits(StringRef(digests)));
}

LogicalResult MeasuredOn::load(Location loc, StringRef file,
                               llvm::json::Object &entries) {
  llvm::json::Value *value = entries.get(member);
  if (!value)
    return success();
  auto refuse = [&](const Twine &why) {
    return emitError(loc) << "'" << file << "': bad '" << member
                          << "': " << why;
  };
  const llvm::json::Object *object = value->getAsObject();
  if (!object)
    return refuse("accepted: an object");
  for (const auto &[key, digest] : *object) {
    if (StringRef(key) == "constants") {
      std::optional<StringRef> text = digest.getAsString();
      if (!text)
        return refuse("'constants' must be a string");
      constants = text->str();
      continue;
    }
    const llvm::json::Object *bySize = digest.getAsObject();
    if (StringRef(key) != "samples" || !bySize)
      return refuse("accepted: 'constants' and an object 'samples'");
    for (const auto &[count, own] : *bySize) {
      size_t number = 0;
      std::optional<StringRef> text = own.getAsString();
      if (StringRef(count).getAsInteger(10, number) || number == 0 || !text)
        return refuse("'samples' has a string for each number of samples");
      samples[number] = text->str();
    }
  }
  entries.erase(member);
  return success();
}

LogicalResult MeasuredOn::check(func::FuncOp function, StringRef file,
                                const SampleSet *set) {
  auto refuse = [&](const Twine &what) {
    return function.emitError()
           << "'" << file << "' was measured " << what
           << ": delete it to measure again, or its member '" << member
           << "' to use its numbers nevertheless";
  };
  FailureOr<std::string> own = digestConstants(function);
  if (failed(own))
    return failure();
  if (!constants.empty() && constants != *own)
    return refuse("with other constants (weights) in the model");
  constants = *own;
  if (!set)
    return success();
  // The most samples that both have.
  auto after = samples.upper_bound(set->size());
  if (after != samples.begin()) {
    auto [count, digest] = *std::prev(after);
    if (getText(set->getDigest(count)) != digest)
      return refuse("on other inputs than the first " + Twine(count) +
                    " samples of '" + set->getName() + "'");
  }
  for (size_t count = 1; count < set->size(); count *= 2)
    samples[count] = getText(set->getDigest(count));
  samples[set->size()] = getText(set->getDigest(set->size()));
  return success();
}

void MeasuredOn::addTo(llvm::json::Object &entries) const {
  llvm::json::Object own, bySize;
  if (!constants.empty())
    own["constants"] = constants;
  for (const auto &[count, digest] : samples)
    bySize[std::to_string(count)] = digest;
  if (!bySize.empty())
    own["samples"] = std::move(bySize);
  if (!own.empty())
    entries[member] = std::move(own);
}
