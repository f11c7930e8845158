//! What the operating system says about names and connections, in words an
//! operator can act on.

use std::io;

/// Why a name has no address, to be read after "the name `host` ".
///
/// The standard library has no name for what `getaddrinfo` answers, only the C
/// library's text. Only the sentence depends on it.
pub(super) fn unresolved(error: &io::Error) -> &'static str {
    if shortage(error).is_some() {
        return "cannot be looked up: the host has no file descriptor left; raise LimitNOFILE (ulimit -n)";
    }
    let text = error.to_string();
    let says = |part: &str| text.contains(part);
    if says("Temporary failure in name resolution") {
        "cannot be looked up: no name server answers; check this machine's DNS (/etc/resolv.conf) and network"
    } else if says("Non-recoverable failure in name resolution") {
        "cannot be looked up: the name server refuses; check this machine's DNS (/etc/resolv.conf)"
    } else if says("No address associated with hostname")
        || says("Name or service not known")
        || says("nodename nor servname provided")
        || says("Name does not resolve")
        || says("No such host is known")
    {
        "does not exist; check base_url"
    } else {
        "does not resolve; check base_url and this machine's DNS"
    }
}

/// What this machine has run out of, if that is why: nothing is wrong with the
/// platform.
pub(super) fn shortage(error: &io::Error) -> Option<&'static str> {
    #[cfg(unix)]
    {
        // errno of Linux, macOS and the BSDs alike.
        const ENFILE: i32 = 23;
        const EMFILE: i32 = 24;
        match error.raw_os_error() {
            Some(EMFILE) => {
                return Some(
                    "the host has no file descriptor left; raise LimitNOFILE (ulimit -n), or lower \
                     the number of connections",
                );
            }
            Some(ENFILE) => {
                return Some("this machine has no file descriptor left; raise fs.file-max");
            }
            _ => {}
        }
    }
    match error.kind() {
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse => Some(
            "this machine has no local port left for another connection; lower the number of \
             connections, or widen net.ipv4.ip_local_port_range",
        ),
        io::ErrorKind::OutOfMemory => Some("this machine has no memory left for a connection"),
        _ => None,
    }
}

/// Why no connection could be made.
pub(super) fn unreachable(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            "nobody listens there (connection refused); check base_url, and whether the platform is up"
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "there is no route to it; check this machine's network, and the firewalls between"
        }
        io::ErrorKind::NetworkDown => "this machine's network is down",
        io::ErrorKind::TimedOut => {
            "nothing answers there; check base_url, and the firewalls between"
        }
        io::ErrorKind::PermissionDenied => {
            "this machine does not let the host out; check its firewall"
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            "the connection was closed as it was made; check the firewalls between"
        }
        _ => "it cannot be reached; check base_url and this machine's network",
    }
}

/// The same in a few words, to be read after "cannot be reached: ".
pub(super) fn unreachable_short(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "nobody listens there (connection refused)",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "there is no route to it"
        }
        io::ErrorKind::TimedOut => "nothing answers there",
        io::ErrorKind::PermissionDenied => "this machine does not let the host out",
        _ => "the connection failed as it was made",
    }
}

/// How a connection that stood ended.
pub(super) fn broken(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            "the other side cut the connection (reset)"
        }
        io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::NotConnected
        | io::ErrorKind::WriteZero => "the other side closed the connection",
        io::ErrorKind::TimedOut => "nothing came from the other side any more",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "there is no route to it any more"
        }
        io::ErrorKind::NetworkDown => "this machine's network went down",
        _ => "the connection failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_lacks_is_told_from_what_the_platform_does() {
        for (errno, lacks) in [
            (24, true),
            (23, true),
            (99, true),
            (111, false),
            (113, false),
        ] {
            let error = io::Error::from_raw_os_error(errno);
            assert_eq!(shortage(&error).is_some(), lacks, "{errno}");
        }
    }

    #[test]
    fn a_name_that_does_not_exist_is_told_from_a_resolver_that_does_not_answer() {
        let says = |text: &str| {
            unresolved(&io::Error::other(format!(
                "failed to lookup address information: {text}"
            )))
        };
        assert!(says("Name or service not known").contains("does not exist"));
        assert!(says("Temporary failure in name resolution").contains("no name server answers"));
        assert!(says("Something new").contains("does not resolve"));
    }
}
