//! A mail server that keeps what it is given (RFC 5321), with AUTH PLAIN
//! (RFC 4954) and STARTTLS (RFC 3207) where the test wants them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, mpsc};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsAcceptor;

use crate::server::{PATIENCE, Setup};

pub(crate) const LOGIN: (&str, &str) = ("payambar", "the sink's password");

/// A mail that was taken.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// Everything before the first empty line.
    pub(crate) head: String,
    pub(crate) text: String,
    pub(crate) secured: bool,
    pub(crate) login: Option<String>,
}

impl Taken {
    /// The line of that header, unfolded and decoded.
    pub(crate) fn header(&self, name: &str) -> String {
        let unfolded = self.head.replace("\r\n ", " ");
        let start = format!("{}:", name.to_ascii_lowercase());
        let mut found = unfolded
            .lines()
            .filter(|line| line.to_ascii_lowercase().starts_with(&start));
        let line = found.next().unwrap_or_default();
        assert_eq!(found.next(), None, "{name} twice: {unfolded}");
        words(line.get(start.len()..).unwrap_or_default().trim())
    }

    /// The code in it.
    pub(crate) fn code(&self) -> String {
        let is_code =
            |line: &&str| line.len() == 19 && line.split('-').count() == 4 && !line.contains(' ');
        let found = self.text.lines().find(is_code);
        found
            .unwrap_or_else(|| panic!("no code: {self:?}"))
            .to_owned()
    }
}

/// How a sink behaves.
#[derive(Clone, Default)]
pub(crate) struct Manner {
    /// Offers STARTTLS, and wants it before anything else.
    pub(crate) starttls: bool,
    /// Wants [`LOGIN`].
    pub(crate) login: bool,
    /// What it says to RCPT, instead of yes.
    pub(crate) answers: Arc<Mutex<Vec<&'static str>>>,
}

/// A sink that listens until it is dropped.
pub(crate) struct Sink {
    address: SocketAddr,
    ca: PathBuf,
    _folder: tempfile::TempDir,
    taken: mpsc::Receiver<Taken>,
    thread: Option<Runtime>,
}

impl Drop for Sink {
    fn drop(&mut self) {
        // Within a test's own runtime nothing may wait for another one.
        if let Some(thread) = self.thread.take() {
            thread.shutdown_background();
        }
    }
}

impl Sink {
    pub(crate) fn plain() -> Self {
        Self::start(Manner::default())
    }

    pub(crate) fn start(manner: Manner) -> Self {
        Self::at(manner, SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// At this address, where another one may have been.
    pub(crate) fn at(manner: Manner, address: SocketAddr) -> Self {
        let thread = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = std::net::TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let made = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let ca = folder.path().join("sink.pem");
        std::fs::write(&ca, pem(made.cert.der())).unwrap();
        let tls = acceptor(&made);
        let (give, taken) = mpsc::channel();
        thread.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let talk = Talk::new(manner.clone(), give.clone());
                tokio::spawn(serve(stream, talk, tls.clone()));
            }
        });
        Self {
            address,
            ca,
            _folder: folder,
            taken,
            thread: Some(thread),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Settings of a server that hands its mails to this sink.
    pub(crate) fn setup(&self) -> Setup {
        Setup::new()
            .set("SMTP_HOST", "127.0.0.1")
            .set("SMTP_PORT", &self.address.port().to_string())
            .set("SMTP_FROM", "Payambar <noreply@chat.example.org>")
            .set("SMTP_TLS", "none")
            .set("PUBLIC_URL", "https://chat.example.org")
    }

    pub(crate) fn ca(&self) -> &str {
        self.ca.to_str().unwrap()
    }

    /// The next mail.
    pub(crate) fn next(&self) -> Taken {
        let taken = self.taken.recv_timeout(PATIENCE);
        taken.expect("no mail comes")
    }

    /// Mails that came and were not looked at.
    pub(crate) fn rest(&self) -> Vec<Taken> {
        self.taken.try_iter().collect()
    }
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64);
    let lines: Vec<&str> = lines
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let kind = "CERTIFICATE";
    format!(
        "-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n",
        lines.join("\n")
    )
}

fn acceptor(made: &CertifiedKey<rcgen::KeyPair>) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

struct Talk {
    manner: Manner,
    give: mpsc::Sender<Taken>,
    secured: bool,
    login: Option<String>,
    from: String,
    to: Vec<String>,
}

/// What comes after an answer.
enum Next {
    Line,
    Secure,
    End,
}

async fn serve(mut stream: TcpStream, mut talk: Talk, tls: TlsAcceptor) {
    if !matches!(talk.run(&mut stream, true).await, Some(Next::Secure)) {
        return;
    }
    let Ok(mut stream) = tls.accept(stream).await else {
        return;
    };
    talk.secured = true;
    talk.run(&mut stream, false).await;
}

