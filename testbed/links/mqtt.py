"""MQTT 3.1.1 and 5: topics and payloads through a broker; aiomqtt (over paho) speaks the protocol.

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
from typing import Any, NamedTuple, TypeVar

import aiomqtt
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from testbed.bench.wires import Wire
from testbed.clock import Clock

from .base import Direction, LinkLost, Lost, MessageReceived, Tap, Will, no_tap
from .broker import KEEPALIVE, SESSION_EXPIRY, broker_port, check_broker_options, speaks_5, uses_tls
from .messages import encode_message

_Answer = TypeVar("_Answer")

_OUTBOX_LIMIT = 1000  # messages
_UNSUPPORTED_VERSION = 132  # MQTT 5, section 3.2.2.2; paho gives the code of older ones as this, too
_ANSWER_TIMEOUT = 3.0  # seconds for the broker's answer to a connect, a subscription or a QoS 1 message


class _SpeaksNo5(LinkLost):
    """The broker knows only older versions of the protocol."""


class _Post(NamedTuple):
    topic: str
    payload: bytes
    qos: int
    retain: bool
    expiry_s: float | None


class _Client(aiomqtt.Client):
    """aiomqtt's client with an end that never waits, needed whenever the broker is frozen.

    aiomqtt leaves the socket open when a connect is cancelled or the broker stays silent, so we reach
    for paho's client (which aiomqtt keeps to itself) to close it.
    """

    def hang_up(self, goodbye: bool = True) -> None:
        """Close the connection now, with a DISCONNECT packet if the socket still takes one."""
        # Without this callback paho writes at once instead of asking the loop to wait for the socket.
        self._client.on_socket_register_write = None
        if goodbye:
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

    def __init__(
        self,
        wire: Wire,
        clock: Clock,
        received: MessageReceived,
        lost: Lost,
        tap: Tap,
        retained: MessageReceived | None,
        will: Will | None,
        five: bool,
    ) -> None:
        self.name = f"{wire.host}:{broker_port(wire)}"
        self._five = five
        self._clock = clock
        self._received = received
        self._retained = retained or received
        self._lost = lost
        self._tap = tap
        self._outbox: asyncio.Queue[_Post] = asyncio.Queue(_OUTBOX_LIMIT)
        self._loop = asyncio.get_running_loop()
        self._client = _client(wire, self._arrived, will, five)
        self._open = True

    def publish(
        self, topic: str, payload: bytes, qos: int = 0, *, retain: bool = False, expiry_s: float | None = None
    ) -> None:
        """Queue for sending; `expiry_s` needs a wire that speaks MQTT 5 and is left out on others.

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
        self._outbox.put_nowait(_Post(topic, payload, qos, retain, expiry_s))

    async def open(self, subscriptions: Iterable[str]) -> None:
        """Connect and subscribe; raises LinkLost with the cause, and then is closed."""
        try:
            await self._connect()
            await self._subscribe(list(subscriptions))
        except aiomqtt.MqttError as error:
            self.close()
            if self._five and getattr(error, "rc", None) == _UNSUPPORTED_VERSION:
                raise _SpeaksNo5(str(error)) from error
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
        self._end(goodbye=True)

    def vanish(self) -> None:
        """Close without a goodbye, as a device does that loses its power."""
        self._end(goodbye=False)

    def _end(self, *, goodbye: bool) -> None:
        if self._open:
            self._open = False
            # Two turns later: aiomqtt may have asked the loop to begin watching the socket, or is about to,
            # for an acknowledgement, when we are told to end by what a message says.
            self._loop.call_soon(self._loop.call_soon, self._client.hang_up, goodbye)

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
        if not topics:  # who only publishes
            return
        wanted: Any = SubscribeOptions(qos=2) if self._five else 2
        answers: Iterable[Any] = await _answered(
            self._client.subscribe([(topic, wanted) for topic in topics], timeout=math.inf)
        )
        for topic, answer in zip(topics, answers, strict=True):
            code = getattr(answer, "value", answer)  # a ReasonCode, or the bare number
            if code >= 0x80:  # MQTT 3.1.1, section 3.9.3
                raise aiomqtt.MqttError(f"it refused the subscription to {topic} (code {code})")

    async def _send(self) -> None:
        while True:
            post = await self._outbox.get()
            properties = None
            if self._five and post.expiry_s is not None:
                expiry = max(1, math.ceil(post.expiry_s))  # in whole seconds
                properties = _properties(PacketTypes.PUBLISH, MessageExpiryInterval=expiry)
            await _answered(
                self._client.publish(
                    post.topic, post.payload, post.qos, post.retain, properties, timeout=math.inf
                )
            )

    async def _watch(self) -> None:
        # Messages go past this iterator (see _handing_to): all it ever brings is the end.
        async for _ in self._client.messages:
            pass

    def _arrived(self, message: aiomqtt.Message) -> None:
        if not self._open:
            return
        time_ns, topic = self._clock.now(), message.topic.value
        payload = message.payload if isinstance(message.payload, bytes) else b""
        retained = bool(message.retain)
        self._tap(time_ns, Direction.RX, encode_message(topic, payload, retained))
        try:
            (self._retained if retained else self._received)(time_ns, topic, payload)
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
    retained: MessageReceived | None = None,
    will: Will | None = None,
) -> MqttLink:
    """Connect to the broker at `wire` and subscribe (QoS 2 at most); the caller then awaits `run`.

    What the broker had retained goes to `retained`, by default to `received` like the rest. Options of
    the wire: see docs/bench-file.md, Wires.
    Raises LinkLost with the cause, ValueError for other values of these options.
    """
    check_broker_options(wire)
    topics = list(subscriptions)
    link = MqttLink(wire, clock, received, lost, tap, retained, will, speaks_5(wire))
    try:
        await link.open(topics)
    except _SpeaksNo5:
        if "version" in wire.options:
            raise
        link = MqttLink(wire, clock, received, lost, tap, retained, will, False)
        await link.open(topics)
    return link


