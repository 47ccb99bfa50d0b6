// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that find out how to quantize a float model and do it. Those that run
// code need an executor (qc/Execution/Execution.h).
#ifndef QC_QUANTIZATION_PASSES_TD
#define QC_QUANTIZATION_PASSES_TD

include "mlir/Pass/PassBase.td"

/// Compiling inside a pass makes ops of these dialects.
class QC_QuantizationPass<string flag> : Pass<flag, "::mlir::ModuleOp"> {
  let dependentDialects = [
    "::qc::QCDialect", "::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect",
    "::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"
  ];
}

def Calibrate : QC_QuantizationPass<"qc-calibrate"> {
  let summary = "Measure the values of a float model on sample inputs";
  let description = [{
    Runs the module's function on each sample through compiled code and keeps statistics of every
    f32 value, never the values: range, mean, power, a histogram, the same per channel. The result is the
    table `@statistics`, one entry per value by its name (qc/Analysis/NodeNames.h, fields in
    qc/Analysis/Observer.h). Memory does not depend on the number of samples.

    `inputs` is a file or folder as qc/Quantization/SampleSet.h says. `table` is a JSON file: what it
    has is loaded, samples that it counts are skipped, and it is written at the end, or when
    the pass is interrupted (Ctrl-C); so an interrupted run goes on where it stopped.
    Without `inputs` the table is only loaded. The file has digests of the constants and samples that it was
    measured on (member `#measured-on`); others are an error, so that a stale file is not mistaken for
    the model's. Numbers that are not finite are left out with a warning.

    Numerics: exact (changes no function).

    ```mlir
    func.func @main(%x: tensor<1x8xf32> {qc.name = "x"}) -> tensor<1x8xf32> { … }
    // gets beside it
    qc.table @statistics {x = {count = 8.0e+02 : f64, max = 2.5 : f64, min = -1.0 : f64, …}, …}
    ```
  }];
  let options = [
    Option<"inputs", "inputs", "std::string", "\"\"", "File or folder of sample inputs">,
    Option<"limit", "limit", "unsigned", "0", "Use at most this many samples (0: all)">,
    Option<"table", "table", "std::string", "\"\"", "JSON file to load, go on from and write">,
    Option<"progress", "progress", "bool", "false", "Show progress and the time left on stderr">
  ];
  let statistics = [
    Statistic<"numSamples", "samples", "Number of samples run">,
    Statistic<"numValues", "values", "Number of values measured">
  ];
}

