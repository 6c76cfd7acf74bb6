//! Runs one stream of events for each tenant: accepts events, keeps the newest, and sends each to every subscriber of
//! its tenant.
//!
//! Read `hub`, `channel`, `fan_out`, `subscriber` and `connection`, in this order. These files import neither axum nor
//! hyper, and only `feed` of this crate: requests are handled in `http`. Their imports form no cycle. Tests below prove
//! both.

pub(crate) mod admission;
pub(crate) mod batch_log;
pub(crate) mod channel;
pub(crate) mod close_reason;
pub(crate) mod connection;
pub(crate) mod counters;
pub(crate) mod fan_out;
pub(crate) mod frame_limit;
pub(crate) mod frames;
pub(crate) mod hub;
pub(crate) mod idempotency;
pub(crate) mod inbound;
pub(crate) mod subscriber;
pub(crate) mod throttle;

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        fs,
        path::Path,
    };

    /// The code of each module of this folder, without comments.
    fn modules() -> BTreeMap<String, String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/stream");
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let modules = paths.filter(|path| path.file_stem().unwrap() != "mod").map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), lines.collect::<Vec<_>>().join("\n"))
        });
        modules.collect()
    }

    fn words(code: &str) -> impl Iterator<Item = &str> {
        code.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
    }

    /// The words of each path that starts with `super::`: all words of a list in braces, or the first word.
    fn paths(code: &str) -> impl Iterator<Item = &str> {
        code.split("super::").skip(1).flat_map(|rest| {
            let is_list = rest.starts_with('{');
            words(rest.split(';').next().unwrap_or_default()).take(if is_list { usize::MAX } else { 1 })
        })
    }

    #[test]
    fn no_module_imports_axum_hyper_or_another_part_of_the_crate_than_feed() {
        for (name, code) in modules() {
            for foreign in ["axum", "hyper", "http", "leptos", "tower"] {
                assert!(words(&code).all(|word| word != foreign), "{name} imports {foreign}");
            }
            for path in code.split("crate::").skip(1) {
                assert!(path.starts_with("feed::"), "{name} imports crate::{:?}", words(path).next());
            }
            assert!(paths(&code).all(|word| word != "super"), "{name} imports from its parent's parent");
        }
    }

    #[test]
    fn the_imports_of_the_modules_form_no_cycle() {
        let modules = modules();
        let imports = |code| paths(code).filter(|word| modules.contains_key(*word)).collect();
        let mut left: BTreeMap<_, BTreeSet<_>> =
            modules.iter().map(|(name, code)| (name.as_str(), imports(code))).collect();
        assert!(left["hub"].contains("channel"), "the imports are found: {left:?}");
        while !left.is_empty() {
            let done: Vec<_> = left.iter().filter(|(_, imports)| imports.is_empty()).map(|(name, _)| *name).collect();
            assert!(!done.is_empty(), "a cycle is in these imports: {left:?}");
            left.retain(|name, imports| {
                imports.retain(|import| !done.contains(import));
                !done.contains(name)
            });
        }
    }
}
