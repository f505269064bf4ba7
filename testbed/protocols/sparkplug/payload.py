"""Payloads: metrics with a name or an alias, a type, a value; numbered and stamped."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from .schema import payload_class


class DataType(IntEnum):
    """The types of a metric that are one value (Sparkplug 3.0, 6.4.16)."""

    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    TEXT = 14

    @property
    def bits(self) -> int:
        """Bits of a whole number; 0 for other types."""
        return _BITS.get(self, 0)

    @property
    def signed(self) -> bool:
        """Whether it is a whole number with a sign."""
        return DataType.INT8 <= self <= DataType.INT64


_BITS = {
    DataType.INT8: 8, DataType.INT16: 16, DataType.INT32: 32, DataType.INT64: 64, DataType.UINT8: 8,
    DataType.UINT16: 16, DataType.UINT32: 32, DataType.UINT64: 64, DataType.DATETIME: 64,
}  # fmt: skip

Value = bool | int | float | str | None
"""What a metric holds; None: it says that it has no value."""


@dataclass(frozen=True)
class Metric:
    """One metric; `name` is empty where only the alias stands, `alias` and `datatype` None where left out."""

    name: str = ""
    value: Value = None
    datatype: int | None = None
    alias: int | None = None
    timestamp_ms: int = 0
    historical: bool = False


@dataclass(frozen=True)
class Payload:
    """A message. `seq` is None in those that are not numbered (deaths of nodes, commands)."""

    timestamp_ms: int
    metrics: tuple[Metric, ...] = ()
    seq: int | None = None


def encode_payload(payload: Payload) -> bytes:
    """Return the bytes of a message; raises ValueError for a value that does not fit its type."""
    message = payload_class()(timestamp=payload.timestamp_ms)
    if payload.seq is not None:
        message.seq = payload.seq
    for each in payload.metrics:
        metric = message.metrics.add()
        if each.name:
            metric.name = each.name
        if each.alias is not None:
            metric.alias = each.alias
        if each.timestamp_ms:
            metric.timestamp = each.timestamp_ms
        if each.datatype is not None:
            metric.datatype = each.datatype
        if each.historical:
            metric.is_historical = True
        if each.value is None:
            metric.is_null = True
        else:
            _put(metric, each.value, _known(each.datatype, each.value))
    return bytes(message.SerializeToString())


def decode_payload(data: bytes) -> Payload:
    """Return the message in some bytes; raises ValueError when they are none.

    A whole number whose metric has no type (as with an alias) comes as it stands; see `typed`.
    """
    message = payload_class()()
    try:
        message.ParseFromString(data)
    except Exception as error:  # protobuf's DecodeError, which only it can name
        raise ValueError(f"no Sparkplug payload: {data[:20].hex(' ') or 'empty'}") from error
    metrics = tuple(
        Metric(
            each.name,
            None if each.is_null else _value(each),
            each.datatype if each.HasField("datatype") else None,
            each.alias if each.HasField("alias") else None,
            each.timestamp,
            each.is_historical,
        )
        for each in message.metrics
    )
    return Payload(message.timestamp, metrics, message.seq if message.HasField("seq") else None)


def typed(value: Value, datatype: int | None) -> Value:
    """Return a value as its type has it: signed numbers travel as two's complement, in any width."""
    if not isinstance(value, int) or isinstance(value, bool) or datatype not in _SIGNED:
        return value
    bits = DataType(datatype).bits
    low = value & ((1 << bits) - 1)
    return low - (1 << bits) if low >> (bits - 1) else low


_SIGNED = frozenset(each.value for each in DataType if each.signed)


def number_of(value: Value) -> float:
    """Return a metric's value as a number; raises ValueError when it is none."""
    try:
        if value is None:
            raise ValueError("the device has no value for it")
        number = float(value)
    except (OverflowError, ValueError) as error:
        raise ValueError(str(error) if value is None else f"no number: {str(value)[:40]!r}") from None
    if not math.isfinite(number):
        raise ValueError(f"the device sent {number}")
    return number


def value_for(datatype: DataType, number: float) -> Value:
    """Return what a metric of a type holds for a number; raises ValueError when it does not fit."""
    if datatype is DataType.BOOLEAN:
        return number != 0.0
    if datatype in (DataType.STRING, DataType.TEXT):
        return repr(number)
    if datatype in (DataType.FLOAT, DataType.DOUBLE):
        return number
    if not math.isfinite(number):
        raise ValueError(f"{number} is no {datatype.name}")
    whole, bits = round(number), datatype.bits
    low = -(1 << bits - 1) if datatype.signed else 0
    if not low <= whole < low + (1 << bits):
        raise ValueError(f"{number:g} does not fit {datatype.name}")
    return whole


def _known(datatype: int | None, value: Value) -> DataType:
    try:
        return DataType(datatype)  # type: ignore[arg-type]  # None is none of them, either
    except ValueError:
        raise ValueError(f"a metric with the value {value!r} cannot be sent as type {datatype}") from None


def _put(metric: Any, value: Value, datatype: DataType) -> None:
    try:
        if datatype.bits:
            low = int(value) & ((1 << datatype.bits) - 1)  # type: ignore[arg-type]
            setattr(metric, "long_value" if datatype.bits == 64 else "int_value", low)
        elif datatype is DataType.BOOLEAN:
            metric.boolean_value = bool(value)
        elif datatype is DataType.FLOAT:
            metric.float_value = float(value)  # type: ignore[arg-type]
        elif datatype is DataType.DOUBLE:
            metric.double_value = float(value)  # type: ignore[arg-type]
        else:
            metric.string_value = str(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{value!r} is no {datatype.name}: {error}") from None


def _value(metric: Any) -> Value:
    which = metric.WhichOneof("value")
    if which is None or which == "bytes_value":
        return None
    value: Value = getattr(metric, which)
    return typed(value, metric.datatype if metric.HasField("datatype") else None)
