// Turns a closed FST file into a VCD file, with the reader that Verilator brings along.

#include <cstdio>

#include "gtkwave/fstapi.h"

// 1 on success.
extern "C" int shoal_fst_to_vcd(const char* fst, const char* vcd) {
    void* const reader = fstReaderOpen(fst);
    if (!reader) return 0;
    std::FILE* const out = std::fopen(vcd, "wb");
    int good = 0;
    if (out) {
        good = fstReaderProcessHier(reader, out);
        fstReaderSetFacProcessMaskAll(reader);
        good = good && fstReaderIterBlocks(reader, nullptr, nullptr, out);
        good = std::fclose(out) == 0 && good;
    }
    fstReaderClose(reader);
    return good;
}
