//! A client as PROTOCOL.md describes it: REST, and one WebSocket.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use ureq::http::{HeaderMap, Request, Response};

use crate::server::{PATIENCE, Server};

pub(crate) const PASSWORD: &str = "a good password";

/// What REST answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn read(answer: &mut Response<ureq::Body>) -> Self {
        let body = answer.body_mut().with_config().limit(1 << 30);
        let bytes = body.read_to_vec().unwrap();
        Self {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            text: String::from_utf8_lossy(&bytes).into_owned(),
            bytes,
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// Status and code of a refusal.
    pub(crate) fn refusal(&self) -> (u16, String) {
        let code = self.json()["code"].as_str().unwrap_or_default().to_owned();
        (self.status, code)
    }
}

/// One call, ready to be sent.
pub(crate) struct Call<'a> {
    server: &'a Server,
    method: &'a str,
    path: &'a str,
    headers: Vec<(&'a str, String)>,
    body: Option<Vec<u8>>,
}

impl<'a> Call<'a> {
    pub(crate) fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn header(mut self, name: &'a str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body(body.to_string())
    }

    pub(crate) fn body(self, body: String) -> Self {
        self.bytes(body.into_bytes())
    }

    pub(crate) fn bytes(mut self, body: Vec<u8>) -> Self {
        self.body = Some(body);
        self
    }

    pub(crate) fn send(self) -> Answer {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .build()
            .new_agent();
        let url = format!("{}{}", self.server.origin(), self.path);
        let mut request = Request::builder().method(self.method).uri(url);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let answer = match self.body {
            Some(body) => agent.run(request.body(body).unwrap()),
            None => agent.run(request.body(()).unwrap()),
        };
        Answer::read(&mut answer.unwrap())
    }
}

/// Somebody with an account, signed in.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) id: i64,
    pub(crate) token: String,
}

impl Person {
    pub(crate) fn from(answer: &Answer) -> Self {
        let body = answer.json();
        Self {
            name: body["username"].as_str().unwrap().to_owned(),
            id: body["user_id"].as_i64().unwrap(),
            token: body["token"].as_str().unwrap().to_owned(),
        }
    }
}

impl Server {
    pub(crate) fn call<'a>(&'a self, method: &'a str, path: &'a str) -> Call<'a> {
        Call {
            server: self,
            method,
            path,
            headers: Vec::new(),
            body: None,
        }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.call("GET", path).send()
    }

    pub(crate) fn get_as(&self, person: &Person, path: &str) -> Answer {
        self.call("GET", path).token(&person.token).send()
    }

    /// `register` or `login`.
    pub(crate) fn sign(&self, how: &str, name: &str, password: &str) -> Answer {
        let body = json!({ "username": name, "password": password });
        let path = format!("/api/auth/{how}");
        self.call("POST", &path).json(&body).send()
    }

    pub(crate) fn register(&self, name: &str) -> Person {
        let answer = self.sign("register", name, PASSWORD);
        assert_eq!(answer.status, 201, "{answer:?}");
        Person::from(&answer)
    }

    /// A further session of that person.
    pub(crate) fn log_in(&self, name: &str) -> Person {
        let answer = self.sign("login", name, PASSWORD);
        assert_eq!(answer.status, 200, "{answer:?}");
        Person::from(&answer)
    }

    pub(crate) fn log_out(&self, person: &Person) -> Answer {
        let call = self.call("POST", "/api/auth/logout");
        call.token(&person.token).send()
    }

    /// A socket of that session, after its `hello`.
    pub(crate) async fn socket(&self, person: &Person) -> Socket {
        self.socket_in(person, "").await
    }

    /// The same, speaking this language.
    pub(crate) async fn socket_in(&self, person: &Person, language: &str) -> Socket {
        let protocol = format!("bearer, {}", person.token);
        let mut headers = vec![("sec-websocket-protocol", protocol.as_str())];
        if !language.is_empty() {
            headers.push(("accept-language", language));
        }
        let mut socket = self.upgrade("/ws", &headers).await.unwrap();
        let hello = socket.frame().await;
        assert_eq!(
            (&hello["type"], &hello["user_id"]),
            (&json!("hello"), &json!(person.id))
        );
        socket
    }

    /// Asks for a WebSocket; a refusal comes back as status and code.
    pub(crate) async fn upgrade(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Socket, (u16, String)> {
        let url = format!("ws://{}{path}", self.address());
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let stream = TcpStream::connect(self.address()).await.unwrap();
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((stream, _)) => Ok(Socket { stream }),
            Err(Error::Http(answer)) => {
                let body = answer.body().clone().unwrap_or_default();
                let body: Value = serde_json::from_slice(&body).unwrap_or_default();
                let code = body["code"].as_str().unwrap_or_default();
                Err((answer.status().as_u16(), code.to_owned()))
            }
            Err(other) => panic!("{other}"),
        }
    }
}

