//! Writes the C++ that copies ports between the Rust structs and one Verilated top, from the port tables.

use std::fmt::Write;

use shoal_abi::ports::{Inputs, Outputs, Port, INPUTS, OUTPUTS};
use shoal_abi::profile::Profile;

/// Name of the Verilated class of `profile`.
pub fn class(profile: &str) -> String {
    format!("Vshoal_{profile}")
}

/// The shim of `profile`: the two structs, the copies, and `model.h` around them.
pub fn cpp(profile: &Profile) -> String {
    let class = class(profile.name);
    let mut s = format!(
        "// Ports of profile {}, written by build/shim.rs.\n#include <cstddef>\n#include <cstdint>\n\n\
         #include \"{class}.h\"\n#include \"{class}___024root.h\"\n\n#define MODEL {class}\n#define MODEL_TABLE shoal_model_{}\n\n",
        profile.name, profile.name
    );
    layout(&mut s, "Inputs", INPUTS, size_of::<Inputs>());
    layout(&mut s, "Outputs", OUTPUTS, size_of::<Outputs>());
    s += "static inline void set_inputs(MODEL* top, const Inputs& in) {\n";
    for port in INPUTS {
        copy_in(&mut s, port, port.bits(profile));
    }
    s += "}\n\nstatic inline void get_outputs(const MODEL* top, Outputs& out) {\n";
    for port in OUTPUTS {
        copy_out(&mut s, port, port.bits(profile));
    }
    s += "}\n\n#include \"model.h\"\n";
    s
}

/// A struct with the fields of the `repr(C)` one, and the proof that they lie where Rust has them.
fn layout(s: &mut String, name: &str, ports: &[Port], size: usize) {
    let mut asserts = String::new();
    let _ = writeln!(s, "struct {name} {{");
    for Port {
        name: field,
        offset,
        bytes,
        ..
    } in ports
    {
        let _ = match bytes {
            1 | 2 | 4 | 8 => writeln!(s, "    std::uint{}_t {field};", bytes * 8),
            _ => writeln!(s, "    std::uint64_t {field}[{}];", bytes / 8),
        };
        let _ = writeln!(
            asserts,
            "static_assert(offsetof({name}, {field}) == {offset} && sizeof({name}::{field}) == {bytes}, \"{field}\");"
        );
    }
    let _ = writeln!(
        s,
        "}};\n{asserts}static_assert(sizeof({name}) == {size}, \"{name}\");\n"
    );
}

/// Verilator wants the bits above a port's width to be 0: mask, whatever the caller wrote there.
fn copy_in(s: &mut String, port: &Port, bits: usize) {
    let name = port.name;
    let word = if port.bytes > 8 { "[0]" } else { "" };
    let _ = match bits {
        8 | 16 | 32 | 64 => writeln!(s, "    top->{name} = in.{name}{word};"),
        1..64 => writeln!(
            s,
            "    top->{name} = in.{name}{word} & {:#x}ULL;",
            (1_u64 << bits) - 1
        ),
        _ => (0..bits / 32).try_for_each(|n| {
            writeln!(
                s,
                "    top->{name}[{n}] = in.{name}[{}] >> {};",
                n / 2,
                n % 2 * 32
            )
        }),
    };
}

/// Words above the profile's width are 0.
fn copy_out(s: &mut String, port: &Port, bits: usize) {
    let name = port.name;
    if port.bytes <= 8 {
        let _ = writeln!(s, "    out.{name} = top->{name};");
        return;
    }
    for word in 0..port.bytes / 8 {
        let low = word * 2;
        let _ = match bits {
            _ if word >= bits.div_ceil(64) => writeln!(s, "    out.{name}[{word}] = 0;"),
            ..=64 => writeln!(s, "    out.{name}[{word}] = top->{name};"),
            _ => writeln!(
                s,
                "    out.{name}[{word}] = static_cast<std::uint64_t>(top->{name}[{}]) << 32 | top->{name}[{low}];",
                low + 1
            ),
        };
    }
}

/// The line of `profile` in the Rust table: its name and the getter of its functions.
pub fn rust(profile: &Profile) -> String {
    format!(
        "    shoal_model_{name} = \"{name}\",\n",
        name = profile.name
    )
}

/// The generated Rust file, from the lines of every profile.
pub fn rust_table(lines: &str) -> String {
    format!("models! {{\n{lines}}}\n")
}

/// The line of `profile` in the table of Verilog texts.
pub fn source(profile: &Profile, hash: u64) -> String {
    format!(
        "    Source {{ profile: \"{name}\", hash: \"{hash:016x}\", \
         verilog: include_str!(concat!(env!(\"OUT_DIR\"), \"/{name}.v\")) }},\n",
        name = profile.name
    )
}

/// The generated Rust file, from the lines of every profile.
pub fn source_table(lines: &str) -> String {
    format!("const SOURCES: &[Source] = &[\n{lines}];\n")
}
