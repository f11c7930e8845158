//! A host whose connection goes through an HTTP proxy with authentication.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crossdock::problem::Blame;
use crossdock::report::ItemStatus;
use crossdock_tests::bed::{call, connection, deliver};
use crossdock_tests::recorder::Recorder;
use crossdock_tests::wait::until;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::bed;

/// An HTTP proxy that knows one user.
struct Proxy {
    address: SocketAddr,
    /// What it was asked for.
    asked: Arc<Mutex<Vec<String>>>,
    password: Arc<Mutex<String>>,
}

impl Proxy {
    async fn start(password: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            asked: Arc::default(),
            password: Arc::new(Mutex::new(password.to_owned())),
        };
        let (asked, password) = (proxy.asked.clone(), proxy.password.clone());
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let password = password.lock().unwrap().clone();
                tokio::spawn(serve(tcp, asked.clone(), password));
            }
        });
        proxy
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(mut tcp: TcpStream, asked: Arc<Mutex<Vec<String>>>, password: String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if tcp.read_buf(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    asked.lock().unwrap().push(target.clone());
    let login = STANDARD.encode(format!("crossdock:{password}"));
    if !head.contains(&format!("\r\nProxy-Authorization: Basic {login}\r\n")) {
        let _ = tcp
            .write_all(b"HTTP/1.1 407 X\r\ncontent-length: 0\r\n\r\n")
            .await;
        return;
    }
    let mut up = TcpStream::connect(target).await.unwrap();
    tcp.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    let _ = copy_bidirectional(&mut tcp, &mut up).await;
}

fn through(proxy: &Proxy) -> String {
    format!(
        "proxy = {{ url = \"http://{}\", user = \"crossdock\", secret = \"proxy\" }}\n\
         secrets = {{ proxy = {{ file = \"proxy.txt\" }} }}\n",
        proxy.address
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_goes_through_its_proxy_whose_password_may_be_rotated() {
    let platform = Recorder::start().await;
    let proxy = Proxy::start("first-password").await;
    let bed = bed("");
    bed.put_tenant("acme", "proxy.txt", "first-password");
    let tenant = connection(
        "shop",
        "test-adapter",
        &platform.base_url(),
        &through(&proxy),
    );
    bed.put_tenant("acme", "tenant.toml", &tenant);
    let host = bed.host().await;
    let report = deliver(&host, call("acme", "shop", "echo", "{}")).await;
    assert_eq!(report.items[0].status, ItemStatus::Accepted, "{report:?}");
    let platform_at = platform.base_url().replace("http://", "");
    assert_eq!(proxy.asked(), [platform_at]);
    assert_eq!(platform.count(), 1);

    *proxy.password.lock().unwrap() = "second-password".to_owned();
    let generation = || {
        let tenants = host.tenants();
        let acme = tenants.into_iter().find(|tenant| tenant.name == "acme");
        acme.and_then(|tenant| tenant.generation)
    };
    // Other limits, so that nothing goes over the connection that is open; and the
    // password of before.
    let tenant = tenant.replace("[connections.shop]", "[connections.shop]\nhttp = \"1.1\"");
    bed.put_tenant("acme", "tenant.toml", &tenant);
    until("the tenant's file to be taken", || {
        (generation() == Some(2)).then_some(())
    })
    .await;
    let report = deliver(&host, call("acme", "shop", "echo", "{}")).await;
    let item = &report.items[0];
    assert_eq!(
        (item.status, item.code.as_deref(), item.blame),
        (ItemStatus::Failed, Some("proxy-failed"), Some(Blame::Host))
    );
    let said = format!("{report:?}");
    assert!(
        said.contains("HTTP 407") && !said.contains("first-password"),
        "{said}"
    );
    bed.put_tenant("acme", "proxy.txt", "second-password");
    until("the password to be taken", || {
        (generation() == Some(3)).then_some(())
    })
    .await;
    let report = deliver(&host, call("acme", "shop", "echo", "{}")).await;
    assert_eq!(report.items[0].status, ItemStatus::Accepted, "{report:?}");
    assert_eq!(platform.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_not_asked_for_a_private_address_that_the_connection_does_not_allow() {
    let inside = Recorder::start().await;
    let proxy = Proxy::start("a-password").await;
    // The operator's own, so that it may be used at all.
    let bed = bed(&format!(
        "[network]\nproxies = [\"http://{}\"]\n",
        proxy.address
    ));
    bed.put_tenant("acme", "proxy.txt", "a-password");
    let tenant = |more: &str| {
        let tenant = connection("shop", "test-adapter", &inside.base_url(), &through(&proxy));
        tenant.replace("allow_private = true", more)
    };
    bed.put_tenant("acme", "tenant.toml", &tenant(""));
    bed.put_tenant("allowed", "proxy.txt", "a-password");
    bed.put_tenant("allowed", "tenant.toml", &tenant("allow_private = true"));
    let host = bed.host_unwatched().await;
    let report = deliver(&host, call("acme", "shop", "echo", "{}")).await;
    let item = &report.items[0];
    assert_eq!(
        (item.status, item.code.as_deref()),
        (ItemStatus::Failed, Some("address-refused"))
    );
    assert_eq!((proxy.asked(), inside.count()), (Vec::new(), 0));
    let report = deliver(&host, call("allowed", "shop", "echo", "{}")).await;
    assert_eq!(report.items[0].status, ItemStatus::Accepted, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_cannot_name_a_private_address_as_its_proxy() {
    let platform = Recorder::start().await;
    let proxy = Proxy::start("a-password").await;
    let bed = bed("");
    bed.put_tenant("acme", "proxy.txt", "a-password");
    let tenant = connection(
        "shop",
        "test-adapter",
        "http://198.41.0.4",
        &through(&proxy),
    );
    let tenant = tenant.replace("allow_private = true", "");
    bed.put_tenant("acme", "tenant.toml", &tenant);
    let host = bed.host_unwatched().await;
    let report = deliver(&host, call("acme", "shop", "echo", "{}")).await;
    assert_eq!(
        report.items[0].code.as_deref(),
        Some("address-refused"),
        "{report:?}"
    );
    assert_eq!((proxy.asked(), platform.count()), (Vec::new(), 0));
}
