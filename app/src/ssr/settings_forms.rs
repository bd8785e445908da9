//! Saving the settings: what was typed is tried, stored or kept as a draft, and
//! both kinds of browser are answered, those that post the form by themselves
//! and those where a script does.

use backend::integration::{SaveInput, SaveOutcome};

use super::{
    ctx,
    flash::{self, Flash},
    settings::{self, KEY_TYPED, SECRET_TYPED, Shown},
};
use crate::{
    api::form,
    error::{AppError, FieldError},
    pages::settings::form_html,
    routes,
    tidy::host_in,
    wire::{Notice, SaveAnswer, SecretInput},
};

/// What was typed into the settings form.
#[derive(Debug)]
pub struct Typed {
    /// `Qlik Sense tenant hostname`.
    pub tenant_host: String,
    /// `Web Integration Id`.
    pub web_integration_id: String,
    /// The name of the option.
    pub auth_option: String,
    /// `Qlik Sense API key`.
    pub api_key: SecretInput,
    /// The e-mail is sent as subject.
    pub email_as_subject: bool,
    /// The id of the OAuth client.
    pub oauth_client_id: String,
    /// The secret of the OAuth client.
    pub oauth_client_secret: SecretInput,
}

impl Typed {
    /// What is kept of it: all but key and secret, a pasted address as its host.
    fn draft(&self) -> Flash {
        let yes = |it: bool| if it { "true" } else { "" };
        let draft = Flash::default()
            .keep("tenant_host", &host_in(&self.tenant_host))
            .keep("web_integration_id", self.web_integration_id.trim())
            .keep("auth_option", &self.auth_option)
            .keep("oauth_client_id", self.oauth_client_id.trim())
            .keep("email_as_subject", yes(self.email_as_subject));
        let draft = if self.api_key.is_empty() { draft } else { draft.keep(KEY_TYPED, "true") };
        if self.oauth_client_secret.is_empty() { draft } else { draft.keep(SECRET_TYPED, "true") }
    }

    async fn save(self) -> Result<SaveOutcome, AppError> {
        let me = ctx::admin().await?;
        let input = SaveInput {
            tenant_host: self.tenant_host,
            web_integration_id: self.web_integration_id,
            auth_option: self.auth_option,
            api_key: (!self.api_key.is_empty()).then(|| self.api_key.into()),
            email_as_subject: self.email_as_subject,
            oauth_client_id: self.oauth_client_id,
            oauth_client_secret: (!self.oauth_client_secret.is_empty())
                .then(|| self.oauth_client_secret.into()),
        };
        Ok(ctx::services()?.save_integration(&me, input).await?)
    }
}

/// Saves and answers.
///
/// # Errors
/// Where the person may not, and unexpected ones of the session.
pub async fn save(typed: Typed) -> Result<SaveAnswer, AppError> {
    let mut draft = typed.draft();
    match typed.save().await {
        Ok(SaveOutcome { saved: true, report, .. }) => {
            flash::take(form::SETTINGS).await?;
            if let Some(report) = report {
                flash::put_notice(&settings::notice_of_save(&settings::report(report))).await?;
            }
            if ctx::wants_html() {
                ctx::see_other(routes::SETTINGS);
            }
            Ok(SaveAnswer { saved: true, next: Some(routes::SETTINGS.to_owned()), html: None })
        }
        Ok(SaveOutcome { staged: true, .. }) => {
            flash::take(form::SETTINGS).await?;
            let says =
                "It works. Nothing has changed yet: look at what it means for your users, then switch.";
            flash::put_notice(&Notice::good(says)).await?;
            if ctx::wants_html() {
                ctx::see_other(routes::CHANGE);
            }
            Ok(SaveAnswer { saved: false, next: Some(routes::CHANGE.to_owned()), html: None })
        }
        Ok(SaveOutcome { fields, report, .. }) => {
            draft.errors = fields.iter().map(|f| FieldError::new(f.field, f.code)).collect();
            draft.report = report.map(settings::report);
            refused(&draft).await
        }
        Err(error @ (AppError::NotSignedIn | AppError::NotSetUp | AppError::NotAllowed)) => {
            match (&error, ctx::wants_html()) {
                (AppError::NotSignedIn, true) => ctx::see_other(&routes::login(routes::SETTINGS)),
                (_, true) => ctx::see_other(routes::SETTINGS),
                (_, false) => ctx::set_error(&error),
            }
            Err(error)
        }
        Err(error) => refused(&draft.because(error)).await,
    }
}

/// Nothing was stored: what was typed stays for the page, and a script gets the
/// parts of the page that say why.
async fn refused(draft: &Flash) -> Result<SaveAnswer, AppError> {
    flash::put(form::SETTINGS, draft).await?;
    let html = if ctx::wants_html() {
        ctx::see_other(routes::SETTINGS);
        None
    } else {
        let shown = Shown::read(&ctx::admin().await?).await?;
        Some(form_html(&shown))
    };
    Ok(SaveAnswer { saved: false, next: None, html })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_keeps_all_that_was_typed_but_the_key() {
        let typed = Typed {
            tenant_host: " https://ACME.eu.qlikcloud.com/hub ".into(),
            web_integration_id: " abc ".into(),
            auth_option: "api_key".into(),
            api_key: "canary-key".to_owned().into(),
            email_as_subject: true,
            oauth_client_id: " c1 ".into(),
            oauth_client_secret: "canary-secret".to_owned().into(),
        };
        let draft = typed.draft();
        assert!(!format!("{draft:?}").contains("canary"));
        let form = draft.into_form(form::SETTINGS);
        assert_eq!(form.value("tenant_host").as_deref(), Some("acme.eu.qlikcloud.com"));
        assert_eq!(form.value("web_integration_id").as_deref(), Some("abc"));
        assert_eq!(form.value("email_as_subject").as_deref(), Some("true"));
        assert_eq!(form.value("oauth_client_id").as_deref(), Some("c1"));
        assert_eq!(form.value(KEY_TYPED).as_deref(), Some("true"));
        assert_eq!(form.value(SECRET_TYPED).as_deref(), Some("true"));
    }
}
