"""The HTTP API: the same sessions, signals and actuators that the pages show, with the same permissions."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, HTTPException, Path, Query, Request, Response

from testbed.session.file import SessionReader
from testbed.signals import Signal

from .access import Role, Visitor
from .curves import read_curves
from .followed import Followed, as_columns, as_message
from .hands import require
from .house import House
from .metrics import metrics_text
from .notes import add_note, read_notes
from .schemas import (
    NS,
    CommandIn,
    CommandOut,
    CurveOut,
    EventOut,
    FaultIn,
    FaultOut,
    Held,
    LeaseIn,
    LeaseOut,
    Newest,
    NoteIn,
    NoteOut,
    Problem,
    SessionOut,
    SignalOut,
    State,
)

_MOST_SIGNALS, _MOST_POINTS, _MOST_EVENTS = 200, 20_000, 10_000
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "Not even readable"},
    401: {"model": Problem, "description": "Not logged in"},
    404: {"model": Problem, "description": "No such session, signal or lease"},
    422: {"description": "Not what was asked for, or a damaged session"},
}
_ACTING = {
    **_PROBLEMS,
    403: {"model": Problem, "description": "Takes operator, or comes from another site"},
    409: {"model": Problem, "description": "Cannot be done now; the text says why"},
}
Name = Annotated[str, Path(description="the session's name: its file's without .session")]
Lease = Annotated[str, Path(description="as POST /api/leases gave it")]


def api_routes(house: House) -> APIRouter:
    """Return the routes under /api and /metrics."""
    router = APIRouter(responses=_PROBLEMS)
    router.include_router(_reading(house))
    router.include_router(_acting(house))
    return router


def _reading(house: House) -> APIRouter:
    router = APIRouter()
    archive = house.archive

    @router.get("/api/state")
    async def state() -> State:
        """Tell which session is being recorded, and how its run stands."""
        standing = house.hands.standing
        verdict = (await house.follower(house.running).known()).ended_as if house.running else None
        return State(
            session=house.running or None,
            verdict=verdict,
            controllable=standing is not None,
            loops=standing.loops if standing else {},
            held=[Held(**msgspec.to_builtins(each)) for each in standing.held] if standing else [],
            interlocks=standing.interlocks if standing else {},
            devices=standing.devices if standing else {},
            faults=[FaultOut(**msgspec.to_builtins(each)) for each in standing.faults] if standing else [],
        )

    @router.get("/api/sessions")
    async def sessions() -> list[SessionOut]:
        """List the recorded sessions, the newest first."""
        return [
            SessionOut(**{**entry.as_dict(), "session": entry.path.stem}) for entry in await archive.entries()
        ]

    @router.get("/api/sessions/{name}")
    async def session(name: Name) -> dict[str, Any]:
        """Tell verdict, signals, loops and expectations, as `testbed show --json` does."""
        return await archive.summary(name)

    @router.get("/api/sessions/{name}/signals")
    async def signals(name: Name) -> list[SignalOut]:
        """Tell every signal with its newest sample."""
        about, known = await archive.about(name), await house.follower(name).known()
        return [_signal_out(signal, known) for signal in about.signals]

    @router.get("/api/sessions/{name}/curves", response_model=dict[str, CurveOut])
    async def curves(
        name: Name,
        signal: Annotated[list[str], Query(min_length=1, max_length=_MOST_SIGNALS)],
        from_ns: NS | None = None,
        to_ns: NS | None = None,
        points: Annotated[int, Query(ge=2, le=_MOST_POINTS)] = 1_000,
        around: Annotated[bool, Query(description="with the sample before and the one after")] = False,
    ) -> Response:
        """Give curves between two times (default: all), thinned to `points` each with every extreme kept."""
        about = await archive.about(name)
        numbers = {each.path: each.id for each in about.signals}
        for path in signal:
            if path not in numbers:
                raise HTTPException(404, f"the session has no signal {path!r}")
        wanted = {path: numbers[path] for path in signal}
        found = await read_curves(archive.path(name), wanted, from_ns, to_ns, points, around=around)
        plain = {path: as_columns(curve) for path, curve in found.items()}
        return Response(msgspec.json.encode(plain), media_type="application/json")

    @router.get("/api/sessions/{name}/events")
    async def events(
        name: Name, limit: Annotated[int, Query(ge=1, le=_MOST_EVENTS)] = 1_000
    ) -> list[EventOut]:
        """Give the last events in time order."""

        def last(reader: SessionReader) -> list[EventOut]:
            return [EventOut(**as_message(event)) for event in list(reader.events())[-limit:]]

        return await archive.read(name, last)

    @router.get("/api/sessions/{name}/notes")
    async def notes(name: Name) -> list[NoteOut]:
        """Give what people noted, by its moments."""
        return [NoteOut(**msgspec.to_builtins(note)) for note in read_notes(archive.path(name))]

    @router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def metrics() -> Response:
        """Give the run in numbers, as Prometheus reads them."""
        known = await house.follower(house.running).known() if house.running else None
        text = metrics_text(known, house.running, house.hands.standing)
        return Response(text, media_type="text/plain; version=0.0.4")

    return router


def _acting(house: House) -> APIRouter:
    router = APIRouter(responses=_ACTING)
    hands = house.hands

    @router.post("/api/sessions/{name}/notes", status_code=201)
    async def note(name: Name, body: NoteIn, request: Request) -> NoteOut:
        """Note something about a moment."""
        visitor = _visitor(request)
        require(visitor, Role.OPERATOR)
        made = add_note(house.archive.path(name), body.time_ns, visitor.name, body.text)
        return NoteOut(**msgspec.to_builtins(made))

    @router.post("/api/leases", status_code=201)
    async def take(body: LeaseIn, request: Request) -> LeaseOut:
        """Take an actuator in hand. Unless the lease is renewed in time, it goes safe or back to its loop."""
        lease = await hands.take(_visitor(request), body.signal, body.seconds)
        return LeaseOut(lease=lease, seconds=body.seconds)

    @router.put("/api/leases/{lease}", status_code=204)
    async def renew(lease: Lease, request: Request) -> None:
        """Keep a lease for another while."""
        await hands.renew(_visitor(request), lease)

    @router.post("/api/leases/{lease}/command")
    async def command(lease: Lease, body: CommandIn, request: Request) -> CommandOut:
        """Command what the lease holds, through the guard; answered when the outcome is known."""
        reply = await hands.give(_visitor(request), lease, body.value)
        return CommandOut(outcome=reply.outcome, reason=reply.reason)

    @router.delete("/api/leases/{lease}", status_code=204)
    async def release(lease: Lease, request: Request) -> None:
        """Give an actuator back."""
        await hands.release(_visitor(request), lease)

    @router.post("/api/faults", status_code=204)
    async def break_(body: FaultIn, request: Request) -> None:
        """Break something on purpose; for administrators."""
        await hands.break_(_visitor(request), body.device, body.fault, dict(body.parameters), body.lasts)

    @router.delete("/api/faults/{device}/{fault}", status_code=204)
    async def mend(device: str, fault: str, request: Request) -> None:
        """Mend it; for administrators."""
        await hands.mend(_visitor(request), device, fault)

    @router.post("/api/interlocks/{name}/reset", status_code=204)
    async def reset(name: str, request: Request) -> None:
        """Let a latched interlock go, if its condition allows it."""
        await hands.reset(_visitor(request), name)

    @router.post("/api/stop", status_code=204)
    async def stop(request: Request) -> None:
        """End the run: every actuator goes safe first."""
        await hands.stop(_visitor(request))

    return router


def _visitor(request: Request) -> Visitor:
    visitor: Visitor = request.state.visitor
    return visitor


def _signal_out(signal: Signal, known: Followed) -> SignalOut:
    shown = known.shown.get(signal.path)
    newest = None
    if shown is not None:
        newest = Newest(time_ms=shown[0], value=shown[1], quality=shown[2], reason=shown[3])
    return SignalOut(
        signal=signal.path, title=signal.title, unit=signal.unit, access=signal.access.value,
        limits=signal.limits, safe=signal.safe,
        period_s=signal.period_ns / 1e9 if signal.period_ns else None,
        samples=known.totals.get(signal.path, 0), newest=newest,
    )  # fmt: skip
