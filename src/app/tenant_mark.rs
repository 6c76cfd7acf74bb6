//! A tenant's sign, as every page shows it. Its colours and its shape are the style sheet's.

use leptos::prelude::*;

use crate::feed::Tenant;

/// The tenant's sign: a letter in a shape, in the tenant's colour, so that colour is never the only one.
#[component]
pub fn TenantMark(
    /// Whose.
    tenant: Tenant,
) -> impl IntoView {
    view! {
        <span class="mark" data-mark=tenant.id() aria-hidden="true">
            {tenant.mark()}
        </span>
    }
}
