//! Several addresses, one connection (happy eyeballs, RFC 8305), from the address of
//! this machine that the connection names.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::{TcpSocket, TcpStream};

/// How long one address may take before the next one is tried beside it; the
/// "connection attempt delay" RFC 8305 §5 recommends.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 16;

/// Why no address could be reached.
#[derive(Debug)]
pub(super) enum Unreached {
    /// Of all that were tried, the last.
    Failed(io::Error),
    /// This machine does not have the address that is to be connected from.
    NotOurs(IpAddr),
}

/// The addresses in the order in which they are tried: the resolver's (RFC 6724),
/// but the two families by turns (RFC 8305 §4), so that a network on which one of
/// them leads nowhere costs one delay. Only those that `from` can reach.
pub(super) fn ordered(addresses: &[SocketAddr], from: Option<IpAddr>) -> Vec<SocketAddr> {
    let fits = |address: &&SocketAddr| from.is_none_or(|from| from.is_ipv4() == address.is_ipv4());
    let mut addresses = addresses.iter().filter(fits).copied().peekable();
    let first_is_v4 = addresses.peek().is_some_and(SocketAddr::is_ipv4);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.partition(|address| address.is_ipv4() == first_is_v4);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut ordered = Vec::new();
    while ordered.len() < MAX_ADDRESSES {
        let before = ordered.len();
        ordered.extend(first.next());
        ordered.extend(second.next());
        if ordered.len() == before {
            break;
        }
    }
    ordered.truncate(MAX_ADDRESSES);
    ordered
}

/// Tries the addresses in their order, the next one as soon as one has failed or
/// taken too long. The first to connect wins; the others are dropped.
pub(super) async fn first_to_connect(
    addresses: &[SocketAddr],
    from: Option<IpAddr>,
) -> Result<TcpStream, Unreached> {
    let mut waiting = addresses.iter();
    let mut attempts = FuturesUnordered::new();
    let mut failure = Unreached::Failed(io::Error::from(io::ErrorKind::AddrNotAvailable));
    loop {
        match waiting.next() {
            Some(&address) => attempts.push(connect(address, from)),
            None if attempts.is_empty() => return Err(failure),
            None => {}
        }
        tokio::select! {
            Some(result) = attempts.next() => match result {
                Ok(tcp) => return Ok(tcp),
                Err(error) => failure = error,
            },
            () = tokio::time::sleep(ATTEMPT_DELAY), if waiting.len() > 0 => {}
        }
    }
}

async fn connect(to: SocketAddr, from: Option<IpAddr>) -> Result<TcpStream, Unreached> {
    let Some(from) = from else {
        return TcpStream::connect(to).await.map_err(Unreached::Failed);
    };
    let socket = match from {
        IpAddr::V4(_) => TcpSocket::new_v4(),
        IpAddr::V6(_) => TcpSocket::new_v6(),
    };
    let socket = socket.map_err(Unreached::Failed)?;
    // Otherwise the system looks for a port that nobody at all uses, of which there
    // are some 28000, and not for one that is free towards this address.
    let _ = socket.set_reuseaddr(true);
    socket
        .bind(SocketAddr::new(from, 0))
        .map_err(|error| match error.kind() {
            io::ErrorKind::AddrNotAvailable => Unreached::NotOurs(from),
            _ => Unreached::Failed(error),
        })?;
    socket.connect(to).await.map_err(Unreached::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    fn sockets(addresses: &[&str]) -> Vec<SocketAddr> {
        let addresses = addresses.iter().map(|address| address.parse().unwrap());
        addresses.map(|ip| SocketAddr::new(ip, 443)).collect()
    }

    #[test]
    fn the_families_take_turns_and_the_resolvers_first_is_first() {
        let mixed = sockets(&["2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1"]);
        assert_eq!(
            ordered(&mixed, None),
            sockets(&["2001:db8::1", "192.0.2.1", "2001:db8::2", "2001:db8::3"])
        );
        assert_eq!(
            ordered(&mixed, Some("192.0.2.9".parse().unwrap())),
            sockets(&["192.0.2.1"])
        );
        assert_eq!(ordered(&[], None), []);
        let many: Vec<_> = (0..200)
            .map(|n| SocketAddr::from(([192, 0, 2, n], 1)))
            .collect();
        assert_eq!(ordered(&many, None), many[..MAX_ADDRESSES]);
    }

    #[tokio::test]
    async fn a_connection_comes_from_the_address_that_is_named() {
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = open.local_addr().unwrap();
        let from: IpAddr = "127.0.0.7".parse().unwrap();
        let tcp = first_to_connect(&[to], Some(from)).await.unwrap();
        assert_eq!(tcp.local_addr().unwrap().ip(), from);
        let strange = "192.0.2.1".parse().unwrap();
        let error = first_to_connect(&[to], Some(strange)).await.unwrap_err();
        assert!(matches!(error, Unreached::NotOurs(address) if address == strange));
    }

    #[tokio::test]
    async fn an_address_that_refuses_does_not_stop_the_next_one() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refused = closed.local_addr().unwrap();
        drop(closed);
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let accepting = open.local_addr().unwrap();
        let tcp = first_to_connect(&[refused, refused, accepting], None)
            .await
            .unwrap();
        assert_eq!(tcp.peer_addr().unwrap(), accepting);
        let error = first_to_connect(&[refused], None).await.unwrap_err();
        let Unreached::Failed(error) = error else {
            panic!("{error:?}")
        };
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn an_address_that_never_answers_does_not_stop_the_next_one() {
        // A full backlog on Linux drops the handshake: nobody answers.
        let full = tokio::net::TcpSocket::new_v4().unwrap();
        full.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let full = full.listen(1).unwrap();
        let silent = full.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(Ok(tcp)) =
            tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(silent)).await
        {
            queued.push(tcp);
        }
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let accepting = open.local_addr().unwrap();
        let tcp = first_to_connect(&[silent, accepting], None).await.unwrap();
        assert_eq!(tcp.peer_addr().unwrap(), accepting);
    }
}
