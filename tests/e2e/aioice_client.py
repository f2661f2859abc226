"""Talks through the relay with aioice's TURN client and says how it went, as
one line of JSON. Usage: aioice_client.py PORT USERNAME PASSWORD udp|tcp|tls"""

import asyncio
import json
import socket
import ssl
import sys

from aioice import stun, turn

PACKETS = 100
PATIENCE = 30


class Echo(asyncio.DatagramProtocol):
    """The peer: sends back what comes, and notes from where."""

    def __init__(self):
        self.sources = []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.sources.append(addr)
        self.transport.sendto(b"back " + data, addr)


class Client(asyncio.DatagramProtocol):
    """What is behind the relayed address."""

    def __init__(self):
        self.queue = asyncio.Queue()
        self.closed = asyncio.Event()

    def connection_made(self, transport):
        pass

    def datagram_received(self, data, addr):
        self.queue.put_nowait((data, addr))

    def connection_lost(self, error):
        self.closed.set()


async def refresh(inner, seconds):
    """Asks for that long a life; returns what is granted."""
    request = stun.Message(
        message_method=stun.Method.REFRESH, message_class=stun.Class.REQUEST
    )
    request.attributes["LIFETIME"] = seconds
    response, _ = await inner.request_with_retry(request)
    return response.attributes["LIFETIME"]


async def is_closed(address):
    """Whether nobody holds the relayed port any more."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as knock:
        knock.connect(address)
        knock.setblocking(False)
        while True:
            # A connected socket hears that a port is closed.
            try:
                knock.send(b"x")
                await asyncio.sleep(0.02)
                knock.recv(16)
            except BlockingIOError:
                pass
            except ConnectionRefusedError:
                return True


def any_certificate():
    """The one that the relay made itself is believed by nobody else."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def talk(port, username, password, transport):
    loop = asyncio.get_running_loop()
    peer, echo = await loop.create_datagram_endpoint(
        Echo, local_addr=("127.0.0.1", 0)
    )
    address = peer.get_extra_info("sockname")
    # With no time between refreshes each packet binds its channel anew.
    endpoint, client = await turn.create_turn_endpoint(
        Client,
        server_addr=("127.0.0.1", port),
        username=username,
        password=password,
        lifetime=900,
        channel_refresh_time=0,
        transport="udp" if transport == "udp" else "tcp",
        ssl=any_certificate() if transport == "tls" else False,
    )
    relayed = endpoint.get_extra_info("sockname")
    back = 0
    for number in range(PACKETS):
        packet = b"packet %d" % number
        endpoint.sendto(packet, address)
        came = await client.queue.get()
        back += came == (b"back " + packet, address)
    inner = endpoint._TurnTransport__inner_protocol
    granted = [await refresh(inner, seconds) for seconds in (1800, 7200)]
    peer.sendto(b"unasked", relayed)
    unasked = await client.queue.get() == (b"unasked", address)
    endpoint.close()
    await client.closed.wait()
    return {
        "port": relayed[1],
        "at_peer": sum(source == relayed for source in echo.sources),
        "back": back,
        "granted": granted,
        "unasked": unasked,
        "closed": await is_closed(relayed),
    }


told = talk(int(sys.argv[1]), *sys.argv[2:])
print(json.dumps(asyncio.run(asyncio.wait_for(told, PATIENCE))))
