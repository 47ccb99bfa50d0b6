// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// PTX simulator: executes the PTX text of a module on the CPU, so that qc's GPU
// back end is tested on machines without a GPU. The text is parsed and decoded
// once; a launch then runs every block and thread of a grid, checks each memory
// access against registered regions and alignment, and reports the first fault
// as a value that names kernel, line, instruction, thread and address.
//
//   auto module = qcrt::PtxModule::parse(text, "kernels.ptx");
//   if (!module)
//     return report(module.error().str());
//   qcrt::PtxMemory memory;
//   auto x = memory.mapReadOnly(input.data(), input.size() * 4, "x");
//   auto y = memory.map(output.data(), output.size() * 4, "y");
//   auto run = module->launch(memory, "kernel", {grid}, {block},
//                             qcrt::PtxArguments().add(*x).add(*y));
//
// Numerics: arithmetic with a rounding modifier is IEEE 754 exact (f16 and bf16
// are rounded once), subnormals are kept unless .ftz is given, NaN results are
// the canonical NaN for f32, f16 and bf16 (PTX ISA 8.8, section 9.7.3). Results
// of .approx instructions are the correctly rounded or nearly so value: real
// hardware may differ in the last places, so compare those with a tolerance.
//
// The library depends on nothing but the C++ standard library and threads.
#ifndef QCRT_PTX_SIM_H
#define QCRT_PTX_SIM_H

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace qcrt {

/// Extent of a grid or block, or the position of a block or thread.
struct PtxDim3 {
  uint32_t x = 1, y = 1, z = 1;
};

/// What a PtxError is about.
enum class PtxErrorKind {
  Syntax,      ///< the text is not well-formed PTX
  Unsupported, ///< well-formed, but not simulated; the message says what is
  BadLaunch,   ///< unknown entry, wrong arguments, block too large, ...
  BadMemory,   ///< a registration or copy of PtxMemory that is not possible
  OutOfBounds, ///< access outside of every registered region
  Misaligned,  ///< access to an address that is no multiple of its size
  ReadOnly,    ///< store to a read-only region
  Budget,      ///< a thread executed more instructions than allowed
  Barrier,     ///< threads wait for each other and none can go on
  Stack,       ///< calls nest too deeply or local memory is used up
  Trap,        ///< the kernel executed trap or reached the end of its text
};

/// Errors are values: nothing in this library throws, prints or aborts.
struct PtxError {
  PtxErrorKind kind = PtxErrorKind::Syntax;
  std::string message;     ///< what is wrong and, where known, what is accepted
  std::string file;        ///< name given to PtxModule::parse
  unsigned line = 0;       ///< 1-based line of the text, 0 if none applies
  std::string instruction; ///< text of the instruction or directive
  std::string kernel;      ///< entry that was running, empty while parsing
  bool hasThread = false;  ///< block and thread are set
  PtxDim3 block{0, 0, 0};
  PtxDim3 thread{0, 0, 0};
  bool hasAddress = false;
  uint64_t address = 0; ///< address as the instruction saw it

  /// One line: "file:line: error: message [instruction] in kernel k, block
  /// (..), thread (..)".
  std::string str() const;
};

/// A value or the error that prevented it.
template <class T> class [[nodiscard]] PtxResult {
public:
  PtxResult(T value) : content(std::in_place_index<0>, std::move(value)) {}
  PtxResult(PtxError error)
      : content(std::in_place_index<1>, std::move(error)) {}
  explicit operator bool() const { return content.index() == 0; }
  T &operator*() { return *std::get_if<0>(&content); }
  const T &operator*() const { return *std::get_if<0>(&content); }
  T *operator->() { return std::get_if<0>(&content); }
  const T *operator->() const { return std::get_if<0>(&content); }
  const PtxError &error() const { return *std::get_if<1>(&content); }

private:
  std::variant<T, PtxError> content;
};

/// Device memory: regions of host memory that kernels may access. Each region
/// has a 256 GiB window of the simulated address space to itself, so an index
/// that runs out of one buffer never lands in another. Addresses are congruent
/// to the host pointers modulo 256. Not thread-safe: register before launching.
class PtxMemory {
public:
  PtxMemory();
  ~PtxMemory();
  PtxMemory(PtxMemory &&) noexcept;
  PtxMemory &operator=(PtxMemory &&) noexcept;

  /// Allocates \p bytes owned by this object, 256-byte aligned and filled with
  /// 0xFF (a NaN in every float format) so that missing writes are seen.
  PtxResult<uint64_t> allocate(uint64_t bytes, std::string name);
  /// Registers caller-owned memory, which must outlive the registration.
  PtxResult<uint64_t> map(void *host, uint64_t bytes, std::string name);
  /// As map; stores and atomics to it are faults.
  PtxResult<uint64_t> mapReadOnly(const void *host, uint64_t bytes,
                                  std::string name);
  /// Ends a registration; its addresses are never given out again.
  PtxResult<std::monostate> release(uint64_t address);
  /// Host memory behind [address, address + bytes), checked.
  PtxResult<std::byte *> host(uint64_t address, uint64_t bytes) const;
  PtxResult<std::monostate> write(uint64_t address, const void *from,
                                  uint64_t bytes);
  PtxResult<std::monostate> read(uint64_t address, void *to,
                                 uint64_t bytes) const;

private:
  friend class PtxModule;
  struct State;
  std::unique_ptr<State> state;
};

/// One parameter of an entry.
struct PtxParameter {
  std::string name;
  uint64_t size = 0;      ///< bytes
  uint64_t alignment = 1; ///< bytes
};

/// One kernel of a module.
struct PtxEntry {
  std::string name;
  unsigned line = 0;
  std::vector<PtxParameter> parameters;
  uint64_t staticSharedBytes = 0;
  uint64_t localBytes = 0; ///< per thread, without called functions
};

/// Values for the parameters of an entry, in order.
class PtxArguments {
public:
  /// Adds one argument; its size must be the parameter's.
  template <class T> PtxArguments &add(const T &value) {
    static_assert(std::is_trivially_copyable_v<T>);
    return addBytes(&value, sizeof(T));
  }
  PtxArguments &addBytes(const void *data, size_t size) {
    const auto *bytes = static_cast<const std::byte *>(data);
    values.emplace_back(bytes, bytes + size);
    return *this;
  }
  const std::vector<std::vector<std::byte>> &get() const { return values; }

private:
  std::vector<std::vector<std::byte>> values;
};

/// Order in which the threads of a block run between barriers. A correct
/// kernel gives the same result in both; a missing barrier often does not.
enum class PtxThreadOrder { Forward, Reverse };

struct PtxLaunchOptions {
  uint64_t dynamicSharedBytes = 0;
  /// Instructions that one thread may execute: ends infinite loops.
  uint64_t instructionBudget = uint64_t(1) << 32;
  /// Host threads that share the blocks; 0 means one per hardware thread.
  unsigned hostThreads = 1;
  PtxThreadOrder threadOrder = PtxThreadOrder::Forward;
  /// Real devices let a block barrier pass when the missing threads have left
  /// the kernel; PTX does not define it, so it is an error unless set.
  bool exitedThreadsPassBarriers = false;
};

struct PtxStatistics {
  uint64_t blocks = 0;
  uint64_t threads = 0;
  uint64_t instructions = 0; ///< executed by all threads, predicated off or not
};

/// A parsed module: code, constants and the module's own global variables,
/// which keep their values between launches. Launches of one module may run
/// at the same time if the kernels allow it.
class PtxModule {
public:
  /// Parses and decodes \p text. Everything in it must be simulated: an
  /// unknown instruction is an error here, not when it is reached.
  static PtxResult<PtxModule> parse(std::string_view text,
                                    std::string fileName);
  ~PtxModule();
  PtxModule(PtxModule &&) noexcept;
  PtxModule &operator=(PtxModule &&) noexcept;

  /// Entries in the order of the text.
  const std::vector<PtxEntry> &entries() const;
  /// The entry of that name, or null.
  const PtxEntry *entry(std::string_view name) const;
  /// Address and size of a module-scope .global or .const variable.
  PtxResult<std::pair<uint64_t, uint64_t>>
  variable(std::string_view name) const;
  /// Host memory of a module-scope variable.
  PtxResult<std::span<std::byte>> variableBytes(std::string_view name);

  /// Runs one grid to its end.
  PtxResult<PtxStatistics> launch(const PtxMemory &memory,
                                  std::string_view entry, PtxDim3 grid,
                                  PtxDim3 block, const PtxArguments &arguments,
                                  const PtxLaunchOptions &options = {}) const;

private:
  struct State;
  explicit PtxModule(std::unique_ptr<State> state);
  std::unique_ptr<State> state;
};

} // namespace qcrt

#endif // QCRT_PTX_SIM_H
