//! Refuses expressions that Rust and Verilog group differently.
//!
//! Rust binds `& ^ |` tighter than `== != < <= > >=`, Verilog the other way round: `a & m == b` is `(a & m) == b` in
//! the kernel and `a & (m == b)` in the module. The lint cannot see it on single bits. So no comparison may stand
//! beside a bitwise operator in one parenthesis level.

/// The first expression of `code` that mixes the two without parentheses, as `(line, line text)`; lines from 1.
pub fn mixed_expression(code: &str) -> Option<(usize, String)> {
    let mut levels = vec![Level::default()];
    for (line, token) in tokens(code) {
        let level = levels.last_mut().expect("never empty");
        match token {
            "(" | "[" | "{" => {
                level.operand = false;
                levels.push(Level {
                    inner: true,
                    ..Level::default()
                });
            }
            ")" | "]" | "}" => {
                if levels.len() > 1 {
                    levels.pop();
                }
                levels.last_mut().expect("never empty").operand = true;
            }
            ";" | "begin" | "end" | "else" => {
                *level = Level {
                    inner: level.inner,
                    ..Level::default()
                }
            }
            "=" => {
                *level = Level {
                    inner: level.inner,
                    assigned: true,
                    ..Level::default()
                }
            }
            "," | "?" | ":" | "&&" | "||" => level.cut(),
            // A non-blocking assignment: the one `<=` at statement level that has no `=` before it.
            "<=" if !level.inner && !level.assigned => {
                *level = Level {
                    assigned: true,
                    ..Level::default()
                };
            }
            "==" | "!=" | "<" | "<=" | ">" | ">=" => {
                level.comparison = true;
                level.operand = false;
            }
            // Without an operand before it, it is a reduction and binds tightest in both languages.
            "&" | "|" | "^" => {
                level.bitwise |= level.operand;
                level.operand = false;
            }
            "~" | "!" | "+" | "-" | "*" | "<<" | ">>" | "@" => level.operand = false,
            _ => level.operand = true,
        }
        let level = levels.last().expect("never empty");
        if level.comparison && level.bitwise {
            let text = code.lines().nth(line - 1).unwrap_or_default();
            return Some((line, text.trim().to_owned()));
        }
    }
    None
}

/// What was seen so far of one expression at one depth.
#[derive(Default)]
struct Level {
    /// Inside a parenthesis, bracket or brace.
    inner: bool,
    /// The statement's assignment operator is behind us.
    assigned: bool,
    /// The last token was an operand.
    operand: bool,
    comparison: bool,
    bitwise: bool,
}

impl Level {
    /// A separator that binds looser than both kinds, in both languages.
    fn cut(&mut self) {
        (self.operand, self.comparison, self.bitwise) = (false, false, false);
    }
}

/// Tokens with their line number; comments left out. Words take `$` and `'` with them.
fn tokens(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.lines().enumerate().flat_map(|(n, line)| {
        let mut rest = line.split("//").next().unwrap_or_default();
        std::iter::from_fn(move || {
            rest = rest.trim_start();
            let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '\'');
            let len = match rest.find(|c| !word(c)) {
                None if rest.is_empty() => return None,
                None => rest.len(),
                Some(0) => ["==", "!=", "<=", ">=", "&&", "||", "<<", ">>"]
                    .iter()
                    .find(|op| rest.starts_with(**op))
                    .map_or_else(
                        || rest.chars().next().map_or(0, char::len_utf8),
                        |op| op.len(),
                    ),
                Some(len) => len,
            };
            let (token, tail) = rest.split_at(len);
            rest = tail;
            Some((n + 1, token))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixing_bitwise_and_comparison_is_found_on_either_side() {
        for bad in [
            "x = a & m == b;",
            "x = a == b & m;",
            "if (a | b[(4)+:(2)] != 2'h1) begin",
            "x = (c) & ((d | e < f));",
            "x = (a + 1) & (b + 2) >= c;",
            "q <= a ^ b > c;",
        ] {
            assert!(mixed_expression(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn parentheses_logical_operators_and_assignments_are_no_mixing() {
        for good in [
            "x = (a & m) == b;",
            "x = a == b && c != d;",
            "x = |a == b;",
            "q <= a & b;",
            "if (a < b) begin x = c & d; end else x = c | d;",
            "x = ((sig) & 16'hffff);",
            "mem[a & b] <= c;",
            "x = (a == b) | (c <= d); // a & b == c",
        ] {
            assert_eq!(mixed_expression(good), None, "{good}");
        }
    }

    #[test]
    fn the_line_is_told() {
        assert_eq!(
            mixed_expression("a = b;\n  c = d & e == f;\n").map(|f| f.0),
            Some(2)
        );
    }
}
