"""Virtual time: a clock that jumps to the next thing to do, and the event loop that runs on it.

Everything that a session does happens in one process, in one order: callbacks of one instant in the
order in which they were asked for, and time moves only when nothing is left to do at this one. What
would let the machine's own time or order in (threads, processes, descriptors) is refused by name.
"""

from __future__ import annotations

import asyncio
import heapq
import signal
import threading
from asyncio import Handle, TimerHandle
from bisect import bisect_right
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from functools import partial
from typing import Any, NoReturn, TypeVar, TypeVarTuple

from .clock import Ticker, Timer, spread_phase
from .refusal import VirtualTimeError, alone

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_EPOCH_NS = 946_684_800 * 1_000_000_000
"""When a virtual session begins unless told otherwise: 2000-01-01T00:00:00Z, the same on every run."""

_FOREVER = 1 << 63

_STANDSTILL = 1_000_000  # callbacks at one instant after which time is taken to stand still


class VirtualClock:
    """Session time in virtual time; of one `VirtualLoop`, whose timers stand in the same heap."""

    def __init__(self, start_ns: int = _EPOCH_NS, held: Sequence[tuple[int, int]] = ()) -> None:
        """Begin at `start_ns`. `held` are spans (from, to) in which no deadline comes, as in a recording.

        What is due within such a span comes at its end, in the order in which it was due.
        """
        self._now = start_ns
        self._held = sorted(held)
        self._heap: list[tuple[int, int, int, Timer | TimerHandle]] = []  # when, due, order at one instant
        self._sequence = 0
        self._tickers = 0

    def now(self) -> int:
        """Return session time in ns."""
        return self._now

    def pair(self) -> tuple[int, int]:
        """Return (session time, UTC), which are one in virtual time."""
        return self._now, self._now

    def at(self, time_ns: int, callback: Callable[[], None]) -> Timer:
        """Call back once at `time_ns`, or now when that has passed; equal times keep their order."""
        timer = Timer(callback)
        self.push(time_ns, timer)
        return timer

    def input_at(self, time_ns: int, callback: Callable[[], None]) -> Timer:
        """Call back once at `time_ns`, whatever is held: for what comes from outside, as recorded."""
        timer = Timer(callback)
        self._put(time_ns, time_ns, timer)
        return timer

    def every(
        self,
        period_ns: int,
        callback: Callable[[], None],
        phase_ns: int | None = None,
        first_ns: int | None = None,
    ) -> Ticker:
        """Call back each `period_ns`, first at `first_ns`, else within one period from now."""
        if first_ns is None:
            if phase_ns is None:
                self._tickers += 1
                phase_ns = spread_phase(self._tickers, period_ns)
            first_ns = self._now + phase_ns
        return Ticker(_Grid(self), period_ns, callback, first_ns)

    @property
    def calls(self) -> int:
        """How many timers were asked for so far."""
        return self._sequence

    def take_skipped(self) -> tuple[int, int]:
        """Return that no tick was ever skipped: nothing is late in virtual time."""
        return 0, 0

    def take_held(self) -> list[tuple[int, int]]:
        """Return nothing: in virtual time no deadline waits for the machine."""
        return []

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        await asyncio.sleep(seconds)

    def close(self) -> None:
        """Do nothing: the heap is the loop's too, which still has to end its tasks."""

    # For the loop -------------------------------------------------------------------------------

    def push(self, time_ns: int, timer: Timer | TimerHandle, before: int = 0) -> None:
        """Put a timer of either kind into the one heap; `before` is how far it may overtake its equals."""
        self._put(self._after_hold(time_ns) if self._held else time_ns, time_ns, timer, before)

    def _put(self, when_ns: int, due_ns: int, timer: Timer | TimerHandle, before: int = 0) -> None:
        self._sequence += 1
        heapq.heappush(self._heap, (max(when_ns, self._now), due_ns, self._sequence - before, timer))

    def _after_hold(self, time_ns: int) -> int:
        at = bisect_right(self._held, (time_ns, _FOREVER)) - 1
        return max(time_ns, self._held[at][1]) if at >= 0 else time_ns

    def jump(self) -> Timer | TimerHandle | None:
        """Move to the next deadline and return what is due then, None when there is none."""
        if not self._heap:
            return None
        self._now, _, _, timer = heapq.heappop(self._heap)
        return timer


