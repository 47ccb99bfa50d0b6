#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints what the innermost loops of functions consist of, from assembly.

    inner_loops.py FILE.s [FUNCTION]

One line for each innermost loop of the functions whose names match the regular
expression FUNCTION, in the order of the file:

    NAME: 45 instructions, 0 spills, 2 loads, 0 stores; fma 26, vbroadcastss 13, ...

`spills` are vector registers that are written to or read from the stack, whole
or as an operand; `loads` and `stores` are accesses of other memory by vector
instructions. Behind the semicolon are the vector instructions by number: all
forms of a fused multiply-add as `fma`, moves of registers and memory (vmovups,
vmovdqu64, ...) as `move`, instructions of SSE by their names in AVX.

A loop is what lies between a label and the last jump back to it. It is innermost
if no other loop lies within. The syntax is AT&T's, as LLVM prints it for x86-64.
"""
import collections
import re
import sys

LABEL = re.compile(r"^([.\w$]+):")
JUMP = re.compile(r"^j\w+\s+([.\w$]+)$")
REGISTER = re.compile(r"%[xyz]mm\d+")
# The last parentheses of an operand hold base, index and scale.
MEMORY = re.compile(r"\(%\w*(?:,%\w+)?(?:,\d+)?\)")
FRAME = re.compile(r"^movq\s+%rsp, %rbp$")
FMA = re.compile(r"^vfn?m(add|sub)\d+[ps][sd]$")
MOVE = re.compile(r"^v?mov([au]p[sd]|dq[au](8|16|32|64)?|ntps)$")


def functions(lines):
    """(name, instructions and labels) of each function; comments and directives
    are left out."""
    name, body = None, []
    for line in lines:
        line = line.split("#", 1)[0].rstrip()
        declared = re.match(r"^\s*\.type\s+([\w.$]+),@function", line)
        if declared:
            if name:
                yield name, body
            name, body = declared.group(1), []
        elif name and line and not re.match(r"^\s*\.(?!L\w+:)", line):
            body.append(line.strip())
    if name:
        yield name, body


def innermost_loops(body):
    """(first, last) of the lines of each."""
    labels, ends = {}, {}
    for at, line in enumerate(body):
        label, jump = LABEL.match(line), JUMP.match(line)
        if label:
            labels[label.group(1)] = at
        elif jump and jump.group(1) in labels:
            ends[labels[jump.group(1)]] = at
    loops = sorted(ends.items())
    return [(first, last) for first, last in loops
            if not any(first <= start and end <= last and (start, end) != (first, last) for start, end in loops)]


def operands(text):
    """Operands, split at commas outside of parentheses."""
    return re.split(r",\s*(?![^(]*\))", text)


def describe(lines, stack):
    count = dict.fromkeys(("instructions", "spills", "loads", "stores"), 0)
    kinds = collections.Counter()
    for line in lines:
        if LABEL.match(line):
            continue
        count["instructions"] += 1
        name, _, rest = re.sub(r"^\{\w+\}\s*", "", line).partition("\t")
        if not REGISTER.search(rest):
            continue
        if FMA.match(name):
            kinds["fma"] += 1
        elif MOVE.match(name):
            kinds["move"] += 1
        else:
            kinds[name if name.startswith("v") else "v" + name] += 1
        parts = operands(rest)
        for index, part in enumerate(parts):
            if not MEMORY.search(part.replace(" ", "")):
                continue
            is_store = index == len(parts) - 1 and len(parts) > 1
            if stack.search(part):
                count["spills"] += 1
            else:
                count["stores" if is_store else "loads"] += 1
    totals = ", ".join(f"{number} {what}" for what, number in count.items())
    names = ", ".join(f"{name} {number}" for name, number in sorted(kinds.items(), key=lambda item: (-item[1], item[0])))
    return f"{totals}; {names}," if names else f"{totals};"


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: inner_loops.py FILE.s [FUNCTION]")
    wanted = re.compile(sys.argv[2] if len(sys.argv) == 3 else "")
    with open(sys.argv[1]) as file:
        for name, body in functions(file):
            if wanted.search(name):
                # %rbp is a register like others in functions without a frame.
                framed = any(FRAME.match(line) for line in body)
                stack = re.compile(r"\(%r[sb]p[,)]" if framed else r"\(%rsp[,)]")
                for first, last in innermost_loops(body):
                    print(f"{name}: {describe(body[first:last + 1], stack)}")


if __name__ == "__main__":
    main()
