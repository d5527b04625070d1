#!/usr/bin/env python3
"""Helps synth-xcup.sh: finds the large memories, wraps each for a run of its own, and turns statistics into a table.

synth_xcup.py names VERILOG          modules that are memories of 512 entries and more, one a line
synth_xcup.py tops VERILOG           tops of `wrap`, one a shape
synth_xcup.py wrap VERILOG           Verilog of these, one clock for reading and writing
synth_xcup.py table VERILOG FOLDER   memories and logic with their primitives, and all of it in one line
"""

import json
import re
import sys
from pathlib import Path

LARGE = 512
# Column: cell types that count, and how often.
COLUMNS = {
    "LUT": {f"LUT{n}": 1 for n in range(1, 7)},
    "FF": {"FDRE": 1, "FDSE": 1, "FDCE": 1, "FDPE": 1},
    "CARRY8": {"CARRY8": 1, "CARRY4": 0.5},
    "SRL": {"SRL16E": 1, "SRLC32E": 1},
    "LUTRAM": {
        "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8,
        "RAM32X1S": 1, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4, "RAM256X1D": 8, "RAM512X1S": 8, "RAM64X8SW": 8,
        "RAM32X16DR8": 8,
    },
    "BRAM36": {"RAMB36E2": 1},
    "BRAM18": {"RAMB18E2": 1},
    "URAM": {"URAM288": 1},
}


def memories(path):
    """(module, bits wide, entries) of every large memory; each module is instantiated once."""
    text = Path(path).read_text(encoding="utf-8")
    out = []
    for m in re.finditer(r"(?ms)^\s*module\s+([\w$]+)\s*\(.*?^\s*endmodule\b", text):
        mem = re.search(r"reg\s*\[(\d+):0\] mem\[(\d+):0\]", m.group(0))
        if mem and int(mem[2]) + 1 >= LARGE:
            out.append((m[1], int(mem[1]) + 1, int(mem[2]) + 1))
    return out


def top(width, depth):
    """Top of a memory of this shape."""
    return f"mem_{width}x{depth}"


def wrap(path):
    """One top a shape, written as the device's memories are: an old word is read at a collision."""
    text = Path(path).read_text(encoding="utf-8")
    found = re.findall(r'ram_style = "ultra" \*\)\s*reg\s*\[(\d+):0\] mem\[(\d+):0\]', text)
    marked = {(int(w) + 1, int(d) + 1) for w, d in found}
    lines = []
    for width, depth in sorted({(w, d) for _, w, d in memories(path)}):
        style = '(* ram_style = "ultra" *) ' if (width, depth) in marked else ""
        lines.append(
            f"module {top(width, depth)}(input clock, we, input [{depth.bit_length() - 2}:0] ra, wa,\n"
            f"    input [{width - 1}:0] d, output reg [{width - 1}:0] q);\n"
            f"    {style}reg [{width - 1}:0] mem [{depth - 1}:0];\n"
            "    always @(posedge clock) q <= mem[ra];\n"
            "    always @(posedge clock) if (we) mem[wa] <= d;\nendmodule"
        )
    return "\n".join(lines)


def counts(path, module):
    """Primitives by column."""
    with open(path, encoding="utf-8") as file:
        cells = json.load(file)["modules"]["\\" + module]["num_cells_by_type"]
    return {c: sum(cells.get(t, 0) * n for t, n in types.items()) for c, types in COLUMNS.items()}


def line(name, width, row, extra=()):
    """One line of the table."""
    return f"{name:{width}}" + "".join(f"{int(n):>9}" for n in row.values()) + "".join(f"{e:>14}" for e in extra)


def table(path, folder):
    """See the file's text."""
    found = memories(path)
    width = max(len(n) for n, *_ in found)
    lines = [f"{'memory':{width}}" + "".join(f"{c:>9}" for c in COLUMNS) + f"{'shape':>14}{'bits':>14}"]
    total, bits = dict.fromkeys(COLUMNS, 0), 0
    for name, w, d in found:
        row = counts(Path(folder) / f"{top(w, d)}.json", top(w, d))
        total = {c: total[c] + row[c] for c in COLUMNS}
        bits += w * d
        lines.append(line(name, width, row, (f"{w}x{d}", w * d)))
    lines.append(line("memories", width, total, ("", bits)))
    logic = Path(folder) / "logic.json"
    if logic.exists():
        row = counts(logic, "shoal_top")
        lines.append(line("logic", width, row))
        both = {c: int(row[c] + total[c]) for c in COLUMNS}
        lines.append(line("all", width, both))
        lines.append(" ".join(f"{c} {n}" for c, n in both.items()))
    return "\n".join(lines)


def main():
    """Command line."""
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    what, path = sys.argv[1:3]
    if what == "names":
        print("\n".join(n for n, *_ in memories(path)))
    elif what == "tops":
        print("\n".join(sorted({top(w, d) for _, w, d in memories(path)})))
    elif what == "wrap":
        print(wrap(path))
    elif what == "table" and len(sys.argv) == 4:
        print(table(path, sys.argv[3]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