/// One WebSocket.
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
}

impl Socket {
    pub(crate) async fn send(&mut self, frame: &Value) {
        self.send_raw(Message::text(frame.to_string())).await;
    }

    pub(crate) async fn send_raw(&mut self, message: Message) {
        self.stream.send(message).await.unwrap();
    }

    /// Sends a text and waits for its echo.
    pub(crate) async fn say(&mut self, to: &Person, text: &str) -> Value {
        let frame = json!({ "type": "message", "receiver_id": to.id, "content": text });
        self.send(&frame).await;
        loop {
            let echo = self.frame_of("message").await;
            if echo["content"] == text && echo["receiver_id"] == to.id {
                return echo;
            }
        }
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> Value {
        match self.event().await {
            Ok(frame) => frame,
            Err(code) => panic!("the socket was closed with {code:?}"),
        }
    }

    /// The next frame of this type; what comes before is passed over.
    pub(crate) async fn frame_of(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["type"] == kind {
                return frame;
            }
            assert_ne!(frame["type"], "error", "waiting for {kind}: {frame}");
        }
    }

    /// Sends a frame that must be refused; says with which code.
    pub(crate) async fn refused(&mut self, frame: &Value) -> String {
        self.send(frame).await;
        loop {
            let answer = self.frame().await;
            if answer["type"] == "error" {
                return answer["code"].as_str().unwrap().to_owned();
            }
        }
    }

    /// Everything that came before the answer to a frame sent now. The server
    /// handles frames in order, so what should not have come would be here.
    pub(crate) async fn so_far(&mut self) -> Vec<Value> {
        self.send(&json!({ "type": "so_far" })).await;
        let mut frames = Vec::new();
        loop {
            let frame = self.frame().await;
            if frame["type"] == "error" && frame["ref"]["type"] == "so_far" {
                return frames;
            }
            frames.push(frame);
        }
    }

    /// Sends a ping; says what its pong carries.
    pub(crate) async fn ping(&mut self, words: &'static str) -> String {
        self.stream.send(Message::Ping(words.into())).await.unwrap();
        loop {
            let next = timeout(PATIENCE, self.stream.next()).await;
            match next.expect("no pong comes").unwrap().unwrap() {
                Message::Pong(words) => return String::from_utf8(words.to_vec()).unwrap(),
                Message::Text(_) | Message::Ping(_) => {}
                other @ (Message::Binary(_) | Message::Close(_) | Message::Frame(_)) => {
                    panic!("{other:?}")
                }
            }
        }
    }

    /// Waits for the end of the socket; `None` when no code was given.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Err(code) = self.event().await {
                return code;
            }
        }
    }

    /// Every frame until the socket ends, and with which code it does.
    pub(crate) async fn rest(&mut self) -> (Vec<Value>, Option<u16>) {
        let mut frames = Vec::new();
        loop {
            match self.event().await {
                Ok(frame) => frames.push(frame),
                Err(code) => return (frames, code),
            }
        }
    }

    /// The next frame, or how the socket ended. The server's pings are no answer.
    async fn event(&mut self) -> Result<Value, Option<u16>> {
        let next = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Text(text))) => {
                        return Ok(serde_json::from_str(&text).unwrap());
                    }
                    Some(Ok(Message::Close(frame))) => return Err(frame.map(|f| f.code.into())),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Err(None),
                }
            }
        };
        timeout(PATIENCE, next)
            .await
            .expect("the server says nothing")
    }
}
