//! Temporary.
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use shoal::dut::{self, Dut};
use shoal_abi::ports::{Inputs, Outputs};
use shoal_abi::profile::TINY;
use shoal_conformance::chaos::{session, Pair, World};
struct Spy(Box<dyn Dut>, u64, u64, std::collections::VecDeque<(u64,u16)>);
impl Dut for Spy {
    fn outputs(&self) -> Outputs { self.0.outputs() }
    fn step(&mut self, i: &Inputs) -> Outputs {
        let o = self.0.outputs();
        let c = self.1; self.1 += 1;
        if c + 4000 > self.2 && c <= self.2 + 4 {
            if o.m_axi_awvalid && i.m_axi_awready { println!("{c} AW {:x} id {:x} user {:x}", o.m_axi_awaddr, o.m_axi_awid, o.m_axi_awuser); }
            if o.m_axi_wvalid && i.m_axi_wready { println!("{c} W {:x?} strb {:x}", o.m_axi_wdata[0], o.m_axi_wstrb); }
            if o.m_axi_arvalid && i.m_axi_arready { println!("{c} AR {:x} id {:x} user {:x}", o.m_axi_araddr, o.m_axi_arid, o.m_axi_aruser); }
            if i.m_axi_rvalid { println!("{c} R id {:x} {:x} resp {}", i.m_axi_rid, i.m_axi_rdata[0], i.m_axi_rresp); }
            if i.m_axi_bvalid { println!("{c} B id {:x} resp {}", i.m_axi_bid, i.m_axi_bresp); }
        }
        self.0.step(i)
    }
}
#[test]
fn one() {
    let seed: u64 = std::env::var("SEED").unwrap().parse().unwrap();
    let at: u64 = std::env::var("AT").unwrap().parse().unwrap();
    let mut s=[9u8;32]; s[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &s));
    let actions = session(40).new_tree(&mut runner).unwrap().current();
    let model = Box::new(Spy(dut::model_factory(&TINY)().unwrap(), 0, at, Default::default()));
    let r = World::new(&TINY, Pair::new(&TINY, model, None), seed).and_then(|mut w| w.play(&actions));
    for a in &actions { println!("{a:?}"); }
    println!("{:?}", r.map_err(|e| e.to_string()));
}
