//! Columns and quantities as people read them.

use std::io::{self, Write};

/// Prints rows under a head, in columns as wide as they must be.
pub(super) fn print<const N: usize>(
    head: [&str; N],
    rows: &[[String; N]],
    out: &mut dyn Write,
) -> io::Result<()> {
    let head = head.map(str::to_owned);
    let mut widths = [0; N];
    for row in std::iter::once(&head).chain(rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in std::iter::once(&head).chain(rows) {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// A time in its two largest units.
pub(super) fn duration(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        (_, _, _) => format!("{days} d {} h", hours % 24),
    }
}

/// An amount of bytes with three digits or so.
pub(super) fn bytes(bytes: u64) -> String {
    let mut rest = bytes;
    let mut tenths = 0;
    for unit in ["B", "kB", "MB", "GB", "TB"] {
        if rest < 1000 {
            return if unit == "B" {
                format!("{rest} B")
            } else {
                format!("{rest}.{tenths} {unit}")
            };
        }
        tenths = rest % 1000 / 100;
        rest /= 1000;
    }
    format!("{rest} PB")
}

/// The same in binary units with one decimal, as `status` has always had it.
pub(super) fn binary(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut unit, mut size) = (1024_u64, "KiB");
    for next in ["MiB", "GiB", "TiB", "PiB", "EiB"] {
        if bytes / unit < 1024 {
            break;
        }
        (unit, size) = (unit * 1024, next);
    }
    let tenths = u128::from(bytes) * 10;
    let tenths = (tenths + u128::from(unit) / 2) / u128::from(unit);
    format!("{}.{} {size}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut out = Vec::new();
        let rows = [
            ["1".to_owned(), "سارا".to_owned(), "x".to_owned()],
            ["1000".to_owned(), "o".to_owned(), String::new()],
        ];
        print(["ID", "WHO", "WHAT"], &rows, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "ID    WHO   WHAT\n1     سارا  x\n1000  o\n");
    }

    #[test]
    fn quantities_carry_their_unit() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (61, "1 min 1 s"),
            (3660, "1 h 1 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(duration(seconds), text);
        }
        for (amount, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (17_250, "17.2 kB"),
            (3_000_000, "3.0 MB"),
            (u64::MAX, "18446 PB"),
        ] {
            assert_eq!(bytes(amount), text);
        }
        for (amount, text) in [
            (0, "0 B"),
            (512, "512 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1024 * 1024 - 1, "1024.0 KiB"),
            (1024 * 1024, "1.0 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(binary(amount), text);
        }
    }
}
