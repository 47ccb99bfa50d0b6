// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes on qc IR. Their names are part of the public interface.
#ifndef QC_DIALECT_QC_TRANSFORMS_PASSES_TD
#define QC_DIALECT_QC_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def ExpandAttention : Pass<"qc-expand-attention", "::mlir::func::FuncOp"> {
  let summary = "Open attention into matrix products and a softmax";
  let description = [{
    Attention on f32 or f64 whose softmax has that type too becomes the ops that its meaning names,
    so that both products get the schedules of contractions. Queries of heads that share keys become
    rows of one product. Masks by position are constants. Attention on narrower floats, whose steps
    round, and attention with lengths, which hide keys at run time, stay whole and compute as their
    own decomposition says. Runs when no pass needs attention whole any more.

    Numerics: exact but for the order of sums.

    ```mlir
    %y = qc.attention %q, %k, %v {causal = true, …}
    // becomes
    %scores = qc.matmul %q_scaled, %k_scaled_transposed
    %masked = qc.where %mask, %scores, %lowest
    %weights = qc.softmax %masked {axis = 3}
    %y = qc.matmul %weights, %v
    ```
  }];
  let statistics = [
    Statistic<"numExpanded", "expanded", "Number of attentions expanded">
  ];
}

def FoldBatchNorm : Pass<"qc-fold-batch-norm", "::mlir::ModuleOp"> {
  let summary = "Fold batch normalization into the contraction before it";
  let description = [{
    With `f = scale / sqrt(variance + epsilon)`, a batch normalization of `conv(x, w) + b` is
    `conv(x, f w) + (b - mean) f + bias`. Applies to qc.conv, and to qc.matmul with or without a
    bias added, where weights and parameters are float constants and the contraction
    has no other user. New constants are computed in double precision and rounded once. Others stay.

    Numerics: approximate (weights are rounded again).

    ```mlir
    %0 = qc.conv %x, %w {…}
    %1 = qc.batch_norm %0, %scale, %bias, %mean, %variance {epsilon = …}
    // becomes
    %1 = qc.conv %x, %w_folded bias %bias_folded {…}
    ```
  }];
  let statistics = [
    Statistic<"numFolded", "folded", "Number of batch normalizations folded">
  ];
}

def FormKernels : Pass<"qc-form-kernels", "::mlir::ModuleOp"> {
  let summary = "Group ops into fused kernels";
  let description = [{
    Turns each function's ops into calls of `qc.kernel`s. A kernel has one op that is not
    elementwise (its root) and the elementwise ops behind it, as long as each value
    between them has no other user and the root's shape. Elementwise ops without such a root
    form a kernel of their own. A last op that only widens (a dequantization) moves to the
    kernel that reads it, if that is elementwise there: the narrow tensor goes through memory.
    Constants become kernel arguments, so that kernels that differ only in their numbers are
    equal; equal kernels are merged. Single integers (zero points) stand in the kernel. qc.reshape
    stays outside: it costs nothing. Knows no target.

    A qc.dequantize or a widening qc.cast of constants computes what qc-plan-memory prepares at load,
    and is a kernel of its own. Where the option `unpack` says so it stands in the kernel that reads
    it instead, which then reads the codes and unpacks them in registers, in every run.

    ```mlir
    %0 = qc.conv %x, %w {…}
    %1 = qc.relu %0
    // becomes
    %1 = qc.dispatch @conv_0(%x, %w)
    qc.kernel @conv_0(%a: …, %b: …) -> … { %0 = qc.conv %a, %b …; %1 = qc.relu %0; qc.yield %1 }
    ```
  }];
  let options = [
    Option<"unpack", "unpack", "std::string", "\"load\"",
           "Where constants become wider: load (kernels of their own), few-rows (in registers for f32 "
           "products of few rows, whose time is that of reading weights), registers (always there)">
  ];
  let statistics = [
    Statistic<"numKernels", "kernels", "Number of distinct kernels">,
    Statistic<"numFused", "fused-ops", "Number of elementwise ops that share another op's kernel">,
    Statistic<"numSunk", "sunk-ops", "Number of widening ops moved to the kernel that reads them">,
    Statistic<"numUnpacked", "unpacked-in-registers", "Number of constants that their readers unpack">
  ];
}

