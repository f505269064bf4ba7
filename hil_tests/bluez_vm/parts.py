"""What the virtual machine is made of: Debian packages, installed or only unpacked, without root."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_MODULES = (
    "virtio_pci", "9pnet_virtio", "9p", "overlay",
    "sha512_generic", "ctr", "drbg", "ecb", "cmac", "ccm", "ecdh_generic", "hci_vhci",
)  # fmt: skip
"""What Debian's kernel has as modules and the guest needs: its root, and Bluetooth with its cryptography."""

_PACKAGES = ("bluez", "busybox-static", "seabios")


class PartMissing(Exception):
    """Something that has to be installed; the text says how."""


@dataclass(frozen=True)
class Parts:
    """Where everything is."""

    qemu: str
    qemu_modules: Path | None
    """Where an unpacked QEMU finds its own; None for one that is installed."""
    firmware: Path
    """Folder with QEMU's BIOS."""
    kernel: Path
    modules: list[Path]
    """In the order in which they are loaded."""
    busybox: Path
    bluetoothd: Path


def gather(folder: Path) -> Parts:
    """Return the parts, fetching packages into `folder` where they are not; raises PartMissing."""
    folder.mkdir(parents=True, exist_ok=True)
    linux = _depends("linux-image-amd64")
    for package in (*_PACKAGES, linux):
        _unpack(package, folder)
    qemu, modules = shutil.which("qemu-system-x86_64"), None
    if qemu is None:
        qemu = str(_unpack("qemu-system-x86", folder) / "usr/bin/qemu-system-x86_64")
        modules = _unpack("qemu-system-common", folder) / "usr/lib/x86_64-linux-gnu/qemu"
    _check_runs(qemu)
    tree = folder / linux
    return Parts(
        qemu, modules, folder / "seabios/usr/share/seabios",
        next((tree / "boot").glob("vmlinuz-*")), _ordered(tree),
        folder / "busybox-static/bin/busybox", folder / "bluez/usr/libexec/bluetooth/bluetoothd",
    )  # fmt: skip


def _unpack(package: str, folder: Path) -> Path:
    place = folder / package
    if not place.is_dir():
        print(f"fetching {package}", file=sys.stderr)
        _run("apt-get", "download", package, cwd=folder)
        archive = next(folder.glob(f"{package}_*.deb"))
        _run("dpkg-deb", "-x", str(archive), str(place), cwd=folder)
        archive.unlink()
    return place


def _depends(package: str) -> str:
    found = re.search(r"Depends: (linux-image-\S+)", _run("apt-cache", "depends", package))
    if found is None:
        raise PartMissing(f"apt knows no {package}; run: apt-get update")
    return found[1]


def _ordered(tree: Path) -> list[Path]:
    """Return the modules that are needed, each after those that it depends on."""
    files = {path.name.split(".")[0].replace("-", "_"): path for path in tree.rglob("*.ko")}
    order: dict[str, Path] = {}

    def add(name: str) -> None:
        if name not in files or name in order:
            return  # built in, or there already
        depends = re.search(rb"\0depends=([^\0]*)\0", files[name].read_bytes())
        for other in filter(None, depends[1].decode().split(",") if depends else []):
            add(other.replace("-", "_"))
        order[name] = files[name]

    for name in _MODULES:
        add(name)
    return list(order.values())


def _check_runs(qemu: str) -> None:
    if subprocess.run([qemu, "--version"], capture_output=True, check=False).returncode:
        raise PartMissing("QEMU lacks libraries; run: apt-get install qemu-system-x86")


def _run(*command: str, cwd: Path | None = None) -> str:
    try:
        return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError:
        raise PartMissing(
            f"{command[0]} is not here; the virtual machine is made of Debian packages"
        ) from None
    except subprocess.CalledProcessError as error:
        raise PartMissing(f"{' '.join(command)}: {error.stderr.strip()}") from None
