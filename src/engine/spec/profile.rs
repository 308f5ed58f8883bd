//! The grammar of `profiles/NAME.toml`.

use serde::Deserialize;

use super::binding::{Binding, Lists, RawBinding};
use super::claim::Claim;
use super::error::{SpecError, suggestion};
use super::matrix::RawAxes;
use super::pipeline::{
    SLOT_KEYS, keep, missing_section, read_claims, read_dataset, read_matrices, read_publish,
    read_section, refuse_rest, take_keys, take_tables,
};
use super::source_map::Span;
use super::value::{Entry, Ordered, Spanned, Table, Value};
use super::{DatasetSlot, Publication};

/// `[profile]`.
#[derive(Clone, Debug, Deserialize)]
pub struct ProfileInfo {
    /// Its name, a plain word that may name a directory.
    pub name: Spanned<String>,
    /// What it is for.
    pub about: String,
}

/// A profile before it is laid over the pipeline.
pub(super) struct Profile {
    pub info: Option<ProfileInfo>,
    /// `[dataset.NAME]`, to be bound by [`bind`].
    pub datasets: Ordered<Entry>,
    /// `[node.NAME]`, overlays of parameters.
    pub nodes: Ordered<Entry>,
    /// `[node.NAME]` with a `stage`: nodes of the profile's own.
    pub own: Ordered<Entry>,
    /// `[dataset.NAME]` with an `about`: slots of the profile's own; their bindings are among `datasets`.
    pub slots: Vec<DatasetSlot>,
    /// What the profile shows of its own.
    pub publish: Vec<Publication>,
    /// What it checks of its own.
    pub claims: Vec<Claim>,
    /// Runs in one go of its own.
    pub matrices: Vec<RawAxes>,
}

/// Reads the document; what cannot be read is left out and reported.
pub(super) fn read_profile(
    mut document: Table,
    start: &Span,
    errors: &mut Vec<SpecError>,
) -> Profile {
    let info = match document.0.remove("profile") {
        Some(entry) => keep(read_info(entry), errors),
        None => {
            errors.push(missing_section("profile", start));
            None
        }
    };
    let mut datasets = take_tables(&mut document, "dataset", errors);
    let slots = own_slots(&mut datasets, errors);
    let (own, nodes) = take_tables(&mut document, "node", errors).into_iter().partition(is_node);
    let publish = document.0.remove("publish");
    let publish = publish.map(|entry| read_publish(entry, errors)).unwrap_or_default();
    let claims = document.0.remove("claim");
    let claims = claims.map(|entry| read_claims(entry, errors)).unwrap_or_default();
    let matrices = read_matrices(&mut document, errors);
    refuse_rest(&document, &["profile", "dataset", "node", "matrix", "publish", "claim"], errors);
    Profile { info, datasets, nodes, own, slots, publish, claims, matrices }
}

/// Takes the words of the slots that the profile brings with it and leaves what fills them.
fn own_slots(datasets: &mut Ordered<Entry>, errors: &mut Vec<SpecError>) -> Vec<DatasetSlot> {
    let mut slots = Vec::new();
    for (name, entry) in datasets.iter_mut() {
        let Value::Table(table) = &mut entry.value.value else { continue };
        if !table.0.contains_key("about") {
            continue;
        }
        let words = take_keys(table, &SLOT_KEYS);
        let words = Spanned::new(Value::Table(words), entry.value.span.clone());
        slots.extend(keep(
            read_dataset(name, Entry { key: entry.key.clone(), value: words }),
            errors,
        ));
    }
    slots
}

/// A table with a `stage` is a node, one without says what changes of a node of the pipeline.
fn is_node((_, entry): &(String, Entry)) -> bool {
    matches!(&entry.value.value, Value::Table(table) if table.0.contains_key("stage"))
}

fn read_info(entry: Entry) -> Result<ProfileInfo, SpecError> {
    let info: ProfileInfo = read_section("[profile]".into(), &entry)?;
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    if info.name.starts_with(|c: char| c.is_ascii_lowercase()) && info.name.bytes().all(plain) {
        return Ok(info);
    }
    let message = format!("`{}` cannot name a profile", info.name.value);
    Err(SpecError::new("spec.name", message, info.name.span, "not a name").help(
        "lower-case letters, digits, `_` and `-`: results are written to a directory of that name",
    ))
}

/// Fills the slots; a slot that the profile leaves out is absent.
pub(super) fn bind(
    slots: &mut Ordered<DatasetSlot>,
    datasets: Ordered<Entry>,
    profile: &str,
    lists: &mut Lists<'_>,
) {
    for (_, slot) in slots.iter_mut() {
        let reason = format!("not bound by profile {profile}");
        slot.binding = Binding::Absent { reason };
    }
    for (name, entry) in datasets {
        let Some(slot) = slots.get_mut(&name) else {
            let known: Vec<&str> = slots.keys().map(String::as_str).collect();
            let message = format!("dataset `{name}` is not a slot of the pipeline");
            let error = SpecError::new("spec.reference", message, entry.key, "not a slot");
            lists.errors.push(error.help(suggestion(&name, &known, "dataset")));
            continue;
        };
        let raw = read_section::<RawBinding>(format!("[dataset.{name}]"), &entry);
        let Some(mut raw) = keep(raw, lists.errors) else { continue };
        slot.archive = raw.archive(lists);
        let asked = slot.archive.as_ref().map(|archive| archive.acknowledgement.clone());
        slot.cite = raw.cite().or(asked).unwrap_or_default();
        if let Some(binding) = raw.check(&entry.key, lists) {
            slot.binding = binding;
            slot.binding_span = entry.key;
        }
    }
}
