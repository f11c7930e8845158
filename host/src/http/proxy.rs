//! Through a proxy: a tunnel by HTTP's CONNECT or by SOCKS 5 (RFC 1928, 1929), so
//! that what follows is the same as without one, byte for byte.
//!
//! Exactly the proxy's own bytes are read: what the platform sends first, right
//! behind them, is the platform's.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

/// Longest head of a proxy's answer.
const MAX_HEAD: usize = 16 << 10;

/// Longest user, password and name that SOCKS 5 can carry.
pub const MAX_SOCKS_TEXT: usize = 255;

/// A proxy on the way to a platform. Its password is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// How it is spoken to.
    pub protocol: ProxyProtocol,
    /// Name or number, IPv6 without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// As whom.
    pub login: Option<ProxyLogin>,
    /// It is the host's operator's: it may stand at a private address, and decides
    /// by itself what names lead to.
    pub trusted: bool,
}

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// HTTP/1.1 with CONNECT.
    Http,
    /// SOCKS 5 with addresses.
    Socks5,
    /// SOCKS 5 with names.
    Socks5Names,
}

/// As whom a proxy is used.
#[derive(Clone)]
pub struct ProxyLogin {
    /// The user.
    pub user: String,
    /// The password; may be empty.
    pub password: Arc<Zeroizing<String>>,
}

impl PartialEq for ProxyLogin {
    fn eq(&self, other: &Self) -> bool {
        self.user == other.user && **self.password == **other.password
    }
}

impl Eq for ProxyLogin {}

impl fmt::Debug for ProxyLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("«proxy login»")
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{self}{}",
            if self.login.is_some() {
                " as «user»"
            } else {
                ""
            }
        )
    }
}

/// `scheme://host:port`, without who uses it.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.protocol {
            ProxyProtocol::Http => "http",
            ProxyProtocol::Socks5 => "socks5",
            ProxyProtocol::Socks5Names => "socks5h",
        };
        write!(f, "{scheme}://{}:{}", bracketed(&self.host), self.port)
    }
}

impl Proxy {
    /// Whether it takes a name and finds the address itself.
    pub(super) fn takes_names(&self) -> bool {
        self.protocol != ProxyProtocol::Socks5
    }
}

/// Where a tunnel is to lead.
#[derive(Debug, Clone, Copy)]
pub(super) enum Destination<'a> {
    /// To an address that was checked.
    Address(SocketAddr),
    /// To whatever the proxy finds under a name.
    Name(&'a str, u16),
}

impl fmt::Display for Destination<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Name(host, port) => write!(f, "{}:{port}", bracketed(host)),
        }
    }
}

fn bracketed(host: &str) -> String {
    match host.contains(':') {
        true => format!("[{host}]"),
        false => host.to_owned(),
    }
}

/// Why a proxy made no tunnel. Nothing of a request has been sent.
#[derive(Debug)]
pub(super) enum NoTunnel {
    /// It cannot reach the platform; another address may do.
    Unreachable(String),
    /// It does not want to, or is none.
    Refused(String),
    /// The connection to it broke.
    Broken(io::Error),
}

