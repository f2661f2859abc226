//! A process as the kernel sees it.

use std::fs;

/// What a process has used so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    /// Time on a processor, of all its threads, in microseconds.
    pub(crate) cpu_us: f64,
    /// Bytes handed to the disk.
    pub(crate) written: f64,
}

/// What this process has used.
pub(crate) fn used(pid: u32) -> Used {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process ended");
    // The name before the bracket may have blanks of its own.
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
    let ticks: f64 = [11, 12]
        .map(|at| fields[at].parse::<f64>().unwrap())
        .iter()
        .sum();
    let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK);
    let per_second = per_second.ok().flatten().unwrap_or(100);
    Used {
        cpu_us: ticks * 1e6 / per_second as f64,
        written: field(&format!("/proc/{pid}/io"), "write_bytes:"),
    }
}

/// The threads of a process: their names, and their time on a processor in
/// microseconds.
pub(crate) fn threads(pid: u32) -> Vec<(String, f64)> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("the process ended");
    let read = |path: std::path::PathBuf| {
        // A thread may end while it is looked at.
        let name = fs::read_to_string(path.join("comm")).ok()?;
        let times = fs::read_to_string(path.join("schedstat")).ok()?;
        let nanoseconds: f64 = times.split(' ').next()?.parse().ok()?;
        Some((name.trim().to_owned(), nanoseconds / 1000.0))
    };
    threads
        .filter_map(|thread| read(thread.ok()?.path()))
        .collect()
}

/// Memory of this process alone, in bytes.
pub(crate) fn memory(pid: u32) -> f64 {
    field(&format!("/proc/{pid}/smaps_rollup"), "Pss:") * 1024.0
}

/// Processes that want to run now, of the whole machine.
pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

fn field(path: &str, name: &str) -> f64 {
    let text = fs::read_to_string(path).expect("the process ended");
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_whitespace().nth(1));
    value.and_then(|value| value.parse().ok()).unwrap_or(0.0)
}
