//! `oci://REGISTRY/REPOSITORY[:TAG|@sha256:…]`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::{Host, Url};

use crate::digest::Digest;
use crate::failure::{Failure, FailureKind, shown};

/// What a reference begins with.
const SCHEME: &str = "oci://";

/// Longest name of a repository; the distribution specification advises it.
const MOST_REPOSITORY: usize = 255;

/// Longest tag, by the specification.
const MOST_TAG: usize = 128;

/// The tag of a reference that names none.
const LATEST: &str = "latest";

/// A place in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The registry: a host, and a port where it is not the usual one.
    pub registry: String,
    /// The repository in it.
    pub repository: String,
    /// Which of its manifests; nothing where none was typed.
    pub target: Option<Target>,
}

/// One manifest of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// By a name that may be given to another one.
    Tag(String),
    /// By what it is.
    Digest(Digest),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl Reference {
    /// Which manifest is meant; the tag `latest` where none was typed.
    pub fn target(&self) -> Target {
        let latest = || Target::Tag(LATEST.to_owned());
        self.target.clone().unwrap_or_else(latest)
    }

    /// The same repository's manifest of a digest.
    pub fn at(&self, digest: Digest) -> Self {
        Self {
            target: Some(Target::Digest(digest)),
            ..self.clone()
        }
    }

    /// Whether the registry is on this machine.
    pub fn is_local(&self) -> bool {
        let url = Url::parse(&format!("http://{}/", self.registry));
        url.is_ok_and(|url| is_loopback(&url))
    }
}

/// Whether a URL is of this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.registry, self.repository)?;
        match &self.target {
            None => Ok(()),
            Some(Target::Tag(tag)) => write!(f, ":{tag}"),
            Some(Target::Digest(digest)) => write!(f, "@{digest}"),
        }
    }
}

impl FromStr for Reference {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let wrong = |what: &str| {
            Failure::new(
                FailureKind::Reference,
                format!(
                    "`{}` {what}; a plugin in a registry is written as oci://REGISTRY/REPOSITORY:TAG",
                    shown(text)
                ),
            )
        };
        let rest = text
            .strip_prefix(SCHEME)
            .ok_or_else(|| wrong("does not begin with oci://"))?;
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => {
                let digest = digest.parse::<Digest>();
                let what = "names a digest that is not sha256: and 64 hex digits in lower case";
                (rest, Some(digest.map_err(|_| wrong(what))?))
            }
            None => (rest, None),
        };
        let (registry, path) = rest
            .split_once('/')
            .ok_or_else(|| wrong("names no repository"))?;
        let (repository, tag) = match path.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (path, None),
        };
        if !is_registry(registry) {
            return Err(wrong("names no registry that can be asked"));
        }
        if !is_repository(repository) {
            return Err(wrong(
                "names a repository with other characters than a-z, 0-9 and . _ - / between them",
            ));
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(wrong(
                "names a tag that does not consist of letters, digits, _ . and -",
            ));
        }
        let target = match (digest, tag) {
            (Some(digest), _) => Some(Target::Digest(digest)),
            (None, tag) => tag.map(|tag| Target::Tag(tag.to_owned())),
        };
        Ok(Self {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            target,
        })
    }
}

fn is_registry(registry: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    let url = Url::parse(&format!("https://{registry}/"));
    !registry.is_empty() && registry.bytes().all(plain) && url.is_ok_and(|url| url.has_host())
}

/// Parts of letters and digits, with `.`, `_`, `__` or hyphens between them, and
/// slashes between the parts.
fn is_repository(repository: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let part = |part: &str| {
        let separators = part.split(|c: char| c.is_ascii() && word(c as u8));
        let between = |run: &str| {
            matches!(run, "" | "." | "_" | "__") || run.bytes().all(|byte| byte == b'-')
        };
        let ends = |byte: Option<&u8>| byte.is_some_and(|byte| word(*byte));
        let bytes = part.as_bytes();
        ends(bytes.first()) && ends(bytes.last()) && separators.into_iter().all(between)
    };
    repository.len() <= MOST_REPOSITORY && repository.split('/').all(part)
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut bytes = tag.bytes();
    tag.len() <= MOST_TAG
        && bytes.next().is_some_and(word)
        && bytes.all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_a_registry_a_repository_and_a_tag_or_digest() {
        let digest = Digest::of(b"x");
        for (text, registry, repository, target) in [
            (
                "oci://localhost:5000/shop".to_owned(),
                "localhost:5000",
                "shop",
                None,
            ),
            (
                "oci://ghcr.io/acme/price-board:1.2.0".to_owned(),
                "ghcr.io",
                "acme/price-board",
                Some(Target::Tag("1.2.0".into())),
            ),
            (
                format!("oci://[::1]:5000/a__b/c.d@{digest}"),
                "[::1]:5000",
                "a__b/c.d",
                Some(Target::Digest(digest)),
            ),
            (
                format!("oci://127.0.0.1/a:b@{digest}"),
                "127.0.0.1",
                "a",
                Some(Target::Digest(digest)),
            ),
        ] {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(reference.registry, registry);
            assert_eq!(reference.repository, repository);
            assert_eq!(reference.target, target);
            if !text.contains(":b@") {
                assert_eq!(reference.to_string(), text);
            }
        }
        let latest: Reference = "oci://a.example/b".parse().unwrap();
        assert_eq!(latest.target(), Target::Tag("latest".into()));
    }

    #[test]
    fn what_is_no_reference_is_told_what_is_wrong() {
        for (text, says) in [
            ("ghcr.io/acme/a:1", "does not begin with oci://"),
            ("oci://ghcr.io", "names no repository"),
            ("oci:///a", "no registry"),
            ("oci://user@host/a", "a digest that is not"),
            ("oci://ho st/a", "no registry"),
            ("oci://host:port/a", "no registry"),
            ("oci://host/Acme/a", "a repository with other characters"),
            ("oci://host/a//b", "a repository with other characters"),
            ("oci://host/../b", "a repository with other characters"),
            ("oci://host/a..b", "a repository with other characters"),
            ("oci://host/a?b", "a repository with other characters"),
            ("oci://host/", "a repository with other characters"),
            ("oci://host/a:", "a tag that does not"),
            ("oci://host/a:b/c", "a tag that does not"),
            ("oci://host/a@sha256:00", "a digest that is not"),
        ] {
            let failure = text.parse::<Reference>().unwrap_err();
            assert_eq!(failure.kind, FailureKind::Reference);
            assert!(failure.message.contains(says), "{text}: {failure}");
        }
    }

    #[test]
    fn this_machine_is_told_from_others() {
        for (registry, local) in [
            ("localhost:5000", true),
            ("127.0.0.2", true),
            ("[::1]:5000", true),
            ("localhost.example", false),
            ("10.0.0.1:5000", false),
        ] {
            let reference: Reference = format!("oci://{registry}/a").parse().unwrap();
            assert_eq!(reference.is_local(), local, "{registry}");
        }
    }
}