def MaterializePadding : Pass<"qc-materialize-padding", "::mlir::func::FuncOp"> {
  let summary = "Pad the inputs of convolutions in memory";
  let description = [{
    A CPU's convolution kernel reads its input without tests: a `qc.conv` with padding that is not
    depthwise becomes `qc.pad` (with zero, or with x_zero for integers) and a `qc.conv` without. A
    constant x_zero of a convolution without padding, or of a matrix product with constant weights, is
    then folded: `sum (x - z) w = sum x w - z sum w` is exact in integers. Constant weights in ui8 become
    si8, 128 less as their zero point, which vanishes where it was 128.

    ```mlir
    %y = qc.conv %x, %w {pads = array<i64: 1, 1, 1, 1>, …}
    // becomes
    %p = qc.pad %x, %zero {pads = array<i64: 0, 0, 1, 1, 0, 0, 1, 1>}
    %y = qc.conv %p, %w {pads = array<i64: 0, 0, 0, 0>, …}
    ```
  }];
  let statistics = [
    Statistic<"numPadded", "padded", "Number of convolutions whose input is padded in memory">,
    Statistic<"numFolded", "folded-zero-points", "Number of zero points folded into a bias">,
    Statistic<"numSigned", "signed-weights", "Number of unsigned weights made signed">
  ];
}

def BandTransforms : Pass<"qc-band-transforms", "::mlir::ModuleOp"> {
  let summary = "Compute fast convolutions band by band";
  let description = [{
    Between the kernels of a fast convolution lie its maps in the transform domain, several times the
    size of the maps themselves. Where they exceed a core's cache, the three dispatches become three per
    band (rows of tiles, or images), so that each band's values are read while they are in the
    cache. The size of bands weighs that against reading the weights once per band. Bands are slices
    and a concatenation at function level: parts of the same memory, which qc-plan-memory
    turns into offsets of buffers, so that equal bands call equal kernels. Runs behind
    qc-write-in-place.

    Numerics: exact.

    ```mlir
    %v = qc.dispatch @input(%x)
    %m = qc.dispatch @product(%v, %u)
    %y = qc.dispatch @output(%m, %residual)
    // becomes, for each band
    %xb = qc.slice %x {offsets = array<i64: 0, 0, 12, 0>, …}
    %vb = qc.dispatch @input_band(%xb)
    %mb = qc.dispatch @product_band(%vb, %u)
    %rb = qc.slice %residual {…}
    %yb = qc.dispatch @output_band(%mb, %rb)
    // and
    %y = qc.concat %y0, %y1, … {axis = 2}
    ```
  }];
  let options = [
    Option<"cacheBytes", "cache-bytes", "int64_t", "524288", "Bytes of a core's own cache that a band may fill">
  ];
  let statistics = [
    Statistic<"numCut", "cut", "Number of convolutions cut into bands">,
    Statistic<"numBands", "bands", "Number of bands">
  ];
}

