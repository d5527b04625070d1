//! The tables of ABI.md and `shoal abi`, rendered from `shoal-abi`.
//!
//! Text of a table comes from the same place as its numbers: names and values from the constants, descriptions from their
//! doc comments. ABI.md holds each table between `<!-- generated:NAME -->` and `<!-- end -->`; the prose around them is
//! written by hand. A test fails when the two drift apart; `SHOAL_BLESS=1` rewrites the tables.

use std::fmt::Write as _;

use serde_json::{json, Value};
use shoal_abi::cmd::{self, Command, Field};
use shoal_abi::ports::{Port, INPUTS, OUTPUTS};
use shoal_abi::profile::{Profile, PROFILES};
use shoal_abi::regs::{self, Access, REGS};
use shoal_abi::stream::{self, UserField};
use shoal_abi::{mmu, pci, ring, ABI_VERSION};

const CMD_RS: &str = include_str!("../../model/abi/src/cmd.rs");
const MMU_RS: &str = include_str!("../../model/abi/src/mmu.rs");
const PCI_RS: &str = include_str!("../../model/abi/src/pci.rs");
const PORTS_RS: &str = include_str!("../../model/abi/src/ports.rs");
const PROFILE_RS: &str = include_str!("../../model/abi/src/profile.rs");
const REGS_RS: &str = include_str!("../../model/abi/src/regs.rs");
const RING_RS: &str = include_str!("../../model/abi/src/ring.rs");
const STREAM_RS: &str = include_str!("../../model/abi/src/stream.rs");

/// Why a document could not be patched.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// A marker names a table that does not exist.
    #[error("line {line}: no table is called {name}")]
    Unknown {
        /// Line of the marker, from 1.
        line: usize,
        /// Its name.
        name: String,
    },
    /// A marker has no end.
    #[error("line {line}: table {name} has no <!-- end -->")]
    Open {
        /// Line of the marker, from 1.
        line: usize,
        /// Its name.
        name: String,
    },
    /// A table is not in the document.
    #[error("the document has no table {0}")]
    Missing(&'static str),
}

/// A named number.
struct Named {
    name: &'static str,
    value: u64,
    doc: String,
}

/// The types that constants have.
trait Number {
    fn wide(self) -> u64;
}
macro_rules! numbers { ($($t:ty),*) => { $(impl Number for $t {
    fn wide(self) -> u64 { u64::from(self) }
})* } }
numbers!(u8, u16, u32, u64);
impl Number for usize {
    fn wide(self) -> u64 {
        self as u64
    }
}

macro_rules! named {
    ($source:expr, $module:ident: $($name:ident),* $(,)?) => {
        vec![$(Named { name: stringify!($name), value: $module::$name.wide(), doc: doc_of($source, stringify!($name)) }),*]
    };
}

/// The doc comment above the declaration of `name` in `source`; empty if there is none.
fn doc_of(source: &str, name: &str) -> String {
    let mut doc: Vec<&str> = Vec::new();
    for line in source.lines() {
        let line = line.trim();
        if let Some(text) = line.strip_prefix("///") {
            doc.push(text.trim());
            continue;
        }
        let item = line.strip_prefix("pub ").unwrap_or(line);
        let item = item.strip_prefix("const ").unwrap_or(item);
        if item
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(':'))
        {
            return doc.join(" ").replace("\\[", "[").replace("\\]", "]");
        }
        doc.clear();
    }
    String::new()
}

/// Statuses and qualifiers: name, value, description, as `cmd.rs` lists them.
fn statuses() -> Vec<(String, u64, String)> {
    let list = CMD_RS
        .lines()
        .skip_while(|l| !l.starts_with("statuses!"))
        .skip(1);
    list.take_while(|l| !l.starts_with('}'))
        .filter_map(|l| {
            let (name, rest) = l.trim().split_once(" = ")?;
            let (value, doc) = rest.split_once(", \"")?;
            Some((
                name.to_string(),
                value.parse().ok()?,
                doc.strip_suffix("\";")?.to_string(),
            ))
        })
        .collect()
}

