"""MQTT 3.1.1: topics and payloads through a broker; aiomqtt (over paho) speaks the protocol.

A message is handed on in the very turn in which the socket became readable. What is published
waits in a bounded queue, which `MqttLink.run` sends in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import aiomqtt

from testbed.bench.wires import Wire
from testbed.clock import Clock

from .base import Direction, LinkLost, Lost, MessageReceived, Tap, no_tap
from .broker import KEEPALIVE, check_broker_options
from .messages import encode_message

_Answer = TypeVar("_Answer")

_OUTBOX_LIMIT = 1000  # messages
_ANSWER_TIMEOUT = 3.0  # seconds for the broker's answer to a connect, a subscription or a QoS 1 message


class _Client(aiomqtt.Client):
    """aiomqtt's client with an end that never waits, needed whenever the broker is frozen.

    aiomqtt leaves the socket open when a connect is cancelled or the broker stays silent, so we reach
    for paho's client (which aiomqtt keeps to itself) to close it.
    """

    def hang_up(self) -> None:
        """Close the connection now, with a DISCONNECT packet if the socket still takes one."""
        # Without this callback paho writes at once instead of asking the loop to wait for the socket.
        self._client.on_socket_register_write = None
        self._client.disconnect()
        sock = self._client.socket()
        if isinstance(sock, socket.socket):  # the packet did not fit: the broker no longer reads
            with contextlib.suppress(OSError):  # already cut
                sock.shutdown(socket.SHUT_RDWR)
            self._client.loop_read()
        if self._disconnected.done():
            self._disconnected.exception()  # looked at, so that it is not reported as forgotten


class MqttLink:
    """A connection to a broker with its subscriptions in place; made by `open_mqtt`."""

    def __init__(self, wire: Wire, clock: Clock, received: MessageReceived, lost: Lost, tap: Tap) -> None:
        self.name = f"{wire.host}:{_port(wire)}"
        self._clock = clock
        self._received = received
        self._lost = lost
        self._tap = tap
        self._outbox: asyncio.Queue[tuple[str, bytes, int]] = asyncio.Queue(_OUTBOX_LIMIT)
        self._loop = asyncio.get_running_loop()
        self._client = _client(wire, self._arrived)
        self._open = True

    def publish(self, topic: str, payload: bytes, qos: int = 0) -> None:
        """Queue for sending.

        Raises LinkLost when the connection is gone or too much waits unsent, ValueError for a bad topic.
        """
        frame = encode_message(topic, payload)
        if not self._open:
            raise LinkLost(f"{self.name}: the connection to the broker is closed")
        if self._outbox.full():
            raise LinkLost(
                f"{self.name}: {self._outbox.qsize()} messages wait unsent, the broker is too slow"
            )
        self._tap(self._clock.now(), Direction.TX, frame)
        self._outbox.put_nowait((topic, payload, qos))

    async def open(self, subscriptions: Iterable[str]) -> None:
        """Connect and subscribe; raises LinkLost with the cause, and then is closed."""
        try:
            await self._connect()
            await self._subscribe(list(subscriptions))
        except aiomqtt.MqttError as error:
            self.close()
            raise LinkLost(
                f"cannot use the MQTT broker at {self.name}: {_cause(error)}",
                "check that the broker runs, and the wire's host, port, user and password",
            ) from error
        except BaseException:
            self.close()
            raise

    async def run(self) -> None:
        """Send what is published until the broker is lost (then `lost` is called) or `close`."""
        tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._watch())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        fault = next(end for end in ended if isinstance(end, Exception))
        if not isinstance(fault, aiomqtt.MqttError):
            raise fault
        if self._open:
            self.close()
            self._lost(f"lost the MQTT broker at {self.name}: {_cause(fault)}")

    def close(self) -> None:
        """Disconnect; nothing is sent, received or reported afterwards."""
        if self._open:
            self._open = False
            # One turn later, because aiomqtt may have asked the loop to begin watching the socket.
            self._loop.call_soon(self._client.hang_up)

    async def _connect(self) -> None:
        """Connect; when cancelled, first let the attempt end, which aiomqtt makes in a thread.

        The attempt is a task of its own that nobody cancels, and ends by aiomqtt's timeout at the latest.
        """
        opening = asyncio.ensure_future(self._client.__aenter__())
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            await asyncio.wait((opening,))
            if not opening.cancelled():
                opening.exception()  # looked at, so that it is not reported as forgotten
            raise

    async def _subscribe(self, topics: list[str]) -> None:
        answers: Iterable[Any] = await _answered(
            self._client.subscribe([(topic, 1) for topic in topics], timeout=math.inf)
        )
        for topic, answer in zip(topics, answers, strict=True):
            code = getattr(answer, "value", answer)  # a ReasonCode, or the bare number
            if code >= 0x80:  # MQTT 3.1.1, section 3.9.3
                raise aiomqtt.MqttError(f"it refused the subscription to {topic} (code {code})")

    async def _send(self) -> None:
        while True:
            topic, payload, qos = await self._outbox.get()
            await _answered(self._client.publish(topic, payload, qos, timeout=math.inf))

    async def _watch(self) -> None:
        # Messages go past this iterator (see _handing_to): all it ever brings is the end.
        async for _ in self._client.messages:
            pass

    def _arrived(self, message: aiomqtt.Message) -> None:
        if not self._open:
            return
        time_ns, topic = self._clock.now(), message.topic.value
        payload = message.payload if isinstance(message.payload, bytes) else b""
        self._tap(time_ns, Direction.RX, encode_message(topic, payload))
        try:
            self._received(time_ns, topic, payload)
        except Exception as error:  # a fault of the receiver is no fault of the wire
            self._loop.call_exception_handler(
                {"message": f"{self.name}: a message was not handled", "exception": error}
            )


async def open_mqtt(
    wire: Wire,
    clock: Clock,
    *,
    subscriptions: Iterable[str],
    received: MessageReceived,
    lost: Lost,
    tap: Tap = no_tap,
) -> MqttLink:
    """Connect to the broker at `wire` and subscribe (QoS 1); the caller then awaits `run`.

    Options of the wire: `tls=on` encrypts and checks the broker's certificate (against the file
    `ca=...` instead of the system's), `keepalive=S` is in seconds.
    Raises LinkLost with the cause, ValueError for other values of these options.
    """
    check_broker_options(wire)
    link = MqttLink(wire, clock, received, lost, tap)
    await link.open(subscriptions)
    return link


def _client(wire: Wire, deliver: Callable[[aiomqtt.Message], None]) -> _Client:
    context = None
    if wire.option("tls", "off") == "on":
        try:
            context = ssl.create_default_context(cafile=wire.options.get("ca"))
        except OSError as error:
            raise LinkLost(
                f"{wire}: cannot read the certificates in {wire.option('ca', '')}: {error}"
            ) from error
    return _Client(
        wire.host,
        _port(wire),
        username=wire.user or None,
        password=wire.password or None,
        tls_context=context,
        keepalive=wire.number("keepalive", KEEPALIVE),
        timeout=_ANSWER_TIMEOUT,
        queue_type=_handing_to(deliver),
    )


def _port(wire: Wire) -> int:
    if wire.port is not None:
        return wire.port
    return 8883 if wire.option("tls", "off") == "on" else 1883


def _handing_to(deliver: Callable[[aiomqtt.Message], None]) -> type[asyncio.Queue[aiomqtt.Message]]:
    """Return a queue that keeps nothing: each message is handed on in the turn that brought it."""

    class Arrivals(asyncio.Queue[aiomqtt.Message]):
        def put_nowait(self, item: aiomqtt.Message) -> None:
            deliver(item)

    return Arrivals


async def _answered(call: Awaitable[_Answer]) -> _Answer:
    """Await the broker's answer; raises MqttError when it does not come in time.

    aiomqtt's own timeout is asyncio.wait_for, which in Python 3.11 swallows a cancellation that comes in
    the turn of the answer (CPython issue 86296): a driver told to end would go on.
    """
    try:
        async with asyncio.timeout(_ANSWER_TIMEOUT):
            return await call
    except TimeoutError:
        raise aiomqtt.MqttError("Operation timed out") from None


def _cause(error: BaseException) -> str:
    return str(error.__cause__ or error)
