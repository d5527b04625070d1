#!/usr/bin/env python3
"""Helps synth.sh: names the blocks of the top, and turns yosys' statistics into a table.

synth_report.py blocks VERILOG   the modules that shoal_top instantiates, one a line
synth_report.py table STAT_JSON  LUT4, FF, DP16KD … of every block
"""

import json
import re
import sys

TOP = "shoal_top"
# Column: cell types that count. A wide multiplexer is two LUT4 joined by a PFUMX, so LUT4 is the figure to compare.
COLUMNS = {
    "LUT4": ["LUT4"],
    "CCU2C": ["CCU2C"],
    "FF": ["TRELLIS_FF"],
    "DP16KD": ["DP16KD"],
    "DPR16X4": ["TRELLIS_DPR16X4"],
    "MUL18": ["MULT18X18D"],
}


def blocks(path):
    """Kinds instantiated by the top: lines `kind name(` in its module."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    module = re.search(rf"^module {TOP}\(.*?^\s*endmodule", text, re.M | re.S)
    if module is None:
        sys.exit(f"synth: no module {TOP} in {path}")
    kinds = re.findall(rf"^\s*({TOP}\$\S+) \S+\(\s*$", module.group(0), re.M)
    return sorted(set(kinds))


def table(path):
    """One line a block, the top's own logic and the sum at the end."""
    with open(path, encoding="utf-8") as file:
        modules = json.load(file)["modules"]
    rows, total = [], dict.fromkeys(COLUMNS, 0)
    for name, stat in sorted(modules.items()):
        name = name.lstrip("\\")
        if name != TOP and not name.startswith(TOP + "$"):
            continue
        cells = stat["num_cells_by_type"]
        counts = {c: sum(cells.get(t, 0) for t in types) for c, types in COLUMNS.items()}
        for column, count in counts.items():
            total[column] += count
        rows.append((name.removeprefix(TOP + "$") if name != TOP else "(top)", counts))
    width = max(len(name) for name, _ in rows)
    lines = [f"{'block':{width}}" + "".join(f"{c:>9}" for c in COLUMNS)]
    for name, counts in rows + [("total", total)]:
        lines.append(f"{name:{width}}" + "".join(f"{n:>9}" for n in counts.values()))
    return "\n".join(lines)


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("blocks", "table"):
        sys.exit(__doc__)
    if sys.argv[1] == "blocks":
        print("\n".join(blocks(sys.argv[2])))
    else:
        print(table(sys.argv[2]))


if __name__ == "__main__":
    main()
