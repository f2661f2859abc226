//! Hands one mail to the server of the operator (RFC 5321).

use std::time::{Duration, UNIX_EPOCH};

use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls as Secured, TlsParametersBuilder};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use super::words::Text;
use crate::config::{MailConfig, Tls, host_of};
use crate::store::mails::Letter;

/// For each answer of the server.
const PATIENCE: Duration = Duration::from_secs(30);

/// What became of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The server has it.
    Taken,
    /// The server will never take it: it says so, or it is no mail.
    Refused,
    /// Perhaps later.
    Later,
}

/// The way to the server.
pub struct Transport {
    smtp: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Transport {
    /// A way that is not walked yet; `public_url` is what we are called.
    ///
    /// # Errors
    ///
    /// The certificates cannot be read, as a sentence for the operator.
    pub fn new(config: &MailConfig, public_url: Option<&str>) -> Result<Self, String> {
        let mut smtp = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)
            .port(config.port)
            .timeout(Some(PATIENCE))
            .tls(secured(config)?);
        if let Some((name, password)) = &config.login {
            smtp = smtp.credentials(Credentials::new(name.clone(), password.expose().clone()));
        }
        if let Some(url) = public_url {
            smtp = smtp.hello_name(ClientId::Domain(host_of(url).to_owned()));
        }
        Ok(Self {
            smtp: smtp.build(),
            from: config.from.clone(),
        })
    }

    /// Hands over a mail.
    pub async fn send(&self, letter: &Letter, text: Text) -> Outcome {
        let Some(message) = self.message(letter, text) else {
            tracing::error!(kind = letter.kind.as_str(), "a mail cannot be written");
            return Outcome::Refused;
        };
        let Err(error) = self.smtp.send(message).await else {
            return Outcome::Taken;
        };
        let status = error.status().map(|status| status.to_string());
        let status = status.unwrap_or_default();
        // What a server says may repeat the address.
        tracing::debug!(%error, "what was said about a mail");
        // 550-554 speak of this mail; other refusals of how we come, which the
        // operator may mend (RFC 5321 §4.2.2).
        if status.starts_with("55") {
            tracing::warn!(kind = letter.kind.as_str(), status, "a mail was refused");
            return Outcome::Refused;
        }
        let secured = error.is_tls();
        tracing::warn!(
            kind = letter.kind.as_str(),
            attempts = letter.attempts + 1,
            status,
            tls = secured,
            "a mail was not taken and is tried again"
        );
        Outcome::Later
    }

    fn message(&self, letter: &Letter, text: Text) -> Option<Message> {
        let to = letter.address.parse().ok()?;
        let made = u64::try_from(letter.made_at.0).unwrap_or(0);
        // The same each time it is tried, so that a mail that came twice can be
        // told.
        let id = format!("<{}.{made}@{}>", letter.id, self.from.email.domain());
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .date(UNIX_EPOCH + Duration::from_millis(made))
            .message_id(Some(id))
            .subject(text.subject)
            .raw_header(HeaderValue::new(
                // Nobody's absence is to be answered to us (RFC 3834 §5).
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .header(ContentType::TEXT_PLAIN)
            .body(text.body)
            .ok()
    }
}

fn secured(config: &MailConfig) -> Result<Secured, String> {
    if config.tls == Tls::None {
        return Ok(Secured::None);
    }
    let mut tls = TlsParametersBuilder::new(config.host.clone());
    if let Some(path) = &config.ca {
        let explain = |error: String| {
            format!(
                "SMTP_CA={}: {error}; name a file of PEM certificates, or remove it",
                path.display()
            )
        };
        let pem = std::fs::read(path).map_err(|error| explain(error.to_string()))?;
        if !pem.windows(5).any(|window| window == b"BEGIN") {
            return Err(explain("there is no certificate in it".to_owned()));
        }
        let ca = Certificate::from_pem(&pem).map_err(|error| explain(error.to_string()))?;
        tls = tls.add_root_certificate(ca);
    }
    let tls = tls.build().map_err(|error| error.to_string())?;
    Ok(match config.tls {
        Tls::Upgrade => Secured::Required(tls),
        Tls::Wrapped => Secured::Wrapper(tls),
        Tls::None => Secured::None,
    })
}
