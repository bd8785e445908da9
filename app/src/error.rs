//! The error that leaves the server: a small closed set of codes and field
//! names. It must never carry text from below or a value that was typed, for on
//! a form post without JavaScript it can end up in an address.

use leptos::server_fn::{
    Bytes, Decodes as _,
    codec::JsonEncoding,
    error::{FromServerFnError, ServerFnErrorErr},
};
use serde::{Deserialize, Serialize};

/// A field that can't be taken as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// The field's name in its form; empty where it is none of the form's.
    pub field: String,
    /// Why, as a code; [`crate::words::field_message`] has the sentence.
    pub code: String,
}

impl FieldError {
    /// `field` can't be taken because of `code`.
    pub fn new(field: impl Into<String>, code: impl Into<String>) -> Self {
        Self { field: field.into(), code: code.into() }
    }
}

/// What kind of trouble there is with Qlik.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QlikTrouble {
    /// No answer, or none that can be read.
    Away,
    /// The key or the sign-in was refused.
    Refused,
    /// Too many requests for now.
    RateLimited,
    /// Anything else that Qlik answered.
    Other,
}

/// What is wrong with the portal's own database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorageTrouble {
    /// No room is left on its disk.
    Full,
    /// It may not be written.
    ReadOnly,
    /// The disk failed.
    Failing,
    /// Another program holds it.
    Busy,
    /// Its file can't be read as a database any more.
    Damaged,
}

/// A stored secret that can be entered or made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sealed {
    /// The portal's Qlik API key.
    ApiKey,
    /// The key that JWTs are signed with.
    SigningKey,
    /// The secret of the portal's OAuth client.
    ClientSecret,
    /// A user's connection to Qlik.
    Grant,
    /// A user's Qlik password.
    QlikPassword,
    /// The key of a change that waits, or of a set-up.
    Waiting,
    /// The mail server's password or the webhook's secret.
    Notices,
    /// Any other.
    Other,
}

/// How a call to the server failed before it reached our code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// The server can't be reached.
    Unreachable,
    /// The form's fields can't be read.
    BadRequest,
    /// The answer can't be read.
    BadAnswer,
}

/// Why a server function or a page did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum AppError {
    /// There is no portal yet: the set-up comes first.
    NotSetUp,
    /// No portal answers at this address.
    NoSuchPortal,
    /// Nobody is signed in.
    NotSignedIn,
    /// Who is signed in may not do this.
    NotAllowed,
    /// There is no such thing in this portal.
    NotFound,
    /// Somebody or something changed the same thing meanwhile.
    Conflict {
        /// Which conflict, as a code.
        hint: String,
    },
    /// E-mail or password is wrong.
    BadCredentials,
    /// Too many tries from this place.
    TooManyTries {
        /// Seconds until the next try is taken.
        retry_after_s: u64,
    },
    /// Fields that can't be taken; nothing was changed.
    Invalid {
        /// Which, and why.
        fields: Vec<FieldError>,
    },
    /// Trouble with Qlik.
    Qlik {
        /// What kind.
        kind: QlikTrouble,
        /// Seconds to wait, where Qlik told.
        retry_after_s: Option<u64>,
        /// Qlik's own code, such as `LOGIN-10`.
        qlik_code: Option<String>,
        /// What Qlik's support asks for.
        trace_id: Option<String>,
    },
    /// The portal's own database can't be used; nothing was changed.
    Storage {
        /// What is wrong with it.
        kind: StorageTrouble,
    },
    /// A stored secret can't be opened.
    Sealed {
        /// Which.
        what: Sealed,
    },
    /// Our fault; the log has the rest under this id.
    Internal {
        /// What to tell the operator.
        incident: String,
    },
    /// The call itself failed.
    Transport {
        /// How.
        kind: Transport,
    },
}

impl AppError {
    /// One field that can't be taken.
    pub fn field(field: &str, code: &str) -> Self {
        Self::Invalid { fields: vec![FieldError::new(field, code)] }
    }

    /// Asks for the fields that are marked as missing.
    ///
    /// # Errors
    /// [`AppError::Invalid`] with those fields, where there are any.
    pub fn required(missing: &[(&str, bool)]) -> Result<(), Self> {
        let fields: Vec<_> = missing
            .iter()
            .filter(|(_, is)| *is)
            .map(|(field, _)| FieldError::new(*field, "required"))
            .collect();
        if fields.is_empty() { Ok(()) } else { Err(Self::Invalid { fields }) }
    }

