"""MCAP recordings: our own exports whole; of other tools the numbers in JSON and protobuf messages."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from testbed.errors import DamagedInput, TestbedError, UsageError
from testbed.session.exports import Record
from testbed.session.exports.mcap import METADATA
from testbed.session.exports.needs import needed

from .leaves import Leaf, json_leaves, protobuf_leaves
from .mcap_ours import Convert, our_convert
from .registry import Registry
from .source import Source, sample
from .times import checked

Decode = Callable[[bytes], Any]
Leaves = Callable[[Any], Iterator[Leaf]]

_HINT = "save what is whole with: mcap recover FILE -o OTHER (the command line tool of mcap.dev)"


def open_mcap(path: Path) -> Source:
    """Return what an MCAP file holds; reads it once to learn the signals of other tools' messages.

    Raises DamagedInput when it cannot be read, MissingPart when the libraries are not installed.
    """
    with _opened(path) as reader:
        channels = _Channels(reader)
        for schema, channel, message in reader.iter_messages(channels.to_learn):
            channels.way(schema, channel).learn(message.data)
        attachments = {each.name: each.data for each in reader.iter_attachments()}
        told = {each.name: each.metadata for each in reader.iter_metadata()}
        origin = {key: json.loads(value) for key, value in told.get(METADATA, {}).items()}

    def records() -> Iterator[Record]:
        with _opened(path) as reader:
            for schema, channel, message in reader.iter_messages():
                yield from channels.way(schema, channel).records(_time(path, channel, message), message.data)

    return Source("mcap", channels.registry.signals, records, attachments, origin, channels.left_out())


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open the file while the block runs; whatever its library meets in there is damaged input."""
    with needed("MCAP"):
        import mcap_protobuf.decoder  # noqa: F401  (asked for here, so that its lack is told at once)
        from mcap.reader import make_reader
    try:
        file: BinaryIO = path.open("rb")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    with file:
        try:
            yield make_reader(file, validate_crcs=True)
        except TestbedError:
            raise
        except Exception as error:  # the library lets through whatever its parsers raise
            reason = str(error) or "it ends too early"
            raise DamagedInput(f"{path}: is no whole MCAP file: {reason}", _HINT) from error


def _time(path: Path, channel: Any, message: Any) -> int:
    try:
        return checked(message.log_time)
    except ValueError as error:
        what = f"{path}: a message on {channel.topic} at {message.log_time} ns {error}"
        raise DamagedInput(what, "mend its log time in the tool that recorded it") from None


class _Way:
    """How the messages of a channel that nobody here can read become records: not at all."""

    def __init__(self, left_out: str = "") -> None:
        self.left_out = left_out

    def learn(self, data: bytes) -> None:
        """Note which signals a message holds."""

    def records(self, time_ns: int, data: bytes) -> Iterator[Record]:
        """Yield the records that a message holds."""
        yield from ()


class _OurWay(_Way):
    """A message is a record."""

    def __init__(self, decode: Decode, convert: Convert) -> None:
        super().__init__()
        self._decode = decode
        self._convert = convert

    def records(self, time_ns: int, data: bytes) -> Iterator[Record]:
        yield self._convert(time_ns, self._decode(data))


class _OtherWay(_Way):
    """Every number in a message is a sample."""

    def __init__(self, decode: Decode, leaves: Leaves, number: Callable[[str], int]) -> None:
        super().__init__()
        self._decode = decode
        self._leaves = leaves
        self._number = number

    def learn(self, data: bytes) -> None:
        for path, _ in self._leaves(self._decode(data)):
            self._number(path)

    def records(self, time_ns: int, data: bytes) -> Iterator[Record]:
        for path, value in self._leaves(self._decode(data)):
            yield sample(self._number(path), time_ns, value)


class _Channels:
    """Knows, for every channel, how its messages become records."""

    def __init__(self, reader: Any) -> None:
        from mcap_protobuf.decoder import DecoderFactory

        self.registry = Registry()
        self.to_learn: list[str] | None = None
        """Topics that must be read to know their signals; None: all."""
        self._protobuf = DecoderFactory()
        self._ways: dict[int, _Way] = {}
        summary = reader.get_summary()
        if summary is not None and summary.channels:  # then a signal of ours without samples is known too
            for channel in summary.channels.values():
                self.way(summary.schemas.get(channel.schema_id), channel)
            others = (
                each for each in summary.channels.values() if isinstance(self._ways[each.id], _OtherWay)
            )
            self.to_learn = [channel.topic for channel in others]

    def way(self, schema: Any, channel: Any) -> _Way:
        """Return how the messages of a channel become records."""
        if channel.id not in self._ways:
            self._ways[channel.id] = self._find(schema, channel)
        return self._ways[channel.id]

    def left_out(self) -> tuple[str, ...]:
        """Return which channels cannot be read, and why."""
        return tuple(way.left_out for way in self._ways.values() if way.left_out)

    def _find(self, schema: Any, channel: Any) -> _Way:
        number = partial(self.registry.number, channel.topic)
        if channel.message_encoding == "json":
            return _OtherWay(json.loads, json_leaves, number)
        decode = self._protobuf.decoder_for(channel.message_encoding, schema)
        if decode is None:
            what = f"{channel.message_encoding or 'unnamed'} messages"
            return _Way(f"{channel.topic}: {what}: only JSON and protobuf are read")
        convert = our_convert(schema.name, channel.metadata, self.registry)
        if convert is not None:
            return _OurWay(decode, convert)
        return _OtherWay(decode, protobuf_leaves, number)
