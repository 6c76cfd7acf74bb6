//! Reads the tenant of a request (contract, "HTTP"). Only this module does: the rest of the server receives a [`Tenant`].

use axum::http::{HeaderMap, Uri};

use super::problem::Refusal;
use crate::feed::{Tenant, protocol::TENANT_HEADER};

/// The tenant in the address of a page or a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TenantParam {
    /// There is no `tenant` parameter. A page then shows the selector.
    Absent,
    /// The parameter is empty, unknown, repeated or a list.
    Invalid,
    /// There is exactly one parameter, and it names this tenant.
    One(Tenant),
}

/// Reads the tenant of an API request: its one `X-Tenant-ID` header, and nothing else.
///
/// # Errors
/// [`Refusal::NoTenantHeader`] if the header is absent, repeated, or not the id of a tenant.
pub(crate) fn of_header(headers: &HeaderMap) -> Result<Tenant, Refusal> {
    let mut values = headers.get_all(TENANT_HEADER).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(Refusal::NoTenantHeader) };
    let named = value.to_str().ok().and_then(|text| text.parse().ok());
    named.ok_or(Refusal::NoTenantHeader)
}

/// Reads the tenant of a page: its one `tenant` parameter. Headers are ignored.
pub(crate) fn of_address(target: &Uri) -> TenantParam {
    let query = target.query().unwrap_or_default();
    let mut values =
        form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "tenant").map(|(_, value)| value);
    match (values.next(), values.next()) {
        (None, _) => TenantParam::Absent,
        (Some(value), None) => value.parse().map_or(TenantParam::Invalid, TenantParam::One),
        (Some(_), Some(_)) => TenantParam::Invalid,
    }
}

/// Reads the tenant of a socket, as [`of_address`] does.
///
/// # Errors
/// [`Refusal::NoTenantParameter`] if the address names none.
pub(crate) fn of_socket(target: &Uri) -> Result<Tenant, Refusal> {
    match of_address(target) {
        TenantParam::One(tenant) => Ok(tenant),
        TenantParam::Absent | TenantParam::Invalid => Err(Refusal::NoTenantParameter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_names_a_tenant_once_and_exactly() {
        let of = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(TENANT_HEADER, value.parse().unwrap());
            }
            of_header(&headers).ok()
        };
        assert_eq!(of(&["tenant_a"]), Some(Tenant::A));
        assert_eq!(of(&["tenant_b"]), Some(Tenant::B));
        for values in [
            &[][..],
            &[""],
            &["tenant_c"],
            &["TENANT_A"],
            &["tenant_a, tenant_a"],
            &["tenant_a", "tenant_a"],
            &["tenant_a", "tenant_b"],
        ] {
            assert_eq!(of(values), None, "{values:?}");
        }
    }

    #[test]
    fn an_address_names_a_tenant_once_and_exactly() {
        let of = |query: &str| of_address(&format!("/?{query}").parse().unwrap());
        assert_eq!(of("tenant=tenant_a"), TenantParam::One(Tenant::A));
        assert_eq!(of("x=1&tenant=tenant_b&y"), TenantParam::One(Tenant::B));
        assert_eq!(of("t%65nant=tenant%5fb"), TenantParam::One(Tenant::B));
        for nobody in ["", "x=tenant_a", "Tenant=tenant_a"] {
            assert_eq!(of(nobody), TenantParam::Absent, "{nobody}");
        }
        for wrong in [
            "tenant",
            "tenant=",
            "tenant=x",
            "tenant=tenant_a&tenant=tenant_a",
            "tenant=tenant_a&t%65nant=tenant_b",
            "tenant=tenant_a,tenant_b",
        ] {
            assert_eq!(of(wrong), TenantParam::Invalid, "{wrong}");
        }
    }
}
