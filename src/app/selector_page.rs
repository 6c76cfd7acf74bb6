//! The first page: which tenant?

use leptos::prelude::*;

use super::{feed_page::TenantMark, tenant_picker::TenantPicker};
use crate::feed::Tenant;

/// Asks for the tenant. Shows no event, of anybody.
#[component]
pub fn SelectorPage(
    /// The address named something that is no tenant.
    unknown: bool,
) -> impl IntoView {
    view! {
        <main class="selector">
            <div class="card">
                <p class="marks">{Tenant::ALL.map(|tenant| view! { <TenantMark tenant /> })}</p>
                <h1>"Choose a tenant"</h1>
                <p>"Each tenant has a live feed of its own. What is posted to one is never seen by the other."</p>
                {unknown
                    .then(|| view! { <p class="error">"The address names no tenant that there is. Choose one here."</p> })}
                <TenantPicker />
            </div>
            <p class="links">
                <a href="/vanilla/">"Simple page"</a>
            </p>
        </main>
    }
}