fn causes() -> Vec<Named> {
    named!(MMU_RS, mmu: CAUSE_NONE, CAUSE_READ_ACCESS, CAUSE_WRITE_ACCESS, CAUSE_READ_PAGE, CAUSE_WRITE_PAGE,
        CAUSE_ASID_OFF, CAUSE_TABLE_ACCESS, CAUSE_AVAIL_JUMP, CAUSE_DESC_INDEX, CAUSE_CHAIN_LONG, CAUSE_DESC_ORDER,
        CAUSE_INDIRECT, CAUSE_INDIRECT_TABLE, CAUSE_CHAIN_BYTES)
}

fn mmu_constants() -> Vec<Named> {
    named!(MMU_RS, mmu: MODE_OFF, MODE_BARE, MODE_SV39, MODE_SV48, PTE_V, PTE_R, PTE_W, PTE_X, PTE_U, PTE_A, PTE_D,
        PTE_PPN_LSB, PTE_PPN_W, PTE_RESERVED, USER_PASID_W, USER_PASID_VALID, USER_INTERRUPT, FAULT_BYTES, FAULT_CAUSE_MASK, FAULT_ASID_MASK, FAULT_ACCESS_MASK, FAULT_MEMBER_MASK, FAULT_VQ_MASK, FAULT_READ,
        FAULT_WRITE)
}

fn bar_constants() -> Vec<Named> {
    named!(REGS_RS, regs: MAGIC_VALUE, MSIX_TABLE, MSIX_VECTORS, MSIX_ENTRY_BYTES, MMU_PARTITION, MMU_BLOCKING, ENGINE_SINGLE, FQ_ENABLE, FQ_LOG2_LSB, FQ_LOG2_MAX, FQ_VECTOR_LSB, QUEUE_VECTOR_LSB, QUEUE_SELECT_LSB, NO_VECTOR, DOORBELLS,
        DOORBELL_PAGE_BYTES, ADMIN_QUEUE_SIZE, MGMT_FEATURES, RESP_OKAY, RESP_SLVERR, RESP_DECERR)
}

fn pci_constants() -> Vec<Named> {
    named!(PCI_RS, pci: VENDOR, DEVICE, REVISION, CLASS, BAR_REGS, BAR_REGS_BYTES, BAR_DOORBELLS, BAR_MSIX, BAR_MSIX_BYTES,
        MSIX_TABLE_OFFSET, MSIX_PBA_OFFSET, FIRST_SLOT_VECTOR, MAX_VECTORS, DEFAULT_VECTORS)
}

fn command_constants() -> Vec<Named> {
    named!(CMD_RS, cmd: GROUP_SELF, GROUP_MANAGED, HEADER_BYTES, RESULT_HEADER_BYTES, COMMAND_BYTES, CONFIG_BYTES,
        MAX_DEV_VQS, CONFIG_MSI, GROUPS, MSI_MASK, MSI_PENDING, MSI_VALID, ASID_PASID_VALID, IOTLB_ALL, IOTLB_ASID, IOTLB_RANGE, VQ_READY, MODE_STOPPED, SCHED_PACED, MAX_INTERVAL, MAX_WEIGHT, DRAIN_POLLS)
}