    /// The fields that can't be taken; none for any other kind of error.
    pub fn fields(&self) -> &[FieldError] {
        match self {
            Self::Invalid { fields } => fields,
            _ => &[],
        }
    }

    /// The HTTP status that goes with it.
    pub const fn status(&self) -> u16 {
        match self {
            Self::NotSetUp | Self::Conflict { .. } => 409,
            Self::NotSignedIn | Self::BadCredentials => 401,
            Self::NotAllowed => 403,
            Self::NoSuchPortal | Self::NotFound => 404,
            Self::Invalid { .. } => 422,
            Self::TooManyTries { .. } => 429,
            Self::Qlik { .. } => 502,
            Self::Storage { kind: StorageTrouble::Full } => 507,
            Self::Storage { .. } | Self::Sealed { .. } => 503,
            Self::Transport { kind: Transport::BadRequest } => 400,
            Self::Internal { .. } | Self::Transport { .. } => 500,
        }
    }
}

impl AppError {
    /// Seconds after which the same may be tried again, where that is known.
    pub const fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::TooManyTries { retry_after_s } => Some(*retry_after_s),
            Self::Storage { kind: StorageTrouble::Busy } => Some(5),
            _ => None,
        }
    }
}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn de(data: Bytes) -> Self {
        JsonEncoding::decode(data).unwrap_or(Self::Transport { kind: Transport::BadAnswer })
    }

    /// Keeps the kind alone: the text may repeat what was typed.
    fn from_server_fn_error(value: ServerFnErrorErr) -> Self {
        use ServerFnErrorErr as E;
        let kind = match value {
            E::Request(_) => Transport::Unreachable,
            E::Args(_) | E::MissingArg(_) | E::Serialization(_) | E::UnsupportedRequestMethod(_) => {
                Transport::BadRequest
            }
            // On the server it is a request that can't be read; the browser reads answers by `de`.
            E::Deserialization(_) if cfg!(feature = "ssr") => Transport::BadRequest,
            E::Registration(_)
            | E::ServerError(_)
            | E::MiddlewareError(_)
            | E::Deserialization(_)
            | E::Response(_) => Transport::BadAnswer,
        };
        Self::Transport { kind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_of_each() -> Vec<AppError> {
        vec![
            AppError::NotSetUp,
            AppError::NoSuchPortal,
            AppError::NotSignedIn,
            AppError::NotAllowed,
            AppError::NotFound,
            AppError::Conflict { hint: "changed".into() },
            AppError::BadCredentials,
            AppError::TooManyTries { retry_after_s: 90 },
            AppError::field("email", "required"),
            AppError::Qlik {
                kind: QlikTrouble::Refused,
                retry_after_s: Some(3),
                qlik_code: Some("LOGIN-10".into()),
                trace_id: None,
            },
            AppError::Storage { kind: StorageTrouble::Full },
            AppError::Sealed { what: Sealed::ApiKey },
            AppError::Internal { incident: "3f".into() },
            AppError::Transport { kind: Transport::BadAnswer },
        ]
    }

    #[test]
    fn every_error_comes_back_from_the_wire_as_it_went() {
        for error in one_of_each() {
            assert_eq!(AppError::de(error.ser()), error);
        }
    }

    #[test]
    fn an_answer_that_is_no_error_of_ours_becomes_a_transport_error() {
        assert_eq!(AppError::de("<html>".into()), AppError::Transport { kind: Transport::BadAnswer });
    }

    #[test]
    fn the_text_of_a_framework_error_is_dropped() {
        let error = AppError::from_server_fn_error(ServerFnErrorErr::Args("hunter2 is no number".into()));
        assert_eq!(error.status(), 400);
        let wire = String::from_utf8(error.ser().to_vec()).unwrap();
        assert!(!wire.contains("hunter2"), "{wire}");
    }

    #[test]
    fn every_error_has_a_status_of_its_class() {
        for error in one_of_each() {
            assert!((400..=599).contains(&error.status()), "{error:?}");
        }
    }
}
