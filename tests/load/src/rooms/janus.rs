//! The VideoRoom of Debian's janus, spoken to over its HTTP interface: each
//! member has a connection that publishes and one that hears all others.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::crowd::Crowd;
use super::member::{Member, Role};

/// A start or an answer that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Its UDP ports, below those that the kernel lends.
const PORTS: &str = "10000-31999";

/// Where the package puts what it loads at run time.
const LIBRARIES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/janus",
    "/usr/lib/aarch64-linux-gnu/janus",
    "/usr/lib/janus",
];

/// A running janus; ended when dropped.
pub(super) struct Janus {
    child: Child,
    _folder: tempfile::TempDir,
    agent: ureq::Agent,
    url: String,
    address: IpAddr,
}

impl Drop for Janus {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A plugin's handle in a session of its own.
struct Handle {
    session: String,
    path: String,
}

impl Janus {
    /// Starts one whose members come from this address.
    pub(super) fn start(address: IpAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = crate::target::free_port();
        configure(folder.path(), port, address);
        let at = |name: &str| folder.path().join(name);
        let child = Command::new("janus")
            .args(["--disable-stdout", "--disable-colors", "--debug-level", "2"])
            .args(["--event-handlers=no", "--session-timeout", "0"])
            .args(["--rtp-port-range", PORTS])
            .arg("--configs-folder")
            .arg(folder.path())
            .arg("--config")
            .arg(at("janus.jcfg"))
            .arg("--log-file")
            .arg(at("log"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let janus = Self {
            child: child.expect("janus does not start: apt-get install janus"),
            _folder: folder,
            agent: ureq::Agent::new_with_defaults(),
            url: format!("http://127.0.0.1:{port}/janus"),
            address,
        };
        let end = Instant::now() + PATIENCE;
        while janus
            .agent
            .get(format!("{}/info", janus.url))
            .call()
            .is_err()
        {
            assert!(Instant::now() < end, "janus does not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
        janus
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Opens a room in which all hear each other; how many connections that
    /// takes.
    pub(super) fn fill(&self, room: usize, members: usize, crowd: &Crowd) -> u64 {
        let door = self.attach();
        self.ask(
            &door,
            json!({"request": "create", "room": room, "publishers": members, "bitrate": 0}),
            None,
        );
        for number in 0..members {
            let mut member = Member::new(self.address, Role::Sends, (number, members));
            let (offer, pending) = member.offer();
            let answer = self.ask(
                &self.attach(),
                json!({"request": "joinandconfigure", "ptype": "publisher", "room": room, "id": number + 1}),
                Some(("offer", &offer)),
            );
            member.accept(pending, &answer.expect("an answer"));
            crowd.admit(member);
        }
        for number in 0..members {
            let mut member = Member::new(self.address, Role::Hears, (number, members));
            let others = (1..=members).filter(|id| *id != number + 1);
            let feeds: Vec<Value> = others.map(|id| json!({"feed": id})).collect();
            let handle = self.attach();
            let join =
                json!({"request": "join", "ptype": "subscriber", "room": room, "streams": feeds});
            let end = Instant::now() + PATIENCE;
            // Nobody can be heard before all connections are up.
            let offer = loop {
                match self.try_ask(&handle, &join, None) {
                    Ok(offer) => break offer,
                    Err(error) => assert!(Instant::now() < end, "{error}"),
                }
                std::thread::sleep(Duration::from_millis(50));
            };
            let answer = member.answer(&offer.expect("an offer"));
            crowd.admit(member);
            self.ask(
                &handle,
                json!({"request": "start"}),
                Some(("answer", &answer)),
            );
        }
        u64::try_from(2 * members).unwrap()
    }

    fn attach(&self) -> Handle {
        let made = self.post(&self.url, json!({"janus": "create", "transaction": "t"}));
        let session = format!("{}/{}", self.url, made["data"]["id"]);
        let plugin = "janus.plugin.videoroom";
        let made = self.post(
            &session,
            json!({"janus": "attach", "plugin": plugin, "transaction": "t"}),
        );
        let path = format!("{session}/{}", made["data"]["id"]);
        Handle { session, path }
    }

    /// Asks the plugin; the session description in its answer.
    fn ask(&self, handle: &Handle, body: Value, sdp: Option<(&str, &str)>) -> Option<String> {
        let answer = self.try_ask(handle, &body, sdp);
        answer.unwrap_or_else(|error| panic!("{body}: {error}"))
    }

    /// The same, where the plugin may refuse.
    fn try_ask(
        &self,
        handle: &Handle,
        body: &Value,
        sdp: Option<(&str, &str)>,
    ) -> Result<Option<String>, String> {
        let transaction = "asked";
        let mut message = json!({"janus": "message", "transaction": transaction, "body": body});
        if let Some((kind, sdp)) = sdp {
            message["jsep"] = json!({"type": kind, "sdp": sdp});
        }
        let mut answer = self.post(&handle.path, message);
        let end = Instant::now() + PATIENCE;
        while answer["janus"] == "ack"
            || answer["janus"] != "success" && answer["transaction"] != transaction
        {
            assert!(Instant::now() < end, "janus does not answer");
            let events = self.agent.get(&handle.session).call();
            answer = events.unwrap().body_mut().read_json().unwrap();
        }
        let said = &answer["plugindata"]["data"];
        if let Some(error) = said.get("error") {
            return Err(error.to_string());
        }
        let sdp = answer["jsep"]["sdp"].as_str();
        Ok(sdp.map(ToOwned::to_owned))
    }

    fn post(&self, url: &str, message: Value) -> Value {
        let mut answer = self.agent.post(url).send_json(&message).unwrap();
        let answer: Value = answer.body_mut().read_json().unwrap();
        assert!(answer["janus"] != "error", "{message}: {answer}");
        answer
    }
}

/// Writes its configuration, and shows it nothing but the plugin and the
/// transport that are used.
fn configure(folder: &Path, port: u16, address: IpAddr) {
    let found = LIBRARIES.map(PathBuf::from);
    let libraries = found
        .iter()
        .find(|folder| folder.is_dir())
        .expect("janus' plugins are missing: apt-get install janus");
    let show = |kind: &str, name: &str| {
        let shown = folder.join(kind);
        fs::create_dir(&shown).unwrap();
        symlink(libraries.join(kind).join(name), shown.join(name)).unwrap();
    };
    show("plugins", "libjanus_videoroom.so");
    show("transports", "libjanus_http.so");
    fs::create_dir(folder.join("none")).unwrap();
    let identity = crate::relay::Identity::make(folder);
    let at = |name: &str| folder.join(name).display().to_string();
    let general = format!(
        "general: {{\n plugins_folder = \"{}\"\n transports_folder = \"{}\"\n events_folder = \"{none}\"\n \
         loggers_folder = \"{none}\"\n interface = \"{address}\"\n}}\n\
         certificates: {{\n cert_pem = \"{}\"\n cert_key = \"{}\"\n}}\n\
         nat: {{\n ice_enforce_list = \"{address}\"\n}}\n",
        at("plugins"),
        at("transports"),
        identity.chain.display(),
        identity.key.display(),
        none = at("none"),
    );
    fs::write(folder.join("janus.jcfg"), general).unwrap();
    let http = format!(
        "general: {{\n json = \"compact\"\n base_path = \"/janus\"\n http = true\n https = false\n \
         ip = \"127.0.0.1\"\n port = {port}\n}}\nadmin: {{\n admin_http = false\n}}\n"
    );
    fs::write(folder.join("janus.transport.http.jcfg"), http).unwrap();
}
