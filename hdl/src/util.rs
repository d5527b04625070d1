//! Small helps for writing blocks: constructors, wide constants, and the check that every block's tests make.

use rust_hdl::prelude::*;

/// A block from its fields: those before `;` are `Default`, those after it are constants, `name = value`.
///
/// The value is anything that converts into the constant's type: an unsigned literal, an ABI constant as `u64`, or a
/// value of the type itself. `vec`-like forms: `name = [v; N]` is not covered, write such fields after a second `;`.
#[macro_export]
macro_rules! block_default {
    ($($field:ident),* $(,)? ; $($konst:ident = $value:expr),* $(,)?) => {
        Self {
            $($field: Default::default(),)*
            $($konst: rust_hdl::prelude::Constant::new(($value).into()),)*
        }
    };
    ($($field:ident),* $(,)? ; $($konst:ident = $value:expr),* $(,)? ; $($other:ident = $init:expr),* $(,)?) => {
        Self {
            $($field: Default::default(),)*
            $($konst: rust_hdl::prelude::Constant::new(($value).into()),)*
            $($other: $init,)*
        }
    };
}

/// `value` as `N` bits; bits that do not fit are lost.
#[must_use]
pub fn wide<const N: usize>(value: u128) -> Bits<N> {
    let mut out: Bits<N> = 0.into();
    for bit in 0..N.min(128) {
        if (value >> bit) & 1 == 1 {
            out = out.replace_bit(bit, true);
        }
    }
    out
}

/// All of `N` bits set.
#[must_use]
pub fn ones<const N: usize>() -> Bits<N> {
    let mut out: Bits<N> = 0.into();
    for bit in 0..N {
        out = out.replace_bit(bit, true);
    }
    out
}

/// The low 128 bits of `value` as a number.
#[must_use]
pub fn number<const N: usize>(value: Bits<N>) -> u128 {
    (0..N.min(128)).fold(0, |n, bit| n | (u128::from(value.get_bit(bit)) << bit))
}

/// Lets `block` settle after its inputs were set.
#[cfg(test)]
pub fn settle(block: &mut impl Block) {
    assert!(simulate(block, 100), "combinational logic settles");
}

/// One rising edge of `$block.clock`; outputs then stand as in the next cycle.
#[cfg(test)]
#[macro_export]
macro_rules! edge {
    ($block:expr) => {
        $crate::util::settle(&mut $block);
        $block.clock.next.clk = true;
        $crate::util::settle(&mut $block);
        $block.clock.next.clk = false;
        $crate::util::settle(&mut $block);
    };
}

/// Runs a test of a block that is too large for the stack of a test's thread.
#[cfg(test)]
pub fn deep(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(1 << 28).spawn(test);
    let done = thread.expect("a thread").join();
    assert!(done.is_ok());
}

/// Verilog of one block, checked: rust-hdl's own checks, mixed operators, and every Verilator warning.
///
/// # Panics
/// On any finding: it is a test.
#[cfg(test)]
pub fn assert_lint_clean(name: &str, mut block: impl Block) -> String {
    block.connect_all();
    if let Err(e) = check_all(&block) {
        panic!("{name}: {e:?}");
    }
    let mut defines = ModuleDefines::default();
    block.accept(crate::gen::TOP, &mut defines);
    let (text, _) = crate::text::strip_register_initials(&defines.defines());
    let mixed = crate::precedence::mixed_expression(&text);
    assert!(mixed.is_none(), "{name}: {mixed:?}");
    let dir = std::env::temp_dir().join(format!("shoal-block-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("temporary folder");
    let path = dir.join("shoal_top.v");
    std::fs::write(&path, &text).expect("write verilog");
    let result = crate::lint::verilator_lint(&path);
    if let Err(e) = &result {
        let keep = std::env::temp_dir().join(format!("shoal-block-{name}.v"));
        std::fs::write(&keep, &text).expect("keep verilog");
        panic!("{name}: see {}: {e}", keep.display());
    }
    std::fs::remove_dir_all(&dir).expect("remove temporary folder");
    text
}
