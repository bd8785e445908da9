//! A session by the portal's key: the user is looked up with it, and signed in with
//! a JWT.

use super::{NoSession, Opened, Trouble, TroubleKind, Who};
use crate::{
    Actor, Error, Services,
    renewal::{NeedReason, load, said_of_need},
    words::Said,
};

impl Services {
    pub(super) async fn open_by_key(&self, actor: &Actor) -> Result<Opened, NoSession> {
        let row = load(self.db().read(), &actor.portal.id).await?;
        let row = row.ok_or(Error::Conflict("the settings were changed meanwhile"))?;
        if let Some(need) = &row.state.need {
            let owner = "its owner";
            let said = if need.reason == NeedReason::Refused {
                Said::new("Qlik refuses this portal's API key.", "")
            } else {
                said_of_need(need.reason, owner)
            };
            let ask = "An administrator of this portal can mend it under Administration > Settings.";
            return Err(
                Trouble::new(TroubleKind::KeyDead, Who::Administrator, Said::new(said.says, ask)).into()
            );
        }
        let whom = self.whom(actor, &row).await?;
        let session = self
            .login(&row, &whom.subject)
            .await?
            .map_err(|e| Trouble::of_login(&e, row.tenant_host.as_str()))?;
        if !whom.is(session.user(), &actor.email) {
            return Err(self.close_wrong(actor, session).await.into());
        }
        Ok(Opened { session, did: whom.did() })
    }
}
