//! The Shoal RTL: rust-hdl blocks, the top for each profile, and the gate that their Verilog passes through.
//!
//! `top` puts the blocks together, `gen` turns it into Verilog and refuses what the two languages read differently,
//! `lint` asks Verilator, `breaks` is the list of deliberate faults.
#![forbid(unsafe_code)]
// Kernels are written for the translator: no `let`, no early return, explicit comparisons, chains of tests in the order of
// the contract even where two lead to the same. Derives emit undocumented associated items, and every port is named and
// documented in `shoal_abi::ports`.
#![allow(
    missing_docs,
    clippy::nonminimal_bool,
    clippy::collapsible_if,
    clippy::collapsible_else_if,
    clippy::if_same_then_else
)]
#![allow(
    clippy::assign_op_pattern,
    clippy::bool_comparison,
    clippy::new_without_default
)]

// The gate: from blocks to Verilog that may be used.
pub mod breaks;
pub mod gen;
pub mod lint;
mod precedence;
pub mod stub;
mod text;

// What all blocks share.
pub mod counts;
pub mod epoch;
pub mod fifo;
pub mod types;
pub mod util;

// The top, and the units around the core.
pub mod asks;
pub mod axi_id;
pub mod axi_rd;
pub mod axi_wr;
pub mod axi_wr_turn;
pub mod axil;
#[doc(hidden)]
pub mod block;
pub mod collector;
pub mod ctl;
pub mod ctl_back;
pub mod ctl_issue;
pub mod ctl_lanes;
pub mod ctl_may;
pub mod ctl_out;
pub mod ctl_shape;
pub mod ctl_tell;
pub mod ctl_types;
pub mod messages;
pub mod mmu;
pub mod mmu_answer;
pub mod mmu_array;
pub mod mmu_eval;
pub mod mmu_inv;
pub mod mmu_look;
pub mod mmu_pick;
pub mod mmu_pipe;
pub mod mmu_pte;
pub mod mmu_pwc;
pub mod mmu_spaces;
pub mod mmu_take;
pub mod mmu_types;
pub mod mmu_waiters;
pub mod mmu_walkers;
pub mod regs;
pub mod regs_common;
pub mod regs_dev;
pub mod regs_msix;
pub mod rx;
pub mod rx_cut;
pub mod rx_expect;
pub mod rx_in;
pub mod rx_issue;
pub mod rx_items;
pub mod rx_judge;
pub mod rx_ops;
pub mod rx_pack;
pub mod top;
pub mod tx;
pub mod tx_cut;
pub mod tx_issue;
pub mod tx_items;
pub mod tx_judge;
pub mod tx_pack;

// The core: a pipeline of events on the contexts.
pub mod arrive;
pub mod aux;
pub mod bind;
pub mod core;
pub mod ctx;
pub mod ctx_types;
pub mod desc;
pub mod doorbell;
pub mod engine;
pub mod event;
pub mod event_in;
pub mod fail;
pub mod heads;
pub mod hold;
pub mod life;
pub mod mover_done;
pub mod ops;
pub mod outlet;
pub mod owners;
pub mod parked;
pub mod pipe;
pub mod reach;
pub mod ready;
pub mod receive;
pub mod release;
pub mod share;
pub mod slot_step;
pub mod slots;
pub mod sources;
pub mod stage_a;
pub mod stage_c;
pub mod step_types;
pub mod sweep;
pub mod walk;
pub mod warm;

// The admin queue, beside the core.
pub mod adminq;
pub mod adminq_act;
pub mod adminq_cmdbuf;
pub mod adminq_count;
pub mod adminq_data;
pub mod adminq_marks;
pub mod adminq_pick;
pub mod adminq_reader;
pub mod adminq_seq;
pub mod adminq_slots;
pub mod adminq_types;
pub mod adminq_walk;
pub mod adminq_words;
pub mod adminq_writer;

// Its commands, in the core.
pub mod admin;
pub mod admin_answer;
pub mod admin_cfg;
pub mod admin_check;
pub mod admin_exec;
pub mod admin_plan;
pub mod admin_plan_vq;
pub mod admin_reply;
pub mod admin_slots;
pub mod admin_state;
pub mod admin_stats;
pub mod admin_steps;
pub mod admin_types;
pub mod admin_vqs;
pub mod admin_words;
