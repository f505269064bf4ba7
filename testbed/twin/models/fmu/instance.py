"""One FMU at work: started, stepped, copied, its messages kept; FMI 2.0 and 3.0 look the same from here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .access import Access
from .archive import Archive, Kind, import_fmpy
from .failure import FmuFailed
from .messages import STATUS, Messages
from .variables import Element, Layout

_FATAL = STATUS.index("fatal")
_ROUNDS = 100  # of event iteration, after which it will not end

Numbers = tuple[float, ...]


class _Gone:
    """Stands where an FMU was."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("it has failed for good, or was let go")


_GONE: Any = _Gone()
_FAILED: list[Any] = []


class Instance:
    """An FMU between its start and its end; what fails raises FmuFailed with the FMU's own words."""

    def __init__(self, archive: Archive, layout: Layout) -> None:
        self.archive = archive
        self.layout = layout
        self.version = 2 if archive.description.fmiVersion.startswith("2") else 3
        self.parameters: Numbers = ()
        self.next_event = math.inf
        self.inputs: Numbers = ()
        self._messages = Messages(self.version)
        with self.calling("start"):
            self.fmu = self._instantiate()
        self._inputs = self._access(layout.inputs)
        self._outputs = self._access(layout.outputs)
        self._tunable = [
            at for at, each in enumerate(layout.parameters) if each.variable.variability == "tunable"
        ]
        self._parameters = self._access(layout.parameters)
        self._tuned = self._access([layout.parameters[at] for at in self._tunable])
        self._fresh = True

    # From start to end --------------------------------------------------------------------------

    def initialise(
        self, parameters: Numbers, inputs: Numbers, first: Sequence[tuple[Element, float]] = ()
    ) -> None:
        """Begin at time 0; `first` are values that the FMU lets one set before."""
        fmu, ours = self.fmu, self.archive.kind is Kind.EXCHANGE
        with self.calling("begin"):
            self.next_event = math.inf
            if not self._fresh:
                fmu.reset()
            self._fresh = False
            if self.version == 2:
                fmu.setupExperiment(startTime=0.0)
            self._parameters.write(parameters)
            if first:
                self._access([element for element, _ in first]).write([value for _, value in first])
            fmu.enterInitializationMode(*([] if self.version == 2 else [None, 0.0]))
            self._inputs.write(inputs)
            fmu.exitInitializationMode()
            if ours:
                self.settle()
        self.parameters, self.inputs = parameters, inputs

    def settle(self) -> bool:
        """Let discrete states come to rest, and go on in continuous time; return whether states jumped."""
        fmu, jumped = self.fmu, False
        for _ in range(_ROUNDS):
            update = fmu.newDiscreteStates if self.version == 2 else fmu.updateDiscreteStates
            again, ends, _, moved, planned, at = update()
            self._go_on(ends)
            jumped = jumped or bool(moved)
            if not again:
                self.next_event = at if planned else math.inf
                fmu.enterContinuousTimeMode()
                return jumped
        raise FmuFailed(f"{self.archive.name}: an event does not come to rest in {_ROUNDS} rounds")

    def close(self) -> None:
        """End it; a library that complains then is let go all the same."""
        fmu, self.fmu = self.fmu, _GONE
        if fmu is not _GONE:
            with self.calling("end"):
                fmu.freeInstance()

    # Numbers ------------------------------------------------------------------------------------

    def write_inputs(self, values: Numbers, *, event: bool = False) -> None:
        """Set the inputs, where they change; as an `event` if the FMU is to notice a jump."""
        if values == self.inputs:
            return
        try:
            if event:
                self.fmu.enterEventMode()
            self._inputs.write(values)
            self.inputs = values
            if event:
                self.settle()
        except FmuFailed:
            raise
        except Exception as error:
            raise self.failed("take its inputs", error) from error

    def read_outputs(self) -> Numbers:
        """Return the outputs as they are now."""
        try:
            return self._outputs.read()
        except Exception as error:
            raise self.failed("tell its outputs", error) from error

    def tune(self, parameters: Numbers) -> bool:
        """Set parameters that may change while it runs; return False, setting none, if another differs."""
        if parameters == self.parameters:
            return True
        differ = {
            at for at, pair in enumerate(zip(parameters, self.parameters, strict=True)) if pair[0] != pair[1]
        }
        if not differ <= set(self._tunable):
            return False
        ours = self.archive.kind is Kind.EXCHANGE  # there they may change at events only
        with self.calling("take its parameters"):
            if ours:
                self.fmu.enterEventMode()
            self._tuned.write([parameters[at] for at in self._tunable])
            self.parameters = parameters
            if ours:
                self.settle()
        return True

    # Steps and copies ---------------------------------------------------------------------------

    def do_step(self, time: float, seconds: float) -> None:
        """Let it integrate itself."""
        try:
            done = self.fmu.doStep(time, seconds, False)
        except Exception as error:
            raise self.failed(f"go on from {time:g} s by {seconds:g} s", error) from error
        if done is not None:
            _, ends, early, reached = done
            self._go_on(ends)
            if early and reached < time + seconds * (1 - 1e-9):
                raise FmuFailed(
                    f"{self.archive.name} came from {time:g} s to {reached:g} s, not by {seconds:g} s"
                )

    def copy(self) -> Any:
        """Return a copy of all that it remembers; `drop` it when it is done with."""
        try:
            return self.fmu.getFMUState()
        except Exception as error:
            raise self.failed("copy its state", error) from error

    def go_back(self, copy: Any, parameters: Numbers, inputs: Numbers, next_event: float = math.inf) -> None:
        """Become what it was when the copy was made, with these parameters and inputs."""
        try:
            self.fmu.setFMUState(copy)
        except Exception as error:
            raise self.failed("go back to a copy", error) from error
        self.parameters, self.inputs, self.next_event = parameters, inputs, next_event

    def drop(self, copy: Any) -> None:
        """Let go of a copy."""
        if self.fmu is not _GONE:
            self.fmu.freeFMUState(copy)

    def serialise(self, copy: Any) -> bytes:
        """Return a copy as bytes."""
        with self.calling("serialise its state"):
            return bytes(self.fmu.serializeFMUState(copy))

    def deserialise(self, saved: bytes) -> Any:
        """Return a copy from bytes."""
        with self.calling("read a serialised state"):
            return self.fmu.deserializeFMUState(saved)

    # What it says -------------------------------------------------------------------------------

    @contextmanager
    def calling(self, what: str) -> Iterator[None]:
        """Turn what fails inside into FmuFailed; the hot calls do it themselves."""
        try:
            yield
        except FmuFailed:
            raise
        except Exception as error:
            raise self.failed(what, error) from error

    def failed(self, what: str, error: Exception) -> FmuFailed:
        """Return the failure to be raised, with the newest of the FMU's own messages.

        After a fatal one no function may be called any more, not even to free it (FMI 2.0, section 2.1.3).
        """
        if getattr(error, "status", None) == _FATAL:
            _FAILED.append(self.fmu)  # its library may still hold on to callbacks of ours
            self.fmu = self._inputs = self._outputs = self._parameters = self._tuned = _GONE
        return FmuFailed(
            f"{self.archive.name} could not {what}: {error}{self._messages}",
            "see the FMU's own documentation",
        )

    def _go_on(self, ends: Any) -> None:
        if ends:
            raise self.failed("go on", RuntimeError("it asks to end the simulation"))

    def _access(self, elements: Sequence[Element]) -> Access:
        return Access(self.fmu, elements, self.version)

    def _instantiate(self) -> Any:
        fmpy, archive = import_fmpy(), self.archive
        fmu = fmpy.instantiate_fmu(
            str(archive.folder), archive.description,
            "ModelExchange" if archive.kind is Kind.EXCHANGE else "CoSimulation",
            logger=self._messages.take, debug_logging=True,
        )  # fmt: skip
        self._messages.choose(fmu, {category.name for category in archive.description.logCategories})
        return fmu
