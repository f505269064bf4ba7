"""Publishes samples in batches, beside the run: what a broker does can never hold up a loop.

A sample only goes into a bounded buffer when it comes. Twenty times a second what has gathered is encoded, in
short pieces, and written at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping

from testbed.bench import Bench, MqttStore, Wire
from testbed.clock import Clock
from testbed.errors import LinkError, UsageError
from testbed.links.broker import KEEPALIVE, broker_port, check_broker_options, uses_tls
from testbed.protocols.mqtt import packets
from testbed.signals import Event, Hub, Level, Sample, Stage

from .encoder import Encoder

_PERIOD_S = 0.05
_PIECE = 200  # samples that are encoded at a time: about 0.3 ms
_KEPT = 200_000  # samples that wait for a broker that is away
_ANSWER_S = 5.0
_PAUSE_S = (0.5, 5.0)  # between two attempts to connect, at first and at most

Report = Callable[[Event], None]


class Publisher:
    """A client of one broker that only publishes."""

    def __init__(self, bench: Bench, store: MqttStore, environment: Mapping[str, str]) -> None:
        """Publish what `listen` hears; raises UsageError for a broker that cannot be."""
        self._encoder = Encoder(bench, store)
        self._wire = store.wire(environment)
        try:
            check_broker_options(self._wire)
        except ValueError as error:
            raise UsageError(f"mqtt: {error}") from None
        self._waiting: deque[Sample] = deque(maxlen=_KEPT)
        self._complained = False

    def listen(self, hub: Hub) -> None:
        """Take every sample, behind all that a run does with it."""
        # The bare append, so that a sample's way costs next to nothing; the oldest give way.
        hub.subscribe_all(Stage.WATCH, self._waiting.append)

    async def run(self, clock: Clock, report: Report) -> None:
        """Publish until cancelled, connecting again whenever the broker was lost; `report` hears of that."""

        def say(level: Level, text: str) -> None:
            report(Event(clock.now(), level, "mqtt", "publishing", self._wire.redacted(text)))

        pause = _PAUSE_S[0]
        while True:
            try:
                async with self._connected() as (reader, writer):
                    pause = _PAUSE_S[0]
                    if self._complained:
                        self._complained = False
                        say(Level.INFO, f"samples are published to {self._wire} again")
                    await self._publish(reader, writer)
            except (OSError, LinkError) as error:
                if not self._complained:  # once on loss, once on recovery
                    self._complained = True
                    waiting = f"the last {_KEPT:,} wait, and all are recorded"
                    say(Level.WARNING, f"samples are not published: {error}; {waiting}")
            await asyncio.sleep(pause)
            pause = min(2 * pause, _PAUSE_S[1])

    async def finish(self) -> None:
        """Publish what still waits, once, if the broker is there."""
        if self._complained or not self._waiting:
            return
        with contextlib.suppress(OSError, LinkError):
            async with self._connected() as (_, writer):
                await self._flush(writer)
                writer.write(packets.GOODBYE)
                await writer.drain()

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        wire, where = self._wire, f"{self._wire.host}:{broker_port(self._wire)}"
        try:
            async with asyncio.timeout(_ANSWER_S):
                reader, writer = await asyncio.open_connection(
                    wire.host, broker_port(wire), ssl=_tls(wire) if uses_tls(wire) else None
                )
        except TimeoutError:
            raise LinkError(f"no broker answers at {where}") from None
        try:
            name = wire.option("client", f"testbed-{uuid.uuid4().hex[:16]}")
            keepalive = wire.number("keepalive", KEEPALIVE)
            writer.write(packets.connect(name, keepalive, wire.user, wire.password))
            await self._greeting(reader, where)
            yield reader, writer
        finally:
            writer.close()

    async def _greeting(self, reader: asyncio.StreamReader, where: str) -> None:
        try:
            async with asyncio.timeout(_ANSWER_S):
                answer = await reader.readexactly(len(packets.CONNECTED))
        except (TimeoutError, asyncio.IncompleteReadError):
            raise LinkError(f"what listens at {where} does not answer as an MQTT broker") from None
        if answer != packets.CONNECTED:
            raise LinkError(f"the broker at {where} refuses: {packets.REFUSALS.get(answer[3], answer.hex())}")

    async def _publish(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Publish until the broker is lost; raises OSError or LinkError then."""
        sending = asyncio.create_task(self._send(writer))
        try:
            while True:
                try:
                    # Asked twice within the keepalive; whatever it answers shows that it lives.
                    async with asyncio.timeout(self._wire.number("keepalive", KEEPALIVE) * 2):
                        heard = await reader.read(4096)
                except TimeoutError:
                    raise LinkError("the broker has fallen silent") from None
                if not heard:
                    raise LinkError("the broker closed the connection")
        finally:
            sending.cancel()
            ended = await asyncio.gather(sending, return_exceptions=True)
            if isinstance(ended[0], Exception):
                raise ended[0]

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        quiet_s, patience_s = 0.0, self._wire.number("keepalive", KEEPALIVE) / 2
        while True:
            await asyncio.sleep(_PERIOD_S)
            quiet_s += _PERIOD_S
            if quiet_s >= patience_s:
                quiet_s = 0.0
                writer.write(packets.PING)
            await self._flush(writer)

    async def _flush(self, writer: asyncio.StreamWriter) -> None:
        waiting = self._waiting
        while waiting:
            piece = [waiting.popleft() for _ in range(min(_PIECE, len(waiting)))]
            writer.write(self._encoder.encode(piece))
            await writer.drain()
            await asyncio.sleep(0)  # the loops first


def _tls(wire: Wire) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=wire.options.get("ca"))
        if "cert" in wire.options:
            context.load_cert_chain(wire.options["cert"], wire.options.get("key"))
    except OSError as error:
        raise LinkError(f"cannot use the certificates of {wire}: {error}") from error
    return context


@contextlib.asynccontextmanager
async def publishing(publisher: Publisher | None, clock: Clock, report: Report) -> AsyncIterator[None]:
    """Publish while the block runs, and then what still waits."""
    if publisher is None:
        yield
        return
    task = asyncio.create_task(publisher.run(clock, report), name="publisher")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await publisher.finish()
