//! Reads figures of Linux: a process's processor time and memory, and the kernel's memory for all sockets.

use std::{fs, path::Path, time::Duration};

/// The time that a process or a thread has run, and the time that it has waited for a processor.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ran {
    pub(crate) ran: Duration,
    pub(crate) waited: Duration,
}

impl Ran {
    /// Reads the times of one thread, which is named by its directory under `/proc`.
    pub(crate) fn of_thread(directory: &Path) -> Self {
        let text = fs::read_to_string(directory.join("schedstat")).unwrap_or_default();
        let mut nanos = text.split_ascii_whitespace().map(|field| field.parse().unwrap_or(0)).map(Duration::from_nanos);
        Self { ran: nanos.next().unwrap_or_default(), waited: nanos.next().unwrap_or_default() }
    }

    /// Reads the times of all current threads of a process.
    pub(crate) fn of_process(pid: u32) -> Self {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        tasks
            .map(|task| Self::of_thread(&task.path()))
            .fold(Self::default(), |sum, one| Self { ran: sum.ran + one.ran, waited: sum.waited + one.waited })
    }

    pub(crate) const fn since(self, earlier: Self) -> Self {
        Self { ran: self.ran.saturating_sub(earlier.ran), waited: self.waited.saturating_sub(earlier.waited) }
    }
}

/// The processor time of a process, with that of threads that have ended.
pub(crate) fn ran(pid: u32) -> Duration {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The fields behind the name, which is in parentheses: utime and stime are the 12th and 13th, in hundredths of a second.
    let fields = text.rsplit(')').next().into_iter().flat_map(str::split_ascii_whitespace).skip(11).take(2);
    Duration::from_millis(fields.map(|ticks| ticks.parse().unwrap_or(0)).sum::<u64>() * 10)
}

/// The busy time of all processors of the machine together.
pub(crate) fn busy() -> Duration {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks = text.split_ascii_whitespace().skip(1).take(7).map(|ticks| ticks.parse().unwrap_or(0_u64));
    // user nice system idle iowait irq softirq, in hundredths of a second
    let busy: u64 = ticks.enumerate().filter(|(field, _)| !matches!(field, 3 | 4)).map(|(_, ticks)| ticks).sum();
    Duration::from_millis(busy * 10)
}

/// The memory of a process, in bytes (`VmRSS`).
pub(crate) fn resident(pid: u32) -> u64 {
    kilobytes(&format!("/proc/{pid}/status"), "VmRSS:") * 1024
}

/// The largest memory that a process has had, in bytes (`VmHWM`).
pub(crate) fn resident_max(pid: u32) -> u64 {
    kilobytes(&format!("/proc/{pid}/status"), "VmHWM:") * 1024
}

/// The kernel's memory: socket buffers (`mem` of `/proc/net/sockstat`), and its objects, which include sockets (`Slab` of
/// `/proc/meminfo`). Both are of the whole machine, so they include both ends of a loopback connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kernel {
    pub(crate) buffers: u64,
    pub(crate) objects: u64,
}

impl Kernel {
    pub(crate) fn now() -> Self {
        let text = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
        let pages = text.lines().find(|line| line.starts_with("TCP:")).and_then(|line| line.split(" mem ").nth(1));
        let pages: u64 = pages.and_then(|pages| pages.trim().parse().ok()).unwrap_or(0);
        Self { buffers: pages * 4096, objects: kilobytes("/proc/meminfo", "Slab:") * 1024 }
    }
}

fn kilobytes(path: &str, key: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Describes the machine in one line: the processor, the number of processors, and the kernel.
pub(crate) fn machine() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model =
        cpus.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1)).unwrap_or("processor");
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{count} × {model}, Linux {}", read("/proc/sys/kernel/osrelease").trim())
}
