// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Comparisons as text, HTML and JSON.

#include "qc/Verification/CompareModels.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Format.h"

using namespace qc;

static llvm::ArrayRef<NodeComparison> getFirst(const ModelsComparison &all,
                                               size_t top) {
  llvm::ArrayRef<NodeComparison> nodes(all.nodes);
  return top ? nodes.take_front(std::min(top, nodes.size())) : nodes;
}

static std::string format(const char *pattern, std::optional<double> value) {
  if (!value)
    return "-";
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format(pattern, *value);
  return text;
}

static std::string describeNoisiest(const ModelsComparison &comparison) {
  const NodeComparison *worst = comparison.getNoisiest();
  if (!worst)
    return "";
  std::string text = "most noise is added at " + worst->node + ": " +
                     format("%.1f", worst->sqnr) + " dB";
  if (worst->inputs)
    text += ", its inputs have " + format("%.1f", worst->inputs) + " dB";
  return text;
}

/// Cells of a row, after the name and the op.
static llvm::SmallVector<std::string> getCells(const NodeComparison &node) {
  return {format("%.2f", node.sqnr), format("%.2f", node.inputs),
          format("%.6f", node.cosine), format("%.4g", node.maxError)};
}
static constexpr llvm::StringLiteral titles[] = {"SQNR dB", "inputs dB",
                                                 "cosine", "max error"};

void qc::printText(const ModelsComparison &comparison, size_t top,
                   llvm::raw_ostream &stream) {
  llvm::ArrayRef<NodeComparison> nodes = getFirst(comparison, top);
  size_t nameWidth = 4, opWidth = 2;
  for (const NodeComparison &node : nodes) {
    nameWidth = std::max(nameWidth, node.node.size());
    opWidth = std::max(opWidth, node.op.size());
  }
  auto print = [&](llvm::StringRef name, llvm::StringRef op, auto &&cells,
                   llvm::StringRef decision) {
    stream << llvm::left_justify(name, nameWidth) << "  "
           << llvm::left_justify(op, opWidth);
    for (llvm::StringRef cell : cells)
      stream << "  " << llvm::right_justify(cell, 9);
    stream << (decision.empty() ? "" : "  ") << decision << "\n";
  };
  print("node", "op", titles, "decision");
  for (const NodeComparison &node : nodes)
    print(node.node, node.op, getCells(node), node.decision);
  stream << comparison.nodes.size() << " nodes and outputs, "
         << comparison.samples << " samples; " << describeNoisiest(comparison)
         << "\n";
}

static std::string escape(llvm::StringRef text) {
  std::string escaped;
  llvm::raw_string_ostream stream(escaped);
  llvm::printHTMLEscaped(text, stream);
  return escaped;
}

void qc::printHTML(const ModelsComparison &comparison, size_t top,
                   llvm::StringRef reference, llvm::StringRef other,
                   llvm::raw_ostream &stream) {
  stream << R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>qc-compare</title>
<style>
body { font: 14px sans-serif; margin: 2em }
table { border-collapse: collapse }
th, td { padding: 2px 10px; text-align: right; border-bottom: 1px solid #ddd }
th.t, td.t { text-align: left }
td.b { background: linear-gradient(#f4b6b0, #f4b6b0) no-repeat left }
tr.o { font-weight: bold }
</style></head><body>
)";
  stream << "<p>" << escape(other) << " against " << escape(reference) << ": "
         << comparison.nodes.size() << " nodes and outputs, "
         << comparison.samples << " samples; "
         << escape(describeNoisiest(comparison)) << "</p>\n<table><tr>"
         << "<th class=\"t\">node</th><th class=\"t\">op</th>";
  for (llvm::StringRef title : titles)
    stream << "<th>" << title << "</th>";
  stream << "<th class=\"t\">decision</th></tr>\n";
  for (const NodeComparison &node : getFirst(comparison, top)) {
    // The bar is full at 0 dB and empty at 60.
    double share = std::clamp(1 - node.sqnr / 60, 0.0, 1.0) * 100;
    stream << "<tr" << (node.isOutput ? " class=\"o\"" : "")
           << "><td class=\"t\">" << escape(node.node)
           << "</td><td class=\"t\">" << escape(node.op) << "</td>";
    for (auto [index, cell] : llvm::enumerate(getCells(node))) {
      if (index == 0)
        stream << "<td class=\"b\" style=\"background-size: "
               << llvm::format("%.0f", share) << "% 100%\">";
      else
        stream << "<td>";
      stream << cell << "</td>";
    }
    stream << "<td class=\"t\">" << escape(node.decision) << "</td></tr>\n";
  }
  stream << "</table></body></html>\n";
}

llvm::json::Value qc::toJSON(const ModelsComparison &comparison, size_t top) {
  auto number = [](std::optional<double> value) -> llvm::json::Value {
    return value ? llvm::json::Value(*value) : llvm::json::Value(nullptr);
  };
  llvm::json::Array rows;
  for (const NodeComparison &node : getFirst(comparison, top))
    rows.push_back(llvm::json::Object{{"node", node.node},
                                      {"output", node.isOutput},
                                      {"op", node.op},
                                      {"sqnr", node.sqnr},
                                      {"inputs", number(node.inputs)},
                                      {"cosine", node.cosine},
                                      {"max_error", number(node.maxError)},
                                      {"decision", node.decision}});
  const NodeComparison *worst = comparison.getNoisiest();
  return llvm::json::Object{
      {"samples", static_cast<int64_t>(comparison.samples)},
      {"most_noise_at", worst ? worst->node : std::string()},
      {"nodes", std::move(rows)}};
}