fn ring_constants() -> Vec<Named> {
    named!(RING_RS, ring: DESC_F_NEXT, DESC_F_WRITE, DESC_F_INDIRECT, DESC_BYTES, MAX_CHAIN_BYTES, AVAIL_IDX, AVAIL_RING,
        AVAIL_F_NO_INTERRUPT, USED_IDX, USED_RING, USED_ELEM_BYTES, F_INDIRECT_DESC, F_EVENT_IDX, F_VERSION_1,
        F_ACCESS_PLATFORM, F_IN_ORDER, F_ORDER_PLATFORM, F_NOTIFICATION_DATA, F_RING_RESET, COMMON_FEATURES, REQUIRED_FEATURES, NET_FEATURES, BLK_FEATURES, TYPE_NET,
        TYPE_BLK, S_ACKNOWLEDGE, S_DRIVER, S_DRIVER_OK, S_FEATURES_OK, S_NEEDS_RESET, S_FAILED, S_WRITABLE,
        NET_HDR_BYTES, NET_HDR_NUM_BUFFERS, F_NET_MTU, F_NET_MAC, F_NET_STATUS, F_BLK_SEG_MAX, F_BLK_SIZE_MAX, F_BLK_RO, F_BLK_BLK_SIZE,
        F_BLK_FLUSH, F_BLK_MQ, F_BLK_DISCARD, F_BLK_WRITE_ZEROES, NET_CFG_MAC, NET_CFG_STATUS, NET_CFG_MAX_VQ_PAIRS, NET_CFG_MTU, NET_CFG_BYTES,
        NET_S_LINK_UP, NET_MTU_MIN, BLK_CFG_CAPACITY, BLK_CFG_SEG_MAX, BLK_CFG_SIZE_MAX, MAX_QUEUE_SIZE, BLK_HDR_BYTES, BLK_T_OUT, BLK_CFG_BLK_SIZE, BLK_CFG_NUM_QUEUES,
        BLK_CFG_MAX_DISCARD_SECTORS, BLK_CFG_MAX_DISCARD_SEG, BLK_CFG_DISCARD_SECTOR_ALIGNMENT, BLK_CFG_MAX_WRITE_ZEROES_SECTORS,
        BLK_CFG_MAX_WRITE_ZEROES_SEG, BLK_CFG_WRITE_ZEROES_MAY_UNMAP, BLK_CFG_BYTES, BLK_RANGE_SECTORS, BLK_RANGE_SEGMENTS,
        BLK_SECTOR_BYTES)
}

fn stream_fields() -> [(&'static str, UserField); 5] {
    [
        ("TUSER_TAG", stream::TUSER_TAG),
        ("TUSER_WRITABLE", stream::TUSER_WRITABLE),
        ("TUSER_TYPE", stream::TUSER_TYPE),
        ("TUSER_ANSWER", stream::TUSER_ANSWER),
        ("TUSER_ABORT", stream::TUSER_ABORT),
    ]
}

/// Members of a profile that a driver or an integrator sees.
fn sizes(p: &Profile) -> [(&'static str, Value); 14] {
    [
        ("data_w", json!(p.data_w)),
        ("id_w", json!(p.id_w)),
        ("devices", json!(p.devices)),
        ("queues", json!(p.queues)),
        ("doorbell_pages", json!(p.doorbell_pages)),
        ("asids", json!(p.asids)),
        ("max_vq_size", json!(p.max_vq_size)),
        ("chain_slots", json!(p.chain_slots)),
        ("rx_slots", json!(p.rx_slots)),
        ("slot_w", json!(p.slot_w)),
        ("rx_packets", json!(p.rx_packets)),
        ("tlb_aw", json!(p.tlb_aw)),
        ("dev_aw", json!(p.dev_aw)),
        ("vq_aw", json!(p.vq_aw)),
    ]
}

fn access(a: Access) -> &'static str {
    match a {
        Access::Ro => "RO",
        Access::Rw => "RW",
        Access::Wo => "WO",
    }
}

/// Renders a table. A bar inside a cell is escaped.
fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut s = String::new();
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    s.push_str(&line(
        &head.iter().map(ToString::to_string).collect::<Vec<_>>(),
    ));
    let _ = writeln!(s, "|{}", "---|".repeat(head.len()));
    for row in rows {
        s.push_str(&line(
            &row.iter()
                .map(|c| c.replace('|', "\\|"))
                .collect::<Vec<_>>(),
        ));
    }
    s
}

/// A number as the documents write it: small ones decimal, others hexadecimal.
fn number(n: u64) -> String {
    if n < 4096 {
        n.to_string()
    } else {
        format!("{n:#x}")
    }
}

fn named_table(all: &[Named]) -> String {
    table(
        &["name", "value", "meaning"],
        all.iter()
            .map(|c| vec![format!("`{}`", c.name), number(c.value), c.doc.clone()]),
    )
}

fn profiles_md() -> String {
    let head: Vec<&str> = ["size", "meaning"]
        .into_iter()
        .chain(PROFILES.iter().map(|p| p.name))
        .collect();
    let names = sizes(&PROFILES[0]).map(|(name, _)| name);
    table(
        &head,
        names.iter().enumerate().map(|(n, name)| {
            let mut row = vec![format!("`{name}`"), doc_of(PROFILE_RS, name)];
            row.extend(
                PROFILES
                    .iter()
                    .map(|p| sizes(p)[n].1.to_string().replace(',', ", ")),
            );
            row
        }),
    )
}