impl From<io::Error> for NoTunnel {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

/// Makes the tunnel over a fresh connection to the proxy. Without a bound of its
/// own on time.
pub(super) async fn tunnel(
    proxy: &Proxy,
    tcp: &mut TcpStream,
    destination: Destination<'_>,
) -> Result<(), NoTunnel> {
    match proxy.protocol {
        ProxyProtocol::Http => connect(proxy, tcp, destination).await,
        ProxyProtocol::Socks5 | ProxyProtocol::Socks5Names => socks5(proxy, tcp, destination).await,
    }
}

async fn connect(
    proxy: &Proxy,
    tcp: &mut TcpStream,
    destination: Destination<'_>,
) -> Result<(), NoTunnel> {
    let mut head = Zeroizing::new(format!(
        "CONNECT {destination} HTTP/1.1\r\nHost: {destination}\r\n"
    ));
    if let Some(ProxyLogin { user, password }) = &proxy.login {
        let pair = Zeroizing::new([user, ":", password.as_str()].concat());
        let pair = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
        *head = [&head, "Proxy-Authorization: Basic ", &pair, "\r\n"].concat();
    }
    head.push_str("\r\n");
    tcp.write_all(head.as_bytes()).await?;
    let head = read_head(tcp).await?;
    let status = status(&head).ok_or_else(|| {
        NoTunnel::Refused(
            "what answers there is no HTTP proxy; check the scheme and the port of `proxy`"
                .to_owned(),
        )
    })?;
    match status {
        200..=299 => Ok(()),
        407 if proxy.login.is_some() => Err(NoTunnel::Refused(
            "it does not accept the user and password of `proxy` (HTTP 407)".to_owned(),
        )),
        407 => Err(NoTunnel::Refused(
            "it wants a user and a password (HTTP 407); give them in `proxy`".to_owned(),
        )),
        502..=504 => Err(NoTunnel::Unreachable(format!("HTTP {status}"))),
        _ => Err(NoTunnel::Refused(refused(
            destination,
            &format!("HTTP {status}"),
        ))),
    }
}

/// What a proxy's refusal of a destination most likely is about.
fn refused(destination: Destination<'_>, how: &str) -> String {
    match destination {
        Destination::Address(address) => format!(
            "it refuses to connect to {address} ({how}); it has to allow that address and port. If it decides by names, \
             it gets them once `[network] proxies` of crossdock.toml lists it"
        ),
        Destination::Name(..) => format!(
            "it refuses to connect to {destination} ({how}); it has to allow that name and port (many allow CONNECT to port 443 only)"
        ),
    }
}

/// Reads to the end of a head, and nothing behind it.
async fn read_head(tcp: &mut TcpStream) -> Result<Vec<u8>, NoTunnel> {
    const END: &[u8] = b"\r\n\r\n";
    let mut head = Vec::new();
    let mut seen = [0; 1024];
    loop {
        let ready = tcp.peek(&mut seen).await?;
        if ready == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let before = head.len();
        head.extend_from_slice(seen.get(..ready).unwrap_or_default());
        let from = before.saturating_sub(END.len() - 1);
        let tail = head.get(from..).unwrap_or_default();
        let end = tail.windows(END.len()).position(|window| window == END);
        let take = end.map_or(ready, |at| from + at + END.len() - before);
        let taken = seen.get_mut(..take).unwrap_or_default();
        tcp.read_exact(taken).await?;
        head.truncate(before + take);
        if end.is_some() {
            return Ok(head);
        }
        if head.len() > MAX_HEAD || !b"HTTP/".starts_with(head.get(..5).unwrap_or(&head)) {
            return Ok(Vec::new());
        }
    }
}

/// `HTTP/1.1 200 Connection established` → 200.
fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split(' ');
    words.next().filter(|word| word.starts_with("HTTP/1."))?;
    let status = words.next().filter(|word| word.len() == 3)?;
    status.parse().ok()
}