class _Grid:
    """What a ticker has of its clock: of what is due at one instant, ticks come first.

    On a machine they do: whoever asks for a deadline (a time limit) was called a little after his own, so
    that a poll just as far ahead is due before the limit is up. Whether it meets an answer that is still
    awaited or one that was given up must not depend on the machine being so fast that it takes no time.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self.now = clock.now
        self._push = clock.push

    def at(self, time_ns: int, callback: Callable[[], None]) -> Timer:
        """Call back once at `time_ns`."""
        timer = Timer(callback)
        self._push(time_ns, timer, _FOREVER)
        return timer


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop on a virtual clock.

    It runs what is ready, and when nothing is, jumps to the next deadline. It has no descriptors,
    threads or processes to offer; `call_soon_threadsafe` is for signal handlers of this thread.
    """

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self.clock = clock
        self._start_ns = clock.now()
        self._at_instant = 0
        self._handlers: dict[int, Any] = {}

    def time(self) -> float:
        """Return seconds of session time since the start."""
        return (self.clock.now() - self._start_ns) / 1e9

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> TimerHandle:
        """Call back `delay` seconds from now."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> TimerHandle:
        """Call back at `when`, in seconds of `time()`."""
        handle = TimerHandle(when, callback, args, self, context)
        self.clock.push(self._start_ns + round(when * 1e9), handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Handle:
        """Call back soon; refuses other threads."""
        if threading.get_ident() != self._thread_id:  # type: ignore[attr-defined]
            self._refuse(f"a call of {_name(callback)} from another thread")
        return self.call_soon(callback, *args, context=context)

    def add_signal_handler(self, sig: int, callback: Callable[[*Ts], object], *args: *Ts) -> None:
        """Call back when the signal comes, as a real loop does."""
        self._handlers.setdefault(sig, signal.getsignal(sig))
        signal.signal(sig, lambda number, frame: self.call_soon(callback, *args))

    def remove_signal_handler(self, sig: int) -> bool:
        """Put back the handler that there was."""
        if sig not in self._handlers:
            return False
        signal.signal(sig, self._handlers.pop(sig))
        return True

    def close(self) -> None:
        """Close the loop and put the signal handlers back."""
        for number in list(self._handlers):
            self.remove_signal_handler(number)
        super().close()

    # What runs ----------------------------------------------------------------------------------

    def _run_once(self) -> None:
        ready = self._ready  # type: ignore[attr-defined]  # asyncio's own queue of handles
        while not ready:
            timer = self.clock.jump()
            if timer is None:
                self._refuse("every task waits for something that can no longer come, which")
            self._at_instant = 0
            if isinstance(timer, Timer):
                if timer.callback is not None:
                    self._call(timer.callback)
            elif not timer.cancelled():
                ready.append(timer)
        self._at_instant += len(ready)
        if self._at_instant > _STANDSTILL:
            self._refuse(f"{_STANDSTILL} callbacks at one instant, the last of which is {ready[-1]!r},")
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:  # noqa: SLF001  (as asyncio's own loop does)
                handle._run()  # noqa: SLF001

    def _call(self, callback: Callable[[], None]) -> None:
        try:
            callback()
        except Exception as error:  # one broken deadline must not stop the others
            self.call_exception_handler({"message": "a scheduled call failed", "exception": error})

    def _timer_handle_cancelled(self, handle: TimerHandle) -> None:
        """Leave it in the heap, where it is passed over when its time comes."""

    def _process_events(self, event_list: list[Any]) -> None:
        """Do nothing: there are no descriptors."""

    # What is refused ----------------------------------------------------------------------------

    def _refuse(self, what: str) -> NoReturn:
        raise VirtualTimeError(f"{what} would stop or break virtual time")

    def run_in_executor(self, executor: Any, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Refuse a thread."""
        self._refuse(f"{_name(func)} in a thread of an executor")

    def add_reader(self, fd: Any, callback: Callable[[*Ts], Any], *args: *Ts) -> None:
        """Refuse a descriptor."""
        self._refuse(f"a descriptor read by {_name(callback)}")

    def add_writer(self, fd: Any, callback: Callable[[*Ts], Any], *args: *Ts) -> None:
        """Refuse a descriptor."""
        self._refuse(f"a descriptor written by {_name(callback)}")

    async def subprocess_exec(self, protocol_factory: Any, *args: Any, **options: Any) -> Any:
        """Refuse a process."""
        self._refuse(f"the process {args[0] if args else ''}")

    async def subprocess_shell(self, protocol_factory: Any, cmd: Any, **options: Any) -> Any:
        """Refuse a process."""
        self._refuse(f"the process {cmd}")

    async def sock_connect(self, sock: Any, address: Any) -> None:
        """Refuse a connection."""
        self._refuse(f"a network connection to {address}")

    async def create_unix_connection(self, protocol_factory: Any, path: Any = None, **options: Any) -> Any:
        """Refuse a connection."""
        self._refuse(f"a connection to {path}")


def run_virtual(
    main: Callable[[VirtualClock], Coroutine[Any, Any, T]],
    start_ns: int = _EPOCH_NS,
    held: Sequence[tuple[int, int]] = (),
) -> T:
    """Run `main(clock)` in virtual time from `start_ns` on and return what it returns.

    `held` are those of `VirtualClock`.

    Raises VirtualTimeError, naming what asked, when something in this process starts a thread or a
    process, opens a network connection, or when nothing is left that time could jump to.
    """
    clock = VirtualClock(start_ns, held)
    with alone(), asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        return runner.run(main(clock))


def _name(callback: Callable[..., Any]) -> str:
    if isinstance(callback, partial) and callback.args:  # of asyncio.to_thread: a context's run
        callback = callback.args[0]
    return getattr(callback, "__qualname__", None) or repr(callback)
