//! From the name to the tenant: one request, looked at layer by layer.

use std::sync::Arc;

use qlik::{
    Moved, TenantHost, TlsFault,
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
        known.redirected_to = probe.as_ref().ok().and_then(|p| p.redirected_to.clone());
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
        Ok(()) => {}
        Err(e) if e.kind() == ErrorKind::NoTenant => {
            return Note::failed(
                format!("Qlik has no tenant at {host}."),
                format!("{ADDRESS_BAR} An alias can be changed or removed there."),
            )
            .codes(&e);
        }
        Err(e) => return on.failed(known, &e),
    }
    if let Some((permanent, Moved::Gone)) = on.qlik().moved(host) {
        return Note::warning(
            format!(
                "Qlik has no tenant at {host} any more. The portal uses the tenant’s permanent name, {permanent}."
            ),
            "Nothing is lost. Where the tenant has a new alias, enter it as hostname if you like; the permanent name never changes.",
        );
    }
    let Some(there) = known.redirected_to.take() else {
        return Note::passed(format!("{host} is a Qlik tenant."));
    };
    if !is_beside(host, &there)
        || TenantHost::parse(there.as_str(), &on.services.config().host_policy).is_err()
    {
        return Note::failed(
            format!("{host} points to {there}, and nothing secret is sent there."),
            "If it is a sign-in page of your network, ask the operator of this server. Else enter the tenant’s own hostname, \
             without a vanity address in front.",
        );
    }
    // Nothing but the tenant itself can say whose name it is, so the key’s check compares what it says.
    on.qlik().know_permanent(host, &there);
    let note = Note::passed(format!("{host} is a Qlik tenant, and sends calls on to {there}."));
    known.unproved_name = Some(there);
    note
}

/// Whether both are names in the same domain of Qlik's, as all names of one tenant are.
fn is_beside(one: &TenantHost, other: &TenantHost) -> bool {
    let domain = |host: &TenantHost| host.as_str().split_once('.').map(|(_, domain)| domain.to_owned());
    domain(one).is_some_and(|d| d.contains('.') && Some(d) == domain(other))
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