def SelectConvAlgorithm : Pass<"qc-select-conv-algorithm", "::mlir::ModuleOp"> {
  let summary = "Let convolutions multiply in the domain of a fast algorithm";
  let description = [{
    A convolution along two dimensions, or along one as if over maps of one row, with stride 1,
    dilation 1 and constant weights, or each group of one, becomes transforms around one matrix product
    per frequency, which together multiply up to 4.5 times less: symbolic Fourier convolution (SFC), or
    Winograd's algorithm. `force` names one algorithm (`sfc-6(6x6,3x3)`), a family (`sfc-6`: the member
    that should be fastest for each layer) or `direct`
    (change nothing). `auto` takes the fastest of all where it should be at least 1.15 times as fast as the
    direct form: the cost model counts products, transformed elements and bytes of transformed
    weights, with coefficients measured on CPUs. `dot-product` says that the CPU multiplies bytes in
    one instruction, which halves what 16-bit products can gain.

    8-bit codes are transformed exactly: transformed data and weights are si16, sums are modulo 2^32, and
    the quotient by the algorithm's denominator is exact, so that the result is bit for bit that of the
    direct form. A convolution whose largest possible sum does not allow that stays direct, as do those
    that no algorithm is for; a remark says why.

    The attribute `qc.transform` of a convolution (qc/Dialect/QC/Transforms/ConvTransform.h;
    qc-calibrate-transforms writes it) overrides `force`: `{algorithm = "direct"}`, an algorithm alone, or one with
    scales. Those make the *fast* form, an approximation whose products are those of codes of 8 or fewer
    bits: transformed data are requantized with a scale per product, or product and channel, transformed
    weights with one per product and output channel, to nearest or as the attribute has them. What cannot be done as the attribute says is an error.

    ```mlir
    %v = qc.sfc_input_transform %x_extended {algorithm = "sfc-6(6x6,3x3)", offsets = array<i64: -3000, 0, …>}
    %c = qc.requantize %v, %inverse_scales, %c128 {axis = 0} : (tensor<88x64x64xsi16>, …) -> tensor<88x64x64xui8>
    %p = qc.matmul %c, %u : (tensor<88x64x64xui8>, tensor<88x64x64xsi8>) -> tensor<88x64x64xsi32>
    %q = qc.add %p, %constants : (tensor<88x64x64xsi32>, tensor<88x1x64xsi32>) -> …
    %m = qc.round_saturate(qc.mul(qc.rescale(%q, 1.0), %factors)) : … -> tensor<88x64x64xsi16>
    %y = qc.mul(qc.sfc_output_transform %m {algorithm = "sfc-6(6x6,3x3)", …}, %units)
    ```

    Numerics: exact for integers but for convolutions with scales, which are approximate; floats round
    differently (at most a few units in the last place of the largest term for SFC).

    ```mlir
    %y = qc.conv %x, %w bias %b {…} : (tensor<1x64x58x58xui8>, tensor<64x64x3x3xsi8>, …) -> …
    // becomes
    %v = qc.sfc_input_transform %x_extended {algorithm = "sfc-6(7x7,3x3)"}
    %u = qc.sfc_weight_transform %w {algorithm = "sfc-6(7x7,3x3)"}
    %m = qc.matmul %v, %u : (tensor<132x64x64xsi16>, tensor<132x64x64xsi16>) -> tensor<132x64x64xsi32>
    %s = qc.sfc_output_transform %m {algorithm = "sfc-6(7x7,3x3)", height = 56, width = 56, divisor = 36}
    %y = qc.add %s, %b_shaped
    ```
  }];
  let options = [
    Option<"force", "force", "std::string", "\"auto\"", "Algorithm, family, auto or direct">,
    Option<"dotProduct", "dot-product", "bool", "false",
           "Whether the CPU has products of bytes (vpdpbusd)">
  ];
  let statistics = [
    Statistic<"numTransformed", "transformed", "Number of convolutions in a transform domain">,
    Statistic<"numQuantized", "quantized", "Number of those whose products are those of codes">
  ];
}

def WidenWeights : Pass<"qc-widen-weights", "::mlir::func::FuncOp"> {
  let summary = "Unpack constant weights of fewer than 8 bits for 8-bit kernels";
  let description = [{
    CPU and GPU kernels multiply bytes: constant weights of integer contractions that have fewer
    bits go through a qc.cast to si8, which every such code fits. The artefact keeps the codes as they
    are; the cast is a kernel that qc-plan-memory lets run once per loaded model.

    Contractions whose constant weights are at most 64 in magnitude get the attribute
    `qc.weight_bound`, the next power of two: sums of two of their products with bytes fit 16 bits, and
    the smaller they are, the more of these do, which makes kernels without vpdpbusd faster
    (qc-schedule-contractions).

    Numerics: exact.

    ```mlir
    %y = qc.conv %x, %w {…} : (tensor<1x8x4x4xui8>, tensor<8x8x3x3xsi4>) -> …
    // becomes
    %b = qc.cast %w {to = si8} : (tensor<8x8x3x3xsi4>) -> tensor<8x8x3x3xsi8>
    %y = qc.conv %x, %b {qc.weight_bound = 8 : i64, …}
    ```
  }];
  let statistics = [
    Statistic<"numWidened", "widened", "Number of weights that are unpacked">
  ];
}