fn ports_md(ports: &[Port]) -> String {
    let head: Vec<&str> = ["port"]
        .into_iter()
        .chain(PROFILES.iter().map(|p| p.name))
        .chain(["meaning"])
        .collect();
    table(
        &head,
        ports.iter().map(|port| {
            let mut row = vec![format!("`{}`", port.name)];
            row.extend(PROFILES.iter().map(|p| port.bits(p).to_string()));
            row.push(doc_of(PORTS_RS, port.name));
            row
        }),
    )
}

fn registers_md() -> String {
    table(
        &["offset", "name", "access", "meaning"],
        REGS.iter().map(|r| {
            vec![
                format!("{:#07x}", r.offset),
                format!("`{}`", r.name),
                access(r.access).to_string(),
                r.doc.to_string(),
            ]
        }),
    )
}

fn group(c: &Command) -> &'static str {
    match (c.opcode, c.member) {
        (cmd::LIST_QUERY | cmd::LIST_USE, _) => "both",
        (_, true) => "MANAGED",
        (_, false) => "SELF",
    }
}

fn fields_md(s: &mut String, title: &str, fields: &[Field]) {
    if fields.is_empty() {
        let _ = writeln!(s, "\n{title}: none.");
        return;
    }
    let _ = writeln!(s, "\n{title}:\n");
    s.push_str(&table(
        &["offset", "bytes", "field", "meaning"],
        fields.iter().map(|f| {
            vec![
                f.offset.to_string(),
                f.bytes.to_string(),
                format!("`{}`", f.name),
                f.doc.to_string(),
            ]
        }),
    ));
}

fn commands_md() -> String {
    let mut s = table(
        &["opcode", "command", "group", "data bytes", "result bytes"],
        cmd::COMMANDS.iter().map(|c| {
            let bytes = |f: &[Field]| f.last().map_or(0, |f| f.offset + f.bytes).to_string();
            vec![
                format!("{:#04x}", c.opcode),
                format!("`{}`", c.name),
                group(c).to_string(),
                bytes(c.data),
                bytes(c.result),
            ]
        }),
    );
    for c in cmd::COMMANDS {
        let _ = writeln!(s, "\n#### {} ({:#04x})\n\n{}", c.name, c.opcode, c.doc);
        fields_md(&mut s, "Data", c.data);
        fields_md(&mut s, "Result", c.result);
    }
    s
}

fn statuses_md() -> String {
    table(
        &["name", "value", "meaning"],
        statuses()
            .into_iter()
            .map(|(name, value, doc)| vec![format!("`{name}`"), value.to_string(), doc]),
    )
}

fn stream_md() -> String {
    table(
        &["bits", "field", "meaning"],
        stream_fields().iter().map(|(name, f)| {
            let bits = if f.width == 1 {
                format!("[{}]", f.lsb)
            } else {
                format!("[{}:{}]", f.lsb + f.width - 1, f.lsb)
            };
            vec![bits, format!("`{name}`"), doc_of(STREAM_RS, name)]
        }),
    )
}

