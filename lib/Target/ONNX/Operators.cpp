// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The page of operators (docs/operators.md), written from the table of handlers
// and the schemas of the ONNX library.

#include "Handlers.h"
#include "Schemas.h"

#include "qc/Target/ONNX/ImportONNX.h"

#include "llvm/ADT/StringExtras.h"

#include <set>

using namespace mlir;
using namespace qc;

void HandlerTable::forEach(
    llvm::function_ref<void(StringRef domain, StringRef op,
                            ArrayRef<int64_t> versions)>
        visit) const {
  for (const auto &[key, versions] : rows) {
    SmallVector<int64_t> since;
    for (const auto &[version, row] : versions)
      if (!row.isRefusal)
        since.push_back(version);
    if (!since.empty())
      visit(key.first, key.second, since);
  }
}

void HandlerTable::forEachRefusal(
    llvm::function_ref<void(StringRef domain, StringRef op)> visit) const {
  for (const auto &[key, versions] : rows)
    if (!versions.empty() && versions.rbegin()->second.isRefusal)
      visit(key.first, key.second);
}

static std::string getDomainTitle(StringRef domain) {
  return domain.empty() ? "ai.onnx" : domain.str();
}

void qc::printONNXOperators(llvm::raw_ostream &os) {
  const HandlerTable &table = HandlerTable::get();
  os << "# Operators of ONNX that qc imports\n\n"
     << "Written by `qc-translate --list-onnx-ops`; do not edit. `qc-translate "
        "--list-nodes M.onnx` says for each node of\na model what happens to "
        "it.\n\n"
     << "## With a handler\n\n"
     << "*From* lists the operator-set versions with a handler of their own; "
        "each holds until the next. Operators marked\nwith \xE2\x80\xA0 accept "
        "values "
        "whose size is known only at run time (results of NonZero, "
        "NonMaxSuppression, Unique, Compress).\n";
  std::string current = "none";
  table.forEach(
      [&](StringRef domain, StringRef op, ArrayRef<int64_t> versions) {
        if (domain != current) {
          current = domain.str();
          os << "\n### " << getDomainTitle(domain)
             << "\n\n| Operator | From |\n|---|---|\n";
        }
        os << "| " << op;
        if (table.findBounded(domain, op))
          os << " \xE2\x80\xA0";
        os << " | "
           << llvm::join(llvm::map_range(versions,
                                         [](int64_t version) {
                                           return std::to_string(version);
                                         }),
                         ", ")
           << " |\n";
      });

  std::map<std::string, std::set<std::string>> expanded, unsupported;
  for (const OperatorInfo &info : listOperators()) {
    if (table.find(info.domain, info.name, info.since))
      continue;
    bool isExpanded =
        info.hasBody && table.isExpandable(info.domain, info.name);
    (isExpanded ? expanded : unsupported)[info.domain].insert(info.name);
  }
  table.forEachRefusal([&](StringRef domain, StringRef op) {
    unsupported[domain.str()].insert(op.str());
  });
  auto list = [&](const std::map<std::string, std::set<std::string>> &domains) {
    for (const auto &[domain, names] : domains) {
      std::string line = "**" + getDomainTitle(domain) + "**:";
      os << "\n";
      for (const std::string &name : names) {
        std::string next = name + (name == *names.rbegin() ? "" : ",");
        if (line.size() + 1 + next.size() > 120) {
          os << line << "\n";
          line = next;
        } else {
          line += " " + next;
        }
      }
      os << line << "\n";
    }
  };
  os << "\n## Through the schema's function body\n\n"
     << "An operator without a handler is imported by expanding the function "
        "that ONNX defines it by; `--report-expanded`\nsays where.\n";
  list(expanded);
  os << "\n## Not supported\n\n"
     << "A model with one of these is refused; so are strings, sequences, "
        "optionals and complex numbers wherever they\nreach the program's "
        "inputs, outputs or a node that has to compute.\n";
  list(unsupported);
}
