//! What keeps a rotation from going on, in words: what is so, and what to do.

use qlik::error::Error as QlikError;

use super::{
    core::Move,
    shell::{RotationEnd, RotationOutcome},
    state::{End, Phase, Provider, Reason, Snag, State},
};
use crate::{
    renewal::{Fault, fault_of},
    words::Said,
};

/// The sentence for a reason. `who` is who is signed in for the proof, `origin`
/// the portal's.
pub(super) fn said(reason: Reason, who: &str, origin: &str) -> Said {
    match reason {
        Reason::Refused => Said::new(
            "Qlik does not accept sign-ins with this key yet.",
            "A new identity provider may need a moment; it is tried again by itself.",
        ),
        Reason::Missing => Said::new(
            "The Qlik tenant has no identity provider with this issuer and key id.",
            "Somebody may have deleted it in Qlik.",
        ),
        Reason::OtherCertificate => Said::new(
            "The Qlik tenant's identity provider with this issuer and key id has another certificate.",
            "Delete it in Qlik, and enter it again with the values of this page.",
        ),
        Reason::SwitchedOff => Said::new(
            "The Qlik tenant's identity provider with this issuer and key id is switched off.",
            "Switch it on in Qlik.",
        ),
        Reason::Origin => Said::new(
            format!("Qlik refuses the sign-in: the web integration does not list {origin}."),
            format!("Add {origin} to its origins in Qlik."),
        ),
        Reason::User => Said::new(
            format!("Qlik does not let {who} in, who is signed in for the proof."),
            "Look at the user in Qlik, or save a key of another user in the settings.",
        ),
        Reason::WrongUser => Said::new(
            format!("Qlik opened a session for another user than {who}. It was closed and not used."),
            "Report it to the Qlik tenant's administrator.",
        ),
        Reason::Nobody => Said::new(
            "Nobody can be signed in for the proof: Qlik shows no e-mail of the API key's owner.",
            "Save a key in the settings whose owner has an e-mail.",
        ),
        Reason::ApiKey => Said::new(
            "Qlik refuses this portal's API key, which is needed for the proof.",
            "The settings say what to do.",
        ),
        Reason::Moved => Said::new("The portal was connected to another Qlik tenant meanwhile.", ""),
        Reason::Qlik => Said::new("Qlik does not answer.", "It is tried again by itself."),
    }
}

/// A step that an answer of Qlik kept from succeeding.
pub(super) fn snag(reason: Reason, e: &QlikError, who: &str, origin: &str, host: &str) -> Snag {
    let mut fault = fault_of(e, host);
    if reason != Reason::Qlik {
        fault.says = said(reason, who, origin).joined();
    }
    Snag { reason, fault }
}

/// A step that did not succeed, though Qlik answered well.
pub(super) fn plain(reason: Reason, who: &str, origin: &str) -> Snag {
    let says = said(reason, who, origin).joined().trim_end().to_owned();
    Snag { reason, fault: Fault { says, code: None, trace_id: None, retry_after: None } }
}

/// What came of what an administrator asked for. `hindered`: what kept a step
/// from succeeding on the way.
pub(super) fn end_of(wish: Option<Move>, state: &State, hindered: Option<&str>) -> RotationEnd {
    use RotationOutcome::{Done, NotDone, Waits};
    let because = hindered.map_or_else(String::new, |h| format!(" {h}"));
    let (outcome, says) = match (wish, &state.phase) {
        (_, Phase::Create) if matches!(state.provider, Provider::ByHand { .. }) => (
            Waits,
            "Qlik does not let the API key’s owner create identity providers. A Tenant Admin enters the values below in \
             Qlik; it is tried by itself whether they have."
                .to_owned(),
        ),
        (_, Phase::Create) => (NotDone, format!("The identity provider was not created yet.{because}")),
        (_, Phase::Announce { .. }) if wish == Some(Move::Switch) => {
            (NotDone, format!("The key was not switched; the old one stays in use.{because}"))
        }
        (_, Phase::Announce { .. }) => (Waits, format!("The new key does not sign in yet.{because}")),
        (Some(Move::Switch), Phase::Ready) if hindered.is_some() => {
            (NotDone, format!("The key was not switched; the old one stays in use.{because}"))
        }
        (Some(Move::Switch), Phase::Ready) => (
            Waits,
            "The key was not switched: its identity provider was no longer in the Qlik tenant. It was created again and \
             works; switch once more."
                .to_owned(),
        ),
        (Some(Move::Back), Phase::Ready) => (Done, "The old key is used again for each new sign-in.".to_owned()),
        (_, Phase::Ready) => (Done, "The new key is ready: a sign-in with it works.".to_owned()),
        (Some(Move::Back), Phase::Switched { .. }) => {
            (NotDone, format!("The old key is not used again; the new one stays in use.{because}"))
        }
        (Some(Move::Retire), Phase::Switched { .. }) => {
            (NotDone, format!("The old key was not retired; it still works.{because}"))
        }
        (_, Phase::Switched { .. }) => (Done, "The new key is used for each new sign-in.".to_owned()),
        (_, Phase::Retire) => (
            Waits,
            format!("The old key’s identity provider could not be deleted yet. It is tried again by itself.{because}"),
        ),
        (_, Phase::Undo { looked: true }) => (
            Waits,
            "Called off. Qlik may still create the identity provider that it was asked for, so it is looked at once more \
             in some minutes."
                .to_owned(),
        ),
        (_, Phase::Undo { .. }) => (
            Waits,
            format!("The new key’s identity provider could not be deleted yet. It is tried again by itself.{because}"),
        ),
        (_, Phase::Ended { end: End::Retired, .. }) => (Done, "The old key is retired and wiped.".to_owned()),
        (_, Phase::Ended { end: End::Undone, .. }) => {
            (Done, "The rotation was called off and the new key wiped. The old one stays in use.".to_owned())
        }
        // What was asked for is always answered in the same claim.
        (_, Phase::Switch | Phase::Back { .. }) => (Waits, "It is on its way.".to_owned()),
    };
    RotationEnd::new(outcome, says)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_says_what_is_so_in_whole_sentences() {
        for reason in [
            Reason::Refused,
            Reason::Missing,
            Reason::OtherCertificate,
            Reason::SwitchedOff,
            Reason::Origin,
            Reason::User,
            Reason::WrongUser,
            Reason::Nobody,
            Reason::ApiKey,
            Reason::Moved,
            Reason::Qlik,
        ] {
            let says = plain(reason, "ada@acme.example", "https://acme.portal.example").fault.says;
            assert!(says.ends_with('.') && !says.contains('!'), "{says}");
        }
    }
}
