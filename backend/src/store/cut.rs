//! Where a test ends the work as a crash would: the future stops there and is
//! dropped by whoever set the cut. In tests alone.

use std::sync::Arc;

/// A place at which a crash leaves something else behind than just before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    BeforeCommit,
    AfterCommit,
    /// A remote call's side of the seam decides by itself.
    Call,
}

/// Asked at each edge; true ends the work there. It also has to tell whoever
/// polls the work that this happened.
pub(crate) type Cut = Arc<dyn Fn(Edge) -> bool + Send + Sync>;

tokio::task_local! {
    static CUT: Cut;
}

/// Runs `work` with `cut` asked at each edge.
pub(crate) async fn with<T>(cut: Cut, work: impl Future<Output = T>) -> T {
    CUT.scope(cut, work).await
}

/// An edge. Never completes where the work ends here.
pub(crate) async fn at(edge: Edge) {
    if CUT.try_with(|cut| cut(edge)).unwrap_or(false) {
        std::future::pending::<()>().await;
    }
}
