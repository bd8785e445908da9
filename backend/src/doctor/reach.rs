//! From the name to the tenant: one request, looked at layer by layer.

use std::sync::Arc;

use qlik::{
    TlsFault,
    error::{Error as QlikError, ErrorKind},
};

use super::{
    report::Note,
    subject::{Known, Subject},
    table::Made,
};
use crate::connection::AuthOption;

/// The portal's login tokens are valid from 30 seconds before they are made to 60
/// seconds after ([`qlik::jwt`]), and Qlik allows for 5 seconds more: a clock that
/// is ahead, or behind, by more than this makes every sign-in fail.
const AHEAD: i64 = 35;
const BEHIND: i64 = 60;
/// From here on it is told before it does harm.
const NOTABLE: i64 = 10;

const ADDRESS_BAR: &str = "Compare it with the address bar of your Qlik Cloud.";

impl Subject<'_> {
    pub(super) async fn name(&self, known: &mut Known) -> Made {
        let probe = self.qlik().anonymous(self.host).probe().await;
        known.probe = Some(probe.map(|p| p.clock_offset).map_err(Arc::new));
        Ok(match probed(known) {
            Err(e) if e.kind() == ErrorKind::Dns => self.failed(known, &e),
            _ => Note::passed(format!("The name {} resolves.", self.host)),
        })
    }
}

pub(super) fn reach(on: &Subject<'_>, known: &mut Known) -> Note {
    match probed(known) {
        Err(e) if e.kind() == ErrorKind::Connect => on.failed(known, &e),
        _ => Note::passed(format!("{} can be reached from this server.", on.host)),
    }
}

pub(super) fn tls(on: &Subject<'_>, known: &mut Known) -> Note {
    let host = on.host;
    let e = match probed(known) {
        Err(e) if e.kind() == ErrorKind::Tls => e,
        _ => return Note::passed(format!("{host} shows a certificate that is trusted here.")),
    };
    let note = match e.tls_fault() {
        Some(TlsFault::WrongName) => Note::failed(
            format!("{host} shows a certificate for another name."),
            "Compare the hostname with the address bar of your Qlik Cloud; if it is right, something answers in Qlik’s place.",
        ),
        Some(TlsFault::Expired | TlsFault::NotYetValid) => Note::failed(
            format!("{host} shows a certificate that is not valid today."),
            "Look at this server’s clock first. If it is right, something answers in Qlik’s place, such as a proxy.",
        ),
        _ => return on.failed(known, &e),
    };
    note.codes(&e)
}

pub(super) fn tenant(on: &Subject<'_>, known: &mut Known) -> Note {
    let host = on.host;
    match probed(known) {
        Ok(()) => Note::passed(format!("{host} is a Qlik tenant.")),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            Note::failed(format!("Qlik has no tenant at {host}."), ADDRESS_BAR).codes(&e)
        }
        Err(e) => on.failed(known, &e),
    }
}

pub(super) fn clock(on: &Subject<'_>, known: &mut Known) -> Note {
    let Some(Ok(Some(off))) = known.probe else {
        return Note::not_checked("Not checked; Qlik’s answer carries no usable date.").open();
    };
    let side = if off > 0 { "ahead of" } else { "behind" };
    let says = format!("This server’s clock is {} {side} Qlik’s.", seconds(off.abs()));
    if on.option != AuthOption::ApiKey {
        // No sign-in depends on it; when a token ends is told by Qlik's clock.
        let remedy = "Set this server’s clock, best by a time service.";
        return if off.abs() > NOTABLE { Note::warning(says, remedy) } else { Note::passed(says) };
    }
    let remedy = "Set this server’s clock, best by a time service. Sign-ins are only valid for a minute.";
    match off {
        o if !(-BEHIND..=AHEAD).contains(&o) => Note::failed(says, remedy),
        o if o.abs() > NOTABLE => Note::warning(says, remedy),
        0 => Note::passed("This server’s clock agrees with Qlik’s."),
        _ => Note::passed(says),
    }
}

pub(super) fn rate(_: &Subject<'_>, known: &mut Known) -> Note {
    match known.held {
        None => Note::passed("No call was held back by Qlik’s rate limit."),
        Some(wait) => {
            let wait = seconds(i64::try_from(wait.as_secs()).unwrap_or(i64::MAX).max(1));
            Note::failed(
                format!("Qlik’s rate limit is reached; calls are held back for {wait}."),
                format!(
                    "Test again in {wait}. If it happens often, look which other programs use this tenant."
                ),
            )
        }
    }
}

fn probed(known: &Known) -> Result<(), Arc<QlikError>> {
    match &known.probe {
        Some(Err(e)) => Err(e.clone()),
        _ => Ok(()),
    }
}

fn seconds(n: i64) -> String {
    match (n / 60, n % 60) {
        (0, s) => format!("{s} s"),
        (m, 0) => format!("{m} min"),
        (m, s) => format!("{m} min {s} s"),
    }
}
