// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calls, ends and barriers (PTX ISA 8.8, sections 9.7.12 and 9.7.13.1).
#include "Barrier.h"
#include "Decoder.h"

namespace qcrt::ptxsim {
namespace {

const Instruction *runNothing(Thread &, const Instruction *at) {
  return at + 1;
}

const Instruction *runReturn(Thread &thread, const Instruction *at) {
  return leaveFunction(thread, at);
}

const Instruction *runExit(Thread &thread, const Instruction *at) {
  thread.pc = at;
  thread.stop = Stop::Exited;
  return nullptr;
}

const Instruction *runTrap(Thread &thread, const Instruction *at) {
  return thread.fail(at, PtxErrorKind::Trap, "the kernel executed a trap");
}

const Instruction *runBarrier(Thread &thread, const Instruction *at) {
  return thread.wait(at, Stop::AtBarrier);
}

/// e: call site, imm: callee.
const Instruction *runCall(Thread &thread, const Instruction *at) {
  const Function &callee =
      *thread.launch->program->functions[static_cast<size_t>(at->imm)];
  return enterFunction(thread, at, callee, thread.function->calls[at->e]);
}

/// a: address of a function.
const Instruction *runIndirectCall(Thread &thread, const Instruction *at) {
  const uint64_t address = thread.reg(at->a);
  const Program &program = *thread.launch->program;
  const uint64_t index = address ^ codeTag;
  if (index >= program.functions.size() || !program.functions[index]->defined ||
      program.functions[index]->isEntry)
    return thread.fail(at, PtxErrorKind::Trap,
                       "the call goes to no function of this module");
  return enterFunction(thread, at, *program.functions[index],
                       thread.function->calls[at->e]);
}

/// Values of a call: .param variables of the caller, or registers and
/// constants for scalar parameters. \p formals is null for indirect calls.
bool decodeCallValues(Decoder &d, const Operand &group, bool results,
                      const std::vector<Variable> *formals,
                      std::vector<CallValue> &values) {
  if (formals && formals->size() != group.elements.size())
    return d.fail("the function has " + std::to_string(formals->size()) +
                      (results ? " results" : " parameters") + ", not " +
                      std::to_string(group.elements.size()),
                  PtxErrorKind::Syntax);
  for (size_t i = 0; i < group.elements.size(); ++i) {
    const Operand &element = group.elements[i];
    CallValue value;
    if (element.kind == Operand::Kind::Symbol && element.offset == 0) {
      const AddressOperand place = d.symbolAddress(element);
      if (d.failed())
        return false;
      const Variable *variable = d.variable(element.name);
      if (!variable || !variable->inFrame || variable->space != Space::Param)
        return d.fail("'" + std::string(element.name) +
                          "' is no .param variable of this function",
                      PtxErrorKind::Syntax);
      value.offset = place.offset;
      value.size = variable->size;
    } else {
      if (!formals)
        return d.fail("indirect calls pass .param variables");
      const Type type = (*formals)[i].type;
      value.inRegister = true;
      value.size = bitsOf(type) / 8;
      value.slot = results ? d.destination(element, type, true)
                           : d.source(element, type, true);
    }
    if (formals && value.size != (*formals)[i].size)
      return d.fail("'" + (*formals)[i].name + "' has " +
                        std::to_string((*formals)[i].size) +
                        " bytes, the call gives " + std::to_string(value.size),
                    PtxErrorKind::Syntax);
    values.push_back(value);
  }
  return true;
}

void decodeCall(Decoder &d) {
  d.ignore({".uni"});
  size_t next = 0;
  static const Operand none = [] {
    Operand operand;
    operand.kind = Operand::Kind::Group;
    return operand;
  }();
  const Operand *results = &none, *arguments = &none;
  if (d.operand(0).kind == Operand::Kind::Group)
    results = &d.operand(next++);
  const Operand &target = d.operand(next++);
  if (d.operand(next).kind == Operand::Kind::Group)
    arguments = &d.operand(next++);
  CallSite site;
  if (target.kind == Operand::Kind::Symbol) {
    auto found = d.program.functionIndex.find(target.name);
    if (found == d.program.functionIndex.end()) {
      d.fail("function '" + std::string(target.name) + "' is not declared",
             PtxErrorKind::Syntax);
      return;
    }
    const Function &callee = *d.program.functions[found->second];
    if (!callee.defined || callee.isEntry) {
      d.fail("'" + callee.name +
             "' has no body here; only functions defined in this module can "
             "be called");
      return;
    }
    site.callee = found->second;
    d.inst.run = runCall;
    d.inst.imm = found->second;
    d.function.callees.push_back(found->second);
    if (!decodeCallValues(d, *results, true, &callee.results, site.results) ||
        !decodeCallValues(d, *arguments, false, &callee.parameters,
                          site.arguments))
      return;
    if (d.count() != next)
      d.fail("too many operands", PtxErrorKind::Syntax);
  } else {
    d.inst.run = runIndirectCall;
    d.inst.a = d.source(target, Type::U64, false);
    d.function.callsIndirectly = true;
    if (!decodeCallValues(d, *results, true, nullptr, site.results) ||
        !decodeCallValues(d, *arguments, false, nullptr, site.arguments))
      return;
    // The prototype or list of targets; the call itself checks the callee.
    if (d.count() != next + 1 || d.operand(next).kind != Operand::Kind::Symbol)
      d.fail("an indirect call ends with the label of a prototype",
             PtxErrorKind::Syntax);
  }
  d.inst.e = static_cast<uint32_t>(d.function.calls.size());
  d.function.calls.push_back(std::move(site));
}

template <const Instruction *(*handler)(Thread &, const Instruction *)>
void decodeSimple(Decoder &d) {
  d.ignore({".uni"});
  d.operands(0);
  d.inst.run = handler;
}

/// Instructions that only concern the hardware's scheduling.
void decodeIgnored(Decoder &d) {
  for (std::string_view modifier : d.statement.modifiers)
    d.ignore({modifier});
  d.inst.run = runNothing;
}

void decodeBarrier(Decoder &d) {
  const bool isBar = d.statement.opcode == "bar";
  if (isBar && d.has(".warp")) {
    decodeWarpBarrier(d);
    return;
  }
  d.ignore({".cta"});
  const int kind = d.need({".sync", ".arrive", ".red"});
  const bool aligned = d.has(".aligned") || isBar;
  uint32_t flags = aligned ? BarrierAligned : 0u;
  size_t first = 0;
  if (kind == 1) {
    flags |= BarrierArrive;
  } else if (kind == 2) {
    const int operation = d.need({".popc", ".and", ".or"});
    flags |= BarrierPopc + static_cast<uint32_t>(operation);
    const Type type = d.type();
    if (type != (operation == 0 ? Type::U32 : Type::Pred))
      d.badType(type);
    d.inst.d = d.destination(0, type);
    first = 1;
  }
  // d, a{, b}, {!}c for red; a{, b} otherwise.
  const size_t predicates = kind == 2 ? 1 : 0;
  if (!d.operands(first + 1 + predicates, first + 2 + predicates))
    return;
  d.inst.a = d.source(first, Type::U32);
  const bool counted = d.count() == first + 2 + predicates;
  if (counted) {
    flags |= BarrierHasCount;
    d.inst.b = d.source(first + 1, Type::U32);
  } else if (kind == 1) {
    d.fail("arrive needs a number of threads");
  }
  if (predicates) {
    bool negatedPredicate = false;
    d.inst.c = d.predicate(d.count() - 1, negatedPredicate);
    if (negatedPredicate)
      flags |= BarrierNegated;
  }
  d.inst.flags = flags;
  d.inst.run = runBarrier;
  d.function.cooperative = true;
}

constexpr Opcode table[] = {
    {"call",
     "call{.uni} {(result),} function{, (arguments)} and call{.uni} "
     "{(result),} register, (arguments), prototype",
     decodeCall},
    {"ret", "ret{.uni}", decodeSimple<runReturn>},
    {"exit", "exit", decodeSimple<runExit>},
    {"trap", "trap", decodeSimple<runTrap>},
    {"brkpt", "brkpt", decodeSimple<runTrap>},
    {"nanosleep", "nanosleep.u32", decodeIgnored},
    {"griddepcontrol", "griddepcontrol.{launch_dependents,wait}",
     decodeIgnored},
    {"pmevent", "pmevent a", decodeIgnored},
    {"setmaxnreg", "setmaxnreg.{inc,dec}.sync.aligned.u32", decodeIgnored},
    {"bar",
     "bar{.cta}.sync a{, b}, bar{.cta}.arrive a, b, "
     "bar{.cta}.red.popc.u32 d, a{, b}, {!}c, bar{.cta}.red.{and,or}.pred, "
     "bar.warp.sync mask",
     decodeBarrier},
    {"barrier",
     "barrier{.cta}.{sync,arrive}{.aligned}, "
     "barrier{.cta}.red.{popc,and,or}{.aligned}",
     decodeBarrier},
};

} // namespace

std::span<const Opcode> controlOpcodes() { return table; }

} // namespace qcrt::ptxsim
