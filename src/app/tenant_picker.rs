//! The tenant's dropdown: a plain form, that a choice alone submits where script runs. It remembers nothing: the choice
//! is an address.

use leptos::prelude::*;

use crate::{client::browser, feed::Tenant};

/// Goes to the chosen tenant's page. It is loaded anew, so that nothing of the old one is left.
#[component]
pub fn TenantPicker(
    /// The tenant of this page, if it is one's.
    #[prop(optional)]
    current: Option<Tenant>,
) -> impl IntoView {
    let chosen = move |event| {
        let choice: Result<Tenant, _> = event_target_value(&event).parse();
        if let Ok(tenant) = choice
            && choice.ok() != current
        {
            browser::visit(&format!("/?tenant={tenant}"));
        }
    };
    view! {
        <form method="get" action="/" class="picker">
            <label for="tenant">"Tenant"</label>
            <select id="tenant" name="tenant" autocomplete="off" required on:change=chosen>
                {current.is_none().then(|| view! { <option value="" disabled selected>"Choose…"</option> })}
                {Tenant::ALL
                    .map(|tenant| {
                        view! {
                            <option value=tenant.id() selected=current == Some(tenant)>
                                {tenant.label()}
                            </option>
                        }
                    })
                    }
            </select>
            <button type="submit">"Open"</button>
        </form>
    }
}
