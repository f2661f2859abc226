//! A byte stream that the TURN client takes for a datagram socket: one message
//! out of it at a time (RFC 8489 §6.2.2), ChannelData padded (RFC 8656 §12.5).

use std::any::Any;
use std::io;
use std::net::SocketAddr;

use async_trait::async_trait;
use payambar_media::stream::inbox::Inbox;
use payambar_media::turn::packet::Packet;
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf,
};
use tokio::sync::Mutex;
use webrtc_util::Conn;
use webrtc_util::Error;

/// Bytes read at a time.
const READ: usize = 4096;

struct Incoming<S> {
    stream: ReadHalf<S>,
    inbox: Inbox,
    packet: Packet,
    /// Read and not yet looked at.
    left: Vec<u8>,
}

/// A connected stream to a TURN server.
pub(super) struct Stream<S> {
    incoming: Mutex<Incoming<S>>,
    outgoing: Mutex<WriteHalf<S>>,
    local: SocketAddr,
    remote: SocketAddr,
}

impl<S: AsyncRead + AsyncWrite> Stream<S> {
    pub(super) fn new(stream: S, local: SocketAddr, remote: SocketAddr) -> Self {
        let (read, write) = tokio::io::split(stream);
        Self {
            incoming: Mutex::new(Incoming {
                stream: read,
                inbox: Inbox::default(),
                packet: Packet::new(),
                left: Vec::new(),
            }),
            outgoing: Mutex::new(write),
            local,
            remote,
        }
    }
}

impl<S: AsyncRead + Unpin> Incoming<S> {
    /// The next message. Cancelling this loses nothing.
    async fn message(&mut self) -> io::Result<&[u8]> {
        loop {
            let mut input = self.left.as_slice();
            let whole = self.inbox.next(&mut input, &mut self.packet);
            let taken = self.left.len() - input.len();
            self.left.drain(..taken);
            match whole {
                Ok(true) => return Ok(self.packet.datagram()),
                Ok(false) => {}
                Err(_) => {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "the other side speaks no TURN",
                    ));
                }
            }
            let mut buffer = [0; READ];
            let length = self.stream.read(&mut buffer).await?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.left
                .extend_from_slice(buffer.get(..length).unwrap_or_default());
        }
    }
}

fn is_channel_data(message: &[u8]) -> bool {
    matches!(message.first(), Some(0x40..=0x7F))
}

#[async_trait]
impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Conn for Stream<S> {
    async fn connect(&self, _: SocketAddr) -> Result<(), Error> {
        Ok(())
    }

    async fn recv(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut incoming = self.incoming.lock().await;
        let message = incoming.message().await?;
        let place = buffer
            .get_mut(..message.len())
            .ok_or(Error::ErrBufferShort)?;
        place.copy_from_slice(message);
        Ok(message.len())
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> Result<(usize, SocketAddr), Error> {
        Ok((self.recv(buffer).await?, self.remote))
    }

    async fn send(&self, message: &[u8]) -> Result<usize, Error> {
        let mut padded = message.to_vec();
        if is_channel_data(message) {
            padded.resize(message.len().next_multiple_of(4), 0);
        }
        let mut outgoing = self.outgoing.lock().await;
        outgoing.write_all(&padded).await?;
        outgoing.flush().await?;
        Ok(message.len())
    }

    async fn send_to(&self, message: &[u8], _: SocketAddr) -> Result<usize, Error> {
        self.send(message).await
    }

    fn local_addr(&self) -> Result<SocketAddr, Error> {
        Ok(self.local)
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        Some(self.remote)
    }

    async fn close(&self) -> Result<(), Error> {
        Ok(self.outgoing.lock().await.shutdown().await?)
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    /// A Binding request without attributes.
    const BINDING: [u8; 20] = *b"\x00\x01\x00\x00\x21\x12\xA4\x42payambarcheck"
        .first_chunk()
        .unwrap();

    fn address() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 3478))
    }

    #[tokio::test]
    async fn messages_come_out_whole_however_they_are_cut() {
        let (near, mut far) = duplex(64);
        let stream = Stream::new(near, address(), address());
        let both = [&BINDING[..], b"\x40\x00\x00\x01x\0\0\0"].concat();
        tokio::spawn(async move {
            for byte in both {
                far.write_all(&[byte]).await.unwrap();
            }
        });
        let mut buffer = [0; 64];
        assert_eq!(stream.recv(&mut buffer).await.unwrap(), 20);
        assert_eq!(buffer[..20], BINDING);
        assert_eq!(stream.recv(&mut buffer).await.unwrap(), 5);
        assert_eq!(&buffer[..5], b"\x40\x00\x00\x01x");
        assert!(stream.recv(&mut buffer).await.is_err(), "it has ended");
    }

    #[tokio::test]
    async fn channel_data_is_padded_on_its_way_out() {
        let (near, mut far) = duplex(64);
        let stream = Stream::new(near, address(), address());
        stream.send(b"\x40\x00\x00\x01x").await.unwrap();
        stream.send(&BINDING).await.unwrap();
        drop(stream);
        let mut sent = Vec::new();
        far.read_to_end(&mut sent).await.unwrap();
        assert_eq!(sent, [b"\x40\x00\x00\x01x\0\0\0", &BINDING[..]].concat());
    }
}
