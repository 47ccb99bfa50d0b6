// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What differs between HLS tools: pragmas, and nothing else. The printer asks
// this object at the places where a pragma may stand; a new tool is one more
// policy, never a second printer.
#ifndef QC_LIB_TARGET_HLS_VENDORPOLICY_H
#define QC_LIB_TARGET_HLS_VENDORPOLICY_H

#include "qc/Target/HLS/HLS.h"

namespace qc::hls {

class VendorPolicy {
public:
  virtual ~VendorPolicy() = default;

  /// Each function returns a line of text, or an empty string for none.
  /// Before the definition of the top function.
  virtual std::string beforeTop() const { return ""; }
  /// First in the body of the top function: the processes run concurrently.
  virtual std::string dataflow() const { return ""; }
  /// First in the body of the top function, for each of its array arguments;
  /// external ones live in memory outside the device.
  virtual std::string interface(llvm::StringRef argument,
                                bool isExternal) const {
    return "";
  }
  /// After the declaration of a channel that may hold `depth` elements.
  virtual std::string channelDepth(llvm::StringRef channel,
                                   uint64_t depth) const {
    return "";
  }
  /// First in the body of a function that is to stay a module of its own.
  virtual std::string keepFunction() const { return ""; }
  /// In a function that reads `array`: it is small enough for registers.
  virtual std::string keepInRegisters(llvm::StringRef array) const {
    return "";
  }
  /// Before an innermost loop.
  virtual std::string beforePipelinedLoop() const { return ""; }
  /// First in the body of an innermost loop.
  virtual std::string inPipelinedLoop() const { return ""; }
};

const VendorPolicy &getVendorPolicy(Vendor vendor);

} // namespace qc::hls

#endif // QC_LIB_TARGET_HLS_VENDORPOLICY_H