def Sensitivity : QC_QuantizationPass<"qc-sensitivity"> {
  let summary = "Measure what each format of each layer's weights spoils";
  let description = [{
    Writes the table `@sensitivity` (fields in qc/Quantization/SensitivityTable.h): for every
    convolution and matrix product with constant weights and every candidate of `formats` the size in
    bytes and the metrics, each of which can be had alone:

    | metric | is | needs |
    |---|---|---|
    | `weight-sqnr` | 10 log10 of sum w^2 / sum (w - wq)^2 | |
    | `zd` | share of weights with a z-score above 1; smaller is more sensitive (arXiv 2406.17415) | |
    | `outliers` | share of weights above five times the mean magnitude (arXiv 2310.05175) | |
    | `entropy` | entropy of the input's histogram in bits | `@statistics` |
    | `lim` | 1 - cosine of the layer's input and output, mean over tokens (arXiv 2406.17415); 1 where their shapes differ | inputs |
    | `hessian` | sum over positions and weights of (X^T X)_jj (w - wq)_ij^2 | inputs |
    | `output-mse` | mean squared error of the layer's output | inputs |
    | `output-sqnr` | the output's power by that error, in dB | inputs |
    | `fisher` | the layer's squared output error times the mean squared gradient of the model's output there | inputs, a run per layer and sample |
    | `model-mse` | squared error of the model's outputs by their power with this layer alone rounded | inputs, a run per layer, format and sample |
    | `model-kl` | the same as divergence of the outputs' last dimension | the same runs |

    With W the weights, dW their error and C the covariance of the layer's input columns, the output's
    error is the trace of dW C dW^T: one stream of the samples serves all layers and formats. Means are
    left out where bias correction restores them. A layer with fewer than four positions for each weight of
    an output is rounded for half of the samples and judged by the others, which rounding did not fit. `fisher` takes the gradient as a finite difference
    in the direction of the rounding error, 30 dB below the layer's output: one number per layer, exact
    in the direction that matters, where reverse mode would need an adjoint of every op.

    With `pairs`, layers that follow one another are rounded together too, both to the same format: what
    that spoils beyond the sum of both (in units of `model-mse`) is the pairs' term of bit assignment.

    Layers are measured in parts whose moments fit `memory`. `table` is a JSON file: what it has is
    loaded, what it lacks is measured, and it is written at the end, after each part, after each run of
    the whole model and when the pass is interrupted (Ctrl-C). Numbers of nodes whose `by` is "user" stay.
    Numbers of other constants or samples are an error, as qc-calibrate's.

    Numerics: exact (changes no function).

    ```mlir
    qc.table @sensitivity {conv1 = {by = "qc-sensitivity", macs = …, parameters = …, formats = {
        si4 = {bytes = 280.0, metrics = {"output-mse" = 0.01, …}}, …}, …}, …}
    ```
  }];
  let options = [
    ListOption<"formats", "formats", "std::string", "Storage types to measure (default si3,si4,si5,si6,si7,si8)">,
    ListOption<"metrics", "metrics", "std::string", "Metrics to measure (default output-mse,fisher)">,
    Option<"inputs", "inputs", "std::string", "\"\"", "File or folder of sample inputs">,
    Option<"limit", "limit", "unsigned", "64", "Use at most this many samples (0: all)">,
    Option<"positions", "positions", "unsigned", "0", "Output positions per sample that moments look at (0: 8 at least, 16 in all samples for each weight of an output, fewer for wide layers)">,
    Option<"modelLimit", "model-limit", "unsigned", "0", "Samples that runs of the whole model use (0: 4 to 64, fewer for larger models)">,
    Option<"rounding", "rounding", "std::string", "\"nearest\"", "How weights are rounded: nearest, gptq">,
    Option<"weightRange", "weight-range", "std::string", "\"auto\"", "How ranges of weights are chosen: minmax, mse, output (least error behind the layer); auto: output below 8 bits with gptq, else mse">,
    Option<"block", "block", "int64_t", "0", "Weights of matrix products: elements per scale (0: one scale per output channel)">,
    Option<"symmetric", "symmetric", "bool", "true", "Weights without zero points">,
    Option<"scales", "scales", "std::string", "\"f32\"", "How the scales of blocks are stored: f32, f16">,
    Option<"pairs", "pairs", "bool", "false", "Measure pairs of neighbouring layers, a run per pair, format and sample">,
    Option<"memory", "memory", "unsigned", "512", "MiB that moments may take at once">,
    Option<"table", "table", "std::string", "\"\"", "JSON file to load, go on from and write">,
    Option<"progress", "progress", "bool", "false", "Show progress and the time left on stderr">
  ];
  let statistics = [
    Statistic<"numLayers", "layers", "Number of layers measured">,
    Statistic<"numSamples", "samples", "Number of samples streamed">,
    Statistic<"numRuns", "runs", "Number of runs of the whole model">
  ];
}

def MeasureLatency : QC_QuantizationPass<"qc-measure-latency"> {
  let summary = "Measure how long each format of each layer's weights takes on this machine";
  let description = [{
    Adds the number "latency", in microseconds, to the formats of layers in the table `@sensitivity`: each
    convolution and matrix product is quantized, compiled for this machine and run alone on one thread, from
    codes of type `activations` to such codes (f32: floats), and the fastest run counts. What is in the
    table stays. Budgets of latency (qc-assign-bits) take these numbers; without them they take a
    model of multiply-accumulates and bytes.

    Numerics: exact (changes no function).

    ```mlir
    qc.table @sensitivity {conv1 = {formats = {si4 = {metrics = {latency = 41.2, …}}, …}, …}, …}
    ```
  }];
  let options = [
    ListOption<"formats", "formats", "std::string", "Storage types to measure (default si3,si4,si5,si6,si7,si8)">,
    Option<"activations", "activations", "std::string", "\"ui8\"", "Storage type of what layers read and write">,
    Option<"block", "block", "int64_t", "0", "Weights of matrix products: elements per scale (0: one scale per output channel)">,
    Option<"symmetric", "symmetric", "bool", "true", "Weights without zero points">,
    Option<"scales", "scales", "std::string", "\"f32\"", "How the scales of blocks are stored: f32, f16">,
    Option<"table", "table", "std::string", "\"\"", "JSON file to write the table to">,
    Option<"progress", "progress", "bool", "false", "Show progress and the time left on stderr">
  ];
  let statistics = [
    Statistic<"numMeasured", "measured", "Number of formats of layers that were measured">
  ];
}

