//! Where a database is, and as whom it is asked.

use std::fmt;

use percent_encoding::percent_decode_str;
use url::Url;
use zeroize::Zeroizing;

/// `postgres://user:password@host:port/database`, or the same with `mysql`.
/// Never shows its password.
#[derive(Clone)]
pub struct DatabaseUrl {
    pub(crate) kind: Kind,
    pub(crate) user: String,
    pub(crate) password: Zeroizing<String>,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) database: String,
    pub(crate) tls: bool,
}

/// Which server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// PostgreSQL and what speaks its protocol.
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
}

impl DatabaseUrl {
    /// A URL as it was written. The error says what is wrong, and nothing of
    /// what is secret.
    ///
    /// Without `sslmode`, TLS with a checked certificate is wanted of every
    /// server but those of this machine.
    pub fn parse(text: &str) -> Result<DatabaseUrl, String> {
        let url = Url::parse(text.trim())
            .map_err(|_| "it is no URL: write postgres://user:password@host:port/database")?;
        let (kind, port) = match url.scheme() {
            "postgres" | "postgresql" => (Kind::Postgres, 5432),
            "mysql" | "mariadb" => (Kind::Mysql, 3306),
            _ => return Err("its beginning is neither postgres:// nor mysql://".into()),
        };
        let host = match url.host_str() {
            Some(host) if !host.is_empty() => host.trim_matches(['[', ']']).to_owned(),
            _ => return Err("it names no host".into()),
        };
        let plain = |part: &str, what: &str| {
            percent_decode_str(part)
                .decode_utf8()
                .map(|text| text.into_owned())
                .map_err(|_| format!("its {what} is not UTF-8 text"))
        };
        let user = plain(url.username(), "user")?;
        if user.is_empty() {
            return Err("it names no user".into());
        }
        let database = plain(url.path().trim_start_matches('/'), "database")?;
        if database.is_empty() {
            return Err(
                "it names no database: write it after the host, as in …@host:port/database".into(),
            );
        }
        if user.contains('\0') || database.contains('\0') {
            return Err("it has a zero byte".into());
        }
        let password = Zeroizing::new(plain(url.password().unwrap_or_default(), "password")?);
        let mut tls = !is_this_machine(&host);
        for (key, value) in url.query_pairs() {
            tls = match (&*key, &*value) {
                ("sslmode" | "ssl-mode", "disable" | "DISABLED") => false,
                ("sslmode" | "ssl-mode", "verify-full" | "VERIFY_IDENTITY") => true,
                ("sslmode" | "ssl-mode", _) => {
                    return Err("its sslmode is neither `verify-full` nor `disable`: a certificate that nobody checks protects nothing".into());
                }
                _ => return Err(format!("it has the unknown parameter `{}`", cut(&key))),
            };
        }
        Ok(DatabaseUrl {
            kind,
            user,
            password,
            host,
            port: url.port().unwrap_or(port),
            database,
            tls,
        })
    }

    /// Which server is asked.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The server's name or address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The server's port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the connection is encrypted, and the server's certificate
    /// checked.
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// The password, so that it can be kept out of everything that is told.
    pub fn password(&self) -> &str {
        &self.password
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            Kind::Postgres => "postgres",
            Kind::Mysql => "mysql",
        };
        write!(
            f,
            "{scheme}://{}:***@{}:{}/{}",
            self.user, self.host, self.port, self.database
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_and_never_shows_its_password() {
        let url = DatabaseUrl::parse("postgres://erp:p%40ss%2Fword@db.example/stock").unwrap();
        assert_eq!(url.password(), "p@ss/word");
        assert_eq!(
            (url.host(), url.port(), url.tls()),
            ("db.example", 5432, true)
        );
        for shown in [format!("{url:?}"), url.to_string()] {
            assert_eq!(shown, "postgres://erp:***@db.example:5432/stock");
        }
        let near = DatabaseUrl::parse("mysql://erp@127.0.0.1:3307/stock").unwrap();
        assert_eq!(
            (near.kind(), near.port(), near.tls()),
            (Kind::Mysql, 3307, false)
        );
        let six = DatabaseUrl::parse("mysql://erp@[::1]/stock?sslmode=verify-full").unwrap();
        assert_eq!((six.host(), six.tls()), ("::1", true));
    }

    #[test]
    fn a_url_that_is_wrong_is_refused_without_being_shown() {
        for (wrong, why) in [
            ("s3cret", "no URL"),
            ("https://u:s3cret@h/d", "neither"),
            ("postgres:///d", "no host"),
            ("postgres://:s3cret@h/d", "no user"),
            ("postgres://u:s3cret@h", "no database"),
            ("postgres://u:s3cret@h/d?sslmode=require", "nobody checks"),
            ("postgres://u:s3cret@h/d?options=x", "`options`"),
        ] {
            let said = DatabaseUrl::parse(wrong).unwrap_err();
            assert!(
                said.contains(why) && !said.contains("s3cret"),
                "{wrong}: {said}"
            );
        }
    }
}
