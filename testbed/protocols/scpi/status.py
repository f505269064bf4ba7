"""What an instrument remembers of its errors (IEEE 488.2-1992, chapter 11; SCPI-99 volume 2, 21.8)."""

from __future__ import annotations

from collections import deque

from .values import ErrorEntry

QUEUE_LENGTH = 16
"""Entries that wait to be read; the last one becomes -350 when more come."""

_POWER_ON = 1 << 7
_COMMAND_ERROR = 1 << 5
_EXECUTION_ERROR = 1 << 4
_DEVICE_ERROR = 1 << 3
_QUERY_ERROR = 1 << 2
_OPERATION_COMPLETE = 1
_QUEUE_NOT_EMPTY = 1 << 2  # in the status byte
_EVENT_SUMMARY = 1 << 5

# Error classes by hundreds (SCPI-99 volume 2, 21.8.9 to 21.8.12).
_BITS = {1: _COMMAND_ERROR, 2: _EXECUTION_ERROR, 3: _DEVICE_ERROR, 4: _QUERY_ERROR}


class Status:
    """The error queue, the standard event status register and the two enable registers."""

    def __init__(self) -> None:
        self.event_enable = 0
        self.service_enable = 0
        self._events = _POWER_ON
        self._queue: deque[ErrorEntry] = deque()

    def error(self, entry: ErrorEntry) -> None:
        """Remember an error."""
        self._events |= _BITS.get(-entry.code // 100, _DEVICE_ERROR)
        if len(self._queue) >= QUEUE_LENGTH:
            self._queue[-1] = ErrorEntry.standard(-350)
        else:
            self._queue.append(entry)

    def next_error(self) -> ErrorEntry:
        """Take the oldest error; 0 when there is none."""
        return self._queue.popleft() if self._queue else ErrorEntry.standard(0)

    def read_events(self) -> int:
        """Return the event register and clear it, as *ESR? does."""
        events, self._events = self._events, 0
        return events

    def operation_complete(self) -> None:
        """Note that all operations are complete, as *OPC does."""
        self._events |= _OPERATION_COMPLETE

    def clear(self) -> None:
        """Forget errors and events, as *CLS does; the enable registers stay."""
        self._queue.clear()
        self._events = 0

    @property
    def byte(self) -> int:
        """The status byte, as *STB? answers it."""
        summary = _EVENT_SUMMARY if self._events & self.event_enable else 0
        summary |= _QUEUE_NOT_EMPTY if self._queue else 0
        return summary | (1 << 6 if summary & self.service_enable else 0)
