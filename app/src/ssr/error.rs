//! From the backend's rich error to the closed one that people get. An
//! unexpected error is logged here, once, under the incident id that the person
//! sees.

use backend::{Error, Services, store::Trouble};
use leptos::prelude::use_context;

use super::denied;
use crate::error::{AppError, FieldError, QlikTrouble, Sealed, StorageTrouble};

impl From<Error> for AppError {
    fn from(error: Error) -> Self {
        if let Some(trouble) = error.trouble() {
            return trouble.into();
        }
        if let Some((table, column)) = error.unreadable() {
            tracing::error!(table, column, error = %error, "a stored secret can't be opened");
            return Self::Sealed { what: sealed(table) };
        }
        match error {
            Error::Invalid(fields) => {
                Self::Invalid { fields: fields.iter().map(|f| FieldError::new(f.field, f.code)).collect() }
            }
            Error::NotSignedIn => Self::NotSignedIn,
            Error::NotAllowed => {
                denied::log();
                Self::NotAllowed
            }
            Error::NotFound => Self::NotFound,
            Error::Conflict(hint) => Self::Conflict { hint: hint.to_owned() },
            Error::BadCredentials => Self::BadCredentials,
            Error::TooManyTries { retry_after } => {
                Self::TooManyTries { retry_after_s: retry_after.as_secs().max(1) }
            }
            Error::Qlik(error) => Self::Qlik {
                kind: match error.status() {
                    Some(401 | 403) => QlikTrouble::Refused,
                    Some(429) => QlikTrouble::RateLimited,
                    _ if error.is_transient() => QlikTrouble::Away,
                    _ => QlikTrouble::Other,
                },
                retry_after_s: error.retry_after().map(|d| d.as_secs().max(1)),
                qlik_code: error.code().map(str::to_owned),
                trace_id: error.trace_id().map(str::to_owned),
            },
            Error::Store(_) | Error::Vault(_) | Error::Internal(_) => unexpected(&error),
        }
    }
}

/// What is kept in that table.
fn sealed(table: &str) -> Sealed {
    match table {
        "api_keys" => Sealed::ApiKey,
        "signing_identities" => Sealed::SigningKey,
        "oauth_clients" => Sealed::ClientSecret,
        "oauth_grants" | "oauth_connects" => Sealed::Grant,
        "qlik_credentials" => Sealed::QlikPassword,
        "staged_changes" | "onboardings" => Sealed::Waiting,
        "notice_settings" => Sealed::Notices,
        _ => Sealed::Other,
    }
}

/// No incident: the operator has to see to the server, and its log tells of it once.
impl From<Trouble> for AppError {
    fn from(trouble: Trouble) -> Self {
        let kind = match trouble {
            Trouble::Full => StorageTrouble::Full,
            Trouble::ReadOnly => StorageTrouble::ReadOnly,
            Trouble::Io => StorageTrouble::Failing,
            Trouble::Busy => StorageTrouble::Busy,
            Trouble::Damaged => StorageTrouble::Damaged,
        };
        Self::Storage { kind }
    }
}

/// Logs an error that should not be and gives the person its number.
pub(super) fn unexpected(error: &dyn std::error::Error) -> AppError {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(cause) = below {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        below = cause.source();
    }
    let incident = new_incident();
    tracing::error!(incident, error = text, "a request failed unexpectedly");
    AppError::Internal { incident }
}

/// Short enough to read out.
fn new_incident() -> String {
    let mut id = use_context::<Services>().map_or_else(|| "no-services".to_owned(), |s| s.new_id());
    id.truncate(12);
    id
}