def AssignBits : QC_QuantizationPass<"qc-assign-bits"> {
  let summary = "Decide each node's formats: the plan";
  let description = [{
    Writes the `qc.plan`. Which operands are quantized follows from the graph
    (qc/Quantization/Points.h): inputs of convolutions and matrix products, constant weights, and
    what is added, pooled or concatenated between convolutions; everything else stays float.
    Without a budget all get the formats of the options.

    With `budget`, weights of convolutions and matrix products get one of `candidates` each, those of
    least predicted loss (`metric` of the table `@sensitivity`) within it. `avg-bits` is the mean over
    all quantized weights, `bytes` has their scales in, `latency` is in milliseconds, from the table's
    numbers "latency" (microseconds) or else a model of multiply-accumulates and bytes
    (lib/Quantization/Budget.h). Several budgets are met together. `solver` is an exact knapsack or an
    integer program (auto: whichever fits); `evolutionary` goes on from there by running quantized
    models, `bisection` finds the smallest model with an accepted loss: loss:sqnr in dB, loss:agreement
    in per cent, loss:accuracy in per cent of the classes in `labels`, on `limit` samples of `inputs`. The first layer keeps the bits of `ends`; matrix products
    of one input share a format (`share`). Why each format was chosen is in the plan: the
    metric, the loss and the alternatives. A budget that cannot be met is an error that names
    the nearest.
 Lines of the file `plan` whose `by` is "user",
    or that have none, win over everything, and so do entries that the module's plan has by "user".

    ```mlir
    qc.plan @plan {conv1 = {by = "qc-assign-bits", inputs = {"0" = {type = "ui8", …}, "1" = {type = "si8", …}}}}
    ```
  }];
  let options = [
    Option<"weights", "weights", "std::string", "\"si8\"", "Storage type of constant weights; f32: stay float">,
    Option<"activations", "activations", "std::string", "\"ui8\"", "Storage type of activations; f32: stay float">,
    Option<"products", "products", "std::string", "\"f32\"", "Storage type of both operands of products of activations (attention); f32: stay float">,
    Option<"tokens", "tokens", "bool", "false", "Activations of matrix products have one scale per row, which a run computes">,
    Option<"ends", "ends", "std::string", "\"si8\"", "Storage type of the first layer's weights if wider; empty: as all">,
    Option<"block", "block", "int64_t", "0", "Weights of matrix products: elements per scale (0: one scale per output channel)">,
    Option<"symmetric", "symmetric", "bool", "true", "Weights without zero points">,
    Option<"scales", "scales", "std::string", "\"f32\"", "How the scales of blocks are stored: f32, f16">,
    Option<"activationRange", "activation-range", "std::string", "\"mse\"", "How ranges of activations are chosen: minmax, moving, percentile, entropy, mse">,
    Option<"weightRange", "weight-range", "std::string", "\"auto\"", "How ranges of weights are chosen: minmax, mse, output (least error behind the layer); auto: output below 8 bits with gptq, else mse">,
    Option<"rounding", "rounding", "std::string", "\"gptq\"", "How weights are rounded: nearest, gptq">,
    ListOption<"floatNodes", "float-nodes", "std::string", "Nodes that stay float">,
    ListOption<"floatOps", "float-ops", "std::string", "Ops that stay float, such as add">,
    ListOption<"budget", "budget", "std::string", "avg-bits:BITS, bytes:BYTES, latency:MILLISECONDS (one or several), or loss:sqnr:DB, loss:agreement:PERCENT, loss:accuracy:PERCENT">,
    ListOption<"candidates", "candidates", "std::string", "Storage types to choose from (default si3,si4,si5,si6,si7,si8)">,
    Option<"metric", "metric", "std::string", "\"fisher\"", "Metric of @sensitivity that predicts the loss">,
    Option<"solver", "solver", "std::string", "\"auto\"", "auto, knapsack, milp, bisection, evolutionary">,
    ListOption<"share", "share", "std::string", "Which layers share a format: inputs (products of one input), sums (layers that are added), none (default inputs)">,
    Option<"generations", "generations", "unsigned", "10", "Generations of the solver evolutionary, of at most 16 models each">,
    Option<"inputs", "inputs", "std::string", "\"\"", "File or folder of sample inputs, for solvers that run models">,
    Option<"limit", "limit", "unsigned", "16", "Samples with which these round, and as many others by which they judge (0: half of all)">,
    Option<"labels", "labels", "std::string", "\"\"", "File of the samples' classes, for loss:accuracy: an integer per sample (.npy, .pb)">,
    Option<"weightCorrection", "weight-correction", "bool", "true", "Solvers that run models: as qc-quantize's">,
    Option<"biasCorrection", "bias-correction", "bool", "true", "Solvers that run models: as qc-quantize's">,
    Option<"progress", "progress", "bool", "false", "Show progress and the time left on stderr">,
    Option<"plan", "plan", "std::string", "\"\"", "JSON file whose lines win">,
    Option<"dump", "dump", "std::string", "\"\"", "JSON file to write the plan to">
  ];
  let statistics = [
    Statistic<"numNodes", "nodes", "Number of nodes in the plan">,
    Statistic<"numBytes", "bytes", "Bytes of weights that a budget was for">,
    Statistic<"numEvaluations", "evaluations", "Number of quantized models run">
  ];
}

