"""An FMU as a file: opened, its description read, and refused by name if it cannot run here.

The file is a zip archive (FMI 3.0 specification, section 2.5); the parts that are not ours to run, FMI 1.0
and FMUs without a library for this machine, are refused before anything of it is loaded.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
import zipfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from testbed.errors import DamagedInput, MissingPart, UsageError

_DESCRIPTION = "modelDescription.xml"
_OLD = 1  # the major version of FMI that is not spoken here


class Kind(StrEnum):
    """Who integrates: we do (its state can be seen and corrected), or the FMU itself."""

    EXCHANGE = "model-exchange"
    COSIMULATION = "co-simulation"


@dataclass(frozen=True)
class Archive:
    """An FMU that can run here. `description` is fmpy's ModelDescription; `folder` goes when this does."""

    path: Path
    description: Any
    kind: Kind
    folder: Path
    """Where it is unpacked."""

    @property
    def name(self) -> str:
        """Return what the FMU is called in messages."""
        return self.path.name

    @property
    def can(self) -> Any:
        """Return what the FMU says that it can in this kind of use."""
        described = self.description
        return described.modelExchange if self.kind is Kind.EXCHANGE else described.coSimulation


def open_archive(path: Path, kind: Kind | None = None) -> Archive:
    """Unpack an FMU into a folder of its own; `kind` None takes model exchange where the FMU offers it.

    Raises MissingPart without fmpy, UsageError for a missing file, FMI 1.0, another platform or a kind that
    the FMU does not offer, DamagedInput for what is no FMU.
    """
    fmpy = import_fmpy()
    if not path.is_file():
        raise UsageError(f"{path}: there is no such FMU", "check the path; it counts from the bench file")
    try:
        version = _version(path)
        if version < _OLD + 1:
            raise UsageError(f"{path.name} is an FMU of FMI 1.0", "export it anew as FMI 2.0 or 3.0")
        description = fmpy.read_model_description(str(path))
        platforms = fmpy.supported_platforms(str(path))
        here = {fmpy.platform, fmpy.platform_tuple}
        if not here & set(platforms) and not _library(path, description, fmpy):
            told = ", ".join(platforms) or "none"
            raise UsageError(
                f"{path.name} has no library for {fmpy.platform}; it has: {told}",
                "export it on this platform" + (", or compile its sources" if "c-code" in platforms else ""),
            )
        chosen = _choose(path, description, kind)
        archive = Archive(path, description, chosen, Path(tempfile.mkdtemp(prefix="fmu-")))
        weakref.finalize(archive, shutil.rmtree, archive.folder, ignore_errors=True)
        fmpy.extract(str(path), str(archive.folder))
    except (UsageError, DamagedInput):
        raise
    except Exception as error:  # fmpy raises plain Exception, lxml and zipfile several more
        raise DamagedInput(f"{path.name} cannot be read as an FMU: {error}", "export it again") from error
    return archive


def import_fmpy() -> Any:
    """Return fmpy; raises MissingPart without it."""
    try:
        import fmpy
    except ImportError as error:
        raise MissingPart("an FMU needs fmpy", "pip install 'hil-testbed[fmu]'") from error
    return fmpy


def _version(path: Path) -> int:
    """Return the major version of FMI, from the root of the description alone."""
    from xml.etree.ElementTree import iterparse

    if not zipfile.is_zipfile(path):
        raise DamagedInput(f"{path.name} is no FMU: it is no zip archive", "export it again")
    with zipfile.ZipFile(path) as archive:
        broken = archive.testzip()
        if broken is not None:
            raise DamagedInput(f"{path.name} is damaged at {broken}", "export it again")
        if _DESCRIPTION not in archive.namelist():
            raise DamagedInput(f"{path.name} is no FMU: it has no {_DESCRIPTION}", "export it again")
        with archive.open(_DESCRIPTION) as file:
            _, root = next(iter(iterparse(file, events=("start",))))  # noqa: S314 (no entities are expanded)
    return int(float(root.attrib.get("fmiVersion", "0")[:3]))


def _library(path: Path, description: Any, fmpy: Any) -> bool:
    """Return whether there is a library for this machine under either name of its platform."""
    uses = (description.coSimulation, description.modelExchange)
    names = {f"{use.modelIdentifier}{fmpy.sharedLibraryExtension}" for use in uses if use is not None}
    with zipfile.ZipFile(path) as archive:
        files = set(archive.namelist())
    return any(
        f"binaries/{place}/{name}" in files
        for place in (fmpy.platform, fmpy.platform_tuple)
        for name in names
    )


def _choose(path: Path, description: Any, kind: Kind | None) -> Kind:
    offered = [
        each
        for each, use in (
            (Kind.EXCHANGE, description.modelExchange),
            (Kind.COSIMULATION, description.coSimulation),
        )
        if use is not None
    ]
    if not offered:
        raise UsageError(
            f"{path.name} is for scheduled execution alone", "export it for co-simulation or model exchange"
        )
    if kind is None:
        return offered[0]
    if kind not in offered:
        raise UsageError(f"{path.name} is not for {kind}", f"it is for {offered[0]}")
    return kind
