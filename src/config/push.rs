//! The settings of Web Push.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::reader::Reader;
use super::{Environment, PushConfig, Redacted, host_of};
use crate::push::Pair;

impl Reader<'_> {
    pub(super) fn push(
        &mut self,
        environment: Environment,
        public_url: Option<&str>,
    ) -> PushConfig {
        let allow_hosts = self.list("PUSH_ALLOW_HOSTS");
        if !allow_hosts.is_empty() && environment == Environment::Production {
            self.refuse(
                "PUSH_ALLOW_HOSTS",
                "must not be set in production: browsers could make this server call hosts of its own network",
            );
        }
        PushConfig {
            pair: self.vapid(),
            subject: self.subject(public_url),
            allow_hosts,
        }
    }

    fn vapid(&mut self) -> Option<(String, Redacted<String>)> {
        let value = |name: &str| self.layers.value(name).to_owned();
        let (public, private) = (value("VAPID_PUBLIC_KEY"), value("VAPID_PRIVATE_KEY"));
        let length = |value: &str| {
            (!value.is_empty()).then(|| {
                URL_SAFE_NO_PAD
                    .decode(value.trim_end_matches('='))
                    .map_or(0, |key| key.len())
            })
        };
        match (length(&public), length(&private)) {
            (None, None) => return None,
            (Some(65), Some(32)) if Pair::from_settings(&public, &private).is_some() => {}
            (Some(65), Some(32)) => self.refuse(
                "VAPID_PRIVATE_KEY",
                "must be the other half of VAPID_PUBLIC_KEY; set both from one pair, or remove both to have one generated",
            ),
            (Some(65), None) => self.refuse(
                "VAPID_PRIVATE_KEY",
                "must be set together with VAPID_PUBLIC_KEY",
            ),
            (Some(65), Some(_)) => {
                self.refuse("VAPID_PRIVATE_KEY", "must be base64url of 32 bytes")
            }
            (None | Some(_), _) => self.refuse(
                "VAPID_PUBLIC_KEY",
                "must be base64url of 65 bytes, together with VAPID_PRIVATE_KEY",
            ),
        }
        Some((public, Redacted::new(private)))
    }

    /// Push services refuse tokens without a contact, so there always is one.
    fn subject(&mut self, public_url: Option<&str>) -> String {
        let subject = self.layers.value("VAPID_SUBJECT").to_owned();
        if !subject.is_empty() {
            if !subject.starts_with("mailto:") && !subject.starts_with("https:") {
                self.refuse("VAPID_SUBJECT", "must begin with mailto: or https:");
            }
            return subject;
        }
        match public_url {
            Some(url) if url.starts_with("https:") => url.to_owned(),
            Some(url) => format!("mailto:admin@{}", host_of(url)),
            None => "mailto:admin@payambar.invalid".to_owned(),
        }
    }
}
