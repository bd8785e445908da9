//! A form as it is shown: what was typed before and what is wrong with it.

#![expect(clippy::needless_pass_by_value, reason = "a component owns its props")]

use std::{collections::BTreeMap, sync::Arc};

use leptos::prelude::*;

use crate::{
    error::{AppError, FieldError},
    words,
};

/// The state of one form on a page. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FormState(Arc<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    id: &'static str,
    values: BTreeMap<String, String>,
    errors: Vec<FieldError>,
    trouble: Option<AppError>,
    told: BTreeMap<String, String>,
}

impl FormState {
    /// The form `id` with what was typed, the fields that can't be taken, and
    /// what else is wrong.
    pub fn new(
        id: &'static str,
        values: BTreeMap<String, String>,
        errors: Vec<FieldError>,
        trouble: Option<AppError>,
    ) -> Self {
        Self(Arc::new(Inner { id, values, errors, trouble, told: BTreeMap::new() }))
    }

    /// Says `told[field]` of a field that is wrong, in place of its code's
    /// sentence: what is wrong was found by a test that has its own words.
    #[must_use]
    pub fn telling(self, told: BTreeMap<String, String>) -> Self {
        Self(Arc::new(Inner { told, ..Arc::unwrap_or_clone(self.0) }))
    }

    fn sentence(&self, error: &FieldError) -> String {
        self.0.told.get(&error.field).cloned().unwrap_or_else(|| words::field_error(error))
    }

    /// The form `id`, untouched.
    pub fn untouched(id: &'static str) -> Self {
        Self::new(id, BTreeMap::new(), Vec::new(), None)
    }

    /// The element id of one of its fields.
    pub fn field_id(&self, field: &str) -> String {
        format!("{}-{field}", self.0.id)
    }

    /// What was typed into `field`, if it was kept.
    pub fn value(&self, field: &str) -> Option<String> {
        self.0.values.get(field).cloned()
    }

    /// What is wrong with `field`, as a sentence.
    pub fn error(&self, field: &str) -> Option<String> {
        self.0.errors.iter().find(|e| e.field == field).map(|e| self.sentence(e))
    }

    /// Whether anything is wrong.
    pub fn has_errors(&self) -> bool {
        !self.0.errors.is_empty() || self.0.trouble.is_some()
    }

    /// Whether it was not looked at because there were too many tries.
    pub fn is_held_up(&self) -> bool {
        matches!(self.0.trouble, Some(AppError::TooManyTries { .. }))
    }

    /// All that is wrong, as sentences, each with the field to go to if it is
    /// one of `fields`; in the order of `fields`, the rest first.
    fn all(&self, fields: &[&str]) -> Vec<(Option<String>, String)> {
        let place = |e: &FieldError| fields.iter().position(|f| *f == e.field);
        let mut errors: Vec<_> = self.0.errors.iter().map(|e| (place(e), self.sentence(e))).collect();
        errors.sort_by_key(|(place, _)| *place);
        let trouble = self.0.trouble.iter().map(|e| (None, words::error_message(e)));
        let errors = errors
            .into_iter()
            .map(|(place, text)| (place.and_then(|at| fields.get(at)).map(|f| self.field_id(f)), text));
        trouble.chain(errors).collect()
    }
}

/// What is wrong with a form, on top of the page: it takes the focus, and its
/// links lead to the fields. Nothing where nothing is wrong.
#[component]
pub fn ErrorSummary(
    /// The form.
    form: FormState,
    /// Its fields in their order on the page.
    #[prop(default = &[])]
    fields: &'static [&'static str],
) -> impl IntoView {
    let errors = form.all(fields);
    let heading = match errors.len() {
        0 => return ().into_any(),
        1 => "One thing needs a change",
        _ => "Some things need a change",
    };
    let id = form.field_id("errors");
    let title_id = form.field_id("errors-title");
    let lines = errors
        .into_iter()
        .map(|(target, text)| match target {
            Some(target) => view! { <li><a href=format!("#{target}")>{text}</a></li> }.into_any(),
            None => view! { <li>{text}</li> }.into_any(),
        })
        .collect_view();
    view! {
        <div class="summary" id=id role="alert" aria-labelledby=title_id tabindex="-1" autofocus=true>
            <h2 class="summary-title" id=title_id.clone()>{heading}</h2>
            <ul>{lines}</ul>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(errors: &[(&str, &str)], trouble: Option<AppError>) -> FormState {
        let errors = errors.iter().map(|(f, c)| FieldError::new(*f, *c)).collect();
        FormState::new("add", BTreeMap::new(), errors, trouble)
    }

    #[test]
    fn the_summary_lists_the_fields_in_the_order_of_the_page() {
        let all = form(&[("role", "required"), ("email", "taken")], None).all(&["email", "role"]);
        let targets: Vec<_> = all.iter().map(|(t, _)| t.as_deref()).collect();
        assert_eq!(targets, [Some("add-email"), Some("add-role")]);
    }

    #[test]
    fn a_test_s_own_words_stand_by_the_field_and_in_the_summary() {
        let told = BTreeMap::from([("email".to_owned(), "Nobody has it.".to_owned())]);
        let form = form(&[("email", "check"), ("role", "wrong")], None).telling(told);
        assert_eq!(form.error("email").as_deref(), Some("Nobody has it."));
        let texts: Vec<_> = form.all(&["email", "role"]).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["Nobody has it.".to_owned(), words::field_message("role", "wrong")]);
    }

    #[test]
    fn what_is_tied_to_no_field_comes_first_and_has_no_link() {
        let all = form(&[("email", "taken"), ("user", "owner")], Some(AppError::NotAllowed)).all(&["email"]);
        let targets: Vec<_> = all.iter().map(|(t, _)| t.as_deref()).collect();
        assert_eq!(targets, [None, None, Some("add-email")]);
    }
}
