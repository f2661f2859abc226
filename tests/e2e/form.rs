//! An upload as browsers send it: `multipart/form-data`, part by part.

use std::path::{Path, PathBuf};

use crate::client::{Answer, Person};
use crate::server::{Server, Setup};

const BOUNDARY: &str = "----payambar-test-boundary";

/// A form that is filled in, in this order.
#[derive(Default)]
pub(crate) struct Form {
    body: Vec<u8>,
}

impl Form {
    /// A file for somebody, and nothing else.
    pub(crate) fn to(receiver: &Person, name: &str, bytes: &[u8]) -> Self {
        Self::default()
            .text("receiver_id", &receiver.id.to_string())
            .file("file", name, "application/octet-stream", bytes)
    }

    pub(crate) fn text(self, name: &str, value: &str) -> Self {
        let head = format!("Content-Disposition: form-data; name=\"{name}\"");
        self.part(&head, value.as_bytes())
    }

    pub(crate) fn file(self, part: &str, name: &str, kind: &str, bytes: &[u8]) -> Self {
        let head = format!(
            "Content-Disposition: form-data; name=\"{part}\"; filename=\"{name}\"\r\nContent-Type: {kind}"
        );
        self.part(&head, bytes)
    }

    pub(crate) fn part(mut self, head: &str, bytes: &[u8]) -> Self {
        self.body
            .extend(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").into_bytes());
        self.body.extend(bytes);
        self.body.extend(b"\r\n");
        self
    }

    /// All of it, as it goes over the wire.
    pub(crate) fn bytes(mut self) -> Vec<u8> {
        self.body.extend(format!("--{BOUNDARY}--\r\n").into_bytes());
        self.body
    }

    pub(crate) fn kind() -> String {
        format!("multipart/form-data; boundary={BOUNDARY}")
    }

    pub(crate) fn send(self, server: &Server, person: &Person) -> Answer {
        self.send_to(server, person, "/api/upload")
    }

    pub(crate) fn send_to(self, server: &Server, person: &Person, path: &str) -> Answer {
        server
            .call("POST", path)
            .token(&person.token)
            .header("content-type", &Self::kind())
            .bytes(self.bytes())
            .send()
    }
}

impl Setup {
    /// Every file in the folder of uploads.
    pub(crate) fn uploads(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        collect(&self.folder().join("data/uploads"), &mut found);
        found
    }
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.push(path);
        }
    }
}
