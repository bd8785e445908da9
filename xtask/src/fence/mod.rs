//! Fences: what must not be where. Three looks at the dependency trees and the
//! shipped files, each of which can fail (its tests show how).

mod shipped;
mod tree;

use anyhow::{Result, bail};

use crate::layout::Layout;

/// Looks at everything, then reports all that is on the wrong side.
pub(crate) fn run(layout: &Layout) -> Result<()> {
    let mut wrong = Vec::new();
    for fence in &tree::FENCES {
        wrong.extend(fence.broken_by(&tree::packages(layout, fence)?));
    }
    wrong.extend(shipped::canaries_in(&layout.pkg())?);
    if wrong.is_empty() {
        println!("fence: {} dependency trees and the shipped files are clean", tree::FENCES.len());
        return Ok(());
    }
    for line in &wrong {
        println!("fence: {line}");
    }
    bail!("{} on the wrong side of a fence", wrong.len())
}
