#!/usr/bin/env bash
# Checks Verilog files with yosys: no missing module, no undriven or doubly driven net, no logic loop, no latch.
#   yosys-check.sh FILE…
set -euo pipefail

for file in "$@"; do
    yosys -q -e '.*' -p "
        read_verilog $file
        hierarchy -check -top shoal_top
        proc
        flatten
        select -assert-none t:\$dlatch t:\$adlatch t:\$sr
        check -assert" || {
        echo "yosys-check: $file failed" >&2
        exit 1
    }
    echo "$file: yosys check passed"
done
