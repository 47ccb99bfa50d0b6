// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Handlers of ai.onnx.preview.training: steps of optimizers. Each takes the
// rate, the number of the step and one or more tensors with their states.

#include "Handlers.h"

using namespace mlir;
using namespace qc;

namespace {
/// One optimizer node: operands are R, T, then `lists` lists of n tensors.
class Step {
public:
  Step(NodeContext &c, int64_t lists) : c(c), lists(lists) {}

  /// Calls `update(i)` for each tensor, which gives one result per list of
  /// results; binds them list by list.
  LogicalResult run(function_ref<SmallVector<Value>(int64_t)> update) {
    int64_t given = static_cast<int64_t>(c.getNumOperands()) - 2;
    if (given < lists || given % lists != 0 ||
        llvm::is_contained(c.getOperands(), Value()))
      return c.refuse("has " + Twine(c.getNumOperands()) + " operands",
                      "the rate, the step and " + Twine(lists) +
                          " for each tensor");
    count = given / lists;
    SmallVector<SmallVector<Value>> results;
    for (int64_t i = 0; i < count; ++i)
      results.push_back(update(i));
    SmallVector<Value> flat;
    for (size_t list = 0; list < results.front().size(); ++list)
      for (ArrayRef<Value> ofTensor : results)
        flat.push_back(ofTensor[list]);
    return c.yield(flat);
  }

  Value get(int64_t list, int64_t i) { return c[2 + list * count + i]; }
  Value number(double value, int64_t i) {
    return c.splat(elementOf(get(0, i)), value);
  }
  /// A scalar operand in the tensor's type.
  Value scalar(unsigned operand, int64_t i) {
    return c.cast(c.reshape(c[operand], {}), elementOf(get(0, i)));
  }
  Value add(Value lhs, Value rhs) { return c.create<AddOp>({lhs, rhs}); }
  Value sub(Value lhs, Value rhs) { return c.create<SubOp>({lhs, rhs}); }
  Value mul(Value lhs, Value rhs) { return c.create<MulOp>({lhs, rhs}); }
  Value div(Value lhs, Value rhs) { return c.create<DivOp>({lhs, rhs}); }
  /// The gradient with the weight decay norm_coefficient X.
  Value gradient(int64_t i) {
    double norm = c.getFloat("norm_coefficient", 0);
    return add(mul(number(norm, i), get(0, i)), get(1, i));
  }

private:
  NodeContext &c;
  int64_t lists, count = 0;
};
} // namespace

/// H += G^2, X -= R / (1 + T decay) G / (sqrt(H) + epsilon)
static LogicalResult adagrad(NodeContext &c) {
  Step s(c, 3);
  return s.run([&](int64_t i) -> SmallVector<Value> {
    Value decay =
        s.mul(s.scalar(1, i), s.number(c.getFloat("decay_factor", 0), i));
    Value rate = s.div(s.scalar(0, i), s.add(decay, s.number(1, i)));
    Value g = s.gradient(i);
    Value h = s.add(s.get(2, i), s.mul(g, g));
    Value root =
        s.add(c.create<SqrtOp>(h), s.number(c.getFloat("epsilon", 1e-6f), i));
    return {s.sub(s.get(0, i), s.div(s.mul(rate, g), root)), h};
  });
}

/// V = alpha V + beta G (beta is 1 in step 0), X -= R V, or with Nesterov's
/// form X -= R (G + alpha V)
static LogicalResult momentum(NodeContext &c) {
  std::string mode = c.getString("mode", "standard");
  if (mode != "standard" && mode != "nesterov")
    return c.refuse("mode is '" + mode + "'", "standard, nesterov");
  Step s(c, 3);
  return s.run([&](int64_t i) -> SmallVector<Value> {
    Value alpha = s.number(c.getFloat("alpha", 0), i);
    Value isLater = c.create<GreaterOp>({s.scalar(1, i), s.number(0, i)});
    Value beta = c.create<WhereOp>(
        {isLater, s.number(c.getFloat("beta", 0), i), s.number(1, i)});
    Value g = s.gradient(i);
    Value v = s.add(s.mul(alpha, s.get(2, i)), s.mul(beta, g));
    Value direction = mode == "nesterov" ? s.add(g, s.mul(alpha, v)) : v;
    return {s.sub(s.get(0, i), s.mul(s.scalar(0, i), direction)), v};
  });
}

/// Kingma, Ba: Adam (2015), with the bias correction in the rate.
static LogicalResult adam(NodeContext &c) {
  Step s(c, 4);
  double alpha = c.getFloat("alpha", 0.9f), beta = c.getFloat("beta", 0.999f);
  return s.run([&](int64_t i) -> SmallVector<Value> {
    auto blend = [&](double factor, Value old, Value fresh) {
      return s.add(s.mul(s.number(factor, i), old),
                   s.mul(s.number(1 - factor, i), fresh));
    };
    Value g = s.gradient(i), one = s.number(1, i), step = s.scalar(1, i);
    Value v = blend(alpha, s.get(2, i), g);
    Value h = blend(beta, s.get(3, i), s.mul(g, g));
    Value root =
        s.add(c.create<SqrtOp>(h), s.number(c.getFloat("epsilon", 1e-6f), i));
    auto left = [&](double factor) {
      return s.sub(one, c.create<PowOp>({s.number(factor, i), step}));
    };
    Value isLater = c.create<GreaterOp>({step, s.number(0, i)});
    // In step 0 nothing is corrected, nor divided by 0.
    auto corrected = [&](double factor) {
      return c.create<WhereOp>({isLater, left(factor), one});
    };
    Value rate = s.div(s.mul(s.scalar(0, i), c.create<SqrtOp>(corrected(beta))),
                       corrected(alpha));
    Value x = s.sub(s.get(0, i), s.mul(rate, s.div(v, root)));
    double post = c.getFloat("norm_coefficient_post", 0);
    return {s.mul(s.number(1 - post, i), x), v, h};
  });
}

void qc::registerTrainingHandlers(HandlerTable &table) {
  const char *domain = "ai.onnx.preview.training";
  table.addIn(domain, "Adagrad", 1, 2, adagrad);
  table.addIn(domain, "Momentum", 1, 2, momentum);
  table.addIn(domain, "Adam", 1, 2, adam);
}
