"""Our own broker: Mosquitto in a process that cannot outlive us, or amqtt in this one."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hil_tests.support import eventually
from testbed.bench.wires import Wire
from testbed.clock import SystemClock
from testbed.emulators.broker import Kind, open_broker
from testbed.errors import LinkError
from testbed.links.mqtt import open_mqtt

BOTH = [pytest.param("mosquitto", marks=pytest.mark.needs_system("mosquitto")), "embedded"]


@pytest.mark.parametrize("kind", BOTH)
async def test_it_is_ready_when_it_is_open_and_carries_messages(kind: Kind, tmp_path: Path) -> None:
    clock = SystemClock()
    received: list[tuple[str, bytes]] = []
    async with open_broker(tmp_path, kind) as broker:
        assert (broker.host, broker.kind) == ("127.0.0.1", kind)
        assert (broker.pid > 0) == (kind == "mosquitto")
        link = await open_mqtt(
            Wire("mqtt", broker.host, broker.port),
            clock,
            subscriptions=["a/#"],
            received=lambda _, topic, payload: received.append((topic, payload)),
            lost=lambda reason: None,
        )
        task = asyncio.create_task(link.run())
        link.publish("a/b", b"once", qos=1)
        link.publish("a/c", b"", qos=0)
        await eventually(lambda: len(received) == 2, "both messages")
        link.close()
        await task
    assert received == [("a/b", b"once"), ("a/c", b"")]
    clock.close()


@pytest.mark.parametrize("kind", BOTH)
async def test_it_starts_again_on_the_port_that_it_had(kind: Kind, tmp_path: Path) -> None:
    async with open_broker(tmp_path, kind) as broker:
        port = broker.port
    async with open_broker(tmp_path, kind, port) as again:
        assert again.port == port


@pytest.mark.parametrize("kind", BOTH)
async def test_a_port_that_is_taken_is_told_with_the_brokers_words(kind: Kind, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        taken.close()
        with socket.socket() as holder:  # bound and not listening: nobody answers there
            holder.bind(("127.0.0.1", port))
            with pytest.raises(LinkError, match=rf"(?s){port}.*[Aa]ddress already in use"):
                async with open_broker(tmp_path, kind, port):
                    pytest.fail("it must not open")


@pytest.mark.needs_system("mosquitto")
async def test_when_it_is_killed_its_end_is_told(tmp_path: Path) -> None:
    async with open_broker(tmp_path, "mosquitto") as broker:
        os.kill(broker.pid, signal.SIGKILL)
        assert "-9" in await asyncio.wait_for(broker.ended, 5)


@pytest.mark.needs_system("mosquitto")
async def test_it_dies_with_us_even_when_we_are_killed(tmp_path: Path) -> None:
    script = (
        "import asyncio, pathlib, sys\n"
        "from testbed.emulators.broker import open_broker\n"
        "async def main():\n"
        "    async with open_broker(pathlib.Path(sys.argv[1]), 'mosquitto') as broker:\n"
        "        print(broker.pid, flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen(  # noqa: ASYNC220  (we wait for its one line only)
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        os.kill(pid, 0)
        owner.kill()
    await eventually(lambda: not alive(pid), "the broker gone")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Reparented to a container's first process that reaps nothing, the dead stay as zombies.
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
