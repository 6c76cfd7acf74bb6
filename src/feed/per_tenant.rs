//! Holds one value for each tenant.

use super::Tenant;

/// One value for each tenant. [`PerTenant::of`] is the only way to one of them, and no value leads to the other one:
///
/// ```
/// # use event_feed::feed::{PerTenant, Tenant};
/// let names = PerTenant::new(Tenant::label);
/// assert_eq!(*names.of(Tenant::B), "Tenant B");
/// ```
/// ```compile_fail,E0616
/// # use event_feed::feed::{PerTenant, Tenant};
/// # let names = PerTenant::new(Tenant::label);
/// let name = names.b;
/// ```
#[derive(Debug)]
pub struct PerTenant<T> {
    a: T,
    b: T,
}

impl<T> PerTenant<T> {
    /// Makes the value of each tenant.
    pub fn new(mut make: impl FnMut(Tenant) -> T) -> Self {
        Self { a: make(Tenant::A), b: make(Tenant::B) }
    }

    /// The value of a tenant.
    pub const fn of(&self, tenant: Tenant) -> &T {
        match tenant {
            Tenant::A => &self.a,
            Tenant::B => &self.b,
        }
    }
}
