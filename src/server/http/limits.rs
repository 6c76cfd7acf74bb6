//! Computes the limits of connections, from the settings and from the number of file descriptors that the process may
//! open. The limits are applied in `stream::channel` and `listener`.

use std::io;

/// The number of descriptors that no WebSocket may use: they are for HTTP connections, for files, and for the process.
const RESERVE: u64 = 500;
/// The part of [`RESERVE`] that no HTTP connection may use: it is for the files of the process, and for connections that
/// are rejected with an answer.
const PROCESS_SHARE: u64 = 200;
/// Maximum number of HTTP connections, if there are enough descriptors: many clients may reconnect at once.
const HTTP_MAX: usize = 2_000;

/// The limits of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Maximum number of WebSockets of each tenant.
    pub(crate) per_tenant: usize,
    /// Maximum number of HTTP connections of all clients together.
    pub(crate) http: usize,
    /// Maximum number of HTTP connections and WebSockets together. It is higher than the limits of both tenants together,
    /// so HTTP connections are accepted even if both tenants are at their limit.
    pub(crate) open: usize,
}

impl Limits {
    /// Raises the process's limit of descriptors as far as allowed. If `wanted` connections of each tenant do not fit,
    /// lowers their number and logs a warning.
    pub(crate) fn of_this_process(wanted: u32) -> Self {
        // If the limit cannot be raised or read, the common default is assumed.
        let files = rlimit::increase_nofile_limit(2 * u64::from(wanted) + RESERVE).unwrap_or(1_024);
        let limits = Self::within(files, wanted);
        if limits.per_tenant < wanted as usize {
            tracing::warn!(
                wanted,
                per_tenant = limits.per_tenant,
                files,
                "fewer connections: the process may not open enough files"
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

/// Whether the cause of `error` is that the process or the system has no file descriptor left.
pub(crate) fn no_descriptor_left(error: &io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24; // the same on every Unix; `ErrorKind` has no variant for them
    cfg!(unix) && matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_fit_the_number_of_descriptors() {
        for (files, wanted, per_tenant, open) in [
            (20_000, 9_750, 9_750, 19_800),
            (20_000, 50_000, 9_750, 19_800),
            (20_000, 10, 10, 19_800),
            (1_024, 9_750, 262, 824),
            (256, 9_750, 64, 205),
        ] {
            let limits = Limits::within(files, wanted);
            assert_eq!((limits.per_tenant, limits.open), (per_tenant, open), "{files} files, {wanted} wanted");
            assert!(
                limits.open > 2 * limits.per_tenant,
                "HTTP connections are accepted if both tenants are at their limit"
            );
        }
    }
}