def WriteInPlace : Pass<"qc-write-in-place", "::mlir::ModuleOp"> {
  let summary = "Write parts of concatenations and padded tensors where they belong";
  let description = [{
    A kernel that only concatenates or pads copies its operands. Where they come from kernels, those
    write into views of the result instead (a layout with an offset); a padding leaves a small
    kernel that fills the border. Operands that cannot be written in place (inputs, constants,
    tensors that are reshaped or part of another) are copied. Results of the program stay
    concatenations. A transpose between layouts that have the same elements at the same places (of an
    input that is channels last already) is no kernel any more, but a view.

    ```mlir
    %a = qc.dispatch @conv_0(%x) : … -> tensor<1x8x4x4xf32, #nhwc>
    %c = qc.dispatch @concat_2(%a, %b) : … -> tensor<1x24x4x4xf32, #nhwc>
    // becomes
    %a = qc.dispatch @conv_0(%x) : … -> tensor<1x8x4x4xf32, #qc.layout<0:1:1, 2:1:4, 3:1:4, 1:1:24>>
    %c = qc.assemble %a, %b
    ```
  }];
  let statistics = [
    Statistic<"numConcats", "concatenated", "Number of operands of concatenations written in place">,
    Statistic<"numPads", "padded", "Number of paddings written in place">,
    Statistic<"numTransposes", "transposed", "Number of transposes that became views">
  ];
}

def AssignLayouts : Pass<"qc-assign-layouts", "::mlir::ModuleOp"> {
  let summary = "Choose how each tensor lies in memory";
  let description = [{
    Works on functions of dispatches. Tensors around convolutions and pooling, and whatever is
    elementwise or moved along with them, become channels-last, written as `#qc.layout` encodings;
    inputs and outputs of the program stay row-major, and so do tensors that a qc.reshape
    reinterprets. 8-bit inputs of contractions have their channels padded to a multiple of four. Constant weights
    are packed for the contraction schedule: blocks of 16 output channels, then taps, then the
    reduction (four elements together for 8 bits); depthwise weights become channels-last. The
    packing depends on the kernel and the shape only, so that all CPUs share one copy. Weights that a
    kernel computes from constants alone are written packed by that kernel.
  }];
  let statistics = [
    Statistic<"numChannelsLast", "channels-last", "Number of tensors stored channels-last">,
    Statistic<"numPacked", "packed", "Number of packed constants">
  ];
}

def ShareConstants : Pass<"qc-share-constants", "::mlir::ModuleOp"> {
  let summary = "Let rows be looked up in the weights of a product";
  let description = [{
    Works on functions of dispatches. Language models multiply by the transpose of the table in which they
    look up rows. Where a constant of at least `min-bytes` is only looked up in, and another constant has its elements
    transposed, the kernels that look up read that one instead, however it is packed: a
    layout is only an order. The table becomes a qc.transpose that costs nothing and is not stored.

    ```mlir
    %t = qc.constant … : tensor<32000x288xf32>
    %w = qc.constant … : tensor<288x32000xf32, #qc.layout<1:16:2000, 0:1:288, 1:1:16>>
    %x = qc.dispatch @gather_0(%t, %tokens)
    // becomes
    %t = qc.transpose %w … -> tensor<32000x288xf32, #qc.layout<0:16:2000, 1:1:288, 0:1:16>>
    %x = qc.dispatch @gather_0(%t, %tokens)
    ```
  }];
  let options = [
    Option<"minBytes", "min-bytes", "int64_t", "4096", "Smaller constants stay as they are">
  ];
  let statistics = [
    Statistic<"numShared", "shared", "Number of constants that are another's transpose">
  ];
}

