//! The checks of the web integration: it exists, and it lists our origin.

use qlik::{ConsolePage, Qlik, WebIntegration, error::ErrorKind};

use super::{checks::Candidate, report::Note, steps::Made};

impl Candidate<'_> {
    fn web_link(&self, note: Note) -> Note {
        note.link("Open Web in Qlik", self.host.console_url(ConsolePage::Web))
    }

    /// `Some(None)`: it may not be read, which is no fault of the integration.
    pub(super) async fn web_integration(&self, qlik: &Qlik) -> Made<Option<WebIntegration>> {
        Ok(match self.tenant_with_key(qlik).web_integration(self.web_integration_id).await {
            Ok(web) => (Note::passed(format!("The web integration “{}” exists.", web.name)), Some(Some(web))),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::BadRequest) => {
                let note = Note::failed(
                    format!("{} has no web integration with this id.", self.host),
                    "Copy the id from Administration > Web in Qlik, or create one there.",
                );
                (self.web_link(note).codes(&e), None)
            }
            Err(e) if e.kind() == ErrorKind::Forbidden => {
                let note = Note::warning(
                    "The key's owner may not read web integrations, so its origins can't be compared.",
                    "Compare them by hand: the list must hold this portal's origin.",
                );
                (self.web_link(note).codes(&e), Some(None))
            }
            Err(e) => self.failed(&e),
        })
    }

    pub(super) fn origin(&self, web: &WebIntegration) -> (Note, Option<()>) {
        let ours = self.actor.portal.origin.as_str();
        if web.valid_origins.iter().any(|o| same_origin(o, ours)) {
            return (Note::passed(format!("Its origins hold {ours}.")), Some(()));
        }
        let near = web.valid_origins.iter().find(|o| host_of(o) == host_of(ours));
        let remedy = match near {
            Some(near) => {
                format!("It lists {near}: scheme and port must be the same too. Add {ours} to its origins.")
            }
            None => format!("Add {ours} to its origins."),
        };
        (self.web_link(Note::failed("The web integration does not list this portal's origin.", remedy)), None)
    }
}

fn same_origin(listed: &str, ours: &str) -> bool {
    listed.trim().trim_end_matches('/').eq_ignore_ascii_case(ours)
}

fn host_of(origin: &str) -> Option<String> {
    url::Url::parse(origin.trim()).ok()?.host_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_the_same_only_with_scheme_and_port() {
        let ours = "https://acme.portal.example";
        for same in [ours, "https://acme.portal.example/", " HTTPS://ACME.portal.example"] {
            assert!(same_origin(same, ours), "{same}");
        }
        for other in [
            "http://acme.portal.example",
            "https://acme.portal.example:8443",
            "https://*.portal.example",
            "acme.portal.example",
        ] {
            assert!(!same_origin(other, ours), "{other}");
        }
    }
}
