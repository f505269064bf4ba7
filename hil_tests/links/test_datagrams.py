"""Datagrams on the loopback and in memory: the same ends, each with an address of its own."""

from __future__ import annotations

import asyncio

import pytest

from hil_tests.support import eventually
from testbed.clock import SystemClock, VirtualClock, run_virtual
from testbed.links import LinkLost
from testbed.links.datagrams import Address, MemoryPost, UdpEnd


async def test_over_udp_what_is_sent_arrives_with_its_sender() -> None:
    came: list[tuple[bytes, Address]] = []
    near = await UdpEnd(lambda data, sender: None).open()
    far = await UdpEnd(lambda data, sender: came.append((data, sender))).open()
    near.send(b"hello", far.address)
    await eventually(lambda: came, "the datagram")
    assert came == [(b"hello", near.address)]
    assert near.address[1] != far.address[1]
    for end in (near, far):
        end.close()
    near.send(b"into the void", far.address)
    await asyncio.sleep(0)


async def test_a_port_that_is_taken_is_told() -> None:
    first = await UdpEnd(lambda data, sender: None).open()
    with pytest.raises(LinkLost, match=f"cannot bind UDP port {first.address[1]}"):
        await UdpEnd(lambda data, sender: None).open(port=first.address[1])
    first.close()


def test_in_memory_it_takes_its_time_and_what_is_closed_gets_nothing() -> None:
    async def main(clock: VirtualClock) -> list[tuple[int, bytes, Address]]:
        came: list[tuple[int, bytes, Address]] = []
        post, began_ns = MemoryPost(50_000), clock.now()
        near = post.open(clock, lambda data, sender: None)
        far = post.open(clock, lambda data, sender: came.append((clock.now() - began_ns, data, sender)))
        near.send(b"one", far.address)
        await clock.sleep(1)
        near.send(b"two", far.address)
        far.close()
        near.send(b"three", ("nowhere", 1))
        await clock.sleep(1)
        assert came == [(50_000, b"one", near.address)]
        return came

    assert len(run_virtual(main)) == 1


async def test_real_time_has_the_same_post() -> None:
    clock, came = SystemClock(), list[bytes]()
    post = MemoryPost(0)
    near = post.open(clock, lambda data, sender: None)
    far = post.open(clock, lambda data, sender: came.append(data))
    near.send(b"hello", far.address)
    await eventually(lambda: came, "the datagram")
    clock.close()
