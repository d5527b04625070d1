//! Reads the text that rust-hdl emits: modules, declarations, instances, initial values.
//!
//! Not a Verilog parser: it knows the one shape that `rust_hdl_core::module_defines` writes, a statement a line.

use std::sync::LazyLock;

use regex::Regex;

/// One `module` … `endmodule` of the emitted text.
pub struct Module<'a> {
    /// Name, an instance path joined with `$`.
    pub name: &'a str,
    /// The text from `module` to `endmodule` inclusive.
    pub text: &'a str,
    /// Where `text` starts in the whole, bytes.
    pub start: usize,
}

/// One declared name.
#[derive(Debug, PartialEq, Eq)]
pub struct Decl<'a> {
    /// `input`, `output`, `inout`, `reg`, `wire` or `localparam`.
    pub kind: &'a str,
    /// Width, bits.
    pub bits: usize,
    /// Name.
    pub name: &'a str,
}

fn regex(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of this file")
}

static MODULE: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?ms)^\s*module\s+([\w$]+)\s*\(.*?^\s*endmodule\b"));
static DECL: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?mx) ^\s* (input|output|inout|reg|wire|localparam)\b \s* (?:wire\b|reg\b)?
            \s* (?:signed\b)? \s* (?:\[(\d+):0\])? \s* ([\w$]+) \s* (?:;|=|\[)",
    )
});
static INSTANCE: LazyLock<Regex> = LazyLock::new(|| regex(r"(?m)^\s*([\w$]+)\s+([\w$]+)\(\s*$"));
static MEMORY: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?m)^(\s*)(reg\s*\[\d+:0\] mem\[(\d+):0\];)"));
static DFF_INITIAL: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?m)^\s*initial begin\s+q = [^;]*;\s+end\s+(always @\(posedge clock\) begin\s+q <= d;\s+end)",
    )
});

/// Every module of `verilog`, in order.
pub fn modules(verilog: &str) -> Vec<Module<'_>> {
    MODULE
        .captures_iter(verilog)
        .map(|c| {
            let (all, name) = (c.get(0).expect("whole match"), c.get(1).expect("group 1"));
            Module {
                name: name.as_str(),
                text: all.as_str(),
                start: all.start(),
            }
        })
        .collect()
}

/// Every name that `module` declares, instances left out.
pub fn declarations<'a>(module: &Module<'a>) -> Vec<Decl<'a>> {
    DECL.captures_iter(module.text)
        .map(|c| Decl {
            kind: c.get(1).expect("group 1").as_str(),
            bits: c
                .get(2)
                .map_or(1, |m| m.as_str().parse::<usize>().map_or(0, |n| n + 1)),
            name: c.get(3).expect("group 3").as_str(),
        })
        .collect()
}

/// Instance names of `module`.
pub fn instances<'a>(module: &Module<'a>) -> Vec<&'a str> {
    INSTANCE
        .captures_iter(module.text)
        .filter(|c| &c[1] != "module")
        .map(|c| c.get(2).expect("group 2").as_str())
        .collect()
}

/// `verilog` without the initial values of its registers, and how many there were.
///
/// Only rust-hdl's `DFF` writes this shape; contents given to a `RAM` or `ROM` stay.
pub fn strip_register_initials(verilog: &str) -> (String, usize) {
    let count = DFF_INITIAL.find_iter(verilog).count();
    (
        DFF_INITIAL.replace_all(verilog, "    $1").into_owned(),
        count,
    )
}

/// `verilog` with every memory of `entries` and more marked as UltraRAM.
pub fn mark_deep_memories(verilog: &str, entries: usize) -> String {
    MEMORY
        .replace_all(verilog, |c: &regex::Captures<'_>| {
            let deep = c[3].parse::<usize>().is_ok_and(|last| last >= entries - 1);
            let mark = if deep {
                "(* ram_style = \"ultra\" *)\n"
            } else {
                ""
            };
            format!("{}{mark}{}", &c[1], &c[2])
        })
        .into_owned()
}

/// Is `name` reserved in Verilog-2005 or in any SystemVerilog that a user's tool may read the file as?
pub fn is_keyword(name: &str) -> bool {
    KEYWORDS.binary_search(&name).is_ok()
}

