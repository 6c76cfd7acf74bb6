//! Renders the actions of one row: copies its text, its JSON and its id, and shows its exact time.
//!
//! A page has one group of actions. It is in the row that the pointer or the focus is on, so that a thousand rows cost no
//! more than one, and the Tab key finds the actions of the current row only.

use leptos::{ev, html::Div, prelude::*, tachys::renderer::types::Element};
use uuid::Uuid;

use super::copying::{SELECTED, copy};
use crate::{
    client::{
        browser::{self, Json},
        relative_time,
        visible_list::Row,
    },
    feed::Event,
};

/// The part of an event that is copied.
#[derive(Debug, Clone, Copy)]
enum Copied {
    Text,
    Json,
    Id,
}

impl Copied {
    fn of(self, event: &Event) -> String {
        match self {
            Self::Text => event.message.to_string(),
            Self::Json => json(event),
            Self::Id => event.id.to_string(),
        }
    }
}

/// An event as the server writes it. (Serde's code for it would be the larger part of these actions.)
fn json(event: &Event) -> String {
    let Event { id, tenant_id, message, timestamp } = event;
    let message = Json::quote(message.as_str());
    format!(r#"{{"id":"{id}","tenant_id":"{tenant_id}","message":{message},"timestamp":"{timestamp}"}}"#)
}

/// The group, and what it needs to know of the rows.
#[derive(Debug, Clone, Copy)]
pub struct Actions {
    group: NodeRef<Div>,
    exact: NodeRef<Div>,
    rows: RwSignal<Vec<Row>>,
}

impl Actions {
    /// The actions of these rows.
    #[must_use]
    pub fn new(rows: RwSignal<Vec<Row>>) -> Self {
        Self { group: NodeRef::new(), exact: NodeRef::new(), rows }
    }

    /// Moves the group into a row, or hides it.
    pub(super) fn move_to(self, row: Option<Element>) {
        let (Some(group), Some(exact)) = (self.group.get_untracked(), self.exact.get_untracked()) else { return };
        if browser::move_into(&group, row.as_ref()) {
            let time = self.event(|event| relative_time::exact(&event.timestamp.to_string()));
            browser::set_text(&exact, &time.unwrap_or_default());
            browser::set_flag(&exact, SELECTED, false);
        }
    }

    /// Takes something of the event whose row the group is in.
    fn event<T>(self, take: impl FnOnce(&Event) -> T) -> Option<T> {
        let id = Uuid::try_parse(&browser::row_of(&**self.group.get_untracked()?)?).ok()?;
        let rows = self.rows.read_untracked();
        rows.iter().find(|row| row.entry.event.id == id).map(|row| take(&row.entry.event))
    }

    fn copy(self, click: &ev::MouseEvent, what: Copied) {
        let (Some(button), Some(text)) = (browser::target(click), self.event(|event| what.of(event))) else { return };
        let message = || browser::find(&self.event(|event| event.id.to_string())?);
        let place = match what {
            Copied::Text => message(),
            Copied::Json | Copied::Id => self.exact.get_untracked().map(|exact| (**exact).clone()),
        };
        copy(button, text, place);
        // The focus of a mouse would hold the actions in this row. (`detail` counts clicks; a key makes none.)
        if let Some(group) = self.group.get_untracked().filter(|_| click.detail() > 0) {
            browser::focus_row_of(&group);
        }
    }
}

/// The group of actions. It waits behind the list until it is needed.
#[component]
pub fn RowActions(
    /// The group.
    actions: Actions,
) -> impl IntoView {
    let click = move |what| move |event: ev::MouseEvent| actions.copy(&event, what);
    view! {
        <div id="row-actions" node_ref=actions.group role="group" aria-label="Copy" hidden>
            <div class="exact" node_ref=actions.exact></div>
            <span aria-hidden="true">"Copy"</span>
            <button type="button" aria-label="Copy text" on:click:capture=click(Copied::Text)>"Text"</button>
            <button type="button" aria-label="Copy JSON" on:click:capture=click(Copied::Json)>"JSON"</button>
            <button type="button" aria-label="Copy id" on:click:capture=click(Copied::Id)>"Id"</button>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::{Message, Tenant, Timestamp};

    #[test]
    fn the_json_is_the_servers() {
        let event = Event {
            id: Uuid::from_u128(7),
            tenant_id: Tenant::B,
            message: Message::parse("a \"quoted\"\n\\ <b> \u{2028} 😀").unwrap(),
            timestamp: Timestamp::parse("2026-11-23T08:00:00.000Z").unwrap(),
        };
        assert_eq!(json(&event), serde_json::to_string(&event).unwrap());
    }
}
