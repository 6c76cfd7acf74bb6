//! Defines the two tenants (contract, "Data"). A third cannot be added at run time. The tenant of a request is read in
//! `server::http::credential`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// One of the two tenants.
///
/// Parsing is the only way from a text to a tenant. Code that handles one tenant and forgets the other does not compile,
/// and there is no third:
///
/// ```
/// # use event_feed::feed::Tenant;
/// let tenant: Tenant = "tenant_a".parse().unwrap();
/// let letter = match tenant { Tenant::A => 'A', Tenant::B => 'B' };
/// ```
/// ```compile_fail,E0308
/// # use event_feed::feed::Tenant;
/// let tenant: Tenant = "tenant_a";
/// ```
/// ```compile_fail,E0004
/// # use event_feed::feed::Tenant;
/// # let tenant: Tenant = "tenant_a".parse().unwrap();
/// let letter = match tenant { Tenant::A => 'A' };
/// ```
/// ```compile_fail,E0599
/// # use event_feed::feed::Tenant;
/// let tenant: Tenant = Tenant::C;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Tenant {
    /// `tenant_a`, "Tenant A".
    #[serde(rename = "tenant_a")]
    A,
    /// `tenant_b`, "Tenant B".
    #[serde(rename = "tenant_b")]
    B,
}

impl Tenant {
    /// Both tenants, in the order in which pages show them.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// The tenant's id, as in headers, addresses and events.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::A => "tenant_a",
            Self::B => "tenant_b",
        }
    }

    /// The tenant's name, as pages show it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::A => "Tenant A",
            Self::B => "Tenant B",
        }
    }

    /// The tenant's letter, shown next to its colour: colour is never the only sign (WCAG 2.2, 1.4.1).
    #[must_use]
    pub const fn mark(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
        }
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// The text is not the id of a tenant. The error does not hold the text, so no answer can echo it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a tenant: use tenant_a or tenant_b")]
pub struct UnknownTenant;

impl FromStr for Tenant {
    type Err = UnknownTenant;

    /// Parses exactly [`Tenant::id`]: no other case, no white space, no list.
    fn from_str(text: &str) -> Result<Self, UnknownTenant> {
        Self::ALL.into_iter().find(|tenant| tenant.id() == text).ok_or(UnknownTenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_parsed_from_exactly_its_id() {
        for tenant in Tenant::ALL {
            assert_eq!(tenant.id().parse(), Ok(tenant));
            assert_eq!(serde_json::to_value(tenant).unwrap(), tenant.id());
            assert_eq!(tenant.to_string(), tenant.id());
            assert_eq!(tenant.label(), format!("Tenant {}", tenant.mark()));
        }
        assert_eq!(Tenant::ALL.map(|tenant| (tenant.id(), tenant.mark())), [("tenant_a", "A"), ("tenant_b", "B")]);
        for text in ["", "tenant_c", "TENANT_A", "Tenant A", " tenant_a", "tenant_a,tenant_b", "a"] {
            assert_eq!(text.parse::<Tenant>(), Err(UnknownTenant), "{text:?}");
        }
    }
}
