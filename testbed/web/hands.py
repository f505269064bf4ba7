"""The way from the page to the run: what people want is asked of its control socket, in their names."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from testbed.errors import LinkError, TestbedError
from testbed.session.control_client import ControlClient, RequestRefused, control_client
from testbed.session.control_messages import (
    AnyRequest,
    Break,
    Give,
    Look,
    Mend,
    Release,
    Renew,
    Reply,
    Reset,
    Standing,
    Stop,
    Take,
)

from .access import Role, Visitor

_LOOK_S = 0.5
_NOBODY = "no run can be controlled from this page"


class NotAllowed(TestbedError):
    """The visitor's role is too low for what they want."""

    exit_code = 2


def require(visitor: Visitor, role: Role) -> None:
    """Raise NotAllowed for a visitor below `role`."""
    if visitor.role < role:
        raise NotAllowed(f"{visitor.name} is a {visitor.role.word}; this takes {role.word}")


class Hands:
    """Takes hold of actuators for visitors, who must be operators; stops the run for them.

    One connection for all of them: if this process dies, everything that was in hand goes safe.
    """

    def __init__(self) -> None:
        self._client: ControlClient | None = None
        self._holders: dict[str, str] = {}
        self.standing: Standing | None = None
        """How the run stood half a second ago; None when there is none to control."""

    async def take(self, visitor: Visitor, signal: str, seconds: float) -> str:
        """Return the number of a new lease; raises NotAllowed, RequestRefused, LinkError."""
        require(visitor, Role.OPERATOR)
        lease = (await self._ask(Take(signal=signal, who=visitor.name, seconds=seconds))).lease
        self._holders[lease] = visitor.name
        return lease

    async def renew(self, visitor: Visitor, lease: str) -> None:
        """Keep a lease for another while; raises as `take`."""
        await self._ask_holding(visitor, Renew(lease=lease))

    async def give(self, visitor: Visitor, lease: str, value: float) -> Reply:
        """Return the outcome of a command to what the lease holds; raises as `take`."""
        return await self._ask_holding(visitor, Give(lease=lease, value=value))

    async def release(self, visitor: Visitor, lease: str) -> None:
        """End a lease; raises as `take`."""
        await self._ask_holding(visitor, Release(lease=lease))
        self._holders.pop(lease, None)

    async def stop(self, visitor: Visitor) -> None:
        """End the run, every actuator safe first; raises as `take`."""
        require(visitor, Role.OPERATOR)
        await self._ask(Stop(who=visitor.name))

    async def break_(
        self,
        visitor: Visitor,
        device: str,
        fault: str,
        parameters: dict[str, float | str],
        lasts: str | None = None,
    ) -> None:
        """Begin a fault, for a time such as "5 s" or until it is mended; takes admin; raises as `take`."""
        require(visitor, Role.ADMIN)
        await self._ask(
            Break(device=device, fault=fault, who=visitor.name, parameters=parameters, lasts=lasts)
        )

    async def mend(self, visitor: Visitor, device: str, fault: str) -> None:
        """End a fault; for administrators, raises as `take`."""
        require(visitor, Role.ADMIN)
        await self._ask(Mend(device=device, fault=fault, who=visitor.name))

    async def reset(self, visitor: Visitor, interlock: str) -> None:
        """Let a latched interlock go; raises as `take`."""
        require(visitor, Role.OPERATOR)
        await self._ask(Reset(interlock=interlock, who=visitor.name))

    async def _ask_holding(self, visitor: Visitor, request: Renew | Give | Release) -> Reply:
        require(visitor, Role.OPERATOR)
        if self._holders.get(request.lease) != visitor.name:
            raise RequestRefused("this lease has ended, or is somebody else's")
        try:
            return await self._ask(request)
        except RequestRefused:
            self._holders.pop(request.lease, None)  # it has ended
            raise

    async def _ask(self, request: AnyRequest) -> Reply:
        if self._client is None:
            raise LinkError(_NOBODY)
        return await self._client.ask(request)

    @contextlib.asynccontextmanager
    async def reach(self, socket: Path | None) -> AsyncIterator[None]:
        """Be connected to the run that listens on `socket` (None: to none) while the block runs."""
        if socket is None:
            yield
            return
        task = asyncio.create_task(self._look(socket), name="hands")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _look(self, socket: Path) -> None:
        """Keep connected, and know how the run stands, until it is gone for good."""
        while True:
            with contextlib.suppress(LinkError, RequestRefused):
                async with control_client(socket) as self._client:
                    while not self._client.lost:
                        self.standing = (await self._client.ask(Look())).standing
                        await asyncio.sleep(_LOOK_S)
            self._client, self.standing = None, None
            await asyncio.sleep(_LOOK_S)
