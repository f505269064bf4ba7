"""Run BLE tests in the virtual machine; the exit code is pytest's, 2 when the machine cannot be made.

    python -m hil_tests.bluez_vm [PYTEST ARGUMENTS]

BLUEZ_VM_PARTS is the folder for unpacked packages (build/bluez-vm), BLUEZ_VM_ACCEL what QEMU runs on: kvm,
where that works, is ten times as fast as tcg.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from .archive import write_archive
from .parts import PartMissing, Parts, gather

_HERE = Path(__file__).parent
_ROOT = _HERE.parent.parent
_TESTS = ["-q", "hil_tests/drivers/test_ble.py"]


def main(arguments: list[str]) -> int:
    """Make the machine, run it, and tell what it told."""
    cache = Path(os.environ.get("BLUEZ_VM_PARTS", _ROOT / "build" / "bluez-vm"))
    try:
        parts = gather(cache.resolve())
    except PartMissing as missing:
        print(missing, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        return _run(parts, Path(folder), arguments or _TESTS)


def _run(parts: Parts, folder: Path, tests: list[str]) -> int:
    guest = folder / "guest.sh"
    guest.write_text(_filled("guest.sh", parts, tests))
    disk = folder / "disk.gz"
    _pack(disk, parts, guest)
    command = [
        parts.qemu, "-accel", os.environ.get("BLUEZ_VM_ACCEL", "tcg,thread=multi"), "-cpu", "max",
        "-smp", "2", "-m", "1024",
        "-nographic", "-no-reboot", "-nic", "none", "-L", str(parts.firmware), "-L", "/usr/share/qemu",
        "-kernel", str(parts.kernel), "-initrd", str(disk), "-append", "console=ttyS0 quiet panic=-1",
        "-fsdev", "local,id=h,path=/,security_model=none,readonly=on,multidevs=remap",
        "-device", "virtio-9p-pci,fsdev=h,mount_tag=host",
    ]  # fmt: skip
    result = 2
    environment = {**os.environ, "QEMU_MODULE_DIR": str(parts.qemu_modules)} if parts.qemu_modules else None
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, env=environment, stdin=nothing, stdout=pipe, text=True) as machine:
        assert machine.stdout is not None
        for line in _told(machine.stdout):
            print(line, end="", flush=True)
            if told := re.match(r"guest result (\d+)", line):
                result = int(told[1])
    return result


def _told(lines: Iterable[str]) -> Iterator[str]:
    """Yield what the guest says; how it started only when it did not."""
    start = []
    for line in (rest := iter(lines)):
        start.append(line)
        if "guest up" in line:
            yield line[line.index("guest up") :]
            yield from rest
            return
    yield from start


def _filled(name: str, parts: Parts, tests: list[str]) -> str:
    text = (_HERE / name).read_text()
    filling = {
        "ROOT": str(_ROOT), "BUSYBOX": str(parts.busybox), "BLUETOOTHD": str(parts.bluetoothd),
        "PYTHON": sys.executable, "TESTS": shlex.join(tests),
    }  # fmt: skip
    for mark, value in filling.items():
        text = text.replace(f"@{mark}@", value)
    return text


def _pack(disk: Path, parts: Parts, guest: Path) -> None:
    folders = ["bin", "modules", "proc", "sys", "dev", "host", "over", "mnt"]
    files = {
        "init": (_HERE / "init.sh").read_text().replace("@GUEST@", str(guest)).encode(),
        "bin/busybox": parts.busybox.read_bytes(),
        "modules/order": "".join(f"{path.name}\n" for path in parts.modules).encode(),
        **{f"modules/{path.name}": path.read_bytes() for path in parts.modules},
    }
    write_archive(disk, folders, files)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
