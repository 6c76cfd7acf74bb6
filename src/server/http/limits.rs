//! Computes how many connections the process can hold: as many as the settings ask for, or as its file descriptors
//! allow. The limits are applied in `stream::channel` and `listener`.

use std::io;

/// Descriptors kept back for connections that are not yet a tenant's, for files, and for the process itself.
const RESERVE: u64 = 500;
/// How many of [`RESERVE`] the process itself needs: for its files, and for connections that are rejected with an
/// answer.
const PROCESS_SHARE: u64 = 200;
/// Maximum number of HTTP connections, if there are descriptors for them: all of a tenant's clients may return at once.
const HTTP_MAX: usize = 2_000;

/// How many connections there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// WebSockets of each tenant.
    pub(crate) per_tenant: usize,
    /// HTTP connections, of all together.
    pub(crate) http: usize,
    /// HTTP connections and WebSockets together. With every WebSocket taken, the reserve is left for HTTP.
    pub(crate) open: usize,
}

impl Limits {
    /// Raises the process's own limit as far as it may, and lowers what was asked for to what then fits, with a line in
    /// the log.
    pub(crate) fn of_this_process(wanted: u32) -> Self {
        // If the limit cannot be raised or read, the usual one is assumed.
        let files = rlimit::increase_nofile_limit(2 * u64::from(wanted) + RESERVE).unwrap_or(1_024);
        let limits = Self::within(files, wanted);
        if limits.per_tenant < wanted as usize {
            tracing::warn!(
                wanted,
                per_tenant = limits.per_tenant,
                files,
                "fewer connections: too few open files allowed"
            );
        }
        limits
    }

    fn within(files: u64, wanted: u32) -> Self {
        let reserve = RESERVE.min(files / 2);
        let per_tenant = u64::from(wanted).min((files - reserve) / 2).max(1);
        let open = (files - reserve * PROCESS_SHARE / RESERVE).max(1);
        Self {
            per_tenant: usize::try_from(per_tenant).unwrap_or(usize::MAX),
            http: HTTP_MAX,
            open: usize::try_from(open).unwrap_or(usize::MAX),
        }
    }
}

/// Whether the cause is that the process, or the system, has no file descriptor left.
pub(crate) fn no_descriptor_left(error: &io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24; // the same on every Unix; `ErrorKind` does not tell them
    cfg!(unix) && matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_is_lowered_to_what_fits() {
        for (files, wanted, per_tenant, open) in [
            (20_000, 9_750, 9_750, 19_800),
            (20_000, 50_000, 9_750, 19_800),
            (20_000, 10, 10, 19_800),
            (1_024, 9_750, 262, 824),
            (256, 9_750, 64, 205),
        ] {
            let limits = Limits::within(files, wanted);
            assert_eq!((limits.per_tenant, limits.open), (per_tenant, open), "{files} files, {wanted} wanted");
            assert!(limits.open > 2 * limits.per_tenant, "a place is left for HTTP");
        }
    }
}