def _client(wire: Wire, deliver: Callable[[aiomqtt.Message], None], will: Will | None, five: bool) -> _Client:
    persistent = wire.option("session", "clean") == "persistent"
    properties = None
    if persistent and five:
        properties = _properties(PacketTypes.CONNECT, SessionExpiryInterval=SESSION_EXPIRY)
    return _Client(
        wire.host,
        broker_port(wire),
        username=wire.user or None,
        password=wire.password or None,
        tls_context=_tls(wire) if uses_tls(wire) else None,
        keepalive=wire.number("keepalive", KEEPALIVE),
        timeout=_ANSWER_TIMEOUT,
        queue_type=_handing_to(deliver),
        identifier=wire.options.get("client"),
        protocol=aiomqtt.ProtocolVersion.V5 if five else aiomqtt.ProtocolVersion.V311,
        clean_session=None if five else not persistent,
        clean_start=not persistent if five else MQTT_CLEAN_START_FIRST_ONLY,
        properties=properties,
        will=None if will is None else aiomqtt.Will(will.topic, will.payload, will.qos, will.retain),
    )


def _properties(packet: int, **values: int) -> Any:
    properties: Any = Properties(packet)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(properties, name, value)
    return properties


def _tls(wire: Wire) -> ssl.SSLContext:
    ca, certificate = wire.options.get("ca"), wire.options.get("cert")
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise LinkLost(f"{wire}: cannot read the certificates in {ca}: {error}") from error
    if certificate is not None:
        try:
            context.load_cert_chain(certificate, wire.options.get("key"))
        except OSError as error:  # ssl.SSLError is one
            raise LinkLost(
                f"{wire}: cannot use the client's certificate {certificate}: {error}",
                "cert= is a PEM file; key= is that of its private key, if it is in another file",
            ) from error
    return context


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
