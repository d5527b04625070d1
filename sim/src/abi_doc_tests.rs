//! ABI.md and the tables of `shoal abi` agree with `shoal-abi`.

use super::*;

/// Names declared in `source` as `pub const PREFIX...`.
fn declared<'a>(source: &'a str, prefix: &'a str) -> Vec<&'a str> {
    let names = source
        .lines()
        .filter_map(|l| l.strip_prefix("pub const ")?.split(':').next());
    names.filter(|n| n.starts_with(prefix)).collect()
}

#[test]
fn abi_md_holds_the_tables_as_they_are_rendered() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../ABI.md");
    let document = std::fs::read_to_string(path).expect("ABI.md can be read");
    let patched = patch(&document).expect("ABI.md has every table");
    if std::env::var_os("SHOAL_BLESS").is_some() {
        std::fs::write(path, &patched).expect("ABI.md can be written");
        return;
    }
    for (n, (is, should)) in document.lines().zip(patched.lines()).enumerate() {
        assert_eq!(
            is,
            should,
            "ABI.md line {}; SHOAL_BLESS=1 rewrites the tables",
            n + 1
        );
    }
    assert_eq!(
        document.len(),
        patched.len(),
        "ABI.md ends elsewhere; SHOAL_BLESS=1"
    );
}

#[test]
fn every_constant_of_a_family_is_in_its_table() {
    let has = |all: &[Named], name: &str| all.iter().any(|c| c.name == name);
    let families: [(&str, &str, Vec<Named>); 11] = [
        (MMU_RS, "CAUSE_", causes()),
        (MMU_RS, "PTE_", mmu_constants()),
        (MMU_RS, "MODE_", mmu_constants()),
        (MMU_RS, "FAULT_", mmu_constants()),
        (CMD_RS, "IOTLB_", command_constants()),
        (REGS_RS, "FQ_", bar_constants()),
        (RING_RS, "", ring_constants()),
        (PCI_RS, "", pci_constants()),
        (CMD_RS, "MSI_", command_constants()),
        (CMD_RS, "GROUP", command_constants()),
        (
            STREAM_RS,
            "",
            stream_fields()
                .map(|(name, _)| Named {
                    name,
                    value: 0,
                    doc: String::new(),
                })
                .into(),
        ),
    ];
    for (source, prefix, all) in families {
        let names = declared(source, prefix);
        assert!(!names.is_empty(), "no constant begins with {prefix}");
        for name in names {
            assert!(has(&all, name), "{name} is not documented");
        }
    }
}

#[test]
fn every_entry_of_a_table_has_a_description() {
    for port in INPUTS.iter().chain(OUTPUTS) {
        assert_ne!(doc_of(PORTS_RS, port.name), "", "{}", port.name);
    }
    let mut all = causes();
    all.extend(mmu_constants());
    all.extend(bar_constants());
    all.extend(command_constants());
    all.extend(ring_constants());
    for c in all {
        assert_ne!(c.doc, "", "{}", c.name);
    }
    for (name, _) in sizes(&PROFILES[0]) {
        assert_ne!(doc_of(PROFILE_RS, name), "", "{name}");
    }
}

#[test]
fn the_status_table_agrees_with_the_constants() {
    let all = statuses();
    let value = |name: &str| all.iter().find(|s| s.0 == name).map(|s| s.1);
    assert_eq!(value("EINVAL"), Some(u64::from(cmd::EINVAL)));
    assert_eq!(value("EEXIST"), Some(u64::from(cmd::EEXIST)));
    assert_eq!(value("Q_TRYAGAIN"), Some(u64::from(cmd::Q_TRYAGAIN)));
    assert_eq!(all.len(), 13);
}

#[test]
fn a_document_with_a_wrong_or_open_marker_is_refused() {
    let unknown = Error::Unknown {
        line: 2,
        name: "nothing".into(),
    };
    assert_eq!(
        patch("x\n<!-- generated:nothing -->\n<!-- end -->\n"),
        Err(unknown)
    );
    let open = Error::Open {
        line: 1,
        name: "tuser".into(),
    };
    assert_eq!(patch("<!-- generated:tuser -->\n"), Err(open));
    assert_eq!(patch("no tables\n"), Err(Error::Missing("profiles")));
}

#[test]
fn the_json_tables_hold_every_port_register_and_command() {
    let j = json();
    let len = |key: &str| j[key].as_array().map_or(0, Vec::len);
    assert_eq!(len("inputs"), INPUTS.len());
    assert_eq!(len("outputs"), OUTPUTS.len());
    assert_eq!(len("registers"), REGS.len());
    assert_eq!(len("commands"), cmd::COMMANDS.len());
    assert_eq!(j["inputs"][0]["bits"]["tiny"], 1);
    assert!(markdown().contains("| 0x00200 | `NOTIFY` | WO |"));
}
