//! Tests of the Verilog gate, on the stand-in top and on text of known shape.

use super::*;
use rust_hdl::prelude::*;
use shoal_abi::profile::{MID, PROFILES, TINY};

fn stub_verilog(profile: &Profile) -> String {
    let top = crate::stub::build(profile).expect("stub has the widths");
    from_block(profile, top.as_ref()).expect("stub generates")
}

#[test]
fn the_same_profile_yields_the_same_bytes() {
    for profile in &PROFILES {
        assert_eq!(stub_verilog(profile), stub_verilog(profile));
    }
    assert_ne!(stub_verilog(&TINY), stub_verilog(&MID));
}

#[test]
fn no_register_keeps_an_initial_value() {
    let text = stub_verilog(&TINY);
    assert!(!text.contains("initial begin"));
    assert!(text.contains("q <= d;"));
}

#[test]
fn sub_modules_are_named_after_their_place_in_the_top() {
    let text = stub_verilog(&TINY);
    let all = modules(&text);
    assert!(all.iter().any(|m| m.name == "shoal_top$counter$value"));
    assert!(all
        .iter()
        .all(|m| m.name == TOP || m.name.starts_with("shoal_top$")));
}

#[test]
fn a_top_of_other_widths_is_refused() {
    let top = crate::stub::build(&MID).expect("stub has the widths");
    let err = from_block(&TINY, top.as_ref()).expect_err("128 bit is not tiny");
    assert!(
        matches!(&err, GenError::Ports(t) if t.contains("[64] m_axi_wdata")),
        "{err}"
    );
}

#[derive(LogicBlock, Default)]
struct Loop {
    pub clock: Signal<In, Clock>,
    a: Signal<Local, Bit>,
    pub b: Signal<Out, Bit>,
}

impl Logic for Loop {
    #[hdl_gen]
    fn update(&mut self) {
        self.b.next = self.a.val();
        self.a.next = !self.b.val();
    }
}

#[test]
fn a_logic_loop_is_an_error_and_no_panic() {
    let mut top = Loop::default();
    top.connect_all();
    let err = from_block(&TINY, &top).expect_err("a loop");
    assert!(
        matches!(&err, GenError::Check(t) if t.contains("LogicLoops")),
        "{err}"
    );
}

#[derive(LogicBlock, Default)]
struct Named {
    pub clock: Signal<In, Clock>,
    pub q: Signal<Out, Bit>,
    table: DFF<Bit>,
}

impl Logic for Named {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, table);
        self.q.next = self.table.q.val();
    }
}

#[test]
fn a_field_named_like_a_keyword_is_refused() {
    let mut top = Named::default();
    top.connect_all();
    let err = from_block(&TINY, &top).expect_err("a keyword");
    assert!(
        matches!(&err, GenError::Keyword { name, .. } if name == "table"),
        "{err}"
    );
}

#[derive(LogicBlock, Default)]
struct Mixed {
    pub clock: Signal<In, Clock>,
    pub a: Signal<In, Bit>,
    pub b: Signal<In, Bit>,
    pub q: Signal<Out, Bit>,
    state: DFF<Bit>,
}

impl Logic for Mixed {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, state);
        self.q.next = self.state.q.val();
        self.state.d.next = self.a.val() & self.b.val() == self.state.q.val();
    }
}

#[test]
fn an_expression_that_the_languages_group_differently_is_refused() {
    let mut top = Mixed::default();
    top.connect_all();
    let err = from_block(&TINY, &top).expect_err("mixed");
    assert!(
        matches!(&err, GenError::Precedence { text, .. } if text.contains("a & b ==")),
        "{err}"
    );
}

const STUCK: Break = Break {
    name: "counter_stuck",
    doc: "the counter stands still",
    module: r"shoal_top\$counter",
    find: "value$d = value$q + one;",
    replace: "value$d = BRK ? value$q : (value$q + one);",
};

#[test]
fn a_break_is_behind_its_plusarg_and_changes_one_module() {
    let text = stub_verilog(&TINY);
    let broken = apply_breaks(&text, &[STUCK]).expect("fits");
    assert!(broken
        .contains("initial brk_counter_stuck = $test$plusargs(\"break_counter_stuck\") != 0;"));
    assert!(broken.contains("value$d = brk_counter_stuck ? value$q : (value$q + one);"));
    let differing = modules(&text)
        .iter()
        .zip(modules(&broken).iter())
        .filter(|(a, b)| a.text != b.text)
        .count();
    assert_eq!(differing, 1);
}

#[test]
fn a_break_that_fits_no_place_or_two_is_an_error() {
    let text = stub_verilog(&TINY);
    for wrong in [
        Break {
            find: "not there",
            ..STUCK
        },
        Break {
            find: "value$",
            ..STUCK
        },
        Break {
            module: "shoal_top.*",
            ..STUCK
        },
        Break {
            module: "counter",
            ..STUCK
        },
        Break {
            replace: "value$d = 0;",
            ..STUCK
        },
        Break {
            name: "Bad",
            ..STUCK
        },
    ] {
        assert!(apply_breaks(&text, &[wrong]).is_err(), "{wrong:?}");
    }
    let longer = Break {
        name: "counter_stuck_2",
        find: "count = value$q;",
        ..STUCK
    };
    assert!(
        apply_breaks(&text, &[STUCK, longer]).is_err(),
        "plusargs match prefixes"
    );
}

#[test]
fn every_break_of_the_list_fits_every_profile() {
    for profile in &PROFILES {
        let text = generate(profile).expect("the device generates");
        apply_breaks(&text, crate::breaks::BREAKS).expect("every break fits");
    }
}