/// IEEE 1364-2005 Annex B and IEEE 1800-2017 Annex B, sorted.
#[rustfmt::skip]
const KEYWORDS: &[&str] = &[
    "accept_on", "alias", "always", "always_comb", "always_ff", "always_latch", "and", "assert", "assign", "assume",
    "automatic", "before", "begin", "bind", "bins", "binsof", "bit", "break", "buf", "bufif0", "bufif1", "byte", "case",
    "casex", "casez", "cell", "chandle", "checker", "class", "clocking", "cmos", "config", "const", "constraint",
    "context", "continue", "cover", "covergroup", "coverpoint", "cross", "deassign", "default", "defparam", "design",
    "disable", "dist", "do", "edge", "else", "end", "endcase", "endchecker", "endclass", "endclocking", "endconfig",
    "endfunction", "endgenerate", "endgroup", "endinterface", "endmodule", "endpackage", "endprimitive", "endprogram",
    "endproperty", "endsequence", "endspecify", "endtable", "endtask", "enum", "event", "eventually", "expect",
    "export", "extends", "extern", "final", "first_match", "for", "force", "foreach", "forever", "fork", "forkjoin",
    "function", "generate", "genvar", "global", "highz0", "highz1", "if", "iff", "ifnone", "ignore_bins",
    "illegal_bins", "implements", "implies", "import", "incdir", "include", "initial", "inout", "input", "inside",
    "instance", "int", "integer", "interconnect", "interface", "intersect", "join", "join_any", "join_none", "large",
    "let", "liblist", "library", "local", "localparam", "logic", "longint", "macromodule", "matches", "medium",
    "modport", "module", "nand", "negedge", "nettype", "new", "nexttime", "nmos", "nor", "noshowcancelled", "not",
    "notif0", "notif1", "null", "or", "output", "package", "packed", "parameter", "pmos", "posedge", "primitive",
    "priority", "program", "property", "protected", "pull0", "pull1", "pulldown", "pullup",
    "pulsestyle_ondetect", "pulsestyle_onevent", "pure", "rand", "randc", "randcase", "randsequence", "rcmos", "real",
    "realtime", "ref", "reg", "reject_on", "release", "repeat", "restrict", "return", "rnmos", "rpmos", "rtran",
    "rtranif0", "rtranif1", "s_always", "s_eventually", "s_nexttime", "s_until", "s_until_with", "scalared",
    "sequence", "shortint", "shortreal", "showcancelled", "signed", "small", "soft", "solve", "specify", "specparam",
    "static", "string", "strong", "strong0", "strong1", "struct", "super", "supply0", "supply1", "sync_accept_on",
    "sync_reject_on", "table", "tagged", "task", "this", "throughout", "time", "timeprecision", "timeunit", "tran",
    "tranif0", "tranif1", "tri", "tri0", "tri1", "triand", "trior", "trireg", "type", "typedef", "union", "unique",
    "unique0", "unsigned", "until", "until_with", "untyped", "use", "uwire", "var", "vectored", "virtual", "void",
    "wait", "wait_order", "wand", "weak", "weak0", "weak1", "while", "wildcard", "wire", "with", "within", "wor",
    "xnor", "xor",
];

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\n\nmodule top$a(clock,table);\n    \n    // Module arguments\n    input wire  clock;\n    \
        output reg  [3:0] table;\n    localparam  k = 8'h1;\n    reg[63:0] mem[15:0];\n    top$a$sub sub(\n        \
        .d(sub$d)\n    );\n    initial begin\n       q = 4'h0;\n    end\n    \n    always @(posedge clock) begin\n       \
        q <= d;\n    end\nendmodule // top$a\n";

    #[test]
    fn keywords_are_sorted_so_that_they_can_be_searched() {
        assert!(KEYWORDS.windows(2).all(|w| w[0] < w[1]));
        assert!(is_keyword("table") && is_keyword("wire") && !is_keyword("desc"));
    }

    #[test]
    fn a_module_yields_its_declarations_and_instances() {
        let all = modules(TEXT);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].name, "top$a");
        let names: Vec<_> = declarations(&all[0])
            .iter()
            .map(|d| (d.kind, d.bits, d.name))
            .collect();
        let want = [
            ("input", 1, "clock"),
            ("output", 4, "table"),
            ("localparam", 1, "k"),
            ("reg", 64, "mem"),
        ];
        assert_eq!(names, want);
        assert_eq!(instances(&all[0]), ["sub"]);
    }

    #[test]
    fn a_register_loses_its_initial_value_and_keeps_its_edge() {
        let (out, count) = strip_register_initials(TEXT);
        assert_eq!(count, 1);
        assert!(!out.contains("initial") && out.contains("q <= d;"));
    }

    #[test]
    fn only_a_deep_memory_is_marked_and_stays_a_declaration() {
        assert_eq!(mark_deep_memories(TEXT, 17), TEXT);
        let marked = mark_deep_memories(TEXT, 16);
        assert!(marked.contains("(* ram_style = \"ultra\" *)\nreg[63:0] mem[15:0];"));
        let names = |text| declarations(&modules(text)[0]).len();
        assert_eq!(names(&marked), names(TEXT));
    }

    #[test]
    fn memory_contents_stay() {
        let rom = "initial begin\nmem[4'h0] = 8'h1;\nend\n";
        assert_eq!(strip_register_initials(rom), (rom.to_owned(), 0));
    }
}
