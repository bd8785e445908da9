//! The one error that leaves this crate: rich inside, and never shown to a
//! person as it is. The web layer maps it to codes and field names.

use std::time::Duration;

use crate::{
    store::{StoreError, Trouble},
    vault::VaultError,
};

/// A value that can't be taken, tied to the field that it was typed into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field's name in the form.
    pub field: &'static str,
    /// Why, as a code; the sentence belongs to the page.
    pub code: &'static str,
}

impl FieldError {
    /// `field` can't be taken because of `code`.
    pub const fn new(field: &'static str, code: &'static str) -> Self {
        Self { field, code }
    }
}

/// What can go wrong in the product's own calls.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input can't be taken; nothing was changed.
    #[error("the input of {} field(s) can't be taken", .0.len())]
    Invalid(Vec<FieldError>),
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    NotSignedIn,
    /// The person may not do this.
    #[error("this person may not do this")]
    NotAllowed,
    /// There is no such thing in this portal.
    #[error("there is no such thing in this portal")]
    NotFound,
    /// Somebody or something else changed the same thing meanwhile.
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// E-mail or password is wrong; which one is not told.
    #[error("e-mail or password is wrong")]
    BadCredentials,
    /// Too many tries from this place.
    #[error("too many tries; again in {} s", retry_after.as_secs())]
    TooManyTries {
        /// When the next try is taken.
        retry_after: Duration,
    },
    /// Qlik answered with an error, or did not answer.
    #[error("Qlik: {0}")]
    Qlik(#[from] qlik::error::Error),
    /// The database failed.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// A sealed value could not be made or opened.
    #[error("vault: {0}")]
    Vault(#[from] VaultError),
    /// A state that must not be.
    #[error("internal: {0}")]
    Internal(&'static str),
}

impl Error {
    /// One field that can't be taken.
    pub fn field(field: &'static str, code: &'static str) -> Self {
        Self::Invalid(vec![FieldError::new(field, code)])
    }

    /// The table and column of a stored secret that can't be opened, where that is it.
    pub fn unreadable(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Vault(VaultError::Stored { table, column, .. }) => Some((table, column)),
            _ => None,
        }
    }

    /// What is wrong with the database itself, where that is it.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Store(e) | Self::Vault(VaultError::Store(e)) => e.trouble(),
            _ => None,
        }
    }
}

/// A stored secret that can't be opened counts as one that is not there, where that keeps
/// nobody from replacing it or from ending what it is for.
///
/// # Errors
/// Any other.
pub(crate) fn readable<T>(end: Result<Option<T>, Error>) -> Result<Option<T>, Error> {
    match end {
        Err(e) if e.unreadable().is_some() => {
            tracing::error!(error = %e, "a stored secret can't be opened and counts as gone");
            Ok(None)
        }
        other => other,
    }
}

impl From<sqlx::Error> for Error {
    fn from(e: sqlx::Error) -> Self {
        Self::Store(e.into())
    }
}
