use std::path::Path;

use super::super::load_host;
use super::super::network::ProxyChoice;
use super::super::tenant_file::load_tenant_with;
use super::*;

struct Tenant {
    dir: tempfile::TempDir,
}

impl Tenant {
    fn new() -> Self {
        let tenant = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        std::fs::create_dir(tenant.folder()).unwrap();
        tenant.write("password.txt", "s3cr3t-pässword\n");
        tenant
    }

    fn folder(&self) -> std::path::PathBuf {
        self.dir.path().join("acme")
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder().join(name), text).unwrap();
    }

    fn load(&self, more: &str) -> Result<ConnectionNetwork, Vec<String>> {
        self.write(
            "tenant.toml",
            &format!(
                "[connections.shop]\nadapter = \"a\"\nbase_url = \"https://a.example\"\n\
                 secrets = {{ password = {{ file = \"password.txt\" }} }}\n{more}\n"
            ),
        );
        let file = load_tenant_with(&self.folder(), &|_| None);
        let prefix = format!("{}/", self.dir.path().display());
        let checked = file.checked().map_err(|problems| {
            let shown = problems.iter().map(|p| p.to_string().replace(&prefix, ""));
            shown.collect::<Vec<_>>()
        });
        checked.map(|config| config.connections["shop"].network.clone())
    }
}

