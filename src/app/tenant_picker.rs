//! Renders the tenant dropdown: a plain form, which a choice alone submits where script runs.
//!
//! It remembers nothing: the choice is an address. A key that changes the closed dropdown is not a choice yet (WCAG 2.2,
//! 3.2.2): it waits for Enter or for "Open".

use std::{cell::Cell, rc::Rc};

use leptos::{ev, html::Select, prelude::*, task::spawn_local};

use super::{for_each_tenant, tenant_mark::TenantMark};
use crate::{client::browser, feed::Tenant};

/// The dropdown.
const SELECT: &str = "tenant";
/// The button that opens what a key has chosen.
const OPEN: &str = "open";

/// Goes to the chosen tenant's page. It is loaded from the server, so that nothing of the old one is left.
#[component]
pub fn TenantPicker(
    /// The tenant of this page, if it has one.
    #[prop(optional)]
    current: Option<Tenant>,
) -> impl IntoView {
    let is_typed = Rc::new(Cell::new(false));
    let own = current.map_or("", Tenant::id);
    let select = NodeRef::<Select>::new();
    let chosen = move || select.get_untracked().map_or_else(String::new, |select| select.value());
    // Without script, "Open" is the only way.
    let look = move || browser::set_hidden_by_id(OPEN, chosen() == own, SELECT);
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
    let typed = Rc::clone(&is_typed);
    let keys = move |event: ev::KeyboardEvent| {
        let key = event.key();
        if key == "Enter" && chosen() != own {
            event.prevent_default(); // some engines would open the list
            open();
        }
        if changes_choice(&key) && !event.alt_key() {
            typed.set(true);
            // The choice of a key comes before this.
            let typed = Rc::clone(&typed);
            spawn_local(async move {
                browser::sleep(0).await;
                typed.set(false);
            });
        }
    };
    let changed = move |_| {
        look();
        if !is_typed.get() {
            open();
        }
    };
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
            <button type="submit" id=OPEN>
                "Open"
            </button>
        </form>
    }
}

/// Whether a key changes the choice of a closed dropdown. (Space and Alt with an arrow open it.)
fn changes_choice(key: &str) -> bool {
    let is_letter = key.chars().count() == 1 && key != " ";
    is_letter || key.starts_with("Arrow") || key.starts_with("Page") || matches!(key, "Home" | "End")
}
