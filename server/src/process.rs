//! What this process asks of the system for itself.

use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

/// More descriptors than this are of no use, see [`crate::connections::Limits`].
const DESCRIPTORS: u64 = 16 * 1024;

/// Rules out that memory is written to a file when the process dies: it holds the
/// keyring. No core dump of any size, and none through a handler of the system
/// either, which does not ask for sizes; other processes of the same user can't read
/// this one's memory any more. A superuser still can.
///
/// # Errors
/// What the system answered.
pub(crate) fn harden() -> std::io::Result<()> {
    let limited = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    // Whatever became of the limit.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(limited?)
}

/// How many descriptors this process may have open, after it asked for as many as it
/// is allowed to ask for.
pub(crate) fn descriptors() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let (now, most) = (current.unwrap_or(u64::MAX), maximum.unwrap_or(u64::MAX).min(DESCRIPTORS));
    if most > now {
        match setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum }) {
            Ok(()) => return most,
            Err(e) => tracing::warn!(error = %e, "the limit of open files could not be raised"),
        }
    }
    now
}

#[cfg(test)]
mod tests {
    use rustix::process::dumpable_behavior;

    use super::*;

    #[test]
    fn no_core_dump_of_this_process_can_be_made() {
        harden().unwrap();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        let Rlimit { current, maximum } = getrlimit(Resource::Core);
        assert_eq!((current, maximum), (Some(0), Some(0)));
    }

    #[test]
    fn as_many_files_may_be_open_as_the_system_allows() {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(100), maximum }).unwrap();
        let most = maximum.unwrap_or(u64::MAX).min(DESCRIPTORS);
        assert_eq!(descriptors(), most);
        assert_eq!(getrlimit(Resource::Nofile).current, Some(most));
    }
}
