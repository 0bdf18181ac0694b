"""An MQTT broker inside one Python process, so that the demo needs nothing installed. Never for real use.

It takes anybody, listens on the loopback alone and forgets everything when it stops.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from amqtt.broker import Broker

HOST = "127.0.0.1"

_LISTENER = "default"
_CONFIGURATION = {
    # "external": we open the socket ourselves, because the broker does not tell which port it got for port 0.
    "listeners": {_LISTENER: {"type": "external"}},
    "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
}


@asynccontextmanager
async def listening(port: int) -> AsyncIterator[int]:
    """Run a broker while the context lasts.

    Args:
        port: on the loopback; 0 = any free one.

    Yields:
        The port it listens on.

    Raises:
        OSError: the port is taken.

    """
    broker = Broker(_CONFIGURATION)
    await broker.start()
    try:
        server = await asyncio.start_server(partial(broker.stream_connected, listener_name=_LISTENER), HOST, port)
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
    finally:
        await broker.shutdown()


async def _serve(port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with listening(port) as opened:
        sys.stdout.write(f"ready port={opened}\n")
        sys.stdout.flush()
        await stop.wait()


def serve(port: int) -> None:
    """Serve until SIGINT or SIGTERM, after one line ``ready port=NNNN`` on standard output.

    Raises:
        OSError: the port is taken.

    """
    asyncio.run(_serve(port))
