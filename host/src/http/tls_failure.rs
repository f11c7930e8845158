//! What TLS says when it fails, in words an operator can act on.

use std::io;

use rustls::{AlertDescription, CertificateError, Error, OtherError, PeerIncompatible};

use crate::text::{first_of, shorten};

/// The TLS error inside one of the stream's.
pub(super) fn inner(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// The alert inside one of the stream's, if the other side sent one.
pub(super) fn alert(error: &io::Error) -> Option<AlertDescription> {
    match inner(error) {
        Some(Error::AlertReceived(alert)) => Some(*alert),
        _ => None,
    }
}

/// Why there is no TLS connection, to be read after "no TLS connection to `host`: ".
pub(super) fn sentence(error: &io::Error) -> String {
    match inner(error) {
        Some(tls) => of_tls(tls),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the server closed the connection during the handshake; it may not speak TLS on this port, \
             or not to this machine"
                .to_owned()
        }
        None => super::net_failure::broken(error).to_owned(),
    }
}

/// Why the server refuses a client whose part of the handshake it has read.
pub(super) fn refusal(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateRequired
        | AlertDescription::NoCertificate
        | AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateRevoked
        // Signed by another CA of the same name.
        | AlertDescription::DecryptError
        | AlertDescription::UnknownCA
        | AlertDescription::HandshakeFailure => {
            "the server asks for a client certificate that it accepts; name one in client_certificate, or look whether \
             the one named there has expired or is signed by another CA than the server wants"
                .to_owned()
        }
        AlertDescription::AccessDenied => {
            "the server refuses this client (access denied); it may ask for another client certificate \
             (client_certificate), or not know this machine's address"
                .to_owned()
        }
        other => of_alert(other),
    }
}

fn of_tls(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => of_certificate(error),
        Error::AlertReceived(alert) => of_alert(*alert),
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => {
            "the server's answer is not TLS; base_url may need http:// or another port".to_owned()
        }
        Error::NoCertificatesPresented => {
            "the server sends no certificate; it has to be set up with one".to_owned()
        }
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => OLD_VERSION.to_owned(),
        Error::PeerIncompatible(_) => {
            "the server speaks a TLS that this host does not; it has to offer TLS 1.2 or 1.3 with \
             a current cipher suite (ECDHE with AES-GCM or ChaCha20)"
                .to_owned()
        }
        Error::NoApplicationProtocol => NO_PROTOCOL.to_owned(),
        Error::FailedToGetCurrentTime => "this machine's clock cannot be read".to_owned(),
        _ => {
            "the server breaks the rules of TLS; look at what stands between (a proxy, a firewall \
             that inspects TLS)"
                .to_owned()
        }
    }
}

const OLD_VERSION: &str = "the server speaks only versions of TLS that are not safe any more; it has to offer TLS 1.2 or 1.3";

const NO_PROTOCOL: &str = "the server speaks none of the versions of HTTP that it is offered (HTTP/1.1 and HTTP/2, or the one of `http`) on this port";

fn of_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired; the server needs a new one (or this machine's clock is wrong)".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet; look at this machine's clock".to_owned()
        }
        CertificateError::Revoked => "its certificate was revoked; the server needs a new one".to_owned(),
        CertificateError::UnknownIssuer => {
            "its certificate is signed by nobody this machine trusts; \
             if the certificate or its CA is your own, name that CA in ca_file"
                .to_owned()
        }
        CertificateError::NotValidForName => {
            "its certificate is for another name; use the name it is for in base_url".to_owned()
        }
        CertificateError::NotValidForNameContext { presented, .. } => for_names(presented),
        CertificateError::BadSignature => {
            "a signature of its certificates does not hold: ca_file may name another CA of the same name, \
             or a key is too weak (RSA has to have 2048 bits)"
                .to_owned()
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "its certificate is signed in a way that is not safe or not known (SHA-1, MD5, an unusual curve); \
             the server needs another one"
                .to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its certificate is not one for servers (extended key usage serverAuth is missing); \
             the server needs another one"
                .to_owned()
        }
        CertificateError::BadEncoding => {
            "its certificate cannot be read; the server needs another one".to_owned()
        }
        CertificateError::UnhandledCriticalExtension => {
            "its certificate demands something that this host does not know (a critical extension); \
             the server needs another one"
                .to_owned()
        }
        CertificateError::Other(OtherError(inner)) => of_webpki(inner.downcast_ref()),
        _ => OTHER_CERTIFICATE.to_owned(),
    }
}

const OTHER_CERTIFICATE: &str = "its certificate is not valid; `openssl s_client -connect` shows it, and the server needs another one";

/// What rustls hands on from the verifier without a name of its own for it.
fn of_webpki(error: Option<&webpki::Error>) -> String {
    match error {
        Some(webpki::Error::CaUsedAsEndEntity) => {
            "its certificate is one for a CA and not for a server; \
             make a server's certificate (basicConstraints CA:FALSE), signed by that CA"
        }
        Some(webpki::Error::EndEntityUsedAsCa) => {
            "its certificate is signed by one that is no CA; name the CA itself in ca_file"
        }
        Some(webpki::Error::UnsupportedCertVersion) => {
            "its certificate is of X.509 version 1 or 2; the server needs one of version 3, \
             with its name in subjectAltName"
        }
        Some(webpki::Error::NameConstraintViolation | webpki::Error::PathLenConstraintViolated) => {
            "its CA may not sign for this name; the server needs a certificate of another CA"
        }
        _ => OTHER_CERTIFICATE,
    }
    .to_owned()
}

fn for_names(presented: &[String]) -> String {
    const MOST: usize = 3;
    if presented.is_empty() {
        return "its certificate names no host in subjectAltName (a common name alone does not count); \
                the server needs another one"
            .to_owned();
    }
    let (names, more) = first_of(presented.iter().map(|name| plain_name(name)), MOST);
    let more = if more > 0 { ", …" } else { "" };
    format!("its certificate is for other names ({names}{more}); use one of them in base_url")
}

/// `DnsName("a.example")` → `a.example`: the verifier writes names as Rust does.
fn plain_name(name: &str) -> String {
    let inner = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'))
        .unwrap_or(name);
    let mut name: String = inner
        .trim_matches('"')
        .chars()
        .map(|c| if c.is_control() { '�' } else { c })
        .collect();
    shorten(&mut name, 80);
    name
}

fn of_alert(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::ProtocolVersion => OLD_VERSION,
        AlertDescription::NoApplicationProtocol => NO_PROTOCOL,
        AlertDescription::UnrecognisedName => {
            "the server does not know this name; check the host in base_url"
        }
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            "the server refuses the handshake: it asks for a client certificate that it accepts (client_certificate), \
             or shares no cipher suite with this host (ECDHE with AES-GCM or ChaCha20)"
        }
        AlertDescription::CertificateRequired
        | AlertDescription::NoCertificate
        | AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateRevoked
        | AlertDescription::DecryptError
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied => return refusal(alert),
        AlertDescription::InternalError => {
            "the server failed during the handshake; it is the server that has to be mended"
        }
        _ => "the server refused the handshake; ask the platform what it expects of clients",
    }
    .to_owned()
}
