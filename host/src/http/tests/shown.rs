//! Servers that ask who the client is.

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::certificates::{Identity, demanding, serve};
use super::server::options;
use crate::http::{
    Client, ClientCertificate, ClientOptions, Outgoing, Reached, SendError, SendErrorKind,
};

fn certificate((certificate, key): &(String, String)) -> ClientCertificate {
    ClientCertificate::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap()
}

async fn post(
    identity: &Identity,
    port: u16,
    shown: &(String, String),
) -> Result<Bytes, SendError> {
    let client = Client::new(ClientOptions {
        extra_roots: Some(identity.ca.clone()),
        client_certificate: Some(certificate(shown)),
        ..options()
    });
    let outgoing = Outgoing {
        method: Method::POST,
        uri: format!("https://localhost:{port}/x").parse().unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"x"),
    };
    let answer = client.unwrap().send(outgoing).await;
    answer.map(|answer| answer.body)
}

#[tokio::test]
async fn a_server_that_demands_a_client_certificate_gets_it() {
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let identity = Identity::new();
        let server = serve(demanding(&identity, version, &[])).await;
        let port = server.address.port();
        let body = post(&identity, port, &identity.client()).await;
        assert_eq!(body.unwrap(), "ok");
        // Signed by somebody else.
        let strange = Identity::new().client();
        let error = post(&identity, port, &strange).await.unwrap_err();
        assert_eq!(
            (error.kind, error.reached),
            (SendErrorKind::Tls, Reached::NotSent),
            "{}",
            error.message
        );
        assert!(
            error.message.contains("client_certificate"),
            "{}",
            error.message
        );
    }
}
