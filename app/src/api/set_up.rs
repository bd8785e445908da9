//! Setting the connection up with one key, for administrators.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{
    api::form,
    error::FieldError,
    routes,
    ssr::{
        ctx,
        flash::{self, Flash},
        form::{FormPost, Next},
    },
    tidy::host_in,
};
use crate::{
    error::AppError,
    wire::{Done, SecretInput},
};

/// Looks at the tenant and keeps a plan for an hour; nothing is changed at Qlik.
///
/// # Errors
/// Fields that can't be taken, not an administrator, one is at work already.
#[server(prefix = "/api", endpoint = "set-up/plan")]
pub async fn plan_set_up(
    /// `Qlik Sense tenant hostname`.
    #[server(default)]
    tenant_host: String,
    /// `Qlik Sense API key` of a Tenant Admin.
    #[server(default)]
    api_key: SecretInput,
) -> Result<Done, AppError> {
    use backend::onboard::{PlanOutcome, SetUpInput};
    let host = host_in(&tenant_host);
    FormPost::new(form::SET_UP_KEY, routes::SET_UP_KEY)
        .keep("tenant_host", &host)
        .answer(Box::pin(async {
            let me = ctx::admin().await?;
            let api_key = (!api_key.is_empty()).then(|| api_key.into());
            let end = ctx::services()?.plan_set_up(&me, SetUpInput { tenant_host, api_key }).await?;
            match end {
                PlanOutcome::Planned => {}
                PlanOutcome::Fields(fields) => {
                    let fields = fields.iter().map(|f| FieldError::new(f.field, f.code)).collect();
                    return Err(AppError::Invalid { fields });
                }
                // Found by asking Qlik: it has words of its own.
                PlanOutcome::Refused { field, says, code, trace_id } => {
                    let mut kept = Flash::default().keep("tenant_host", &host).found(field, &says);
                    for (name, value) in [("qlik_code", code), ("trace_id", trace_id)] {
                        kept = value.iter().fold(kept, |kept, v| kept.keep(name, v));
                    }
                    flash::put(form::SET_UP_KEY, &kept).await?;
                }
            }
            Ok(Next::to(routes::SET_UP_KEY))
        }))
        .await
}

/// Begins with the plan that was seen.
///
/// # Errors
/// Not an administrator; the plan is another one by now, or forgotten.
#[server(prefix = "/api", endpoint = "set-up/confirm")]
pub async fn confirm_set_up(
    /// Names the plan that was seen.
    #[server(default)]
    plan: String,
    /// The id of another web integration to use; empty: as planned.
    #[server(default)]
    web: String,
) -> Result<Done, AppError> {
    FormPost::new(form::SET_UP_KEY, routes::SET_UP_KEY)
        .answer(Box::pin(async {
            let me = ctx::admin().await?;
            let web = Some(web.as_str()).filter(|w| !w.is_empty());
            ctx::services()?.confirm_set_up(&me, &plan, web).await?;
            Ok(Next::to(routes::SET_UP_KEY))
        }))
        .await
}

/// Puts away a plan, or what a set-up that ended shows.
///
/// # Errors
/// Not an administrator, it is at work.
#[server(prefix = "/api", endpoint = "set-up/put-away")]
pub async fn put_set_up_away() -> Result<Done, AppError> {
    FormPost::new(form::SET_UP_KEY, routes::SET_UP_KEY)
        .answer(async {
            let me = ctx::admin().await?;
            ctx::services()?.put_set_up_away(&me).await?;
            Ok(Next::to(routes::SETTINGS))
        })
        .await
}
