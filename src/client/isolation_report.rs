//! Writes the evidence of the isolation view as plain text, so that people can copy it.
//!
//! It holds counts, ids and times, and no message's text. Copying it is not in here.

use std::fmt::Write;

use super::isolation_check::Check;
use crate::feed::{Report, Tenant};

/// The facts that the view has.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The server's last counts.
    pub report: &'a Report,
    /// The last check.
    pub check: &'a Check,
    /// The verdict, or how far the check is, in words.
    pub verdict: &'a str,
    /// The time and the id of the check in words; empty until it ends.
    pub details: &'a str,
    /// How many events of the other tenant each tenant's stream has brought.
    pub foreign: [u64; 2],
}

/// The report.
#[must_use]
pub fn text(evidence: Evidence<'_>) -> String {
    let Evidence { report, check, verdict, details, foreign } = evidence;
    let Report { timestamp, build, epoch, .. } = report;
    let [a, b] = Tenant::ALL;
    let mut text = format!(
        "Isolation report\n\nTime: {timestamp}\nServer build: {build}\nServer epoch: {epoch}\n{verdict}\n{details}\n"
    );
    for tenant in Tenant::ALL {
        // Writing to a text cannot fail.
        let _ = write!(
            text,
            "\nSent to {}: {}\n- epoch of its feed: {}\n- received by {}: {}\n- received by {}: {}\n- delivery times in ms, oldest first:",
            tenant.label(),
            check.size(),
            report.of(tenant).epoch,
            a.label(),
            check.cell(tenant, a).seen,
            b.label(),
            check.cell(tenant, b).seen
        );
        for round in check.rounds() {
            let _ = match round[tenant as usize] {
                Some(took) => write!(text, " {took}"),
                None => write!(text, " -"),
            };
        }
        let foreign = foreign[tenant as usize];
        let _ = write!(text, "\n- events of the other tenant received since the page was loaded: {foreign}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{client::clock::Instant, feed::Timestamp};

    /// Sends a test event to each tenant. It arrives after so many milliseconds, if at all.
    fn send(check: &mut Check, took: [Option<f64>; 2]) {
        for (tenant, took) in Tenant::ALL.into_iter().zip(took) {
            let text = check.send(tenant, Instant::new(0.0));
            if let Some(took) = took {
                check.saw(tenant, &text, Instant::new(took));
            }
        }
    }

    #[test]
    fn it_has_time_build_epoch_verdict_matrix_and_times() {
        let mut tenants = Report::default().tenants;
        for (tenant, epoch) in tenants.iter_mut().zip([2, 3]) {
            tenant.epoch = Uuid::from_u128(epoch);
        }
        let report = Report {
            epoch: Uuid::from_u128(1),
            tenants,
            timestamp: Timestamp::parse("2026-11-26T15:40:24.000Z").unwrap(),
            build: String::from("one"),
            ..Report::default()
        };
        let mut check = Check::default();
        check.start(String::from("before"), 1);
        send(&mut check, [Some(140.0), Some(9.0)]);
        check.start(String::from("x"), 2);
        send(&mut check, [Some(12.0), Some(13.0)]);
        send(&mut check, [Some(14.0), None]);
        let (verdict, details) = ("Inconclusive.", "Checked at noon");
        let evidence = Evidence { report: &report, check: &check, verdict, details, foreign: [0, 3] };
        assert_eq!(
            text(evidence),
            "Isolation report

Time: 2026-11-26T15:40:24.000Z
Server build: one
Server epoch: 00000000-0000-0000-0000-000000000001
Inconclusive.
Checked at noon

Sent to Tenant A: 2
- epoch of its feed: 00000000-0000-0000-0000-000000000002
- received by Tenant A: 2
- received by Tenant B: 0
- delivery times in ms, oldest first: 140 12 14
- events of the other tenant received since the page was loaded: 0

Sent to Tenant B: 2
- epoch of its feed: 00000000-0000-0000-0000-000000000003
- received by Tenant A: 0
- received by Tenant B: 1
- delivery times in ms, oldest first: 9 13 -
- events of the other tenant received since the page was loaded: 3
"
        );
    }
}
