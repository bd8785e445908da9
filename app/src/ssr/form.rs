//! What every form's server function does around its one call into the backend:
//! on success on to the next page, else back to the form's page with what was
//! typed and what is wrong. A script that posts the same form gets data instead.

use super::{
    ctx,
    flash::{self, Flash},
};
use crate::{
    error::AppError,
    routes,
    wire::{Done, Notice},
};

/// A form that was posted.
#[derive(Debug)]
pub struct FormPost {
    id: &'static str,
    page: String,
    flash: Flash,
}

/// Where a form that was taken leads.
#[derive(Debug)]
pub struct Next {
    path: String,
    notice: Option<Notice>,
}

impl Next {
    /// On to the page at `path`.
    pub fn to(path: impl Into<String>) -> Self {
        Self { path: path.into(), notice: None }
    }

    /// Says there what just happened.
    #[must_use]
    pub fn saying(mut self, notice: Notice) -> Self {
        self.notice = Some(notice);
        self
    }
}

impl FormPost {
    /// The form `id`, which stands on the page at `page`.
    pub fn new(id: &'static str, page: impl Into<String>) -> Self {
        Self { id, page: page.into(), flash: Flash::default() }
    }

    /// Keeps what was typed into `field` for the case that it is not taken.
    #[must_use]
    pub fn keep(mut self, field: &str, value: &str) -> Self {
        self.flash = self.flash.keep(field, value);
        self
    }

    /// Does the work and answers.
    ///
    /// # Errors
    /// What the work failed with; a browser is sent back to the form's page all
    /// the same.
    pub async fn answer(self, work: impl Future<Output = Result<Next, AppError>>) -> Result<Done, AppError> {
        match work.await {
            Ok(next) => self.taken(next).await,
            Err(error) => Err(self.refused(error).await),
        }
    }

    async fn taken(self, next: Next) -> Result<Done, AppError> {
        if let Some(notice) = &next.notice {
            flash::put_notice(notice).await?;
        }
        if ctx::wants_html() {
            ctx::see_other(&next.path);
        }
        Ok(Done { next: next.path })
    }

    async fn refused(self, error: AppError) -> AppError {
        if !ctx::wants_html() {
            ctx::set_error(&error);
            return error;
        }
        match &error {
            AppError::NotSetUp => ctx::see_other(routes::SETUP),
            AppError::NotSignedIn => ctx::see_other(&routes::login(&self.page)),
            _ => {
                // Without a session there is nothing to leave the errors in: the
                // page then shows an empty form, and the log has the reason.
                let kept = flash::put(self.id, &self.flash.because(error.clone())).await;
                ctx::see_other(&self.page);
                return kept.err().unwrap_or(error);
            }
        }
        error
    }
}