def ActivationSensitivity : QC_QuantizationPass<"qc-activation-sensitivity"> {
  let summary = "Measure what the rounding of each activation spoils";
  let description = [{
    For a float model with a plan and the table `@statistics`: every value that the plan quantizes is
    rounded alone, with the scales that qc-quantize would choose, and the squared error of the model's
    outputs by their power (`model-mse`, as qc-sensitivity's) is written to what the plan says of the nodes
    that read it: `why.activations`, by input. A remark names the values that make up most of the sum,
    worst first, at most five. One compile; a run per value and sample.

    Numerics: exact (changes no function).

    ```mlir
    qc.plan @plan {conv1 = {by = "qc-assign-bits", inputs = {…}, why = {activations = {"0" = 1.2e-05}}}}
    ```
  }];
  let options = [
    Option<"inputs", "inputs", "std::string", "\"\"", "File or folder of sample inputs">,
    Option<"limit", "limit", "unsigned", "16", "Use at most this many samples (0: all)">,
    Option<"dump", "dump", "std::string", "\"\"", "JSON file to write the plan to">,
    Option<"progress", "progress", "bool", "false", "Show progress and the time left on stderr">
  ];
  let statistics = [
    Statistic<"numActivations", "activations", "Number of values that were rounded alone">
  ];
}

def Quantize : QC_QuantizationPass<"qc-quantize"> {
  let summary = "Turn a float model with a plan into a quantized one";
  let description = [{
    Puts qc.quantize and qc.dequantize where the plan says, with scales from the plan or, for
    activations, from the table `@statistics`. Weights become codes behind a qc.dequantize. With
    `inputs`, layers are rounded one after the other in the order of the graph, each seeing
    what the already rounded ones compute, run as the code that the target would run. First weights
    change so that they make up for the errors of the layer's inputs, as far as two halves of the samples
    agree on how; then they are rounded (with rounding "gptq" by error feedback on the layer's inputs),
    and biases chosen so that what reads the
    layer's outputs (behind the sum with a residual stream and behind a clamp, where these follow)
    is nearest to the float model's.

    Rounding by error feedback and the correction of weights need matrices of as many rows and columns
    as an output has weights, four of them in double at once. A layer for which these take more than
    `memory` (11,585 weights an output by default) is rounded to nearest, and a remark says so.

    A model whose weights are codes already, weights that are not finite, and samples whose inputs or outputs
    of a layer are not, are errors.

    Numerics: approximate.

    ```mlir
    %y = qc.conv %x, %w bias %b {…}
    // becomes
    %q = qc.quantize %x, %s, %z …
    %d = qc.dequantize %q, %s, %z …
    %v = qc.dequantize %codes, %sw, %zw {axis = 0 : i64} : (tensor<8x3x3x3xsi8>, …)
    %y = qc.conv %d, %v bias %corrected {…}
    ```
  }];
  let options = [
    Option<"inputs", "inputs", "std::string", "\"\"", "File or folder of sample inputs; empty: rounding to nearest, no correction">,
    Option<"limit", "limit", "unsigned", "64", "Use at most this many samples (0: all)">,
    Option<"positions", "positions", "unsigned", "0", "Output positions per sample that rounding looks at (0: 8 at least, 64 in all samples for each weight of an output, fewer for wide layers)">,
    Option<"weightCorrection", "weight-correction", "bool", "true", "Before rounding, have weights make up for errors of their layer's inputs">,
    Option<"biasCorrection", "bias-correction", "bool", "true", "Correct biases after rounding">,
    Option<"memory", "memory", "unsigned", "4096", "MiB that second moments of one layer may take: wider layers are rounded to nearest">,
    Option<"progress", "progress", "bool", "false", "Show progress and the time left on stderr">
  ];
  let statistics = [
    Statistic<"numActivations", "activations", "Number of quantized activations">,
    Statistic<"numWeights", "weights", "Number of quantized weights">,
    Statistic<"peakBytes", "peak-bytes", "Most bytes of activations kept between layers">
  ];
}

def CalibrateTransforms : QC_QuantizationPass<"qc-calibrate-transforms"> {
  let summary = "Choose scales for convolutions in the domain of a fast algorithm";
  let description = [{
    For the integer level, behind qc-to-integer. Runs the function on sample inputs, counts for each
    convolution that an algorithm is for the values of each product's transformed data, and takes the
    scales of least squared error behind the convolution: `bits` bits, per product either one scale and
    an offset or one scale per input channel. These are one number times the square roots of the
    channels' largest values: so the weights, which take the other half, get no channels either that are
    rounded to nothing. Transformed weights are rounded with error feedback under the second moments of
    what they are multiplied with, and the bias that brings the outputs nearest to the exact ones is
    added. Then the direct and the fast form of each layer run on the same inputs; one that loses at most `max-loss` dB gets the attribute `qc.transform`, which qc-select-conv-algorithm follows, the others
    stay exact. A convolution that has the attribute already keeps it, and with `force=auto` one whose exact
    form should be as fast gets none: without `dot-product` codes are widened to the 16 bits that exact
    products have.

    The losses are those of SQNR where a layer's sums go on: the reference are the exact sums in units of
    the consumer's scale, the direct form's error is their rounding, the fast form's the difference of its
    own rounded sums. (Where nothing is rounded: as if to 8 bits over the range that occurs.) The JSON file
    `report` has for each layer the algorithm, both SQNR, whether it is used and why not.

    Numerics: exact (changes no function but by the attribute).

    ```mlir
    %y = qc.conv %x, %w {…} : (tensor<1x64x56x56xui8>, tensor<64x64x3x3xsi8>) -> tensor<1x64x56x56xsi32>
    // becomes
    %y = qc.conv %x, %w {qc.transform = {algorithm = "sfc-6(6x6,3x3)", bits = 8 : i64,
        scales = array<f32: 31.6, …>, offsets = array<i64: -4010, 0, …>}, …} : …
    ```
  }];
  let options = [
    Option<"inputs", "inputs", "std::string", "\"\"", "File or folder of sample inputs">,
    Option<"limit", "limit", "unsigned", "100", "Use at most this many samples (0: all)">,
    Option<"force", "force", "std::string", "\"auto\"", "Algorithm, family, auto or direct, as qc-select-conv-algorithm's">,
    Option<"dotProduct", "dot-product", "bool", "false",
           "Whether the CPU has products of bytes (vpdpbusd): for auto">,
    Option<"bits", "bits", "int64_t", "8", "Bits of transformed data and weights, 2 to 8">,
    Option<"maxLoss", "max-loss", "double", "9.0", "Largest accepted loss of a layer in dB">,
    Option<"report", "report", "std::string", "\"\"", "JSON file to write what was measured to">,
    Option<"progress", "progress", "bool", "false", "Show progress and the time left on stderr">
  ];
  let statistics = [
    Statistic<"numTransformed", "transformed", "Number of convolutions that get a transform">
  ];
}

#endif // QC_QUANTIZATION_PASSES_TD
