#!/usr/bin/env bash
# Synthesises a top for Lattice ECP5 and writes what every block takes to FOLDER/report.txt.
#   synth.sh VERILOG FOLDER
set -euo pipefail

verilog=$1
folder=$2
here=$(dirname "$0")
mkdir -p "$folder"

# The blocks of the top keep their boundary so that each has its own numbers; below them all is flattened.
blocks=$("$here/synth_report.py" blocks "$verilog")
keep=$(printf 'setattr -mod -set keep_hierarchy 1 %s; ' $blocks)

echo "synth: yosys synth_ecp5 on $verilog, log in $folder/yosys.log"
# No write-out: the passes after `check` only rename cells.
yosys -q -l "$folder/yosys.log" -p "
    read_verilog $verilog
    hierarchy -check -top shoal_top
    $keep
    synth_ecp5 -top shoal_top -run begin:check
    tee -q -o $folder/stat.json stat -json" || {
    echo "synth: yosys failed, see $folder/yosys.log" >&2
    exit 1
}
"$here/synth_report.py" table "$folder/stat.json" | tee "$folder/report.txt"
