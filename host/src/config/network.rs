//! The way out: proxies, and what a connection shows and speaks on it.

use std::net::{IpAddr, Ipv6Addr};

use url::{Host, Url};

use crate::http::{ClientCertificate, Proxy, Versions};

/// What a connection's file says about the way to its platform.
#[derive(Debug, Clone, Default)]
pub struct ConnectionNetwork {
    /// `proxy`.
    pub proxy: ProxyChoice,
    /// `client_certificate = { cert, key }`.
    pub client_certificate: Option<ClientCertificate>,
    /// `http`: `"auto"`, `"1.1"` or `"2"`.
    pub versions: Versions,
    /// `bind_address`: the address of this machine that connections come from.
    pub bind_address: Option<IpAddr>,
}

/// Which proxy is on the way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ProxyChoice {
    /// The host's, if it has one for this address.
    #[default]
    Hosts,
    /// `proxy = "none"`: none.
    None,
    /// The connection's own.
    Own(Proxy),
}

/// `[network]` of `crossdock.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostNetwork {
    /// On the way to `https` addresses.
    pub https: Option<Proxy>,
    /// On the way to `http` addresses.
    pub http: Option<Proxy>,
    /// What is reached without these.
    pub except: Exceptions,
    /// `proxies`: those that tenants may name though they stand at a private address,
    /// and that are told names. In lower case, with their ports.
    pub listed: Vec<(String, u16)>,
}

impl HostNetwork {
    /// The proxy on the way to a URL.
    pub fn proxy(&self, choice: &ProxyChoice, url: &Url) -> Option<Proxy> {
        match choice {
            ProxyChoice::None => None,
            ProxyChoice::Own(own) => Some(Proxy {
                trusted: self.trusts(own),
                ..own.clone()
            }),
            ProxyChoice::Hosts => {
                let proxy = match url.scheme() {
                    "https" => &self.https,
                    _ => &self.http,
                };
                let proxy = proxy.as_ref().filter(|_| !self.except.hold(url))?;
                Some(Proxy {
                    trusted: true,
                    ..proxy.clone()
                })
            }
        }
    }

    fn trusts(&self, proxy: &Proxy) -> bool {
        let host = proxy.host.to_ascii_lowercase();
        let is =
            |(other, port): (&str, u16)| other.eq_ignore_ascii_case(&host) && port == proxy.port;
        let own = self.https.iter().chain(&self.http);
        let mut own = own.map(|proxy| (&*proxy.host, proxy.port));
        let mut listed = self.listed.iter().map(|(host, port)| (&**host, *port));
        own.any(is) || listed.any(is)
    }
}

/// What is reached without the host's proxy: `no_proxy`, and this machine itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exceptions {
    all: bool,
    domains: Vec<String>,
    networks: Vec<(IpAddr, u8)>,
}

impl Exceptions {
    /// One more: `*`, a name (which is meant with everything below it), an address
    /// or a network. False if it is none of these.
    pub fn add(&mut self, text: &str) -> bool {
        let text = text.trim();
        if text == "*" {
            self.all = true;
            return true;
        }
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address = address.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = address.parse::<IpAddr>() {
            let most = if address.is_ipv4() { 32 } else { 128 };
            let length = length.map_or(Ok(most), str::parse);
            let length = length.ok().filter(|length| *length <= most);
            self.networks.extend(length.map(|length| (address, length)));
            return length.is_some();
        }
        let name = text.strip_prefix('*').unwrap_or(text);
        let name = name.trim_matches('.').to_ascii_lowercase();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let valid = !name.is_empty() && name.len() <= 253 && name.bytes().all(plain);
        if valid {
            self.domains.push(name);
        }
        valid
    }

    /// Whether this URL is reached without a proxy.
    pub fn hold(&self, url: &Url) -> bool {
        if self.all {
            return true;
        }
        let of = |address: IpAddr| {
            address.is_loopback()
                || self
                    .networks
                    .iter()
                    .any(|(network, length)| is_within(address, *network, *length))
        };
        match url.host() {
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.').to_ascii_lowercase();
                let under = |domain: &str| {
                    name.strip_suffix(domain)
                        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
                };
                under("localhost") || self.domains.iter().any(|domain| under(domain))
            }
            Some(Host::Ipv4(address)) => of(address.into()),
            Some(Host::Ipv6(address)) => of(address.into()),
            None => false,
        }
    }
}

fn is_within(address: IpAddr, network: IpAddr, length: u8) -> bool {
    if address.is_ipv4() != network.is_ipv4() {
        return false;
    }
    let bits = |address: IpAddr| match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)) << 96,
        IpAddr::V6(v6) => u128::from(Ipv6Addr::from(v6.octets())),
    };
    let differing = bits(address) ^ bits(network);
    differing.leading_zeros() >= u32::from(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::ProxyProtocol;

    fn proxy(host: &str, port: u16) -> Proxy {
        Proxy {
            protocol: ProxyProtocol::Http,
            host: host.to_owned(),
            port,
            login: None,
            trusted: false,
        }
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn what_is_excepted_is_a_name_with_all_below_it_an_address_or_a_network() {
        let mut except = Exceptions::default();
        for text in [
            "erp.example",
            ".Corp.example",
            "*.lan",
            "10.0.0.0/8",
            "192.0.2.7",
            "fd00::/8",
            "[2001:db8::1]",
        ] {
            assert!(except.add(text), "{text}");
        }
        for text in ["", "a b", "10.0.0.0/33", "http://a.example", "10.0.0.0/x"] {
            assert!(!except.add(text), "{text}");
        }
        for held in [
            "https://erp.example/",
            "https://a.ERP.example./x",
            "http://corp.example",
            "http://a.lan",
            "http://10.255.1.2",
            "http://192.0.2.7",
            "http://[fd12::1]",
            "http://[2001:db8::1]:8080",
            "http://localhost",
            "http://127.0.0.3",
            "http://[::1]",
        ] {
            assert!(except.hold(&url(held)), "{held}");
        }
        for not in [
            "https://other.example",
            "https://noterp.example",
            "http://11.0.0.1",
            "http://192.0.2.8",
            "http://[fe80::1]",
        ] {
            assert!(!except.hold(&url(not)), "{not}");
        }
        assert!(except.add("*"));
        assert!(except.hold(&url("https://other.example")));
    }

    #[test]
    fn only_the_operators_proxies_are_trusted() {
        let network = HostNetwork {
            https: Some(proxy("proxy.corp", 3128)),
            listed: vec![("10.0.0.5".to_owned(), 1080)],
            ..HostNetwork::default()
        };
        let of = |choice: &ProxyChoice, text: &str| network.proxy(choice, &url(text));
        let trusted = |proxy: Option<Proxy>| proxy.map(|proxy| (proxy.host, proxy.trusted));
        let hosts = ProxyChoice::Hosts;
        assert_eq!(
            trusted(of(&hosts, "https://a.example")),
            Some(("proxy.corp".to_owned(), true))
        );
        assert_eq!(of(&hosts, "http://a.example"), None);
        assert_eq!(of(&hosts, "https://localhost"), None);
        assert_eq!(of(&ProxyChoice::None, "https://a.example"), None);
        for (host, port, is) in [
            ("Proxy.corp", 3128, true),
            ("10.0.0.5", 1080, true),
            ("proxy.corp", 8080, false),
            ("10.0.0.6", 1080, false),
        ] {
            let own = ProxyChoice::Own(proxy(host, port));
            assert_eq!(
                trusted(of(&own, "https://a.example")),
                Some((host.to_owned(), is))
            );
        }
    }
}
