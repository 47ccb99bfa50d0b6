// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pragmas of the HLS tools (AMD UG1399 "HLS Pragmas", Siemens "Catapult
// Synthesis User and Reference Manual").
#include "VendorPolicy.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"

namespace qc::hls {

namespace {

class VitisPolicy : public VendorPolicy {
public:
  std::string dataflow() const override { return "#pragma HLS DATAFLOW"; }
  std::string interface(llvm::StringRef argument,
                        bool isExternal) const override {
    return llvm::formatv("#pragma HLS INTERFACE mode={0} port={1}",
                         isExternal ? "m_axi" : "ap_memory", argument)
        .str();
  }
  std::string channelDepth(llvm::StringRef channel,
                           uint64_t depth) const override {
    return llvm::formatv("#pragma HLS STREAM variable={0} depth={1}", channel,
                         depth)
        .str();
  }
  std::string keepFunction() const override { return "#pragma HLS INLINE off"; }
  std::string keepInRegisters(llvm::StringRef array) const override {
    return llvm::formatv("#pragma HLS ARRAY_PARTITION variable={0} complete",
                         array)
        .str();
  }
  std::string inPipelinedLoop() const override {
    return "#pragma HLS PIPELINE II=1";
  }
};

class CatapultPolicy : public VendorPolicy {
public:
  std::string beforeTop() const override { return "#pragma hls_design top"; }
  std::string beforePipelinedLoop() const override {
    return "#pragma hls_pipeline_init_interval 1";
  }
};

} // namespace

const VendorPolicy &getVendorPolicy(Vendor vendor) {
  static const VitisPolicy vitis;
  static const CatapultPolicy catapult;
  static const VendorPolicy generic;
  switch (vendor) {
  case Vendor::Vitis:
    return vitis;
  case Vendor::Catapult:
    return catapult;
  case Vendor::Generic:
    return generic;
  }
  return generic;
}

std::optional<Vendor> parseVendor(llvm::StringRef name) {
  return llvm::StringSwitch<std::optional<Vendor>>(name)
      .Case("vitis", Vendor::Vitis)
      .Case("catapult", Vendor::Catapult)
      .Case("generic", Vendor::Generic)
      .Default(std::nullopt);
}

llvm::StringRef getVendorName(Vendor vendor) {
  switch (vendor) {
  case Vendor::Vitis:
    return "vitis";
  case Vendor::Catapult:
    return "catapult";
  case Vendor::Generic:
    return "generic";
  }
  return "generic";
}

} // namespace qc::hls
