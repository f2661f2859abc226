//! A push service and a browser as the RFCs describe them, written apart from
//! the server's own code: takes pushes, decrypts them, checks who signed.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::client::{Answer, Person};
use crate::server::{PATIENCE, Server};

/// One request to the push service.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Method and path.
    pub(crate) line: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map_or("", |(_, value)| value)
    }

    /// The path's last part, by which tests tell devices apart.
    pub(crate) fn device(&self) -> &str {
        let path = self.line.split(' ').nth(1).unwrap();
        path.rsplit('/').next().unwrap()
    }
}

#[derive(Default)]
struct Shared {
    came: Vec<Request>,
    taken: usize,
    /// What is answered next, before `201 Created` again.
    answers: VecDeque<String>,
}

/// Answers on a port of its own until the test is over.
pub(crate) struct PushService {
    port: u16,
    shared: Arc<(Mutex<Shared>, Condvar)>,
}

impl PushService {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::<(Mutex<Shared>, Condvar)>::default();
        let theirs = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let theirs = Arc::clone(&theirs);
                std::thread::spawn(move || serve(&stream, &theirs));
            }
        });
        Self { port, shared }
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What the next requests are answered with: status and headers.
    pub(crate) fn answer_next(&self, answers: &[&str]) {
        let mut shared = self.shared.0.lock().unwrap();
        shared
            .answers
            .extend(answers.iter().map(ToString::to_string));
    }

    /// The next push that comes.
    pub(crate) fn next(&self) -> Request {
        let end = Instant::now() + PATIENCE;
        let (shared, news) = &*self.shared;
        let mut shared = shared.lock().unwrap();
        loop {
            if let Some(request) = shared.came.get(shared.taken).cloned() {
                shared.taken += 1;
                return request;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no push came");
            shared = news.wait_timeout(shared, left).unwrap().0;
        }
    }

    /// Pushes that came and were not looked at.
    pub(crate) fn more(&self) -> usize {
        let shared = self.shared.0.lock().unwrap();
        shared.came.len() - shared.taken
    }
}

fn serve(stream: &TcpStream, (shared, news): &(Mutex<Shared>, Condvar)) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let mut request = Request {
        line: line.trim_end().to_owned(),
        headers,
        body: Vec::new(),
    };
    let length: usize = request.header("content-length").parse().unwrap_or(0);
    request.body.resize(length, 0);
    reader.read_exact(&mut request.body).unwrap();
    let mut shared = shared.lock().unwrap();
    let answer = shared.answers.pop_front();
    let answer = answer.unwrap_or_else(|| "201 Created".to_owned());
    shared.came.push(request);
    news.notify_all();
    drop(shared);
    // Whoever hangs up early has read enough.
    let _ = write!(
        &mut &*stream,
        "HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n"
    );
}

/// A browser's half of a subscription.
pub(crate) struct Browser {
    endpoint: String,
    secret: p256::SecretKey,
    auth: [u8; 16],
}

impl Browser {
    /// A browser whose pushes the service tells apart by this name.
    pub(crate) fn new(service: &PushService, name: &str) -> Self {
        Self::at(format!("http://{}/push/{name}", service.address()))
    }

    pub(crate) fn at(endpoint: String) -> Self {
        let mut random = [0; 48];
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut random).unwrap();
        Self {
            endpoint,
            secret: p256::SecretKey::from_slice(&random[..32]).unwrap(),
            auth: random[32..].try_into().unwrap(),
        }
    }

    fn public(&self) -> Vec<u8> {
        let point = self.secret.public_key().to_sec1_point(false);
        point.as_bytes().to_vec()
    }

    /// What `PushSubscription.toJSON()` gives.
    pub(crate) fn subscription(&self) -> Value {
        json!({
            "endpoint": self.endpoint,
            "expirationTime": null,
            "keys": {
                "p256dh": URL_SAFE_NO_PAD.encode(self.public()),
                "auth": URL_SAFE_NO_PAD.encode(self.auth),
            },
        })
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Decrypts as RFC 8291 §4 tells a browser to.
    pub(crate) fn read(&self, request: &Request) -> Value {
        let body = &request.body;
        assert!(body.len() <= 4096, "{}", body.len());
        let (salt, rest) = body.split_at(16);
        assert_eq!(rest[..4], 4096_u32.to_be_bytes(), "the record size");
        assert_eq!(rest[4], 65, "the length of the key");
        let (sender, sealed) = rest[5..].split_at(65);
        let key = p256::PublicKey::from_sec1_bytes(sender).unwrap();
        let shared = p256::ecdh::diffie_hellman(self.secret.to_nonzero_scalar(), key.as_affine());
        let info = [b"WebPush: info\0".as_slice(), &self.public(), sender].concat();
        let ikm = hkdf(&self.auth, shared.raw_secret_bytes(), &info, 32);
        let key = hkdf(salt, &ikm, b"Content-Encoding: aes128gcm\0", 16);
        let nonce = hkdf(salt, &ikm, b"Content-Encoding: nonce\0", 12);
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap());
        let nonce = Nonce::try_assume_unique_for_key(&nonce).unwrap();
        let mut sealed = sealed.to_vec();
        let text = key.open_in_place(nonce, Aad::empty(), &mut sealed);
        let text = text.expect("encrypted for this browser");
        let end = text.iter().rposition(|byte| *byte != 0).unwrap();
        assert_eq!(text[end], 2, "the last record");
        serde_json::from_slice(&text[..end]).unwrap()
    }
}

/// HKDF (RFC 5869) for at most 32 bytes.
fn hkdf(salt: &[u8], secret: &[u8], info: &[u8], length: usize) -> Vec<u8> {
    let sign = |key: &[u8], data: &[u8]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        hmac::sign(&key, data).as_ref().to_vec()
    };
    let extracted = sign(salt, secret);
    let mut derived = sign(&extracted, &[info, &[1]].concat());
    derived.truncate(length);
    derived
}

/// Checks the signature of a push (RFC 8292); gives its claims.
pub(crate) fn claims(request: &Request, key: &str) -> Value {
    let authorization = request.header("authorization");
    let rest = authorization.strip_prefix("vapid t=").unwrap();
    let (token, named) = rest.split_once(", k=").unwrap();
    assert_eq!(named, key);
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, decode(key))
        .verify(signed.as_bytes(), &decode(signature))
        .expect("signed with that key");
    let (header, claims) = signed.split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&decode(header)).unwrap();
    assert_eq!(header, json!({ "typ": "JWT", "alg": "ES256" }));
    serde_json::from_slice(&decode(claims)).unwrap()
}

impl Server {
    pub(crate) fn subscribe(&self, person: &Person, browser: &Browser) -> Answer {
        let call = self.call("POST", "/api/push/subscribe");
        call.token(&person.token)
            .json(&browser.subscription())
            .send()
    }

    /// A person's browser that is subscribed.
    pub(crate) fn browser(&self, service: &PushService, person: &Person, name: &str) -> Browser {
        let browser = Browser::new(service, name);
        let answer = self.subscribe(person, &browser);
        assert_eq!(answer.json(), json!({ "status": "subscribed" }));
        browser
    }

    pub(crate) fn unsubscribe(&self, person: &Person, endpoint: &str) -> Answer {
        let call = self.call("DELETE", "/api/push/subscribe");
        let body = json!({ "endpoint": endpoint });
        call.token(&person.token).json(&body).send()
    }
}
