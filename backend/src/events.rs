//! Tells those who look at a portal that something changed. Nothing is carried:
//! who hears it reads the state anew.

use std::{collections::HashMap, sync::Mutex};

use tokio::sync::watch;

use crate::Services;

/// The channels of the portals that somebody looked at.
#[derive(Debug, Default)]
pub(crate) struct Events(Mutex<HashMap<String, watch::Sender<u64>>>);

impl Events {
    fn with<T>(&self, f: impl FnOnce(&mut HashMap<String, watch::Sender<u64>>) -> T) -> T {
        // A poisoned map is still a map of channels.
        f(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Services {
    /// A receiver that changes with each change of the portal's integration in
    /// this process.
    pub fn subscribe(&self, portal_id: &str) -> watch::Receiver<u64> {
        self.0.events.with(|map| {
            map.retain(|_, tx| tx.receiver_count() > 0);
            map.entry(portal_id.to_owned()).or_insert_with(|| watch::channel(0).0).subscribe()
        })
    }

    /// The portal's integration changed; to be called after the commit.
    pub(crate) fn changed(&self, portal_id: &str) {
        self.tell(portal_id);
        self.0.due.notify_one();
    }

    /// Something that is shown changed, and nothing that the renewal looks at.
    pub(crate) fn tell(&self, portal_id: &str) {
        self.0.events.with(|map| {
            if let Some(tx) = map.get(portal_id) {
                tx.send_modify(|n| *n += 1);
            }
        });
    }

    /// Completes when something may have come due earlier than thought.
    pub async fn nudged(&self) {
        self.0.due.notified().await;
    }
}
