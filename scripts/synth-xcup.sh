#!/usr/bin/env bash
# Synthesises a top for Xilinx UltraScale+ with yosys and writes what it takes to FOLDER/report.txt.
#   synth-xcup.sh VERILOG FOLDER [memories]
# Memories of 512 entries and more are synthesised apart, each alone: the logic is then a matter of minutes, and the
# decoding of deep ones, which yosys builds from LUTs where the part has cascades, does not count as logic.
# With `memories` the logic is left out.
set -euo pipefail

verilog=$1
folder=$2
only=${3:-}
here=$(dirname "$0")
report="$here/synth_xcup.py"
mkdir -p "$folder"
# For a run that grows beyond its bounds: 12 GB, and minutes for each of the two steps.
ulimit -v 12000000
minutes=${SYNTH_MINUTES:-40}

run() { # run NAME WHAT SCRIPT
    nice timeout "${minutes}m" yosys -q -l "$folder/$1.log" -p "$3" >/dev/null || {
        echo "synth-xcup: $2 of $verilog: yosys failed or took over $minutes minutes (SYNTH_MINUTES), see $folder/$1.log" >&2
        exit 1
    }
}

"$report" wrap "$verilog" >"$folder/memories.v"
# No write-out: the passes after `check` only rename cells.
flow="synth_xilinx -family xcup -uram -noiopad -noclkbuf -run begin:check"
alone=""
for top in $("$report" tops "$verilog"); do
    alone+="design -load read; $flow -flatten -top $top; tee -q -o $folder/$top.json stat -json; "
done
run memories "memories" "read_verilog $folder/memories.v; design -save read; $alone"

if [ "$only" != memories ]; then
    apart=$(printf 'blackbox %s; ' $("$report" names "$verilog"))
    run logic "logic" "
        read_verilog $verilog
        hierarchy -check -top shoal_top
        $apart
        $flow -flatten -top shoal_top
        tee -q -o $folder/logic.json stat -json
        select -assert-none t:LDCE t:LDPE"
fi
"$report" table "$verilog" "$folder" | tee "$folder/report.txt"
