//! In the watch mode of cargo-leptos, lets pages reload when a part of the program was rebuilt: with Leptos' own script, which
//! connects to cargo-leptos.

use leptos::{config::get_configuration, hydration::AutoReload, prelude::*};

/// The script, and the port on which cargo-leptos tells it of rebuilt parts.
#[derive(Debug)]
pub(crate) struct ReloadScript {
    pub(crate) text: String,
    pub(crate) port: u32,
}

impl ReloadScript {
    /// The script for the cargo-leptos that runs this process; `None` if its variables are not set.
    pub(crate) fn of_this_process() -> Option<Self> {
        let options = get_configuration(None).ok()?.leptos_options;
        let port = options.reload_external_port.unwrap_or(options.reload_port);
        let html = Owner::new().with(|| view! { <AutoReload options /> }.to_html());
        let (_, script) = html.split_once("<script>")?; // in watch mode, Leptos writes comments around it
        let (text, _) = script.split_once("</script>")?;
        Some(Self { text: text.to_owned(), port })
    }
}
