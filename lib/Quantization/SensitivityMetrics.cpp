// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Metrics of sensitivity.

#include "SensitivityMetrics.h"

#include "qc/Analysis/Metrics.h"

#include <cmath>

using namespace mlir;
using namespace qc;

using Metric = SensitivityMetric;

/// 10 log10(sum w^2 / sum (w - wq)^2).
static double getWeightSQNR(const LayerEvidence &layer,
                            const FormatEvidence &format) {
  Comparison weights;
  weights.add(layer.matrix, format.rounded);
  return weights.getSQNR();
}

static double getShareNearMean(const LayerEvidence &layer,
                               const FormatEvidence &) {
  return getZScoreShare(layer.matrix);
}

static double getOutliers(const LayerEvidence &layer, const FormatEvidence &) {
  return getOutlierShare(layer.matrix);
}

static double getEntropy(const LayerEvidence &layer, const FormatEvidence &) {
  return layer.inputEntropy;
}

static double getModification(const LayerEvidence &layer,
                              const FormatEvidence &) {
  return layer.inputModification;
}

/// The mean over elements of the layer's output.
static double getOutputError(const LayerEvidence &layer,
                             const FormatEvidence &format) {
  return format.outputError / static_cast<double>(layer.layer.rows());
}

static double getOutputSQNR(const LayerEvidence &layer,
                            const FormatEvidence &format) {
  return getDecibels(layer.outputPower, format.outputError);
}

/// Sum over positions and weights of (X^T X)_jj (w - wq)_ij^2: the loss
/// 1/2 |y|^2 to second order with the Hessian's diagonal alone (Optimal Brain
/// Damage, LeCun et al. 1990).
static double getHessian(const LayerEvidence &layer,
                         const FormatEvidence &format) {
  int64_t columns = layer.layer.columns();
  int64_t groupRows = layer.layer.rows() / layer.layer.groups();
  double sum = 0;
  for (int64_t row = 0; row < layer.layer.rows(); ++row) {
    const std::vector<double> &power = layer.powers[row / groupRows];
    for (int64_t j = 0; j < columns; ++j) {
      double error = layer.matrix[row * columns + j] -
                     static_cast<double>(format.rounded[row * columns + j]);
      sum += power[j] * error * error;
    }
  }
  return sum * static_cast<double>(layer.layer.getNumPositions());
}

/// What the layer's error becomes at the model's output.
static double getFisher(const LayerEvidence &layer,
                        const FormatEvidence &format) {
  return layer.gain * format.outputError;
}

static double getModelSquare(const LayerEvidence &,
                             const FormatEvidence &format) {
  return format.model.relativeSquare;
}

static double getModelDivergence(const LayerEvidence &,
                                 const FormatEvidence &format) {
  return format.model.divergence;
}

ArrayRef<SensitivityMetric> qc::getSensitivityMetrics() {
  static const SensitivityMetric metrics[] = {
      {"weight-sqnr", Metric::Nothing, Metric::Decibels, getWeightSQNR},
      {"zd", Metric::Nothing, Metric::Unimportance, getShareNearMean},
      {"outliers", Metric::Nothing, Metric::Importance, getOutliers},
      {"entropy", Metric::Entropy, Metric::Importance, getEntropy},
      {"lim", Metric::Modification, Metric::Importance, getModification},
      {"hessian", Metric::Moments, Metric::Loss, getHessian},
      {"output-mse", Metric::Moments, Metric::Loss, getOutputError},
      {"output-sqnr", Metric::Moments, Metric::Decibels, getOutputSQNR},
      {"fisher", Metric::Moments | Metric::Gain, Metric::Loss, getFisher},
      {"model-mse", Metric::Moments | Metric::Model, Metric::Loss,
       getModelSquare},
      {"model-kl", Metric::Moments | Metric::Model, Metric::Loss,
       getModelDivergence},
  };
  return metrics;
}

const SensitivityMetric *qc::findSensitivityMetric(StringRef name) {
  ArrayRef<SensitivityMetric> metrics = getSensitivityMetrics();
  const auto *it = llvm::find_if(
      metrics, [&](const SensitivityMetric &m) { return m.name == name; });
  return it == metrics.end() ? nullptr : it;
}

std::optional<double> qc::getFormatLoss(const SensitivityMetric &metric,
                                        const NodeSensitivity &node,
                                        StringRef type) {
  auto format = node.formats.find(type.str());
  if (format == node.formats.end())
    return std::nullopt;
  auto find = [](const std::map<std::string, double> &metrics,
                 StringRef name) -> std::optional<double> {
    auto it = metrics.find(name.str());
    if (it == metrics.end())
      return std::nullopt;
    return it->second;
  };
  auto fromDecibels = [](double decibels) {
    return std::pow(10.0, -decibels / 10);
  };
  std::optional<double> value = find(
      metric.isOfLayer() ? node.metrics : format->second.metrics, metric.name);
  if (!value || metric.meaning == Metric::Loss)
    return value;
  if (metric.meaning == Metric::Decibels)
    return fromDecibels(*value);
  std::optional<double> noise = find(format->second.metrics, "weight-sqnr");
  if (!noise)
    return std::nullopt;
  double importance =
      metric.meaning == Metric::Importance ? *value : 1 - *value;
  return std::max(importance, 0.0) * fromDecibels(*noise);
}
