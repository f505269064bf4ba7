"""How many samples a second the hub hands to five subscribers, beside five asyncio queues."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from testbed.signals import Hub, Sample, Stage

from .table import Row, print_table

SIGNALS = 50
SUBSCRIBERS = 5
TARGET = 300_000


def measure(quick: bool = False) -> list[Row]:
    count, rounds = (20_000, 3) if quick else (200_000, 5)
    ours = max(_hub(count) for _ in range(rounds))
    queues = max(asyncio.run(_queues(count // 10)) for _ in range(rounds))
    return [
        Row(
            "hub: samples to five subscribers",
            ours,
            "samples/s",
            "an asyncio.Queue for each",
            queues,
            f"at least {TARGET:,}",
            ours >= TARGET,
        )
    ]


def _subscribers() -> tuple[list[Callable[[Sample], None]], list[float]]:
    """Return five subscribers that each look at the sample and keep its value."""
    last = [0.0] * SUBSCRIBERS

    def subscriber(place: int) -> Callable[[Sample], None]:
        def receive(sample: Sample) -> None:
            last[place] = sample.value

        return receive

    return [subscriber(place) for place in range(SUBSCRIBERS)], last


def _hub(count: int) -> float:
    """Return samples a second, each made, published and received five times."""

    def failed(subscriber: object, error: Exception) -> None:
        raise error

    hub = Hub(SIGNALS, failed)
    subscribers, last = _subscribers()
    for stage, subscriber in zip(Stage, subscribers, strict=True):
        hub.subscribe_all(stage, subscriber)
    publish = hub.publish
    began = time.perf_counter()
    for number in range(count):
        publish(Sample(number % SIGNALS, number, float(number)))
    taken = time.perf_counter() - began
    assert last == [float(count - 1)] * SUBSCRIBERS
    return count / taken


async def _queues(count: int) -> float:
    """Return the same through a queue and a task for each subscriber."""
    subscribers, last = _subscribers()
    queues: list[asyncio.Queue[Sample]] = [asyncio.Queue() for _ in subscribers]

    async def receive(queue: asyncio.Queue[Sample], subscriber: Callable[[Sample], None]) -> None:
        for _ in range(count):
            subscriber(await queue.get())

    async with asyncio.TaskGroup() as group:
        for queue, subscriber in zip(queues, subscribers, strict=True):
            group.create_task(receive(queue, subscriber))
        await asyncio.sleep(0)
        began = time.perf_counter()
        for number in range(count):
            sample = Sample(number % SIGNALS, number, float(number))
            for queue in queues:
                queue.put_nowait(sample)
            await asyncio.sleep(0)  # each sample is seen before the next one, as from the hub
    taken = time.perf_counter() - began
    assert last == [float(count - 1)] * SUBSCRIBERS
    return count / taken


if __name__ == "__main__":
    print_table(measure())
