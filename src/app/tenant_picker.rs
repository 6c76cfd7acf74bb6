//! Renders the tenant dropdown: a plain form, which a choice alone submits where script runs.
//!
//! It remembers nothing: the choice is an address. A key that changes the closed dropdown is not a choice yet (WCAG 2.2,
//! 3.2.2): it waits for Enter or for "Open".

use leptos::{ev, html::Select, prelude::*, task::spawn_local};

use super::{
    erased::{Hides, condition, hides},
    for_each_tenant,
    tenant_mark::TenantMark,
};
use crate::{client::browser, feed::Tenant};

/// The dropdown.
const SELECT: &str = "tenant";

/// Goes to the chosen tenant's page. It is loaded from the server, so that nothing of the old one is left.
#[component]
pub fn TenantPicker(
    /// The tenant of this page, if it has one.
    #[prop(optional)]
    current: Option<Tenant>,
) -> impl IntoView {
    let is_typed = RwSignal::new(false);
    // Without script, "Open" is the only way.
    let is_current = RwSignal::new(false);
    let own = current.map_or("", Tenant::id);
    let select = NodeRef::<Select>::new();
    let chosen = move || select.get_untracked().map_or_else(String::new, |select| select.value());
    let look = move || is_current.set(chosen() == own);
    browser::after_mount(move || {
        look();
        // The browser may have kept another choice.
        browser::on_show(move || {
            if let Some(select) = select.get_untracked() {
                select.set_value(own);
            }
            look();
        });
    });
    let open = move || {
        if let Ok(tenant) = chosen().parse::<Tenant>()
            && Some(tenant) != current
        {
            browser::visit(&format!("/?tenant={tenant}"));
        }
    };
    let keys = move |event: ev::KeyboardEvent| {
        let key = event.key();
        if key == "Enter" && !is_current.get_untracked() {
            event.prevent_default(); // some engines would open the list
            open();
        }
        if changes_choice(&key) && !event.alt_key() {
            is_typed.set(true);
            // The choice of a key comes before this.
            spawn_local(async move {
                browser::sleep(0).await;
                is_typed.set(false);
            });
        }
    };
    let changed = move |_| {
        look();
        if !is_typed.get_untracked() {
            open();
        }
    };
    let button = Hides { when: condition(move || is_current.get()), next: SELECT };
    view! {
        <form method="get" action="/" id="tenant-form" class="picker">
            <label for=SELECT class=current.map(|_| "for-ears")>
                "Tenant"
            </label>
            {current.map(|tenant| view! { <TenantMark tenant /> })}
            <select
                id=SELECT
                node_ref=select
                name="tenant"
                autocomplete="off"
                required
                on:change:capture=changed
                on:keydown:capture=keys
            >
                {current.is_none().then(|| view! { <option value="" disabled selected>"Choose…"</option> })}
                {for_each_tenant(|tenant| {
                    view! {
                        <option value=tenant.id() selected=current == Some(tenant)>
                            {tenant.label()}
                        </option>
                    }
                })}
            </select>
            <button type="submit" id="open" use:hides=button>"Open"</button>
        </form>
    }
}

/// Whether a key changes the choice of a closed dropdown. (Space and Alt with an arrow open it.)
fn changes_choice(key: &str) -> bool {
    let is_letter = key.chars().count() == 1 && key != " ";
    is_letter || key.starts_with("Arrow") || key.starts_with("Page") || matches!(key, "Home" | "End")
}
