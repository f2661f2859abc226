//! Reads and runs a line of the tables.
//!
//! A line is who asks (`-` for nobody, `$` for an operator's command), method,
//! path and body, the status due, and what the answer is like. `<name>` is a
//! person's id or what an earlier answer was kept as. A body that begins with
//! `form` is a form with its parts after it, `;` between them. `3*` before all
//! of it says it three times, and the last answer counts.
//!
//! What an answer is like: `!code` an error with that code, `type image/svg+xml`
//! another type, nothing no body at all, else JSON with exactly these keys (`?`
//! behind one that may be missing), and for each value what it is: `str`, `text`
//! (may be empty), `int` (of an id), `num` (from zero), `bool`, `time`, `null`,
//! `a or b`, `is WORD`, `KIND as name` to keep it; `@name` one of [`SHAPES`]; a
//! list with one element for lists of those, which are not empty.

use std::collections::BTreeMap;

use serde_json::Value;

use super::SHAPES;
use crate::client::{Answer, PASSWORD, Person};
use crate::form::Form;
use crate::server::Server;

/// A line of a table.
pub(super) type Line = (&'static str, u16, &'static str);

/// A server, the people of a table, and what its answers were kept as.
pub(super) struct Scene {
    pub(super) server: Server,
    people: BTreeMap<String, Person>,
    kept: BTreeMap<String, String>,
}

impl Scene {
    pub(super) fn new(server: Server, names: &[&str]) -> Self {
        let mut scene = Self {
            server,
            people: BTreeMap::new(),
            kept: BTreeMap::new(),
        };
        for name in names {
            let words = ["user", "add", name, "--password-stdin"];
            let added = scene.server.setup.run(&words, PASSWORD);
            assert_eq!(added.code, Some(0), "{added:?}");
            scene.enter(name);
        }
        scene
    }

    /// Logs somebody in who has an account.
    pub(super) fn enter(&mut self, name: &str) {
        let person = self.server.log_in(name);
        self.keep(name, &person.id.to_string());
        self.people.insert(name.to_owned(), person);
    }

    pub(super) fn person(&self, name: &str) -> &Person {
        &self.people[name]
    }

    pub(super) fn keep(&mut self, name: &str, value: &str) {
        self.kept.insert(name.to_owned(), value.to_owned());
    }

    /// Runs all lines in order.
    pub(super) fn run(&mut self, table: &[Line]) {
        for line in table {
            self.line(line);
        }
    }

    fn line(&mut self, &(said, status, shape): &Line) {
        let (times, rest) = match said.split_once("* ") {
            Some((times, rest)) if times.parse::<usize>().is_ok() => (times.parse().unwrap(), rest),
            _ => (1, said),
        };
        let rest = self.filled(rest);
        if let Some(command) = rest.strip_prefix("$ ") {
            let words: Vec<&str> = command.split(' ').collect();
            let ended = self.server.setup.run(&words, "");
            assert_eq!(ended.code, Some(i32::from(status)), "{said}: {ended:?}");
            return;
        }
        let mut answer = self.ask(&rest);
        for _ in 1..times {
            answer = self.ask(&rest);
        }
        assert_eq!(answer.status, status, "{said}\n{answer:?}");
        self.judge(said, &answer, shape);
    }

    /// Puts in what is known for `<name>`.
    fn filled(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.kept {
            text = text.replace(&format!("<{name}>"), value);
        }
        text
    }

    fn ask(&self, line: &str) -> Answer {
        let mut words = line.splitn(4, ' ');
        let mut word = || words.next().unwrap_or_default();
        let (who, method, path, body) = (word(), word(), word(), word());
        let mut call = self.server.call(method, path);
        if let Some(token) = who.strip_prefix("token=") {
            call = call.token(token);
        } else if who != "-" {
            call = call.token(&self.people[who].token);
        }
        if let Some(parts) = body.strip_prefix("form ") {
            let kind = Form::kind();
            return call
                .header("content-type", &kind)
                .bytes(form(parts).bytes())
                .send();
        }
        match body {
            "" => call.send(),
            "page" => call.header("accept", "text/html").send(),
            body => call.body(body.to_owned()).send(),
        }
    }

