//! The ways to a provider that are not plain: over TLS under an authority of one's own, and through a proxy.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use muster_episode::{Call, Message, Sampling};
use muster_provider::{Provider, ProviderConfig, Running};
use muster_worker::{
    Answered, CallError, Caller, CallerConfig, Conversation, ErrorClass, Http, HttpConfig, ProxyPolicy,
    WorkerError, route,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_util::sync::CancellationToken;

/// Set in a copy of this program that has another environment: the address to call.
const CHILD: &str = "MUSTER_TEST_CHILD_BASE_URL";

fn caller(base_url: &str, http: HttpConfig) -> Result<Caller, WorkerError> {
    let environment = BTreeMap::from([
        ("FAKE_BASE_URL".to_owned(), base_url.to_owned()),
        ("FAKE_API_KEY".to_owned(), "none".to_owned()),
    ]);
    let route = route(&environment, "openai-api/fake/rehearsal", None)?;
    Caller::new(&Http::new(http), route, CallerConfig::default())
}

async fn call(caller: &Caller) -> Result<Answered, CallError> {
    let sampling = Sampling { temperature: None, top_p: None, max_output_tokens: 100, extra_body: "".into() };
    let messages = [Message::User("Begin.".into())];
    let call = Call { messages: &messages, tools: &[], sampling: &sampling, seed: 1 };
    caller.call(&mut Conversation::default(), &call, &CancellationToken::new()).await
}

/// Make one call in a copy of this program whose environment has these variables and no proxies but theirs.
async fn call_in_a_child(test: &str, base_url: &str, variables: &[(&str, &str)]) {
    let mut child = tokio::process::Command::new(std::env::current_exe().expect("this program"));
    child.args(["--exact", test]).env(CHILD, base_url);
    for name in ["NO_PROXY", "no_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        child.env_remove(name);
    }
    let output = child.envs(variables.iter().copied()).output().await.expect("run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Whether this is such a copy; then its call was made.
async fn called_as_a_child() -> bool {
    let Ok(base_url) = std::env::var(CHILD) else { return false };
    let caller = caller(&base_url, HttpConfig::default()).expect("caller");
    call(&caller).await.expect("answered");
    true
}

/// A provider behind TLS, under a certificate that no system trusts.
struct Tls {
    running: Running,
    address: SocketAddr,
    /// The certificate, as PEM.
    ca_file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Tls {
    async fn start() -> Self {
        let running = Provider::start(ProviderConfig::default()).await.expect("provider");
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("certificate");
        let folder = tempfile::tempdir().expect("folder");
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, certified.cert.pem()).expect("write");
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .expect("certificate");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let address = listener.local_addr().expect("address");
        tokio::spawn(forward(listener, TlsAcceptor::from(Arc::new(config)), running.addr()));
        Self { running, address, ca_file, _folder: folder }
    }

    fn caller(&self, ca_file: Option<PathBuf>) -> Result<Caller, WorkerError> {
        let http = HttpConfig { ca_file, proxies: ProxyPolicy::None, ..HttpConfig::default() };
        caller(&format!("https://localhost:{}/v1", self.address.port()), http)
    }
}

async fn forward(listener: TcpListener, acceptor: TlsAcceptor, to: SocketAddr) {
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let mut inside = acceptor.accept(stream).await?;
            let mut outside = TcpStream::connect(to).await?;
            tokio::io::copy_bidirectional(&mut inside, &mut outside).await
        });
    }
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_if_its_file_is_named() {
    let tls = Tls::start().await;
    let caller = tls.caller(Some(tls.ca_file.clone())).expect("caller");
    assert_eq!(call(&caller).await.expect("answered").reply.text, "Done.");
    call(&caller).await.expect("answered over the same connection");
    assert_eq!(tls.running.stats().calls, 2);
}

#[tokio::test]
async fn a_certificate_that_no_one_vouches_for_stops_at_once_with_advice() {
    let tls = Tls::start().await;
    let error = call(&tls.caller(None).expect("caller")).await.expect_err("not trusted");
    assert_eq!((error.class, error.tries, error.maybe_paid), (ErrorClass::Config, 1, 0), "{error}");
    assert!(error.message.contains("--ca-file") && error.message.contains("certificate"), "{error}");
    assert_eq!(tls.running.stats().requests, 0);
}

#[tokio::test]
async fn a_file_of_authorities_that_is_none_is_named() {
    let tls = Tls::start().await;
    let broken = tls.ca_file.with_file_name("broken.pem");
    for (text, word) in
        [(None, "No such file"), (Some(""), "no certificate"), (Some("hello"), "no certificate")]
    {
        if let Some(text) = text {
            std::fs::write(&broken, text).expect("write");
        }
        let error = tls.caller(Some(broken.clone())).expect_err("no authorities").to_string();
        assert!(error.contains("broken.pem") && error.contains(word), "{error}");
    }
}

#[tokio::test]
async fn the_authorities_of_the_environment_are_trusted() {
    if called_as_a_child().await {
        return;
    }
    let tls = Tls::start().await;
    let ca_file = tls.ca_file.to_str().expect("a path of text");
    let base_url = format!("https://localhost:{}/v1", tls.address.port());
    let test = "the_authorities_of_the_environment_are_trusted";
    call_in_a_child(test, &base_url, &[("SSL_CERT_FILE", ca_file)]).await;
    assert_eq!(tls.running.stats().calls, 1);
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_used_but_not_for_this_machine() {
    if called_as_a_child().await {
        return;
    }
    // A proxy is asked for whole addresses, and the fake does not mind them.
    let proxy = Provider::start(ProviderConfig::default()).await.expect("proxy");
    let near = Provider::start(ProviderConfig::default()).await.expect("provider");
    for base_url in ["http://provider.invalid/v1", &near.base_url()] {
        let proxy = format!("http://{}", proxy.addr());
        let variables = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].map(|name| (name, &*proxy));
        let test = "a_proxy_of_the_environment_is_used_but_not_for_this_machine";
        call_in_a_child(test, base_url, &variables).await;
    }
    assert_eq!((proxy.stats().calls, near.stats().calls), (1, 1));
}
