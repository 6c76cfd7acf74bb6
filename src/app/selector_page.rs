//! Renders the first page, which asks for the tenant. Nothing of either tenant is on it but its name.

use leptos::prelude::*;

use super::{for_each_tenant, tenant_mark::TenantMark, tenant_picker::TenantPicker, top_bar::TopBar};

/// Asks for the tenant. Shows no event, of anybody.
#[component]
pub fn SelectorPage(
    /// The address named something that is not a tenant.
    unknown: bool,
) -> impl IntoView {
    view! {
        <TopBar>""</TopBar>
        <main class="selector">
            <h1>"Choose a tenant"</h1>
            <p class="lead">
                "Two tenants, two separate live feeds. Whatever you post appears instantly in every window of that tenant, and never in the other's."
            </p>
            {unknown
                .then(|| view! { <p class="error">"That tenant doesn't exist. Choose one below."</p> })}
            <div class="choices">
                {for_each_tenant(|tenant| {
                    view! {
                        <a class="choice" data-tenant=tenant.id() href=format!("/?tenant={tenant}")>
                            <TenantMark tenant />
                            <strong>{tenant.label()}</strong>
                            <span>"Open the live feed"</span>
                        </a>
                    }
                })}
            </div>
            <TenantPicker />
        </main>
    }
}