async fn socks5(
    proxy: &Proxy,
    tcp: &mut TcpStream,
    destination: Destination<'_>,
) -> Result<(), NoTunnel> {
    const NO_LOGIN: u8 = 0;
    const LOGIN: u8 = 2;
    match &proxy.login {
        None => tcp.write_all(&[5, 1, NO_LOGIN]).await?,
        Some(_) => tcp.write_all(&[5, 2, NO_LOGIN, LOGIN]).await?,
    }
    let mut chosen = [0; 2];
    tcp.read_exact(&mut chosen).await?;
    match (chosen, &proxy.login) {
        ([5, NO_LOGIN], _) => {}
        ([5, LOGIN], Some(login)) => log_in(login, tcp).await?,
        ([5, 0xff], None) => {
            return Err(NoTunnel::Refused(
                "it wants a user and a password; give them in `proxy`".to_owned(),
            ));
        }
        ([5, _], _) => {
            return Err(NoTunnel::Refused(
                "it wants a way of logging in that this host does not know; it has to take a user and a password (RFC 1929)"
                    .to_owned(),
            ));
        }
        _ => return Err(no_socks()),
    }
    tcp.write_all(&request(destination)?).await?;
    let mut answer = [0; 4];
    tcp.read_exact(&mut answer).await?;
    let [5, reply, _, kind] = answer else {
        return Err(no_socks());
    };
    match reply {
        0 => skip_address(kind, tcp).await,
        2 => Err(NoTunnel::Refused(refused(
            destination,
            "not allowed by its rules",
        ))),
        3 => Err(NoTunnel::Unreachable(
            "its network is unreachable".to_owned(),
        )),
        4 => Err(NoTunnel::Unreachable("the host is unreachable".to_owned())),
        5 => Err(NoTunnel::Unreachable("nobody listens there".to_owned())),
        6 => Err(NoTunnel::Unreachable("nothing answers there".to_owned())),
        8 => Err(NoTunnel::Unreachable(
            "it does not know this kind of address".to_owned(),
        )),
        reply => Err(NoTunnel::Refused(refused(
            destination,
            &format!("SOCKS reply {reply}"),
        ))),
    }
}

fn no_socks() -> NoTunnel {
    NoTunnel::Refused(
        "what answers there is no SOCKS 5 proxy; check the scheme and the port of `proxy`"
            .to_owned(),
    )
}

/// RFC 1929.
async fn log_in(login: &ProxyLogin, tcp: &mut TcpStream) -> Result<(), NoTunnel> {
    let mut message = Zeroizing::new(Vec::with_capacity(3 + 2 * MAX_SOCKS_TEXT));
    message.push(1);
    push_text(&mut message, &login.user)?;
    push_text(&mut message, &login.password)?;
    tcp.write_all(&message).await?;
    let mut answer = [0; 2];
    tcp.read_exact(&mut answer).await?;
    match answer {
        [_, 0] => Ok(()),
        _ => Err(NoTunnel::Refused(
            "it does not accept the user and password of `proxy`".to_owned(),
        )),
    }
}

fn push_text(message: &mut Vec<u8>, text: &str) -> Result<(), NoTunnel> {
    let length = u8::try_from(text.len()).map_err(|_| {
        NoTunnel::Refused(format!(
            "SOCKS 5 carries names, users and passwords of at most {MAX_SOCKS_TEXT} bytes"
        ))
    })?;
    message.push(length);
    message.extend_from_slice(text.as_bytes());
    Ok(())
}

/// CONNECT to a destination.
fn request(destination: Destination<'_>) -> Result<Vec<u8>, NoTunnel> {
    let mut message = vec![5, 1, 0];
    let port = match destination {
        Destination::Address(address) => {
            push_address(&mut message, address.ip());
            address.port()
        }
        Destination::Name(host, port) => {
            match host.parse() {
                Ok(address) => push_address(&mut message, address),
                Err(_) => {
                    message.push(3);
                    push_text(&mut message, host)?;
                }
            }
            port
        }
    };
    message.extend_from_slice(&port.to_be_bytes());
    Ok(message)
}

fn push_address(message: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => {
            message.push(1);
            message.extend_from_slice(&v4.octets());
        }
        IpAddr::V6(v6) => {
            message.push(4);
            message.extend_from_slice(&v6.octets());
        }
    }
}

/// The address from which the proxy connects, which nobody needs.
async fn skip_address(kind: u8, tcp: &mut TcpStream) -> Result<(), NoTunnel> {
    let length = match kind {
        1 => 4,
        4 => 16,
        3 => usize::from(tcp.read_u8().await?),
        _ => return Err(no_socks()),
    };
    let mut skipped = [0; MAX_SOCKS_TEXT + 2];
    let skipped = skipped.get_mut(..length + 2).unwrap_or_default();
    tcp.read_exact(skipped).await?;
    Ok(())
}
