//! What `push` and `pull` share: who asks, how requests travel, and how long all
//! of it may take.

use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use clap::Args;
use crossdock_registry::{
    Access, Failure as Why, FailureKind, Login, MOST_MANIFEST, Reference, Registry, Request,
    Response, Transport,
};
use http::Uri;
use zeroize::Zeroizing;

use super::super::failure::Failure;
use crate::file_failure::sentence;
use crate::files::{self, Links, Refused};
use crate::http::{Client, ClientOptions, Outgoing, SendErrorKind};

/// Longest until a connection is there.
const CONNECT: Duration = Duration::from_secs(10);

/// Most bytes of Docker's settings.
const MOST_SETTINGS: u64 = 1 << 20;

/// Most bytes of a password.
const MOST_PASSWORD: u64 = 64 << 10;

/// How a registry is asked.
#[derive(Debug, Args)]
pub(super) struct Asking {
    /// The user; without it what Docker's config.json has for the registry
    #[arg(long, value_name = "NAME", requires = "password_stdin")]
    username: Option<String>,
    /// Read the password, or a token in its place, from stdin
    #[arg(long, requires = "username")]
    password_stdin: bool,
    /// Ask without TLS; this machine is asked so anyway
    #[arg(long)]
    insecure: bool,
    /// Longest that all of it may take
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 300,
        value_parser = clap::value_parser!(u32).range(1..=86_400)
    )]
    timeout: u32,
    /// For programs
    #[arg(long)]
    pub json: bool,
}

impl Asking {
    /// The registry of a reference.
    pub fn registry(
        &self,
        reference: &Reference,
        access: Access,
        plugin_size: usize,
    ) -> Result<Registry<Carrier>, Failure> {
        let login = self.login(&reference.registry)?;
        let timeout = Duration::from_secs(u64::from(self.timeout));
        let carrier = Carrier::new(timeout, plugin_size)?;
        let registry = Registry::new(carrier, reference, login, access, self.insecure);
        registry.map_err(wrong)
    }

    fn login(&self, registry: &str) -> Result<Login, Failure> {
        match &self.username {
            Some(user) => Ok(Login::with(user.clone(), password()?)),
            None => docker_login(registry),
        }
    }
}

/// A failure of a registry as this command's own.
pub(super) fn wrong(why: Why) -> Failure {
    Failure::Other(anyhow!("{why}"))
}

fn password() -> Result<Zeroizing<String>, Failure> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Err(anyhow!(
            "there is no password; pipe it into stdin, as in `crossdock plugin push … --password-stdin < token.txt`"
        )
        .into());
    }
    let mut text = Zeroizing::new(String::new());
    let read = stdin.lock().take(MOST_PASSWORD).read_to_string(&mut text);
    read.map_err(|error| anyhow!("the password cannot be read: {}", sentence(&error)))?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(anyhow!("the password is empty; pipe it into stdin").into());
    }
    Ok(Zeroizing::new(password.to_owned()))
}

/// What `docker login` left behind for a registry.
fn docker_login(registry: &str) -> Result<Login, Failure> {
    let Some(path) = docker_settings() else {
        return Ok(Login::default());
    };
    let text = match files::read_text(&path, MOST_SETTINGS, Links::Follow) {
        Ok(text) => Zeroizing::new(text),
        Err(Refused::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Login::default());
        }
        Err(error) => {
            return Err(anyhow!(
                "{} cannot be read: {error}; use --username and --password-stdin",
                path.display()
            )
            .into());
        }
    };
    Login::from_docker(&text, registry).map_err(|why| anyhow!("{}: {why}", path.display()).into())
}

fn docker_settings() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let folder = named("DOCKER_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| Some(PathBuf::from(named("HOME")?).join(".docker")));
    Some(folder?.join("config.json"))
}

/// Carries requests by the host's own HTTP: bounded, without redirects.
pub(super) struct Carrier {
    /// For what is said.
    small: Client,
    /// For plugins.
    large: Client,
    timeout: Duration,
    deadline: Instant,
}

impl Carrier {
    fn new(timeout: Duration, plugin_size: usize) -> Result<Self, Failure> {
        let client = |response_body| {
            Client::new(ClientOptions {
                connect_timeout: CONNECT.min(timeout),
                timeout,
                response_body,
                // Whoever types a registry's name means it.
                allow_private: true,
                ..ClientOptions::default()
            })
            .map_err(|error| anyhow!("TLS cannot be used: {error}"))
        };
        Ok(Self {
            small: client(MOST_MANIFEST)?,
            large: client(plugin_size.max(MOST_MANIFEST))?,
            timeout,
            deadline: Instant::now() + timeout,
        })
    }

    fn unanswered(&self, host: &str, kind: SendErrorKind, message: &str) -> Why {
        // What follows is advice for the connections of tenants.
        let what = message.split(';').next().unwrap_or_default();
        let what = match kind {
            SendErrorKind::Resolve => {
                format!(
                    "the name `{host}` does not resolve; check the reference and this machine's DNS"
                )
            }
            SendErrorKind::Connect => {
                format!("no registry answers at {host}; check the reference, and whether it is up")
            }
            SendErrorKind::Tls => {
                format!("{what}; --insecure asks a registry that speaks no TLS")
            }
            SendErrorKind::Timeout => format!(
                "{host} did not answer within the {} s that all of it may take; try again, or raise --timeout",
                self.timeout.as_secs()
            ),
            SendErrorKind::ConnectionLost => {
                format!("the connection to {host} was lost before its answer was whole; try again")
            }
            SendErrorKind::TooLarge => {
                return too_large(host);
            }
            SendErrorKind::Decode => {
                format!("what {host} answers cannot be read as HTTP; check the reference")
            }
            SendErrorKind::Shortage
            | SendErrorKind::Invalid
            | SendErrorKind::RefusedAddress
            | SendErrorKind::Proxy => {
                format!("{host} cannot be asked: {what}")
            }
        };
        Why::new(FailureKind::NoAnswer, what)
    }
}

fn too_large(host: &str) -> Why {
    Why::new(
        FailureKind::TooLarge,
        format!("{host} answers more than what it was asked for can have; nothing of it is used"),
    )
}

impl Transport for Carrier {
    async fn send(&self, request: Request) -> Result<Response, Why> {
        let host = request.url.host_str().unwrap_or_default().to_owned();
        let host = match request.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host,
        };
        let uri: Uri = request.url.as_str().parse().map_err(|_| {
            let what =
                format!("{host} points to something that is no URL; report it to its operator");
            Why::new(FailureKind::Redirect, what)
        })?;
        let client = match request.most > MOST_MANIFEST {
            true => &self.large,
            false => &self.small,
        };
        let outgoing = Outgoing {
            method: request.method,
            uri,
            headers: request.headers,
            body: request.body,
        };
        let answer = client.send_until(outgoing, self.deadline).await;
        let answer = answer.map_err(|error| self.unanswered(&host, error.kind, &error.message))?;
        if answer.body.len() > request.most {
            return Err(too_large(&host));
        }
        Ok(Response {
            status: answer.status,
            headers: answer.headers,
            body: answer.body,
        })
    }
}
