//! Sine and cosine for tables made at compile time, where the standard library's are not available.
//!
//! A Taylor series on the reduced angle; the error is below 1e-12. Not for use at run time.

/// Returns the cosine of an angle in turns (1 = 360 degrees).
pub(crate) const fn cos_turns(turns: f64) -> f64 {
    let mut x = turns - (turns as i64) as f64; // -1 to 1
    if x < 0.0 {
        x = -x;
    }
    if x > 0.5 {
        x = 1.0 - x;
    }
    // cos(pi - a) = -cos(a): the series is used only up to a quarter turn.
    if x > 0.25 { -series(0.5 - x) } else { series(x) }
}

/// Returns the sine of an angle in turns.
pub(crate) const fn sin_turns(turns: f64) -> f64 {
    cos_turns(turns - 0.25)
}

const fn series(turns: f64) -> f64 {
    let square = (turns * core::f64::consts::TAU) * (turns * core::f64::consts::TAU);
    let (mut term, mut sum, mut n) = (1.0, 1.0, 1);
    while n < 12 {
        term *= -square / ((2 * n - 1) * 2 * n) as f64;
        sum += term;
        n += 1;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_agrees_with_the_standard_library() {
        for n in -3_000..3_000 {
            let turns = f64::from(n) / 977.0;
            let angle = turns * core::f64::consts::TAU;
            assert!((cos_turns(turns) - angle.cos()).abs() < 1e-12, "cos {turns}");
            assert!((sin_turns(turns) - angle.sin()).abs() < 1e-12, "sin {turns}");
        }
    }
}
