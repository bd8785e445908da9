//! From the backend's rich error to the closed one that people get. An
//! unexpected error is logged here, once, under the incident id that the person
//! sees.

use backend::{Error, Services};
use leptos::prelude::use_context;

use super::denied;
use crate::error::{AppError, FieldError, QlikTrouble};

impl From<Error> for AppError {
    fn from(error: Error) -> Self {
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
