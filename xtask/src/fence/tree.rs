//! Which packages a package may be built from.

use anyhow::{Result, bail};

use crate::command::{cargo, output};
use crate::layout::Layout;

/// One package of ours and what must not be among its dependencies.
#[derive(Debug)]
pub(super) struct Fence {
    package: &'static str,
    /// The browser's target, where it is not this machine's.
    target: Option<&'static str>,
    /// Whole names of packages.
    refused: &'static [&'static str],
    /// Beginnings of names, for families of packages.
    refused_families: &'static [&'static str],
}

/// The arrows of `docs/ARCHITECTURE.md`, and one crypto provider in the tree.
pub(super) const FENCES: [Fence; 5] = [
    Fence {
        package: "frontend",
        target: Some("wasm32-unknown-unknown"),
        refused: &[
            "argon2",
            "aws-lc-rs",
            "aws-lc-sys",
            "axum",
            "axum-core",
            "axum-login",
            "backend",
            "hyper",
            "jsonwebtoken",
            "leptos_axum",
            "leptos_integration_utils",
            "libsqlite3-sys",
            "mio",
            "qlik",
            "rcgen",
            "reqwest",
            "ring",
            "rustls",
            "sandbox",
            "secrecy",
            "server",
            "sqlx",
            "tokio",
            "tower-http",
            "tower-sessions",
        ],
        refused_families: &["sqlx-"],
    },
    Fence {
        package: "backend",
        target: None,
        refused: &["app", "frontend", "server", "sandbox", "leptos", "axum", "ring", "openssl", "native-tls"],
        refused_families: &["leptos_", "axum-"],
    },
    Fence {
        package: "qlik",
        target: None,
        refused: &[
            "app",
            "backend",
            "frontend",
            "server",
            "sandbox",
            "leptos",
            "axum",
            "sqlx",
            "ring",
            "openssl",
            "native-tls",
        ],
        refused_families: &["leptos_", "axum-", "sqlx-"],
    },
    Fence {
        package: "server",
        target: None,
        refused: &["frontend", "sandbox", "qonduit-frontend", "ring", "openssl", "native-tls"],
        refused_families: &[],
    },
    Fence {
        package: "sandbox",
        target: None,
        refused: &["app", "backend", "frontend", "server", "qlik", "ring", "openssl", "native-tls"],
        refused_families: &[],
    },
];

impl Fence {
    /// One line for each package that is on the wrong side.
    pub(super) fn broken_by(&self, packages: &[String]) -> Vec<String> {
        let refused = |name: &&String| {
            self.refused.contains(&name.as_str())
                || self.refused_families.iter().any(|family| name.starts_with(family))
        };
        packages
            .iter()
            .filter(refused)
            .map(|name| format!("`{}` is built from `{name}`", self.package))
            .collect()
    }
}

/// What the package is built from on its target, itself left out. Procedural
/// macros run in the compiler and are shipped nowhere, so they don't count.
pub(super) fn packages(layout: &Layout, fence: &Fence) -> Result<Vec<String>> {
    let mut tree = cargo();
    tree.current_dir(&layout.root).args(["tree", "--package", fence.package]);
    tree.args(["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"]);
    if let Some(target) = fence.target {
        tree.args(["--target", target]);
    }
    let names = names_in(&output(&mut tree)?);
    // A tree that could not be read would break no fence.
    match names.first() {
        Some(first) if first == fence.package && names.len() > 1 => Ok(unique(&names[1..])),
        _ => bail!("`cargo tree` showed no tree of `{}`", fence.package),
    }
}

fn names_in(tree: &str) -> Vec<String> {
    tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn unique(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "frontend v0.1.0 (/somewhere/frontend)\napp v0.1.0 (/somewhere/app)\nleptos v0.8.23\nserde v1.0.229\n";

    fn fence(package: &str) -> &'static Fence {
        FENCES.iter().find(|fence| fence.package == package).unwrap()
    }

    #[test]
    fn a_tree_of_allowed_packages_breaks_no_fence() {
        assert_eq!(names_in(TREE), ["frontend", "app", "leptos", "serde"]);
        assert!(fence("frontend").broken_by(&names_in(TREE)).is_empty());
    }

    #[test]
    fn each_refused_package_breaks_its_fence() {
        for fence in &FENCES {
            for refused in fence.refused {
                let tree = names_in(&format!("{TREE}{refused} v1.0.0\n"));
                let broken = fence.broken_by(&tree);
                assert!(
                    broken.iter().any(|line| line.ends_with(&format!("`{refused}`"))),
                    "{refused} passed {fence:?}"
                );
            }
            for family in fence.refused_families {
                assert_eq!(
                    fence.broken_by(&[format!("{family}member")]).len(),
                    1,
                    "{family} passed {fence:?}"
                );
            }
        }
    }

    #[test]
    fn a_name_that_only_begins_like_a_refused_one_is_another_package() {
        assert!(fence("frontend").broken_by(&["tokio-free".to_owned(), "application".to_owned()]).is_empty());
    }

    #[test]
    fn no_fence_refuses_its_own_package() {
        for fence in &FENCES {
            assert!(fence.broken_by(&[fence.package.to_owned()]).is_empty(), "{fence:?}");
        }
    }
}
