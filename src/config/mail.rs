//! The settings of e-mail.

use std::path::PathBuf;

use lettre::message::Mailbox;

use super::reader::Reader;
use super::{Environment, MailConfig, Redacted, Tls};
use crate::mail::Address;

/// What means nothing without a server to hand mails to.
const NEED_HOST: [&str; 4] = ["SMTP_USERNAME", "SMTP_PASSWORD", "SMTP_FROM", "SMTP_CA"];

impl Reader<'_> {
    pub(super) fn mail(&mut self, environment: Environment) -> Option<MailConfig> {
        let tls = self.choice(
            "SMTP_TLS",
            &[
                ("starttls", Tls::Upgrade),
                ("tls", Tls::Wrapped),
                ("none", Tls::None),
            ],
        );
        let admin = self.admin();
        let host = self.layers.value("SMTP_HOST").to_owned();
        if host.is_empty() {
            for name in NEED_HOST {
                if self.layers.is_set(name) {
                    self.refuse(
                        name,
                        "is set without SMTP_HOST; name the server that takes mails, or remove it",
                    );
                }
            }
            return None;
        }
        if host.contains([':', '/', '@', ' ']) && host.parse::<std::net::IpAddr>().is_err() {
            self.refuse(
                "SMTP_HOST",
                "must be a host name or an IP address alone; the port is SMTP_PORT",
            );
        }
        if tls == Tls::None && environment == Environment::Production && !is_loopback(&host) {
            self.refuse(
                "SMTP_TLS",
                "is only accepted with ENVIRONMENT=development or with SMTP_HOST on loopback: codes and the password would be readable on the way",
            );
        }
        Some(MailConfig {
            port: self.smtp_port(tls),
            login: self.smtp_login(),
            from: self.smtp_from()?,
            ca: self
                .layers
                .is_set("SMTP_CA")
                .then(|| PathBuf::from(self.layers.value("SMTP_CA"))),
            host,
            tls,
            admin,
        })
    }

    fn admin(&mut self) -> Option<Address> {
        let value = self.layers.value("ADMIN_EMAIL").to_owned();
        if value.is_empty() {
            return None;
        }
        let address = Address::parse(&value);
        if address.is_none() {
            self.refuse("ADMIN_EMAIL", "must be an e-mail address");
        }
        address
    }

    fn smtp_port(&mut self, tls: Tls) -> u16 {
        if self.layers.is_set("SMTP_PORT") {
            return self.port("SMTP_PORT");
        }
        match tls {
            Tls::Upgrade => 587,
            Tls::Wrapped => 465,
            Tls::None => 25,
        }
    }

    fn smtp_login(&mut self) -> Option<(String, Redacted<String>)> {
        let value = |name: &str| self.layers.value(name).to_owned();
        let (name, password) = (value("SMTP_USERNAME"), value("SMTP_PASSWORD"));
        match (name.is_empty(), password.is_empty()) {
            (true, true) => None,
            (false, false) => Some((name, Redacted::new(password))),
            (true, false) => {
                self.refuse("SMTP_USERNAME", "must be set together with SMTP_PASSWORD");
                None
            }
            (false, true) => {
                self.refuse("SMTP_PASSWORD", "must be set together with SMTP_USERNAME");
                None
            }
        }
    }

    fn smtp_from(&mut self) -> Option<Mailbox> {
        let mailbox = self.layers.value("SMTP_FROM").parse::<Mailbox>().ok();
        let mailbox = mailbox.filter(|from| Address::parse(from.email.as_ref()).is_some());
        if mailbox.is_none() {
            self.refuse(
                "SMTP_FROM",
                "must be set together with SMTP_HOST: the address mails come from, such as Payambar <noreply@example.org>",
            );
        }
        mailbox
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