def PlanMemory : Pass<"qc-plan-memory", "::mlir::ModuleOp"> {
  let summary = "Turn functions of dispatches into programs on planned memory";
  let description = [{
    Each function becomes a `qc.program`: its dispatches become launches in order, its
    constants `qc.data` (equal ones share one), its values ranges of the inputs, the outputs or one
    arena. Arena ranges are assigned by interval colouring, largest first; qc.reshape costs
    nothing, nor does a qc.transpose into the layout that leaves every element in its place. A value that is returned is written to the output directly; where that is impossible
    (an input, a constant, a value returned twice) a copy kernel is added.

    Dispatches that read nothing but constants, and what such dispatches computed, become launches of
    one `qc.preparation` for all functions, equal ones once; their results live in prepared
    memory. Only those that write an output, or parts of a tensor that others write too, stay in the
    program. Without `prepare` all do.

    ```mlir
    func.func @main(%x: tensor<8xf32> {qc.name = "x"}) -> (tensor<8xf32> {qc.name = "y"}) {
      %0 = qc.dispatch @relu_0(%x) : …
      return %0
    }
    // becomes
    qc.program @main attributes {arena_size = 0, …, inputs = [#qc.port<"x", …>], …} {
      qc.launch @relu_0 [#qc.buffer<input, 0, 0, 32>, #qc.buffer<output, 0, 0, 32>] "relu"
    }
    ```
  }];
  let options = [
    Option<"prepare", "prepare", "bool", "true",
           "Run what depends on constants alone once per loaded model">
  ];
  let statistics = [
    Statistic<"numPrepared", "prepared", "Number of launches that run once per loaded model">,
    Statistic<"preparedBytes", "prepared-bytes", "Size of prepared memory">,
    Statistic<"arenaBytes", "arena-bytes", "Arena size of all programs">,
    Statistic<"lowerBoundBytes", "lower-bound-bytes", "Largest sum of simultaneously live values">
  ];
}

def NormalizeQDQ : Pass<"qc-normalize-qdq", "::mlir::func::FuncOp"> {
  let summary = "Bring the QDQ forms that quantizers write into one";
  let description = [{
    Exact: every number stays what it was.

    * weights behind a quantize become codes; constant codes with another zero point than 0
      become signed ones with zero point 0 where they fit; transposes and reshapes of constants
      are evaluated at any size;
    * qc.dequantize sinks below, qc.quantize rises above, ops that move elements (reshape,
      transpose, slice, concat, expand, gather, pad) and maxima (max_pool, reduce max), until they
      meet and cancel if their parameters are equal; behind a gather, too, that reads rows of a
      constant with scales per row, channel or block (an embedding): only what was read is dequantized;
    * relu and clip of a dequantize become clamps of codes where the bounds have codes;
    * equal parameters per axis become one; duplicates per consumer are merged.

    ```mlir
    %d = qc.dequantize %q, %s, %z {axis = 0 : i64} : (tensor<1x4x8x8xui8>, …) -> tensor<1x4x8x8xf32>
    %p = qc.max_pool %d {…} : (tensor<1x4x8x8xf32>) -> tensor<1x4x4x4xf32>
    %r = qc.quantize %p, %s, %z {axis = 0 : i64} : (tensor<1x4x4x4xf32>, …) -> tensor<1x4x4x4xui8>
    // becomes
    %r = qc.max_pool %q {…} : (tensor<1x4x8x8xui8>) -> tensor<1x4x4x4xui8>
    ```
  }];
  let dependentDialects = ["::qc::QCDialect"];
  let statistics = [
    Statistic<"numRemoved", "removed", "Number of quantize and dequantize ops that went away">
  ];
}

