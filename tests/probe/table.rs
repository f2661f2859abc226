//! Rows that are asked of both servers, and the table that comes of it.

use std::fmt::Write as _;
use std::path::Path;

/// What a server did, in a few words. An error is what kept the probe from
/// looking.
pub(crate) type Cell = Result<String, String>;

/// One thing that is asked of each server.
pub(crate) struct Row<S> {
    name: String,
    expected: String,
    meets: Option<fn(&str) -> bool>,
    probe: Box<dyn Fn(&S) -> Cell>,
}

/// A row whose cell must read as is expected.
pub(crate) fn row<S>(
    name: impl Into<String>,
    expected: impl Into<String>,
    probe: impl Fn(&S) -> Cell + 'static,
) -> Row<S> {
    Row {
        name: name.into(),
        expected: expected.into(),
        meets: None,
        probe: Box::new(probe),
    }
}

impl<S> Row<S> {
    /// A row whose cell may read in several ways.
    pub(crate) fn met_by(mut self, meets: fn(&str) -> bool) -> Self {
        self.meets = Some(meets);
        self
    }

    fn is_met_by(&self, cell: &Cell) -> bool {
        match (cell, self.meets) {
            (Ok(cell), Some(meets)) => meets(cell),
            (Ok(cell), None) => *cell == self.expected,
            (Err(_), _) => false,
        }
    }
}

/// Asks each row of both, prints the table, keeps it under `target/`, and
/// fails where ours is not what is expected. Of coturn it only tells.
#[expect(clippy::print_stdout, reason = "the table is what this is for")]
pub(crate) fn judge<S>(name: &str, rows: &[Row<S>], ours: &S, coturn: &S) {
    let mut table = String::from("| row | expected | ours | coturn |\n|---|---|---|---|\n");
    let mut failed = Vec::new();
    let mut differs = 0;
    for row in rows {
        let (mine, its) = ((row.probe)(ours), (row.probe)(coturn));
        let words = |cell: &Cell| match cell {
            Ok(cell) => cell.clone(),
            Err(cause) => format!("not probed: {cause}"),
        };
        let line = format!(
            "| {} | {} | {} | {} |",
            row.name,
            row.expected,
            words(&mine),
            words(&its)
        );
        writeln!(table, "{line}").unwrap();
        if !row.is_met_by(&mine) {
            failed.push(line);
        }
        if !row.is_met_by(&its) {
            differs += 1;
        }
    }
    let (count, ours) = (rows.len(), failed.len());
    writeln!(
        table,
        "\n{count} rows; not as expected: ours {ours}, coturn {differs}."
    )
    .unwrap();
    println!("\n{name}\n\n{table}");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../probe");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.md")), &table).unwrap();
    assert!(failed.is_empty(), "{name}:\n{}", failed.join("\n"));
}