    fn judge(&mut self, said: &str, answer: &Answer, shape: &str) {
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{said}");
        assert!(!answer.header("x-correlation-id").is_empty(), "{said}");
        if let Some(kind) = shape.strip_prefix("type ") {
            assert_eq!(answer.header("content-type"), kind, "{said}");
            return;
        }
        assert_eq!(answer.header("cache-control"), "no-store", "{said}");
        if shape.is_empty() {
            assert!(answer.bytes.is_empty(), "{said}: {answer:?}");
            return;
        }
        let kind = answer.header("content-type");
        assert_eq!(kind, "application/json; charset=utf-8", "{said}");
        let shape = match shape.strip_prefix('!') {
            Some("file_too_large") => {
                r#"{"error":"str","code":"is file_too_large","limit":"num"}"#.to_owned()
            }
            Some(code) => format!(r#"{{"error":"str","code":"is {code}"}}"#),
            None => shape.to_owned(),
        };
        let shape: Value = match serde_json::from_str(&shape) {
            Ok(shape) => shape,
            Err(_) => Value::String(shape),
        };
        if let Err(why) = self.fits(&shape, &answer.json()) {
            panic!("{said}: {why}\n{}", answer.text);
        }
    }

    /// Whether a value is what it should be; keeps what is asked for.
    fn fits(&mut self, shape: &Value, value: &Value) -> Result<(), String> {
        match (shape, value) {
            (Value::String(kind), value) => self.is_a(kind, value),
            (Value::Array(shapes), Value::Array(values)) => {
                if shapes.len() != 1 && shapes.len() != values.len() {
                    return Err(format!("{} in {value}", shapes.len()));
                }
                if values.is_empty() != shapes.is_empty() {
                    return Err(format!("{shape} is not {value}"));
                }
                let mut shapes = shapes.iter().cycle();
                let mut each = values.iter();
                each.try_for_each(|value| self.fits(shapes.next().unwrap_or(shape), value))
            }
            (Value::Object(keys), Value::Object(fields)) => {
                for (key, shape) in keys {
                    let name = key.trim_end_matches('?');
                    match fields.get(name) {
                        Some(value) => self
                            .fits(shape, value)
                            .map_err(|why| format!("{name}: {why}"))?,
                        None if key.ends_with('?') => {}
                        None => return Err(format!("{name} is missing")),
                    }
                }
                let known =
                    |name: &str| keys.contains_key(name) || keys.contains_key(&format!("{name}?"));
                match fields.keys().find(|name| !known(name)) {
                    Some(name) => Err(format!("{name} should not be there")),
                    None => Ok(()),
                }
            }
            (shape, value) if shape == value => Ok(()),
            (shape, value) => Err(format!("{value} is no {shape}")),
        }
    }

    fn is_a(&mut self, kind: &str, value: &Value) -> Result<(), String> {
        if let Some((kind, name)) = kind.split_once(" as ") {
            let text = value.as_str().map(str::to_owned);
            self.keep(name, &text.unwrap_or_else(|| value.to_string()));
            return self.is_a(kind, value);
        }
        if let Some((one, other)) = kind.split_once(" or ") {
            return self.is_a(one, value).or_else(|_| self.is_a(other, value));
        }
        if let Some(shape) = kind.strip_prefix('@') {
            let (_, shape) = SHAPES.iter().find(|(name, _)| *name == shape).unwrap();
            return self.fits(&serde_json::from_str(shape).unwrap(), value);
        }
        let due = kind.strip_prefix("is ").map(|due| self.filled(due));
        let text = value.as_str();
        let fits = match kind {
            "str" => text.is_some_and(|text| !text.is_empty()),
            "text" => text.is_some(),
            "time" => text.is_some_and(is_time),
            "int" => value.as_i64().is_some_and(|number| number > 0),
            "num" => value.as_i64().is_some_and(|number| number >= 0),
            "bool" => value.is_boolean(),
            "null" => value.is_null(),
            _ => due.is_some_and(|due| match text {
                Some(text) => text == due,
                None => serde_json::from_str::<Value>(&due).is_ok_and(|due| *value == due),
            }),
        };
        fits.then_some(()).ok_or(format!("{value} is not {kind}"))
    }
}

/// RFC 3339 in UTC with milliseconds.
fn is_time(text: &str) -> bool {
    let pattern = "0000-00-00T00:00:00.000Z";
    let same = |(due, found): (char, char)| match due {
        '0' => found.is_ascii_digit(),
        other => found == other,
    };
    text.len() == pattern.len() && pattern.chars().zip(text.chars()).all(same)
}

/// The parts of a form: `name=text` or `name@file name=bytes`, where `big` is
/// more than the tables' servers take and `picture` a picture.
fn form(parts: &str) -> Form {
    parts.split(';').fold(Form::default(), |form, part| {
        let (name, text) = part.split_once('=').unwrap();
        let Some((name, file)) = name.split_once('@') else {
            return form.text(name, text);
        };
        let bytes = match text {
            "big" => vec![b'x'; 3 * 1024 * 1024],
            "picture" => crate::pictures::picture(20, 10, image::ImageFormat::Png),
            text => text.as_bytes().to_vec(),
        };
        form.file(name, file, "application/octet-stream", &bytes)
    })
}