def SetNumerics : Pass<"qc-set-numerics", "::mlir::ModuleOp"> {
  let summary = "Choose how accumulators become codes";
  let description = [{
    Writes the module attribute `qc.requantize`, which qc-to-integer follows, so that all targets
    compute the same integers. An empty option leaves the module as it is.

    ```mlir
    module { … }
    // with requantize=fixed becomes
    module attributes {qc.requantize = "fixed"} { … }
    ```
  }];
  let options = [
    Option<"requantize", "requantize", "std::string", "\"\"",
           "float: qc.requantize, one f32 multiplication; fixed: qc.requantize_fixed, integers only">
  ];
}

def ToInteger : Pass<"qc-to-integer", "::mlir::func::FuncOp"> {
  let summary = "Compute on codes what stands between dequantize and quantize";
  let description = [{
    One-step: codes may differ by one from the float computation of the same graph, because sums of
    products become exact. The arithmetic is defined as follows, in f32, each operation
    rounded once (fl), never contracted. Run qc-normalize-qdq before.

    * **Contractions** (conv, matmul) of 8-bit codes accumulate in si32. The bias joins the
      accumulator: codes in si32 whose scale is fl(s_x s_w) within 2^-22, or a constant b as
      rint(b / fl(s_x s_w)) if every channel is below 2^30; other biases stay float. A
      batch norm behind the contraction is folded into s_w and the bias, its sign into the
      multiplier. Where the accumulator could leave 32 bits (|bias| plus the sum of |w - z_w| max|x - z_x|,
      from constant weights or their type), it has 64.
    * **Scales of rows** that a run computes (the left operand of a matrix product, blocks as long as its
      rows, one constant zero point): the reals are fl(fl(acc s_w) s_x), a bias stays float.
    * **Directly quantized** accumulators: qc.requantize with m = fl(fl(s_x s_w) / s_y). If the module
      says `qc.requantize = "fixed"` and the accumulators have 32 bits: qc.requantize_fixed with
      m = fl(s_x s_w) / s_y in f64 = M 2^-k, M in [2^30, 2^31) rounded half to even (a larger m than
      2^31 saturates alike with M = 2^31 - 1, k = 0).
    * **Chains** of add, sub, relu, clip (and movement) between codes or accumulators and a
      quantize: each operand times fl(s / s_y), clip bounds fl(b / s_y), then
      qc.round_saturate. A clamp directly behind one contraction acts on the codes,
      which is the same, and goes away if the codes cannot exceed it.
    * **Means** over axes: rint(float(sum(x - z_x)) fl(s_x / fl(s_y N))) + z_y; fixed with
      m = s_x / (s_y N) in f64.
    * **Functions** of one tensor of 8-bit codes: a table, in f64 if an activation function is
      among the ops, else with every op rounded to f32.
    * Anything else keeps its float ops: accumulators become float by qc.rescale with fl(s_x s_w), and a
      missed remark at each op that consumes a dequantize says why. Dequantized
      constants that no integer op took become float constants if they are small or their codes are no
      smaller; others keep their codes and are dequantized once per loaded model.

    ```mlir
    %x = qc.dequantize %xq, %sx, %zx …      %w = qc.dequantize %wq, %sw, %zw …
    %c = qc.conv %x, %w bias %b {…}
    %q = qc.quantize %c, %sy, %zy …
    // becomes
    %a = qc.conv %xq, %wq bias %bq x_zero %zx {…} : … -> tensor<…xsi32>
    %q = qc.requantize %a, %m, %zy {axis = 1 : i64}
    ```
  }];
  let dependentDialects = ["::qc::QCDialect"];
  let statistics = [
    Statistic<"numContractions", "contractions", "Number of contractions on codes">,
    Statistic<"numRequantized", "requantized", "Number of quantize ops that became part of an integer form">,
    Statistic<"numTables", "tables", "Number of functions that became tables">,
    Statistic<"numKept", "kept", "Number of float ops that still consume codes or accumulators">
  ];
}

#endif // QC_DIALECT_QC_TRANSFORMS_PASSES_TD
