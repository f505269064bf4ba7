"""What was recorded comes when it came, though the machine that recorded it was held up just then."""

from __future__ import annotations

from functools import partial

import pytest

from testbed.clock import VirtualClock, run_virtual
from testbed.links import Direction, LinkLost
from testbed.links.base import no_tap
from testbed.links.played import PlayedOpener, Script
from testbed.protocols.modbus.mask import TcpMask

MS = 1_000_000
HELD = [(40 * MS, 60 * MS)]  # in which timers waited


def connected(kind: Direction) -> int:
    """Return when a connection that was made (or refused) at 50 ms is so in a replay."""
    frames = [(50 * MS, kind, b"nobody there")]

    async def main(clock: VirtualClock) -> int:
        script = Script(iter(frames), TcpMask(), end_ns=1000 * MS, diverged=lambda divergence: None)
        opener = PlayedOpener(script, clock.input_at)
        connect = partial(opener.tcp, "h", 1, clock, received=lambda at, data: None, lost=print, tap=no_tap)
        try:
            await connect()
        except LinkLost:
            assert kind is Direction.LOST
        return clock.now()

    return run_virtual(main, 0, HELD)


@pytest.mark.parametrize("kind", [Direction.OPEN, Direction.LOST])
def test_a_connection_is_made_when_it_was_though_timers_had_to_wait_just_then(kind: Direction) -> None:
    assert connected(kind) == 50 * MS
