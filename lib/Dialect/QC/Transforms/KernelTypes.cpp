// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gives kernels new types: see KernelTypes.h.

#include "KernelTypes.h"

using namespace mlir;
using namespace qc;

KernelOp KernelTypes::insert(KernelOp kernel, StringRef name) {
  kernel.setSymName("kernel");
  std::string text;
  llvm::raw_string_ostream stream(text);
  kernel.print(stream, OpPrintingFlags().useLocalScope());
  auto [entry, inserted] = known.try_emplace(text, kernel);
  if (inserted) {
    kernel.setSymName(name);
    symbols.insert(kernel);
  } else {
    kernel.erase();
  }
  return entry->second;
}

void KernelTypes::specialise(DispatchOp dispatch, TypeRange inputs,
                             TypeRange results) {
  KernelOp kernel = lookup(dispatch);
  KernelOp copy = kernel.clone();
  Block &body = copy.getBody().front();
  for (auto [argument, type] : llvm::zip_equal(body.getArguments(), inputs))
    argument.setType(type);
  for (auto [value, type] :
       llvm::zip_equal(body.getTerminator()->getOperands(), results))
    value.setType(type);
  copy.setFunctionType(FunctionType::get(module.getContext(), inputs, results));
  dispatch.setKernel(insert(copy, kernel.getSymName()).getSymName());
}

void KernelTypes::eraseUnused() {
  for (KernelOp kernel : llvm::make_early_inc_range(module.getOps<KernelOp>()))
    if (SymbolTable::symbolKnownUseEmpty(kernel, module))
      kernel.erase();
}

LayoutAttr qc::getLayout(RankedTensorType type) {
  if (auto layout = dyn_cast_or_null<LayoutAttr>(type.getEncoding()))
    return layout;
  return LayoutAttr::getPermuted(
      type.getContext(), type.getShape(),
      llvm::to_vector(llvm::seq<int64_t>(0, type.getRank())));
}

LayoutAttr qc::getTransposed(LayoutAttr layout, ArrayRef<int64_t> permutation) {
  SmallVector<int64_t> dims;
  for (int64_t dim : layout.getDims())
    dims.push_back(llvm::find(permutation, dim) - permutation.begin());
  return LayoutAttr::get(layout.getContext(), dims, layout.getDivisors(),
                         layout.getExtents(), layout.getModuli(),
                         layout.getOffset());
}

bool qc::isView(TransposeOp transpose) {
  return getLayout(typeOf(transpose.getY())) ==
         getTransposed(getLayout(typeOf(transpose.getX())),
                       transpose.getPermutation());
}

bool qc::hasPlainDigits(LayoutAttr layout, int64_t rank) {
  return static_cast<int64_t>(layout.getDims().size()) == rank &&
         llvm::all_of(layout.getDivisors(), [](int64_t d) { return d == 1; }) &&
         llvm::all_of(layout.getModuli(), [](int64_t m) { return m == 0; });
}

/// The places of elements from the outermost to the innermost digit, as
/// (distance in row-major order, extent); what continues another digit is one
/// with it. None where memory has gaps.
static std::optional<SmallVector<std::pair<int64_t, int64_t>>>
getRowMajorDigits(RankedTensorType type) {
  LayoutAttr layout = getLayout(type);
  if (layout.getOffset() != 0 ||
      layout.getNumElements() != type.getNumElements() ||
      llvm::any_of(layout.getModuli(), [](int64_t m) { return m != 0; }))
    return std::nullopt;
  SmallVector<int64_t> distances(type.getRank(), 1);
  for (int64_t dim = type.getRank() - 2; dim >= 0; --dim)
    distances[dim] = distances[dim + 1] * type.getDimSize(dim + 1);
  SmallVector<std::pair<int64_t, int64_t>> digits;
  for (auto [dim, divisor, extent] : llvm::zip_equal(
           layout.getDims(), layout.getDivisors(), layout.getExtents())) {
    if (extent == 1)
      continue;
    int64_t distance = distances[dim] * divisor;
    if (!digits.empty() && digits.back().first == distance * extent)
      digits.back() = {distance, digits.back().second * extent};
    else
      digits.push_back({distance, extent});
  }
  return digits;
}

bool qc::haveSameMemory(RankedTensorType lhs, RankedTensorType rhs) {
  auto left = getRowMajorDigits(lhs), right = getRowMajorDigits(rhs);
  return left && right && *left == *right;
}

Value qc::createCopy(OpBuilder &builder, Location loc, KernelTypes &kernels,
                     Value value, RankedTensorType type) {
  Location unknown = builder.getUnknownLoc();
  OpBuilder detached(builder.getContext());
  auto kernel = KernelOp::create(detached, unknown, "copy",
                                 builder.getFunctionType(value.getType(), type),
                                 "movement", nullptr, nullptr);
  Block *body = detached.createBlock(&kernel.getBody());
  body->addArgument(value.getType(), unknown);
  Value result = ReshapeOp::create(detached, unknown, type,
                                   body->getArgument(0), type.getShape());
  YieldOp::create(detached, unknown, result);
  return DispatchOp::create(builder, loc, TypeRange(type),
                            kernels.insert(kernel, "copy").getSymName(), value)
      .getResult(0);
}
