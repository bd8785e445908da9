//! Where notices may go: to the public internet, and to hosts that the operator
//! named. An administrator of a portal must not be able to point this server at
//! what only this server can reach.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use super::Undelivered;

/// How long a name may take to resolve.
const RESOLVE: Duration = Duration::from_secs(5);

/// Whether the operator named this host: `host`, `*.host`, or an address.
pub(super) fn is_named(host: &str, hosts: &[String]) -> bool {
    let host = bare(host).to_ascii_lowercase();
    hosts.iter().any(|h| match h.strip_prefix("*.") {
        Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.')),
        None => *h == host,
    })
}

/// Whether this can only be this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = bare(host);
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// An address without the brackets that a URL puts around it.
pub(super) fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host)
}

/// The addresses of a host, checked: the first, and the others. To be used for the connection itself: asked
/// twice, a name may answer differently.
pub(super) async fn addresses(
    host: &str,
    port: u16,
    hosts: &[String],
) -> Result<(SocketAddr, Vec<SocketAddr>), Undelivered> {
    let host = bare(host);
    let found = tokio::time::timeout(RESOLVE, tokio::net::lookup_host((host, port))).await;
    let all: Vec<SocketAddr> = match found {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    let Some((first, others)) = all.split_first() else {
        return Err(Undelivered::new(format!(
            "The name {host} does not resolve. Compare it with the settings."
        )));
    };
    // One private address among public ones is refused as well: which one is taken is chance.
    if !is_named(host, hosts) && all.iter().any(|a| !is_public(a.ip())) {
        return Err(Undelivered::new(format!(
            "{host} is inside a private network, where notices go only to hosts that the operator of this server \
             named. Ask the operator to add it to QONDUIT_NOTICE_HOSTS."
        )));
    }
    Ok((*first, others.to_vec()))
}

/// Whether an address is one of the public internet.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => v4(ip),
        IpAddr::V6(ip) => v6(ip),
    }
}

fn v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (18..20).contains(&b))
        || (a == 192 && b == 0 && c == 0))
}

fn v6(ip: Ipv6Addr) -> bool {
    let part = ip.segments();
    let embedded = |at: usize| {
        let (high, low) = (part[at].to_be_bytes(), part[at + 1].to_be_bytes());
        v4(Ipv4Addr::new(high[0], high[1], low[0], low[1]))
    };
    let zero = |parts: &[u16]| parts.iter().all(|p| *p == 0);
    match (part[0], part[1]) {
        // IPv4 in other clothes: compatible and mapped, NAT64, 6to4.
        (0, 0) if zero(&part[..5]) && matches!(part[5], 0 | 0xffff) => embedded(6),
        (0x64, 0xff9b) => zero(&part[2..6]) && embedded(6),
        (0x2002, _) => embedded(1),
        // Teredo and other special uses; documentation.
        (0x2001, second) => second >= 0x200 && second != 0xdb8,
        // What is handed out is 2000::/3; unique local, link local and multicast are outside.
        (first, _) => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_public_internet_are_public() {
        for ip in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "198.18.0.1",
            "192.0.0.8",
            "224.0.0.1",
            "255.255.255.255",
            "203.0.113.5",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2002:a00:1::",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
        ] {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in [
            "1.1.1.1",
            "93.184.216.34",
            "2606:4700:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2001:4860::8888",
        ] {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn a_host_is_named_as_itself_or_under_a_star() {
        let hosts = ["mail.acme.internal".to_owned(), "*.acme.lan".to_owned(), "::1".to_owned()];
        for (host, named) in [
            ("mail.acme.internal", true),
            ("MAIL.acme.internal", true),
            ("a.acme.lan", true),
            ("acme.lan", false),
            ("evilacme.lan", false),
            ("[::1]", true),
            ("127.0.0.1", false),
        ] {
            assert_eq!(is_named(host, &hosts), named, "{host}");
        }
    }

    #[tokio::test]
    async fn a_private_address_is_refused_unless_the_operator_named_it() {
        let refused = addresses("127.0.0.1", 25, &[]).await.unwrap_err();
        assert!(refused.0.contains("QONDUIT_NOTICE_HOSTS"), "{}", refused.0);
        assert!(addresses("localhost", 25, &[]).await.is_err());
        let hosts = ["127.0.0.1".to_owned()];
        assert_eq!(
            addresses("127.0.0.1", 25, &hosts).await.unwrap(),
            ("127.0.0.1:25".parse().unwrap(), Vec::new())
        );
    }
}