/// A table: its name in the markers and what renders it.
type Block = (&'static str, fn() -> String);

const BLOCKS: [Block; 13] = [
    ("profiles", profiles_md),
    ("inputs", || ports_md(INPUTS)),
    ("outputs", || ports_md(OUTPUTS)),
    ("registers", registers_md),
    ("bar-constants", || named_table(&bar_constants())),
    ("statuses", statuses_md),
    ("commands", commands_md),
    ("command-constants", || named_table(&command_constants())),
    ("ring-constants", || named_table(&ring_constants())),
    ("tuser", stream_md),
    ("pci-constants", || named_table(&pci_constants())),
    ("mmu-constants", || named_table(&mmu_constants())),
    ("causes", || named_table(&causes())),
];

/// All tables, each under its name.
#[must_use]
pub fn markdown() -> String {
    let mut s = format!("# Shoal ABI {ABI_VERSION}: tables\n");
    for (name, render) in BLOCKS {
        let _ = write!(s, "\n## {name}\n\n{}", render());
    }
    s
}

fn named_json(all: &[Named]) -> Value {
    all.iter()
        .map(|c| json!({ "name": c.name, "value": c.value, "doc": c.doc }))
        .collect()
}

fn ports_json(ports: &[Port]) -> Value {
    ports
        .iter()
        .map(|port| {
            let widths: serde_json::Map<String, Value> = PROFILES
                .iter()
                .map(|p| (p.name.to_string(), json!(port.bits(p))))
                .collect();
            json!({ "name": port.name, "bits": widths, "doc": doc_of(PORTS_RS, port.name) })
        })
        .collect()
}

fn fields_json(fields: &[Field]) -> Value {
    fields
        .iter()
        .map(|f| json!({ "name": f.name, "offset": f.offset, "bytes": f.bytes, "doc": f.doc }))
        .collect()
}

/// All tables as one JSON object.
#[must_use]
pub fn json() -> Value {
    let registers: Value = REGS
        .iter()
        .map(|r| json!({ "name": r.name, "offset": r.offset, "access": access(r.access), "doc": r.doc }))
        .collect();
    let commands: Value = cmd::COMMANDS
        .iter()
        .map(|c| {
            json!({
                "name": c.name, "opcode": c.opcode, "group": group(c), "doc": c.doc,
                "data": fields_json(c.data), "result": fields_json(c.result),
            })
        })
        .collect();
    let profiles: Value = PROFILES
        .iter()
        .map(|p| {
            let mut o: serde_json::Map<String, Value> = sizes(p)
                .iter()
                .map(|(name, v)| ((*name).to_string(), json!(v)))
                .collect();
            o.insert("name".into(), json!(p.name));
            Value::Object(o)
        })
        .collect();
    let statuses: Value = statuses()
        .into_iter()
        .map(|(name, value, doc)| json!({ "name": name, "value": value, "doc": doc }))
        .collect();
    let tuser: Value = stream_fields()
        .iter()
        .map(|(name, f)| {
            json!({ "name": name, "lsb": f.lsb, "bits": f.width, "doc": doc_of(STREAM_RS, name) })
        })
        .collect();
    json!({
        "abi_version": ABI_VERSION,
        "profiles": profiles,
        "inputs": ports_json(INPUTS),
        "outputs": ports_json(OUTPUTS),
        "registers": registers,
        "bar_constants": named_json(&bar_constants()),
        "statuses": statuses,
        "commands": commands,
        "command_constants": named_json(&command_constants()),
        "ring_constants": named_json(&ring_constants()),
        "tuser": tuser,
        "pci_constants": named_json(&pci_constants()),
        "mmu_constants": named_json(&mmu_constants()),
        "causes": named_json(&causes()),
    })
}

/// `document` with every table between its markers rendered anew.
///
/// # Errors
/// A marker names no table or is not closed, or a table has no marker.
pub fn patch(document: &str) -> Result<String, Error> {
    let mut out = String::with_capacity(document.len());
    let mut found = [false; BLOCKS.len()];
    let mut lines = document.lines().enumerate();
    while let Some((n, text)) = lines.next() {
        let line = n + 1;
        out.push_str(text);
        out.push('\n');
        let Some(name) = text
            .strip_prefix("<!-- generated:")
            .and_then(|t| t.strip_suffix(" -->"))
        else {
            continue;
        };
        let name = name.to_string();
        let Some(at) = BLOCKS.iter().position(|(n, _)| *n == name) else {
            return Err(Error::Unknown { line, name });
        };
        if !lines.any(|(_, l)| l == "<!-- end -->") {
            return Err(Error::Open { line, name });
        }
        found[at] = true;
        let _ = write!(out, "\n{}\n<!-- end -->\n", BLOCKS[at].1().trim_end());
    }
    match found.iter().position(|f| !f) {
        Some(at) => Err(Error::Missing(BLOCKS[at].0)),
        None => Ok(out),
    }
}

#[cfg(test)]
#[path = "abi_doc_tests.rs"]
mod tests;
