//! Listeners on all addresses at once. The kernel chooses the address that an
//! answer leaves from, and for a host with several it need not be the one that
//! was asked, so that the client drops it. So a datagram that comes to such a
//! listener says where it arrived, and that address gets a socket of its own,
//! to which the kernel gives everything from then on: what comes later has
//! nothing to say, and answers leave from where they should.

use std::io::IoSliceMut;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd as _, BorrowedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt,
};

use super::datagrams::Slots;
use crate::counters::{Counters, Metric};
use crate::turn::Family;

/// Has a socket say where each datagram arrived.
pub(super) fn say_where(socket: BorrowedFd<'_>, family: Family) -> nix::Result<()> {
    match family {
        Family::V4 => setsockopt(&socket, sockopt::Ipv4PacketInfo, &true),
        Family::V6 => setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true),
    }
}

/// Takes one datagram into the next slot; says at which of our addresses it
/// arrived (with no port), if one can answer from there. `None`: there is no
/// datagram.
pub(super) fn receive(
    socket: BorrowedFd<'_>,
    slots: &mut Slots,
    counters: &Counters,
) -> Option<Option<SocketAddr>> {
    slots.received.clear();
    let mut control = nix::cmsg_space!(nix::libc::in_pktinfo, nix::libc::in6_pktinfo);
    let packet = slots.free().first_mut()?;
    let mut space = [IoSliceMut::new(packet.space())];
    let message = recvmsg::<SockaddrStorage>(
        socket.as_raw_fd(),
        &mut space,
        Some(&mut control),
        MsgFlags::MSG_DONTWAIT,
    );
    let message = match message {
        Ok(message) => message,
        Err(Errno::EAGAIN | Errno::EINTR) => return None,
        Err(_) => {
            counters.count(Metric::ReceiveErrors);
            return None;
        }
    };
    let arrived = message.cmsgs().ok().into_iter().flatten();
    let at = arrived.filter_map(address_of).next();
    let from = message.address.as_ref().and_then(socket_address);
    let length = message.bytes;
    slots.take(length, from, counters);
    Some(at)
}

fn socket_address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().copied();
    let v6 = || storage.as_sockaddr_in6().copied();
    v4.map(|v4| SocketAddr::V4(SocketAddrV4::from(v4)))
        .or_else(|| Some(SocketAddr::V6(SocketAddrV6::from(v6()?))))
}

fn address_of(said: ControlMessageOwned) -> Option<SocketAddr> {
    let address = if let ControlMessageOwned::Ipv4PacketInfo(info) = said {
        // Of a broadcast this is the interface's own address.
        let ip = Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr));
        SocketAddr::V4(SocketAddrV4::new(ip, 0))
    } else if let ControlMessageOwned::Ipv6PacketInfo(info) = said {
        let ip = Ipv6Addr::from(info.ipi6_addr.s6_addr);
        // Only link-local addresses exist once for each interface.
        let scope = if ip.is_unicast_link_local() {
            info.ipi6_ifindex
        } else {
            0
        };
        SocketAddr::V6(SocketAddrV6::new(ip, 0, 0, scope))
    } else {
        return None;
    };
    let ip = address.ip();
    (!ip.is_multicast() && !ip.is_unspecified()).then_some(address)
}
