// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recursive-descent parser for PTX modules (PTX ISA 8.8, chapters 4, 5 and 11).
// It resolves register names to slots while it reads, because registers are
// declared before their use; labels, variables and functions are resolved by
// the decoder. Debug directives are read over, linking directives are accepted
// where they have no effect on a module that is complete in itself.
#include "Parser.h"
#include "Lexer.h"

#include <algorithm>
#include <bit>
#include <unordered_map>

namespace qcrt::ptxsim {

//===----------------------------------------------------------------------===//
// Names of types, spaces and special registers
//===----------------------------------------------------------------------===//

namespace {

struct TypeInfo {
  std::string_view name;
  Type type;
  unsigned bits;
};

constexpr TypeInfo typeTable[] = {
    {".pred", Type::Pred, 1},      {".b8", Type::B8, 8},
    {".b16", Type::B16, 16},       {".b32", Type::B32, 32},
    {".b64", Type::B64, 64},       {".u8", Type::U8, 8},
    {".u16", Type::U16, 16},       {".u32", Type::U32, 32},
    {".u64", Type::U64, 64},       {".s8", Type::S8, 8},
    {".s16", Type::S16, 16},       {".s32", Type::S32, 32},
    {".s64", Type::S64, 64},       {".f16", Type::F16, 16},
    {".bf16", Type::BF16, 16},     {".f32", Type::F32, 32},
    {".f64", Type::F64, 64},       {".f16x2", Type::F16x2, 32},
    {".bf16x2", Type::BF16x2, 32}, {".u16x2", Type::U16x2, 32},
    {".s16x2", Type::S16x2, 32},   {".tf32", Type::TF32, 32},
    {".e4m3", Type::E4M3, 8},      {".e5m2", Type::E5M2, 8},
    {".e4m3x2", Type::E4M3x2, 16}, {".e5m2x2", Type::E5M2x2, 16},
};

constexpr SpecialName specialTable[] = {
    {"%tid.x", Special::TidX, Type::U32},
    {"%tid.y", Special::TidY, Type::U32},
    {"%tid.z", Special::TidZ, Type::U32},
    {"%ntid.x", Special::NtidX, Type::U32},
    {"%ntid.y", Special::NtidY, Type::U32},
    {"%ntid.z", Special::NtidZ, Type::U32},
    {"%ctaid.x", Special::CtaidX, Type::U32},
    {"%ctaid.y", Special::CtaidY, Type::U32},
    {"%ctaid.z", Special::CtaidZ, Type::U32},
    {"%nctaid.x", Special::NctaidX, Type::U32},
    {"%nctaid.y", Special::NctaidY, Type::U32},
    {"%nctaid.z", Special::NctaidZ, Type::U32},
    {"%laneid", Special::LaneId, Type::U32},
    {"%warpid", Special::WarpId, Type::U32},
    {"%nwarpid", Special::NWarpId, Type::U32},
    {"%smid", Special::SmId, Type::U32},
    {"%nsmid", Special::NSmId, Type::U32},
    {"%gridid", Special::GridId, Type::U64},
    {"%lanemask_eq", Special::LanemaskEq, Type::U32},
    {"%lanemask_lt", Special::LanemaskLt, Type::U32},
    {"%lanemask_le", Special::LanemaskLe, Type::U32},
    {"%lanemask_gt", Special::LanemaskGt, Type::U32},
    {"%lanemask_ge", Special::LanemaskGe, Type::U32},
    {"%dynamic_smem_size", Special::DynamicSmemSize, Type::U32},
    {"%total_smem_size", Special::TotalSmemSize, Type::U32},
    {"%clock", Special::Clock, Type::U32},
    {"%clock_hi", Special::ClockHi, Type::U32},
    {"%clock64", Special::Clock64, Type::U64},
    {"%globaltimer", Special::GlobalTimer, Type::U64},
    {"%globaltimer_lo", Special::GlobalTimerLo, Type::U32},
    {"%globaltimer_hi", Special::GlobalTimerHi, Type::U32},
    // A grid without clusters: every block is a cluster of its own.
    {"%is_explicit_cluster", Special::Zero, Type::Pred},
    {"%clusterid.x", Special::CtaidX, Type::U32},
    {"%clusterid.y", Special::CtaidY, Type::U32},
    {"%clusterid.z", Special::CtaidZ, Type::U32},
    {"%nclusterid.x", Special::NctaidX, Type::U32},
    {"%nclusterid.y", Special::NctaidY, Type::U32},
    {"%nclusterid.z", Special::NctaidZ, Type::U32},
    {"%cluster_ctaid.x", Special::Zero, Type::U32},
    {"%cluster_ctaid.y", Special::Zero, Type::U32},
    {"%cluster_ctaid.z", Special::Zero, Type::U32},
    {"%cluster_nctaid.x", Special::One, Type::U32},
    {"%cluster_nctaid.y", Special::One, Type::U32},
    {"%cluster_nctaid.z", Special::One, Type::U32},
    {"%cluster_ctarank", Special::Zero, Type::U32},
    {"%cluster_nctarank", Special::One, Type::U32},
};

} // namespace

Type typeOfWord(std::string_view word) {
  for (const TypeInfo &info : typeTable)
    if (info.name == word)
      return info.type;
  return Type::None;
}

std::string_view nameOf(Type type) {
  for (const TypeInfo &info : typeTable)
    if (info.type == type)
      return info.name;
  return "no type";
}

unsigned bitsOf(Type type) {
  for (const TypeInfo &info : typeTable)
    if (info.type == type)
      return info.bits;
  return 0;
}

bool isSigned(Type type) { return type >= Type::S8 && type <= Type::S64; }
bool isInteger(Type type) { return type >= Type::B8 && type <= Type::S64; }
bool isFloat(Type type) { return type >= Type::F16 && type <= Type::F64; }

std::string_view nameOf(Space space) {
  switch (space) {
  case Space::Generic:
    return "generic";
  case Space::Global:
    return "global";
  case Space::Const:
    return "const";
  case Space::Shared:
    return "shared";
  case Space::Local:
    return "local";
  case Space::Param:
    return "param";
  }
  return "unknown";
}

const SpecialName *findSpecial(std::string_view name) {
  static const auto index = [] {
    std::unordered_map<std::string_view, const SpecialName *> map;
    for (const SpecialName &entry : specialTable)
      map.emplace(entry.name, &entry);
    return map;
  }();
  auto found = index.find(name);
  return found == index.end() ? nullptr : found->second;
}

bool isVolatile(Special special) {
  return special >= Special::Clock && special <= Special::GlobalTimerHi;
}

PtxError Program::error(PtxErrorKind kind, unsigned line,
                        std::string_view source, std::string message) const {
  PtxError result;
  result.kind = kind;
  result.file = fileName;
  result.line = line;
  result.message = std::move(message);
  // The instruction on one line, and not a whole file if a ';' is missing.
  constexpr size_t longest = 200;
  for (char c : source) {
    bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (blank &&
        (result.instruction.empty() || result.instruction.back() == ' '))
      continue;
    result.instruction += blank ? ' ' : c;
    if (result.instruction.size() == longest) {
      result.instruction += "...";
      break;
    }
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Parser
//===----------------------------------------------------------------------===//

namespace {

uint64_t roundUp(uint64_t value, uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

class Parser {
public:
  explicit Parser(Program &program) : program(program) {}

  std::optional<PtxError> run() {
    auto lexed = tokenize(program.text, program.fileName);
    if (!lexed)
      return lexed.error();
    tokens = std::move(*lexed);
    while (peek().kind != TokenKind::End)
      if (!parseModuleItem())
        return failure;
    if (!sawVersion && !fail("the module has no .version directive"))
      return failure;
    if (!layoutShared() || !applyAliases() || !applyRelocations())
      return failure;
    return std::nullopt;
  }

private:
  //===--------------------------------------------------------------------===//
  // Tokens and errors
  //===--------------------------------------------------------------------===//

  const Token &peek(size_t ahead = 0) const {
    size_t index = std::min(position + ahead, tokens.size() - 1);
    return tokens[index];
  }
  const Token &take() {
    const Token &token = peek();
    if (position + 1 < tokens.size())
      ++position;
    return token;
  }
  bool isPunctuation(char c, size_t ahead = 0) const {
    const Token &token = peek(ahead);
    return token.kind == TokenKind::Punctuation && token.punctuation == c;
  }
  bool accept(char c) {
    if (!isPunctuation(c))
      return false;
    take();
    return true;
  }
  bool isWord(std::string_view text) const {
    return peek().kind == TokenKind::Word && peek().text == text;
  }
  bool acceptWord(std::string_view text) {
    if (!isWord(text))
      return false;
    take();
    return true;
  }
  bool expect(char c) {
    if (accept(c))
      return true;
    return fail(std::string("expected '") + c + "' but found " + found());
  }
  std::string found() const {
    const Token &token = peek();
    if (token.kind == TokenKind::End)
      return "the end of the text";
    return "'" + std::string(token.text.substr(0, 60)) + "'";
  }

  bool fail(std::string message, PtxErrorKind kind = PtxErrorKind::Syntax) {
    return failAt(peek().line, std::move(message), kind);
  }
  bool failAt(unsigned line, std::string message,
              PtxErrorKind kind = PtxErrorKind::Syntax) {
    if (!failure)
      failure = program.error(kind, line, sourceLine(line), std::move(message));
    return false;
  }
  /// The text of a line, to quote it.
  std::string_view sourceLine(unsigned line) const {
    std::string_view rest = program.text;
    for (unsigned current = 1; current < line; ++current) {
      size_t end = rest.find('\n');
      if (end == std::string_view::npos)
        return {};
      rest.remove_prefix(end + 1);
    }
    return rest.substr(0, rest.find('\n'));
  }

  bool parseWord(std::string_view &word, std::string_view what) {
    if (peek().kind != TokenKind::Word)
      return fail("expected " + std::string(what) + " but found " + found());
    word = take().text;
    return true;
  }
  bool parseUnsigned(uint64_t &value, std::string_view what, uint64_t maximum) {
    if (peek().kind != TokenKind::Integer)
      return fail("expected " + std::string(what) + " but found " + found());
    value = peek().value;
    if (value > maximum)
      return fail(std::string(what) + " is " + std::to_string(value) +
                  ", at most " + std::to_string(maximum) + " is accepted");
    take();
    return true;
  }

  //===--------------------------------------------------------------------===//
  // Module scope
  //===--------------------------------------------------------------------===//

  bool parseModuleItem() {
    bool external = false;
    for (;;) {
      if (acceptWord(".extern"))
        external = true;
      else if (!acceptWord(".visible") && !acceptWord(".weak") &&
               !acceptWord(".common"))
        break;
    }
    if (accept(';'))
      return true;
    std::string_view word;
    if (!parseWord(word, "a directive"))
      return false;
    if (word == ".version") {
      sawVersion = true;
      if (peek().kind != TokenKind::Decimal)
        return fail("expected a version such as 8.0 but found " + found());
      take();
      return true;
    }
    if (word == ".target") {
      std::string_view name;
      do {
        if (!parseWord(name, "a target such as sm_80"))
          return false;
      } while (accept(','));
      return true;
    }
    if (word == ".address_size") {
      uint64_t size = 0;
      if (!parseUnsigned(size, "address size", 64))
        return false;
      return size == 64 ||
             fail("the address size must be 64", PtxErrorKind::Unsupported);
    }
    if (word == ".file")
      return skipFile();
    if (word == ".loc")
      return skipLocation();
    if (word == ".pragma")
      return skipPragma();
    if (word == ".section")
      return skipSection();
    if (word == ".alias")
      return parseAlias();
    if (word == ".entry" || word == ".func")
      return parseFunction(word == ".entry", external);
    if (word == ".global")
      return parseModuleVariables(Space::Global, external, nullptr);
    if (word == ".const")
      return parseModuleVariables(Space::Const, external, nullptr);
    if (word == ".shared")
      return parseModuleVariables(Space::Shared, external, nullptr);
    --position;
    return fail("module directive " + found() +
                    " is not supported; supported are .version, .target, "
                    ".address_size, .entry, .func, .global, .const, .shared, "
                    ".alias, .file, .loc, .pragma and .section",
                PtxErrorKind::Unsupported);
  }

  bool skipFile() {
    uint64_t number = 0;
    if (!parseUnsigned(number, "file number", UINT64_MAX))
      return false;
    if (peek().kind != TokenKind::String)
      return fail("expected a file name but found " + found());
    take();
    while (accept(','))
      if (!parseUnsigned(number, "number", UINT64_MAX))
        return false;
    return true;
  }

  bool skipLocation() {
    uint64_t number = 0;
    for (int i = 0; i < 3; ++i)
      if (!parseUnsigned(number, "number", UINT64_MAX))
        return false;
    while (accept(',')) {
      std::string_view word;
      if (!parseWord(word, "function_name or inlined_at"))
        return false;
      if (word == "function_name") {
        if (!parseWord(word, "a label"))
          return false;
        if (accept('+') && !parseUnsigned(number, "offset", UINT64_MAX))
          return false;
      } else if (word == "inlined_at") {
        for (int i = 0; i < 3; ++i)
          if (!parseUnsigned(number, "number", UINT64_MAX))
            return false;
      } else {
        return fail("expected function_name or inlined_at");
      }
    }
    return true;
  }

  bool skipPragma() {
    do {
      if (peek().kind != TokenKind::String)
        return fail("expected a quoted pragma but found " + found());
      take();
    } while (accept(','));
    return expect(';');
  }

  /// Debug information; carries nothing that affects execution.
  bool skipSection() {
    std::string_view name;
    if (!parseWord(name, "a section name") || !expect('{'))
      return false;
    while (!isPunctuation('}')) {
      if (peek().kind == TokenKind::End)
        return fail("section without an end");
      take();
    }
    take();
    return true;
  }

  bool parseAlias() {
    unsigned line = peek().line;
    std::string_view alias, target;
    if (!parseWord(alias, "a function name") || !expect(',') ||
        !parseWord(target, "a function name") || !expect(';'))
      return false;
    aliases.push_back({std::string(alias), std::string(target), line});
    return true;
  }

  bool applyAliases() {
    for (const Alias &alias : aliases) {
      auto target = program.functionIndex.find(alias.target);
      if (target == program.functionIndex.end() ||
          !program.functions[target->second]->defined)
        return failAt(alias.line,
                      ".alias needs a function defined in this module");
      auto existing = program.functionIndex.find(alias.name);
      if (existing != program.functionIndex.end() &&
          program.functions[existing->second]->defined)
        return failAt(alias.line, "'" + alias.name + "' is defined already");
      program.functionIndex[alias.name] = target->second;
    }
    return true;
  }

  //===--------------------------------------------------------------------===//
  // Variables
  //===--------------------------------------------------------------------===//

  /// What precedes the names of a declaration.
  struct Declaration {
    uint64_t alignment = 0; ///< 0 if none is given
    uint64_t lanes = 1;
    Type type = Type::None;
  };

  /// [.align N] [.attribute(..)] [.v2|.v4] .type [.ptr ...]
  bool parseDeclaration(Declaration &declaration) {
    while (declaration.type == Type::None) {
      if (acceptWord(".align")) {
        if (!parseAlignment(declaration.alignment))
          return false;
      } else if (acceptWord(".attribute")) {
        if (!skipParentheses())
          return false;
      } else if (acceptWord(".v2")) {
        declaration.lanes = 2;
      } else if (acceptWord(".v4")) {
        declaration.lanes = 4;
      } else if (peek().kind == TokenKind::Word &&
                 typeOfWord(peek().text) != Type::None) {
        declaration.type = typeOfWord(take().text);
      } else {
        return fail("expected a type such as .b32 but found " + found());
      }
    }
    if (declaration.type == Type::Pred)
      return fail("a .pred value has no place in memory");
    if (acceptWord(".ptr")) {
      // What the pointer points to; matters to the optimiser only.
      if (!acceptWord(".global") && !acceptWord(".shared") &&
          !acceptWord(".local") && !acceptWord(".const"))
        acceptWord(".generic");
      uint64_t ignored = 0;
      if (acceptWord(".align") && !parseAlignment(ignored))
        return false;
    }
    return true;
  }

  /// name [dimensions]
  bool parseDeclarator(Variable &variable, Space space,
                       const Declaration &declaration, bool nameOptional) {
    variable.space = space;
    variable.line = peek().line;
    variable.type = declaration.type;
    uint64_t size = bitsOf(declaration.type) / 8 * declaration.lanes;
    variable.alignment = std::max(declaration.alignment, size);
    if (peek().kind == TokenKind::Word && peek().text[0] != '.') {
      variable.name = take().text;
    } else if (!nameOptional) {
      return fail("expected a name but found " + found());
    }
    bool open = false;
    while (accept('[')) {
      if (accept(']')) {
        open = true;
        continue;
      }
      uint64_t count = 0;
      if (!parseUnsigned(count, "array size", maximalModuleBytes) ||
          !expect(']'))
        return false;
      if (count != 0 && size > maximalModuleBytes / count)
        return fail("array of more than " + std::to_string(maximalModuleBytes) +
                    " bytes");
      size *= count;
    }
    variable.size = open ? 0 : size;
    variable.dynamicShared = open;
    return true;
  }

  bool parseAlignment(uint64_t &alignment) {
    if (!parseUnsigned(alignment, "alignment", 4096))
      return false;
    return std::has_single_bit(alignment) ||
           fail("an alignment must be a power of two");
  }

  bool skipParentheses() {
    if (!expect('('))
      return false;
    while (!isPunctuation(')')) {
      if (peek().kind == TokenKind::End)
        return fail("'(' without ')'");
      take();
    }
    take();
    return true;
  }

  /// Variables of module lifetime, declared in the module or in \p scope.
  bool parseModuleVariables(Space space, bool external,
                            Function::Scope *scope) {
    Declaration declaration;
    if (!parseDeclaration(declaration))
      return false;
    for (;;) {
      Variable variable;
      if (!parseDeclarator(variable, space, declaration,
                           /*nameOptional=*/false))
        return false;
      variable.external = external;
      if (variable.alignment > 256)
        return fail("alignments above 256 are not supported",
                    PtxErrorKind::Unsupported);
      bool isShared = space == Space::Shared;
      if (variable.dynamicShared && !isShared && !external &&
          !isPunctuation('='))
        return fail("array without a size");
      if (isShared && variable.dynamicShared && !external)
        return fail("only .extern .shared arrays have no size");
      std::vector<uint8_t> bytes;
      auto index = static_cast<uint32_t>(program.variables.size());
      if (accept('=')) {
        if (isShared || external)
          return fail("this variable cannot have an initial value");
        if (!parseInitializer(variable, index, bytes))
          return false;
      }
      if (!isShared && !external && !placeVariable(variable, index, bytes))
        return false;
      if (isShared && variable.dynamicShared)
        variable.address = dynamicSharedOffset;
      std::string name = variable.name;
      if (scope) {
        scopedVariables.push_back({scopedFunction, scopedScope, index});
        scopedNames.push_back(name);
      } else {
        auto existing = program.variableIndex.find(name);
        if (existing != program.variableIndex.end() &&
            !program.variables[existing->second].external)
          return failAt(variable.line, "'" + name + "' is defined already");
        if (program.functionIndex.count(name))
          return failAt(variable.line, "'" + name + "' is a function already");
        program.variableIndex[name] = index;
      }
      program.variables.push_back(std::move(variable));
      if (accept(';'))
        return true;
      if (!expect(','))
        return false;
    }
  }

  bool placeVariable(Variable &variable, uint32_t index,
                     const std::vector<uint8_t> &bytes) {
    uint64_t &total = variable.space == Space::Const ? constBytes : globalBytes;
    uint64_t limit =
        variable.space == Space::Const ? maximalConstBytes : maximalModuleBytes;
    if (variable.size > limit - total)
      return failAt(variable.line, "the module has more than " +
                                       std::to_string(limit) + " bytes of ." +
                                       std::string(nameOf(variable.space)) +
                                       " variables");
    total += variable.size;
    uint64_t window = program.regions.size();
    if (window >= maximalWindows)
      return failAt(variable.line, "more than " +
                                       std::to_string(maximalWindows) +
                                       " variables in a module");
    constexpr uint64_t hostAlignment = 256;
    auto memory = std::make_unique<uint8_t[]>(variable.size + hostAlignment);
    auto hostStart = reinterpret_cast<uintptr_t>(memory.get());
    uint8_t *host =
        memory.get() + (roundUp(hostStart, hostAlignment) - hostStart);
    std::copy(bytes.begin(), bytes.end(), host);
    Region region;
    region.base = moduleWindowBit | (window << windowBits) | windowStart;
    region.size = variable.size;
    region.host = host;
    region.isConst = variable.space == Space::Const;
    region.writable = !region.isConst;
    variable.address = region.base;
    program.regions.push_back(region);
    program.regionVariable.push_back(index);
    program.storage.push_back(std::move(memory));
    return true;
  }

  bool parseInitializer(Variable &variable, uint32_t index,
                        std::vector<uint8_t> &bytes) {
    unsigned elementBytes = bitsOf(variable.type) / 8;
    unsigned depth = 0;
    bool sized = !variable.dynamicShared;
    for (;;) {
      while (accept('{'))
        if (++depth > 8)
          return fail("initializer is nested too deeply");
      if (!isPunctuation('}')) {
        if (bytes.size() + elementBytes >
            (sized ? variable.size : maximalModuleBytes))
          return fail("more initial values than elements");
        if (!parseInitialValue(variable.type, elementBytes, index, bytes))
          return false;
      }
      while (depth > 0 && accept('}'))
        --depth;
      if (depth == 0)
        break;
      if (!expect(','))
        return false;
    }
    if (!sized) {
      variable.size = bytes.size();
      variable.dynamicShared = false;
    }
    return true;
  }

  bool parseInitialValue(Type type, unsigned elementBytes, uint32_t index,
                         std::vector<uint8_t> &bytes) {
    uint64_t value = 0;
    const Token &token = peek();
    bool negative = false;
    if (token.kind == TokenKind::Word ||
        (token.kind == TokenKind::Integer && isPunctuation('(', 1))) {
      Relocation relocation;
      relocation.variable = index;
      relocation.offset = bytes.size();
      relocation.bytes = elementBytes;
      relocation.line = token.line;
      bool masked = token.kind == TokenKind::Integer;
      if (masked) {
        // 0xFF00(symbol): one byte of the address.
        uint64_t mask = take().value;
        relocation.shift =
            mask ? static_cast<unsigned>(std::countr_zero(mask)) : 64;
        if (relocation.shift % 8 != 0 || relocation.shift > 56 ||
            mask >> relocation.shift != 0xFF)
          return fail("an address mask must select one byte");
        take();
      }
      if (acceptWord("generic")) {
        relocation.generic = true;
        if (!expect('('))
          return false;
      }
      std::string_view symbol;
      if (!parseWord(symbol, "a variable or function"))
        return false;
      relocation.symbol = symbol;
      if (relocation.generic && !expect(')'))
        return false;
      if (!parseOffset(relocation.addend))
        return false;
      if (masked && !expect(')'))
        return false;
      if (!masked && elementBytes != 8)
        return fail("an address needs an element of 64 bits");
      program.relocations.push_back(std::move(relocation));
    } else {
      if (accept('-'))
        negative = true;
      else
        accept('+');
      const Token &number = take();
      switch (number.kind) {
      case TokenKind::Integer:
        value = negative ? 0 - number.value : number.value;
        if (type == Type::F32 || type == Type::F64) {
          auto real = static_cast<double>(number.value);
          value = floatBits(type, negative ? -real : real);
        }
        break;
      case TokenKind::Single:
      case TokenKind::Double:
      case TokenKind::Decimal: {
        double real =
            number.kind == TokenKind::Single
                ? std::bit_cast<float>(static_cast<uint32_t>(number.value))
                : std::bit_cast<double>(number.value);
        if (type != Type::F32 && type != Type::F64)
          return fail("floating-point value for an integer variable");
        // Bits are kept, NaN payloads included, if nothing converts them.
        bool keep = (number.kind == TokenKind::Single && type == Type::F32) ||
                    (number.kind == TokenKind::Double && type == Type::F64);
        value = keep ? number.value : floatBits(type, real);
        if (negative)
          value ^= uint64_t(1) << (elementBytes * 8 - 1);
        break;
      }
      default:
        --position;
        return fail("expected an initial value but found " + found());
      }
    }
    for (unsigned i = 0; i < elementBytes; ++i)
      bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
    return true;
  }

  static uint64_t floatBits(Type type, double value) {
    if (type == Type::F32)
      return std::bit_cast<uint32_t>(static_cast<float>(value));
    return std::bit_cast<uint64_t>(value);
  }

  /// Any number of "+ n" and "- n"; LLVM writes "+-4" too.
  bool parseOffset(int64_t &offset) {
    uint64_t sum = static_cast<uint64_t>(offset);
    while (isPunctuation('+') || isPunctuation('-')) {
      bool negative = take().punctuation == '-';
      if (accept('-'))
        negative = !negative;
      uint64_t value = 0;
      if (!parseUnsigned(value, "offset", UINT64_MAX))
        return false;
      sum = negative ? sum - value : sum + value;
    }
    offset = static_cast<int64_t>(sum);
    return true;
  }

  bool applyRelocations() {
    for (const Relocation &relocation : program.relocations) {
      uint64_t address = 0;
      auto variable = program.variableIndex.find(relocation.symbol);
      auto function = program.functionIndex.find(relocation.symbol);
      if (variable != program.variableIndex.end() &&
          !program.variables[variable->second].external) {
        const Variable &target = program.variables[variable->second];
        address = target.address;
        if (relocation.generic && target.space == Space::Shared)
          address |= sharedTag;
      } else if (function != program.functionIndex.end()) {
        address = codeTag | function->second;
      } else {
        return failAt(relocation.line, "'" + relocation.symbol +
                                           "' is not defined in this module");
      }
      address += static_cast<uint64_t>(relocation.addend);
      const Variable &patched = program.variables[relocation.variable];
      uint64_t window = (patched.address & ~moduleWindowBit) >> windowBits;
      uint8_t *host = program.regions[window].host + relocation.offset;
      for (unsigned i = 0; i < relocation.bytes; ++i)
        host[i] = static_cast<uint8_t>(address >> (relocation.shift + 8 * i));
    }
    return true;
  }

  //===--------------------------------------------------------------------===//
  // Functions
  //===--------------------------------------------------------------------===//

  bool parseFunction(bool isEntry, bool external) {
    unsigned line = peek().line;
    auto function = std::make_unique<Function>();
    function->isEntry = isEntry;
    function->line = line;
    if (!isEntry && isPunctuation('(') &&
        !parseParameterList(function->results))
      return false;
    std::string_view name;
    if (!parseWord(name, "a function name"))
      return false;
    function->name = name;
    if (isPunctuation('(') && !parseParameterList(function->parameters))
      return false;
    if (function->results.size() > 1)
      return failAt(line,
                    "functions with more than one result are not "
                    "supported",
                    PtxErrorKind::Unsupported);
    for (;;) {
      if (acceptWord(".noreturn") || acceptWord(".explicitcluster"))
        continue;
      if (acceptWord(".pragma")) {
        if (!skipPragma())
          return false;
        continue;
      }
      if (isWord(".maxntid") || isWord(".reqntid")) {
        uint32_t *bound = isWord(".maxntid") ? function->maximalBlock
                                             : function->requiredBlock;
        take();
        if (!parseBlockBound(bound))
          return false;
        continue;
      }
      if (acceptWord(".minnctapersm") || acceptWord(".maxnctapersm") ||
          acceptWord(".maxnreg") || acceptWord(".maxclusterrank") ||
          acceptWord(".reqnctapercluster")) {
        uint64_t ignored = 0;
        do {
          if (!parseUnsigned(ignored, "number", UINT32_MAX))
            return false;
        } while (accept(','));
        continue;
      }
      break;
    }
    layoutParameters(*function);
    if (function->parameterBytes > maximalParameterBytes)
      return failAt(line, "more than " + std::to_string(maximalParameterBytes) +
                              " bytes of parameters");
    uint32_t index = 0;
    if (!declareFunction(std::move(function), index))
      return false;
    if (accept(';'))
      return true;
    if (external)
      return fail("an .extern function has no body; expected ';'");
    Function &declared = *program.functions[index];
    if (declared.defined)
      return failAt(line, "'" + declared.name + "' is defined already");
    declared.defined = true;
    return parseBody(declared, index);
  }

  bool parseBlockBound(uint32_t *bound) {
    for (int i = 0; i < 3; ++i) {
      uint64_t value = 0;
      if (!parseUnsigned(value, "block size", UINT32_MAX))
        return false;
      bound[i] = static_cast<uint32_t>(value);
      if (!accept(',')) {
        for (int rest = i + 1; rest < 3; ++rest)
          bound[rest] = 1;
        break;
      }
    }
    return true;
  }

  bool parseParameterList(std::vector<Variable> &list) {
    if (!expect('('))
      return false;
    if (accept(')'))
      return true;
    do {
      if (acceptWord(".reg"))
        return fail("functions that pass values in .reg are not supported; "
                    "use .param",
                    PtxErrorKind::Unsupported);
      if (!acceptWord(".param"))
        return fail("expected .param but found " + found());
      Declaration declaration;
      Variable variable;
      if (!parseDeclaration(declaration) ||
          !parseDeclarator(variable, Space::Param, declaration,
                           /*nameOptional=*/true))
        return false;
      if (variable.alignment > frameAlignment)
        return fail("parameters aligned to more than " +
                        std::to_string(frameAlignment) + " are not supported",
                    PtxErrorKind::Unsupported);
      if (variable.dynamicShared)
        return fail("parameters without a size are not supported",
                    PtxErrorKind::Unsupported);
      list.push_back(std::move(variable));
    } while (accept(','));
    return expect(')');
  }

  /// Entries read parameters from a block that all threads share; functions
  /// have a copy of theirs in the frame.
  static void layoutParameters(Function &function) {
    uint64_t offset = 0;
    for (Variable &parameter : function.parameters) {
      offset = roundUp(offset, parameter.alignment);
      parameter.inFrame = !function.isEntry;
      parameter.address = function.isEntry ? firstOffset + offset : offset;
      offset += parameter.size;
    }
    if (function.isEntry) {
      function.parameterBytes = offset;
      return;
    }
    function.parameterBytes = offset;
    for (Variable &result : function.results) {
      offset = roundUp(offset, result.alignment);
      result.inFrame = true;
      result.address = offset;
      offset += result.size;
    }
    function.frameBytes = offset;
  }

  bool declareFunction(std::unique_ptr<Function> function, uint32_t &index) {
    auto existing = program.functionIndex.find(function->name);
    if (program.variableIndex.count(function->name))
      return failAt(function->line,
                    "'" + function->name + "' is a variable already");
    if (existing == program.functionIndex.end()) {
      index = static_cast<uint32_t>(program.functions.size());
      program.functionIndex.emplace(function->name, index);
      program.functions.push_back(std::move(function));
      return true;
    }
    index = existing->second;
    Function &declared = *program.functions[index];
    auto same = [](const std::vector<Variable> &a,
                   const std::vector<Variable> &b) {
      return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                        [](const Variable &x, const Variable &y) {
                          return x.size == y.size;
                        });
    };
    if (declared.isEntry != function->isEntry ||
        !same(declared.parameters, function->parameters) ||
        !same(declared.results, function->results))
      return failAt(function->line, "'" + function->name +
                                        "' was declared differently in line " +
                                        std::to_string(declared.line));
    // The definition names the parameters.
    if (!declared.defined)
      program.functions[index] = std::move(function);
    return true;
  }

  struct RegisterRange {
    uint32_t first = 0;
    uint32_t count = 0; ///< 0: a single register without a number
    Type type = Type::None;
  };
  using RegisterNames = std::unordered_map<std::string_view, RegisterRange>;

  bool parseBody(Function &function, uint32_t index) {
    scopedFunction = index;
    function.scopes.clear();
    function.scopes.emplace_back();
    registerScopes.assign(1, {});
    std::vector<uint32_t> open{0};
    for (Variable &parameter : function.parameters)
      if (!declareInScope(function, 0, parameter))
        return false;
    for (Variable &result : function.results)
      if (!declareInScope(function, 0, result))
        return false;
    if (!expect('{'))
      return false;
    while (!open.empty()) {
      uint32_t scope = open.back();
      if (accept('{')) {
        constexpr size_t deepest = 64;
        constexpr size_t mostScopes = 1 << 20;
        if (open.size() >= deepest || function.scopes.size() >= mostScopes)
          return fail("too many nested blocks");
        Function::Scope inner;
        inner.parent = scope;
        open.push_back(static_cast<uint32_t>(function.scopes.size()));
        function.scopes.push_back(std::move(inner));
        registerScopes.emplace_back();
        continue;
      }
      if (accept('}')) {
        open.pop_back();
        registerScopes.pop_back();
        continue;
      }
      if (peek().kind == TokenKind::End)
        return fail("the body of '" + function.name + "' has no end");
      if (!parseBodyItem(function, scope))
        return false;
    }
    return true;
  }

  bool declareInScope(Function &function, uint32_t scope,
                      const Variable &variable) {
    if (variable.name.empty() || variable.name == "_")
      return true;
    auto &variables = function.scopes[scope].variables;
    if (!variables.emplace(variable.name, variable).second)
      return failAt(variable.line,
                    "'" + variable.name + "' is declared twice in this block");
    return true;
  }

  bool parseBodyItem(Function &function, uint32_t scope) {
    if (accept(';'))
      return true;
    if (isWord(".reg")) {
      take();
      return parseRegisters(function);
    }
    if (isWord(".local") || isWord(".param")) {
      Space space = take().text == ".local" ? Space::Local : Space::Param;
      return parseFrameVariables(function, scope, space);
    }
    if (isWord(".shared") || isWord(".global") || isWord(".const")) {
      std::string_view word = take().text;
      scopedScope = scope;
      Space space = word == ".shared"   ? Space::Shared
                    : word == ".global" ? Space::Global
                                        : Space::Const;
      size_t first = program.variables.size();
      if (!parseModuleVariables(space, /*external=*/false,
                                &function.scopes[scope]))
        return false;
      for (size_t i = first; i < program.variables.size(); ++i)
        if (!declareInScope(function, scope, program.variables[i]))
          return false;
      return true;
    }
    if (acceptWord(".loc"))
      return skipLocation();
    if (acceptWord(".file"))
      return skipFile();
    if (acceptWord(".pragma"))
      return skipPragma();
    if (peek().kind == TokenKind::Word && isPunctuation(':', 1))
      return parseLabel(function, scope);
    return parseStatement(function, scope);
  }

  bool parseRegisters(Function &function) {
    if (isWord(".v2") || isWord(".v4"))
      return fail("vector registers are not supported",
                  PtxErrorKind::Unsupported);
    std::string_view word;
    if (!parseWord(word, "a register type"))
      return false;
    Type type = typeOfWord(word);
    if (type == Type::None || bitsOf(type) == 8) {
      --position;
      return fail("registers of type " + found() +
                      " are not supported; supported are .pred and types of "
                      "16, 32 and 64 bits",
                  PtxErrorKind::Unsupported);
    }
    do {
      if (!parseWord(word, "a register name"))
        return false;
      RegisterRange range;
      range.first = function.registers;
      range.type = type;
      uint64_t count = 1;
      if (accept('<')) {
        if (!parseUnsigned(count, "number of registers", maximalRegisters) ||
            !expect('>'))
          return false;
        range.count = static_cast<uint32_t>(count);
        if (count == 0)
          continue;
      }
      if (count > maximalRegisters - function.registers)
        return fail("more than " + std::to_string(maximalRegisters) +
                    " registers in a function");
      function.registers += static_cast<uint32_t>(count);
      if (!registerScopes.back().emplace(word, range).second)
        return fail("register '" + std::string(word) +
                    "' is declared twice in this block");
    } while (accept(','));
    return expect(';');
  }

  bool parseFrameVariables(Function &function, uint32_t scope, Space space) {
    Declaration declaration;
    if (!parseDeclaration(declaration))
      return false;
    do {
      Variable variable;
      if (!parseDeclarator(variable, space, declaration,
                           /*nameOptional=*/false))
        return false;
      if (variable.dynamicShared)
        return fail("array without a size");
      if (variable.alignment > frameAlignment)
        return fail("alignments above " + std::to_string(frameAlignment) +
                        " are not supported here",
                    PtxErrorKind::Unsupported);
      variable.inFrame = true;
      variable.address = roundUp(function.frameBytes, variable.alignment);
      if (variable.size > maximalLocalBytes ||
          variable.address + variable.size > maximalLocalBytes)
        return fail("more than " + std::to_string(maximalLocalBytes) +
                    " bytes of local memory in a function");
      function.frameBytes = variable.address + variable.size;
      if (!declareInScope(function, scope, variable))
        return false;
    } while (accept(','));
    return expect(';');
  }

  bool parseLabel(Function &function, uint32_t scope) {
    std::string_view name = take().text;
    take();
    if (acceptWord(".branchtargets")) {
      std::vector<std::string_view> targets;
      do {
        std::string_view target;
        if (!parseWord(target, "a label"))
          return false;
        targets.push_back(target);
      } while (accept(','));
      if (!function.scopes[scope]
               .branchTargets.emplace(name, std::move(targets))
               .second)
        return fail("label '" + std::string(name) + "' is declared twice");
      return expect(';');
    }
    if (isWord(".callprototype") || isWord(".calltargets")) {
      // Indirect calls check the callee itself, so this adds nothing.
      while (!isPunctuation(';')) {
        if (peek().kind == TokenKind::End)
          return fail("expected ';' but found " + found());
        take();
      }
      take();
      return true;
    }
    auto place = static_cast<uint32_t>(function.statements.size());
    if (!function.scopes[scope].labels.emplace(name, place).second)
      return fail("label '" + std::string(name) + "' is declared twice");
    return true;
  }

  //===--------------------------------------------------------------------===//
  // Statements and operands
  //===--------------------------------------------------------------------===//

  bool parseStatement(Function &function, uint32_t scope) {
    Statement statement;
    statement.scope = scope;
    statement.line = peek().line;
    const char *textStart = peek().text.data();
    if (accept('@')) {
      statement.guarded = true;
      statement.guardNegated = accept('!');
      Operand guard;
      if (!parseOperand(guard, 0))
        return false;
      if (guard.kind != Operand::Kind::Register || guard.type != Type::Pred)
        return fail("the guard of an instruction must be a predicate "
                    "register");
      statement.guard = guard.slot;
    }
    std::string_view word;
    if (!parseWord(word, "an instruction"))
      return false;
    if (word[0] == '.') {
      --position;
      return fail("directive " + found() +
                      " is not supported in a function; supported are .reg, "
                      ".param, .local, .shared, .global, .const, .loc, .pragma "
                      "and .branchtargets",
                  PtxErrorKind::Unsupported);
    }
    size_t dot = word.find('.');
    statement.opcode = word.substr(0, dot);
    while (dot != std::string_view::npos) {
      size_t next = word.find('.', dot + 1);
      statement.modifiers.push_back(
          word.substr(dot, next == std::string_view::npos ? next : next - dot));
      dot = next;
    }
    if (!isPunctuation(';')) {
      do {
        Operand operand;
        if (!parseOperand(operand, 0))
          return false;
        statement.operands.push_back(std::move(operand));
      } while (accept(','));
    }
    if (!isPunctuation(';'))
      return fail("expected ',' or ';' but found " + found());
    const char *textEnd = take().text.data();
    statement.text = {textStart, static_cast<size_t>(textEnd - textStart)};
    function.statements.push_back(std::move(statement));
    return true;
  }

  bool parseOperand(Operand &operand, unsigned depth) {
    if (!parseSimpleOperand(operand, depth))
      return false;
    if (accept('|')) {
      Operand pair;
      pair.kind = Operand::Kind::Pair;
      pair.elements.resize(2);
      pair.elements[0] = std::move(operand);
      if (!parseSimpleOperand(pair.elements[1], depth + 1))
        return false;
      operand = std::move(pair);
    }
    return true;
  }

  bool parseList(Operand &operand, Operand::Kind kind, char close,
                 unsigned depth) {
    operand.kind = kind;
    if (accept(close))
      return true;
    do {
      operand.elements.emplace_back();
      if (!parseOperand(operand.elements.back(), depth + 1))
        return false;
    } while (accept(','));
    return expect(close);
  }

  bool parseSimpleOperand(Operand &operand, unsigned depth) {
    if (depth > 4)
      return fail("operand is nested too deeply");
    if (accept('{'))
      return parseList(operand, Operand::Kind::Vector, '}', depth);
    if (accept('('))
      return parseList(operand, Operand::Kind::Group, ')', depth);
    if (accept('[')) {
      operand.kind = Operand::Kind::Address;
      operand.elements.emplace_back();
      if (!parseOperand(operand.elements[0], depth + 1) ||
          !parseOffset(operand.offset))
        return false;
      return expect(']');
    }
    if (accept('!')) {
      if (!parseSimpleOperand(operand, depth + 1))
        return false;
      operand.negated = !operand.negated;
      return true;
    }
    bool negative = false;
    if (accept('-'))
      negative = true;
    else
      accept('+');
    const Token &token = peek();
    switch (token.kind) {
    case TokenKind::Integer:
      operand.kind = Operand::Kind::Integer;
      operand.value = negative ? 0 - token.value : token.value;
      take();
      return true;
    case TokenKind::Single:
      operand.kind = Operand::Kind::Single;
      operand.value = token.value ^ (negative ? uint64_t(1) << 31 : 0);
      take();
      return true;
    case TokenKind::Double:
    case TokenKind::Decimal:
      operand.kind = Operand::Kind::Double;
      operand.value = token.value ^ (negative ? uint64_t(1) << 63 : 0);
      take();
      return true;
    case TokenKind::Word:
      break;
    default:
      return fail("expected an operand but found " + found());
    }
    if (negative)
      return fail("'-' needs a number after it");
    std::string_view word = take().text;
    if (word == "_") {
      operand.kind = Operand::Kind::Sink;
      return true;
    }
    if (findRegister(word, operand))
      return true;
    if (const SpecialName *special = findSpecial(word)) {
      operand.kind = Operand::Kind::Special;
      operand.special = special->special;
      operand.type = special->type;
      return true;
    }
    if (word[0] == '%') {
      --position;
      return fail("register " + found() +
                  " is neither declared nor a supported special register");
    }
    operand.kind = Operand::Kind::Symbol;
    operand.name = word;
    return parseOffset(operand.offset);
  }

  bool findRegister(std::string_view word, Operand &operand) const {
    size_t digits = word.size();
    while (digits > 0 && word[digits - 1] >= '0' && word[digits - 1] <= '9')
      --digits;
    std::string_view prefix = word.substr(0, digits);
    std::string_view number = word.substr(digits);
    bool numbered = !number.empty() && number.size() <= 9 &&
                    (number.size() == 1 || number[0] != '0');
    uint32_t value = 0;
    if (numbered)
      for (char c : number)
        value = value * 10 + static_cast<uint32_t>(c - '0');
    for (size_t i = registerScopes.size(); i-- > 0;) {
      const RegisterNames &names = registerScopes[i];
      auto exact = names.find(word);
      if (exact != names.end() && exact->second.count == 0)
        return fillRegister(operand, exact->second, 0);
      if (!numbered)
        continue;
      auto range = names.find(prefix);
      if (range != names.end() && value < range->second.count)
        return fillRegister(operand, range->second, value);
    }
    return false;
  }

  static bool fillRegister(Operand &operand, const RegisterRange &range,
                           uint32_t index) {
    operand.kind = Operand::Kind::Register;
    operand.slot = range.first + index;
    operand.type = range.type;
    return true;
  }

  //===--------------------------------------------------------------------===//
  // Shared memory
  //===--------------------------------------------------------------------===//

  /// Variables of the module and of device functions have one place for all
  /// entries; those of an entry follow, each entry starting at the same place.
  bool layoutShared() {
    uint64_t end = 0;
    std::vector<bool> scoped(program.variables.size());
    for (const ScopedVariable &variable : scopedVariables)
      scoped[variable.index] = true;
    for (size_t i = 0; i < program.variables.size(); ++i)
      if (!scoped[i] && !placeShared(program.variables[i], end))
        return false;
    for (const ScopedVariable &variable : scopedVariables)
      if (!program.functions[variable.function]->isEntry &&
          !placeShared(program.variables[variable.index], end))
        return false;
    program.moduleSharedBytes = end;
    for (auto &function : program.functions)
      function->sharedBytes = end;
    for (const ScopedVariable &variable : scopedVariables) {
      Function &function = *program.functions[variable.function];
      if (function.isEntry &&
          !placeShared(program.variables[variable.index], function.sharedBytes))
        return false;
    }
    // The scopes hold copies, made before the addresses were known.
    for (size_t i = 0; i < scopedVariables.size(); ++i) {
      const ScopedVariable &variable = scopedVariables[i];
      Function::Scope &scope =
          program.functions[variable.function]->scopes[variable.scope];
      auto place = scope.variables.find(scopedNames[i]);
      if (place != scope.variables.end())
        place->second.address = program.variables[variable.index].address;
    }
    return true;
  }

  bool placeShared(Variable &variable, uint64_t &end) {
    if (variable.space != Space::Shared || variable.dynamicShared ||
        variable.external)
      return true;
    uint64_t offset = roundUp(end, variable.alignment);
    if (variable.size > maximalStaticSharedBytes ||
        offset + variable.size > maximalStaticSharedBytes)
      return failAt(variable.line,
                    "more than " + std::to_string(maximalStaticSharedBytes) +
                        " bytes of static shared memory");
    variable.address = firstOffset + offset;
    end = offset + variable.size;
    return true;
  }

  struct Alias {
    std::string name;
    std::string target;
    unsigned line = 0;
  };
  struct ScopedVariable {
    uint32_t function = 0;
    uint32_t scope = 0;
    uint32_t index = 0; ///< in Program::variables
  };

  Program &program;
  std::vector<Token> tokens;
  size_t position = 0;
  bool sawVersion = false;
  std::optional<PtxError> failure;
  std::vector<Alias> aliases;
  std::vector<ScopedVariable> scopedVariables;
  std::vector<std::string> scopedNames;
  uint32_t scopedFunction = 0;
  uint32_t scopedScope = 0;
  uint64_t constBytes = 0;
  uint64_t globalBytes = 0;
  std::vector<RegisterNames> registerScopes;
};

} // namespace

std::optional<PtxError> parseProgram(Program &program) {
  return Parser(program).run();
}

} // namespace qcrt::ptxsim
