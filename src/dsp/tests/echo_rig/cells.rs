//! The cells that the tests and the bench have in common.

use super::*;

/// Second at which the path of [`changed_paths`] changes.
pub const CHANGE_S: f64 = 5.05;

/// The hybrids at a path delay of 5 and of 100 ms.
pub fn all_hybrids(far: &Signal) -> Vec<Cell> {
    let paths = (2..10).flat_map(|model| [40, 800].map(|delay| hybrid(model, 10.0, delay)));
    paths.map(|path| Cell::new(far, &path, None, -65.0)).collect()
}

/// Lines whose path changes at [`CHANGE_S`].
pub fn changed_paths(far: &Signal) -> Vec<Cell> {
    let changes = [(2, 40, 6, 240), (5, 100, 8, 30), (9, 16, 4, 500), (3, 300, 7, 20)];
    let change = |(one, delay, other, later)| {
        let mut cell = Cell::new(far, &hybrid(one, 10.0, delay), None, -65.0);
        let after = convolve(&cell.sent, &hybrid(other, 10.0, later));
        let at = (CHANGE_S * RATE as f64) as usize;
        cell.echo[at..].copy_from_slice(&after[at..]);
        Cell::with_echo(cell.sent, cell.echo, None, -65.0)
    };
    changes.into_iter().map(change).collect()
}

/// Lines where somebody talks at the near end from 5 to 7 s, `below_db` beside the far end's -16 dBm0.
pub fn double_talk(far: &Signal, below_db: f64) -> Vec<Cell> {
    let nears = [css(true, 9.0, -16.0 + below_db, 9), babble(9.0, -16.0 + below_db, 4)];
    let cells = nears.map(|near| {
        let within = |(n, s): (usize, f64)| if (40_000..56_000).contains(&n) { s } else { 0.0 };
        let near: Signal = near.into_iter().enumerate().map(within).collect();
        [2, 5].map(|model| Cell::new(far, &hybrid(model, 10.0, 40), Some(&near), -65.0))
    });
    cells.into_iter().flatten().collect()
}

/// A line whose echo ends after 5 s.
pub fn echo_that_ends() -> Cell {
    let mut cell = Cell::new(&css(false, 7.0, -16.0, 1), &hybrid(5, 10.0, 40), None, -70.0);
    cell.echo[40_000..].fill(0.0);
    Cell::with_echo(cell.sent, cell.echo, None, -70.0)
}

/// The tones of [`tones`], in hertz.
pub const TONES_HZ: [&[f64]; 7] = [
    &[1_000.0],
    &[697.0, 1_209.0],
    &[440.0, 480.0],
    &[540.0, 660.0],
    &[2_100.0],
    &[1_380.0, 1_500.0],
    &[450.0],
];

/// Lines to which speech is sent, from 5 to 10 s a tone of -10 dBm0, and speech again.
pub fn tones() -> Vec<Cell> {
    let cell = |hz: &&[f64]| {
        let mut far = css(false, 5.0, -16.0, 1);
        far.extend(tone(hz, 5.0, -10.0));
        far.extend(css(false, 2.0, -16.0, 1));
        Cell::new(&far, &hybrid(5, 10.0, 40), None, -65.0)
    };
    TONES_HZ.iter().map(cell).collect()
}

/// A talker at -30 dBm0: alone, and from 3 s on against a far end at -16 dBm0.
pub fn quiet_talkers() -> [Cell; 2] {
    let near = babble(8.0, -30.0, 4);
    let silent = vec![0.0; near.len()];
    let alone = Cell::new(&silent, &hybrid(5, 10.0, 40), Some(&near), -90.0);
    let late: Signal = near.iter().enumerate().map(|(n, &s)| if n < 24_000 { 0.0 } else { s }).collect();
    let against = Cell::new(&css(false, 8.0, -16.0, 1), &hybrid(2, 10.0, 40), Some(&late), -65.0);
    [alone, against]
}

/// What the talker of a cell loses in `out` from 3 s on, in dB.
pub fn talker_loss_db(cell: &Cell, out: &[i16]) -> f64 {
    let (mut both, mut own) = (0.0, 0.0);
    for (n, &o) in cell.near.iter().zip(out).skip(24_000) {
        both += n * f64::from(o);
        own += n * n;
    }
    -20.0 * (both / own).log10()
}

/// The ERLE of each cell.
pub fn erles(cells: &[Cell], outs: &[Vec<i16>], from_s: f64, for_s: f64) -> Vec<f64> {
    cells.iter().zip(outs).map(|(cell, out)| cell.erle_db(out, from_s, for_s)).collect()
}

/// The mean of what no canceller can do better.
pub fn oracle(cells: &[Cell], from_s: f64, for_s: f64) -> f64 {
    mean(&cells.iter().map(|cell| cell.oracle_db(from_s, for_s)).collect::<Vec<_>>())
}