fn own(network: ConnectionNetwork) -> Proxy {
    match network.proxy {
        ProxyChoice::Own(proxy) => proxy,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_connection_says_nothing_of_the_way_out_unless_it_has_to() {
    let network = Tenant::new().load("").unwrap();
    assert_eq!(network.proxy, ProxyChoice::Hosts);
    assert_eq!(network.versions, Versions::Auto);
    assert!(network.client_certificate.is_none() && network.bind_address.is_none());
    let none = Tenant::new().load("proxy = \"none\"").unwrap();
    assert_eq!(none.proxy, ProxyChoice::None);
}

#[test]
fn a_proxy_is_a_url_or_a_table_with_a_secret() {
    let tenant = Tenant::new();
    for (text, shown, user) in [
        (
            "\"http://Proxy.example:3128\"",
            "http://proxy.example:3128",
            None,
        ),
        ("\"http://proxy.example\"", "http://proxy.example:80", None),
        (
            "\"socks5h://me%40corp@10.0.0.5\"",
            "socks5h://10.0.0.5:1080",
            Some("me@corp"),
        ),
        (
            "\"socks5://[2001:db8::1]:9\"",
            "socks5://[2001:db8::1]:9",
            None,
        ),
        (
            "{ url = \"http://proxy.example:8080/\", user = \"me\", secret = \"password\" }",
            "http://proxy.example:8080",
            Some("me"),
        ),
    ] {
        let proxy = own(tenant.load(&format!("proxy = {text}")).unwrap());
        assert_eq!(proxy.to_string(), shown);
        let login = proxy.login.as_ref();
        assert_eq!(login.map(|login| &*login.user), user);
        let password = login
            .map(|login| login.password.as_str())
            .unwrap_or_default();
        let expected = if text.contains("secret") {
            "s3cr3t-pässword"
        } else {
            ""
        };
        assert_eq!(password, expected);
        assert!(!format!("{proxy:?}").contains("s3cr3t"), "{proxy:?}");
        assert!(!proxy.trusted, "only the host's file says that");
    }
}

#[test]
fn what_cannot_be_a_proxy_is_refused_without_being_repeated() {
    let tenant = Tenant::new();
    for (text, says) in [
        ("3", "must be a URL or a table, not a whole number"),
        ("\"proxy.example:3128\"", "must be a URL, as in"),
        ("\"https://proxy.example\"", "over TLS is not supported"),
        ("\"ftp://proxy.example\"", "socks5h://"),
        ("\"http://proxy.example/x\"", "has no path"),
        (
            "\"http://me:hunter2@proxy.example\"",
            "must not contain a password; write { url",
        ),
        (
            "{ user = \"me\" }",
            "`connections.shop.proxy.url` is missing",
        ),
        (
            "{ url = \"http://p.example\", secret = \"password\" }",
            "has a password and no user",
        ),
        (
            "{ url = \"http://p.example\", user = \"a:b\" }",
            "without colons",
        ),
        (
            "{ url = \"http://p.example\", user = \"me\", secret = \"pasword\" }",
            "did you mean `password`?",
        ),
        (
            "{ url = \"http://p.example\", usr = \"me\" }",
            "did you mean `user`?",
        ),
        (
            "{ url = \"http://a@p.example\", user = \"me\" }",
            "names a user twice",
        ),
    ] {
        let problems = tenant.load(&format!("proxy = {text}")).unwrap_err();
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        assert!(problems[0].contains(says), "{text}: {problems:?}");
        assert!(problems[0].contains("acme/tenant.toml:5:"), "{problems:?}");
        assert!(!problems[0].contains("hunter2"), "{problems:?}");
    }
    let long = format!(
        "{{ url = \"socks5://p.example\", user = \"{}\" }}",
        "x".repeat(256)
    );
    let problems = tenant.load(&format!("proxy = {long}")).unwrap_err();
    assert!(problems[0].contains("255 bytes"), "{problems:?}");
}

#[test]
fn a_client_certificate_is_two_files_and_their_faults_have_lines() {
    let tenant = Tenant::new();
    let made = rcgen::generate_simple_self_signed(["client".to_owned()]).unwrap();
    tenant.write("client.pem", &made.cert.pem());
    tenant.write("client.key", &made.signing_key.serialize_pem());
    let both = "client_certificate = { cert = \"client.pem\", key = \"client.key\" }";
    let first = tenant.load(both).unwrap().client_certificate.unwrap();
    // Rotated: other files under the same names.
    let next = rcgen::generate_simple_self_signed(["client".to_owned()]).unwrap();
    tenant.write("client.pem", &next.cert.pem());
    let problems = tenant.load(both).unwrap_err();
    assert!(
        problems[0].contains("names the file acme/client.key, which holds a private key that is not the certificate's"),
        "{problems:?}"
    );
    assert!(problems[0].contains("(line 1)"), "{problems:?}");
    tenant.write("client.key", &next.signing_key.serialize_pem());
    let second = tenant.load(both).unwrap().client_certificate.unwrap();
    assert_ne!(first, second);
    for (text, says) in [
        (
            "{ cert = \"client.pem\" }",
            "client_certificate.key` is missing",
        ),
        (
            "{ cert = \"none.pem\", key = \"client.key\" }",
            "none.pem, which does not exist",
        ),
        (
            "{ cert = \"../client.pem\", key = \"client.key\" }",
            "must not leave",
        ),
        (
            "{ cert = \"client.key\", key = \"client.key\" }",
            "has no certificate in PEM form",
        ),
        ("\"client.pem\"", "must be a table"),
    ] {
        let problems = tenant
            .load(&format!("client_certificate = {text}"))
            .unwrap_err();
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        assert!(problems[0].contains(says), "{text}: {problems:?}");
    }
}

#[test]
fn versions_and_the_address_to_come_from_are_checked() {
    let tenant = Tenant::new();
    let network = tenant
        .load("http = \"1.1\"\nbind_address = \"::1\"")
        .unwrap();
    assert_eq!(network.versions, Versions::Http1);
    assert_eq!(network.bind_address, "::1".parse().ok());
    for (text, says) in [
        ("http = \"3\"", "must be \"auto\", \"1.1\" or \"2\""),
        ("http = 2", "must be a string"),
        ("bind_address = \"eth0\"", "IP address of this machine"),
        ("bind_address = \"127.0.0.1:80\"", "without a port"),
    ] {
        let problems = tenant.load(text).unwrap_err();
        assert!(problems[0].contains(says), "{problems:?}");
    }
}

fn host(text: &str, environment: &[(&str, &str)]) -> Result<HostNetwork, Vec<String>> {
    let variable = |name: &str| {
        let found = environment.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).into())
    };
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("password.txt"), "s3cr3t\n").unwrap();
    let text = format!("[network]\n{text}");
    let mut report = Report::new(Path::new("crossdock.toml"));
    let table = super::super::reader::parse(&text, &mut report);
    let mut top = Section::top(&table);
    let section = top.section(&mut report, "network").unwrap();
    let network = read_host(section, dir.path(), &variable, &mut report);
    report
        .finish()
        .map(|()| network)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn the_hosts_way_out_is_its_files_or_the_environments() {
    let network = host(
        "proxy = { url = \"http://proxy.corp:3128\", user = \"me\", password = { file = \"password.txt\" } }\n\
         no_proxy = [\"erp.corp\", \"10.0.0.0/8\"]\nproxies = [\"socks5h://10.0.0.5:1080\"]",
        &[("HTTPS_PROXY", "http://unused.example")],
    )
    .unwrap();
    let https = network.https.unwrap();
    assert_eq!(https.to_string(), "http://proxy.corp:3128");
    assert_eq!(https.login.as_ref().unwrap().password.as_str(), "s3cr3t");
    assert_eq!(network.http, Some(https));
    assert_eq!(network.listed, [("10.0.0.5".to_owned(), 1080)]);

    let network = host(
        "environment = true",
        &[
            ("HTTPS_PROXY", "http://me:p%40ss@proxy.corp:3128"),
            ("all_proxy", "socks5h://other.corp"),
            ("NO_PROXY", "erp.corp, .lan:8080 10.0.0.0/8,"),
        ],
    )
    .unwrap();
    let https = network.https.unwrap();
    assert_eq!(https.to_string(), "http://proxy.corp:3128");
    assert_eq!(https.login.unwrap().password.as_str(), "p@ss");
    assert_eq!(
        network.http.unwrap().to_string(),
        "socks5h://other.corp:1080"
    );
    for held in ["https://erp.corp", "https://a.lan", "http://10.1.1.1"] {
        assert!(network.except.hold(&Url::parse(held).unwrap()), "{held}");
    }

    let unasked = host(
        "environment = false",
        &[("HTTPS_PROXY", "http://p.example")],
    )
    .unwrap();
    assert_eq!(unasked, HostNetwork::default());
}

#[test]
fn what_is_wrong_with_the_hosts_way_out_is_said() {
    let secret = [("HTTPS_PROXY", "http://me:hunter2@proxy.corp/path")];
    for (text, environment, says) in [
        (
            "environment = true",
            &secret[..],
            "environment variable HTTPS_PROXY must end with the port",
        ),
        (
            "environment = true\nproxy = \"http://p.example\"",
            &[],
            "keep one of them",
        ),
        (
            "proxy = \"http://me:hunter2@p.example\"",
            &[],
            "must not contain a password",
        ),
        ("no_proxy = [\"10.0.0.0/40\"]", &[], "a network as in"),
        ("proxies = [\"p.example\"]", &[], "must be a URL"),
        ("proxi = \"http://p.example\"", &[], "did you mean `proxy`?"),
        (
            "proxy = { url = \"http://p.example\", user = \"me\", password = \"hunter2\" }",
            &[],
            "must be a table",
        ),
    ] {
        let problems = host(text, environment).unwrap_err();
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        assert!(problems[0].contains(says), "{text}: {problems:?}");
        assert!(!problems[0].contains("hunter2"), "{problems:?}");
    }
    assert!(load_host(None).unwrap().network == HostNetwork::default());
}
