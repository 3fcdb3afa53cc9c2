//! Aligned columns of text.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

/// Writes `rows` below `head`, every column as wide as its widest cell, two spaces apart.
///
/// Widths are those on a screen, where a Chinese character takes two places; an empty cell is shown as "-".
///
/// # Errors
/// What the writer says.
pub fn table<const N: usize>(
    out: &mut dyn Write,
    head: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> io::Result<()> {
    let head = head.map(str::to_owned);
    let rows: Vec<[String; N]> = std::iter::once(head).chain(rows).map(|row| row.map(filled)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    for row in &rows {
        let padded = |(cell, width): (&String, usize)| cell.clone() + &" ".repeat(width - cell.width());
        let cells = row.iter().zip(widths).map(padded);
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

fn filled(cell: String) -> String {
    if cell.is_empty() { "-".into() } else { cell }
}

/// Returns a length of time as people read it: "7s", "3m07s", "2h03m", "5d02h".
pub(crate) fn length(ms: u64) -> String {
    let s = ms / 1000;
    match s {
        0..60 => format!("{s}s"),
        60..3600 => format!("{}m{:02}s", s / 60, s % 60),
        3600..86_400 => format!("{}h{:02}m", s / 3600, s / 60 % 60),
        _ => format!("{}d{:02}h", s / 86_400, s / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut out = Vec::new();
        let rows = [["1".to_string(), "long".into(), String::new()], ["22".into(), "b".into(), "c".into()]];
        table(&mut out, ["A", "B", "C"], rows).expect("memory");
        assert_eq!(String::from_utf8_lossy(&out), "A   B     C\n1   long  -\n22  b     c\n");
    }

    #[test]
    fn chinese_stands_straight() {
        let mut out = Vec::new();
        let rows = [["a".to_string(), "张伟".into(), "1".into()], ["b".into(), "ann".into(), "2".into()]];
        table(&mut out, ["A", "B", "C"], rows).expect("memory");
        assert_eq!(String::from_utf8_lossy(&out), "A  B     C\na  张伟  1\nb  ann   2\n");
    }

    #[test]
    fn lengths_change_their_unit_at_the_edge() {
        let cases = [
            (0, "0s"),
            (59_999, "59s"),
            (60_000, "1m00s"),
            (3_599_999, "59m59s"),
            (3_600_000, "1h00m"),
            (86_400_000, "1d00h"),
        ];
        for (ms, text) in cases {
            assert_eq!(length(ms), text);
        }
    }
}
