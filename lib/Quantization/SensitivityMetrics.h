// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Metrics of sensitivity behind one interface: what each needs to know of a
// layer and what it makes of that.
#ifndef QC_LIB_QUANTIZATION_SENSITIVITYMETRICS_H
#define QC_LIB_QUANTIZATION_SENSITIVITYMETRICS_H

#include "ModelComparison.h"

#include "qc/Analysis/Plan.h"
#include "qc/Quantization/LinearLayer.h"
#include "qc/Quantization/SensitivityTable.h"

#include <optional>
#include <vector>

namespace qc {

/// What is known of a layer whatever its format.
struct LayerEvidence {
  const LinearLayer &layer;
  /// Row-major weights, rows x columns.
  llvm::ArrayRef<float> matrix;
  /// Per group, columns x columns: the second moments of the inputs about their
  /// mean, and on the diagonal alone about zero.
  std::vector<std::vector<double>> covariances, powers;
  /// Power of the layer's outputs about their mean, a sum over rows.
  double outputPower = 0;
  /// Entropy of the input's histogram in bits.
  double inputEntropy = 0;
  /// 1 - cosine of input and output, mean over tokens.
  double inputModification = 1;
  /// ModelError::relativeSquare by outputError, for a small error.
  double gain = 0;
};

/// What is known of one format of a layer.
struct FormatEvidence {
  /// The weights after rounding.
  llvm::ArrayRef<float> rounded;
  /// The outputs' squared error about its mean (bias correction takes the
  /// mean), a sum over rows; a mean over positions and samples.
  double outputError = 0;
  /// With this layer alone in this format.
  ModelError model;
};

struct SensitivityMetric {
  llvm::StringLiteral name;
  /// Evidence beside the weights.
  enum Need : unsigned {
    Nothing = 0,
    /// Moments of the inputs, outputError.
    Moments = 1,
    Entropy = 2,
    Modification = 4,
    Gain = 8,
    Model = 16
  };
  unsigned needs;
  /// How a solver adds it up.
  enum Meaning {
    /// A loss.
    Loss,
    /// A ratio of signal to noise in dB: the loss is 10^(-dB / 10).
    Decibels,
    /// Of a layer whatever its format: the loss is (value or 1 - value) times
    /// the weights' noise to signal.
    Importance,
    Unimportance
  };
  Meaning meaning;
  double (*measure)(const LayerEvidence &, const FormatEvidence &);

  bool isOfLayer() const {
    return meaning == Importance || meaning == Unimportance;
  }
};

/// All metrics, in the order of their cost.
llvm::ArrayRef<SensitivityMetric> getSensitivityMetrics();
const SensitivityMetric *findSensitivityMetric(llvm::StringRef name);

/// The loss that solvers minimise when `node` gets the format `type`, by one
/// metric's values in the table. None if the table lacks one.
std::optional<double> getFormatLoss(const SensitivityMetric &metric,
                                    const NodeSensitivity &node,
                                    llvm::StringRef type);

} // namespace qc

#endif // QC_LIB_QUANTIZATION_SENSITIVITYMETRICS_H