impl Talk {
    fn new(manner: Manner, give: mpsc::Sender<Taken>) -> Self {
        Self {
            manner,
            give,
            secured: false,
            login: None,
            from: String::new(),
            to: Vec::new(),
        }
    }

    async fn run(
        &mut self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        greets: bool,
    ) -> Option<Next> {
        let mut stream = BufReader::new(stream);
        if greets {
            stream.write_all(b"220 sink\r\n").await.ok()?;
        }
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let line = line.trim_end();
            if line == "DATA" {
                stream.write_all(b"354 go on\r\n").await.ok()?;
                let taken = self.data(&mut stream).await?;
                let _ = self.give.send(taken);
                stream.write_all(b"250 taken\r\n").await.ok()?;
                continue;
            }
            let (answer, next) = self.answer(line);
            stream
                .write_all(format!("{answer}\r\n").as_bytes())
                .await
                .ok()?;
            match next {
                Next::Line => {}
                Next::Secure | Next::End => return Some(next),
            }
        }
    }

    fn answer(&mut self, line: &str) -> (String, Next) {
        let verb = line.split([' ', ':']).next().unwrap_or_default();
        let said = |text: &str| (text.to_owned(), Next::Line);
        let bare = self.manner.starttls && !self.secured;
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" if bare => said("250-sink\r\n250 STARTTLS"),
            "EHLO" if self.manner.login => said("250-sink\r\n250 AUTH PLAIN"),
            "EHLO" => said("250 sink"),
            "STARTTLS" => ("220 go on".to_owned(), Next::Secure),
            "QUIT" => ("221 bye".to_owned(), Next::End),
            "NOOP" | "RSET" => said("250 ok"),
            _ if bare => said("530 secure it first"),
            "AUTH" => {
                let sent = line.split(' ').nth(2).unwrap_or_default();
                let plain = String::from_utf8(STANDARD.decode(sent).unwrap()).unwrap();
                if plain != format!("\0{}\0{}", LOGIN.0, LOGIN.1) {
                    return said("535 wrong");
                }
                self.login = Some(LOGIN.0.to_owned());
                said("235 welcome")
            }
            _ if self.manner.login && self.login.is_none() => said("530 who are you"),
            "MAIL" => {
                self.from = between(line);
                self.to.clear();
                said("250 ok")
            }
            "RCPT" => {
                let answer = self.manner.answers.lock().unwrap().pop();
                self.to.push(between(line));
                said(answer.unwrap_or("250 ok"))
            }
            _ => said("502 what"),
        }
    }

    async fn data(&mut self, stream: &mut (impl AsyncBufRead + Unpin)) -> Option<Taken> {
        let mut raw = String::new();
        while !raw.ends_with("\r\n.\r\n") {
            if stream.read_line(&mut raw).await.ok()? == 0 {
                return None;
            }
        }
        let raw = raw.strip_suffix(".\r\n")?.replace("\r\n..", "\r\n.");
        let (head, body) = raw.split_once("\r\n\r\n")?;
        let head = format!("{head}\r\n");
        let mut taken = Taken {
            from: self.from.clone(),
            to: self.to.clone(),
            head,
            text: String::new(),
            secured: self.secured,
            login: self.login.clone(),
        };
        let body = match taken.header("content-transfer-encoding").as_str() {
            "base64" => STANDARD.decode(body.replace("\r\n", "")).unwrap(),
            "quoted-printable" => quoted(&body.replace("=\r\n", "")),
            _ => body.as_bytes().to_vec(),
        };
        taken.text = String::from_utf8(body).unwrap().replace("\r\n", "\n");
        Some(taken)
    }
}

fn between(line: &str) -> String {
    let inside = line
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or("", |(inside, _)| inside).to_owned()
}

/// Quoted-printable (RFC 2045 §6.7), lines already joined.
fn quoted(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after.get(..2)) {
            (b'=', Some(hex)) => {
                let hex = std::str::from_utf8(hex).unwrap();
                bytes.push(u8::from_str_radix(hex, 16).unwrap());
                rest = &after[2..];
            }
            _ => bytes.push(*first),
        }
    }
    bytes
}

/// Encoded words (RFC 2047), of base64 alone.
fn words(line: &str) -> String {
    let parts = line.replace("?= =?", "?==?");
    let mut text = String::new();
    let mut rest = parts.as_str();
    while let Some((before, word)) = rest.split_once("=?utf-8?b?") {
        let (word, after) = word.split_once("?=").unwrap();
        text.push_str(before);
        text.push_str(&String::from_utf8(STANDARD.decode(word).unwrap()).unwrap());
        rest = after;
    }
    text.push_str(rest);
    text
}
