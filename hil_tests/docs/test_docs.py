"""The documentation says what is so: links, keys, options, commands, examples, names of functions."""

from __future__ import annotations

import ast
import asyncio
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
import yaml
from pydantic import BaseModel

from testbed.bench import Bench, BenchFileError, load_bench
from testbed.bench.ble_wire import OPTIONS as BLE_OPTIONS
from testbed.bench.expectation import parse_expectation, parse_signal
from testbed.bench.profile import ProfileSpec, SignalSpec, load_profile, shipped_profiles
from testbed.bench.spec import BenchSpec
from testbed.cli.app import app
from testbed.drivers import driver_class, registry
from testbed.drivers.serial_port import _OPTIONS as SERIAL_OPTIONS
from testbed.errors import TestbedError
from testbed.links.broker import OPTIONS as BROKER_OPTIONS
from testbed.plants import plant_class
from testbed.protocols.cobs import CobsAddress, CobsSettings
from testbed.protocols.crc import CATALOGUE
from testbed.protocols.gatt import GattAddress, GattSettings
from testbed.protocols.lorawan.plan import LorawanAddress, LorawanSettings
from testbed.protocols.modbus import ModbusSettings, RegisterAddress
from testbed.protocols.modbus.wire import _OPTIONS as MODBUS_OPTIONS
from testbed.protocols.mqtt import MqttAddress, MqttSettings
from testbed.protocols.mqtt.profile import Acknowledgement, Availability
from testbed.protocols.numbers import NumberType
from testbed.protocols.scpi import ScpiAddress, ScpiSettings
from testbed.protocols.sparkplug import SparkplugAddress, SparkplugSettings
from testbed.protocols.text.address import TextAddress, TextSettings
from testbed.session.verify import verify
from testbed.twin.models import MODELS, model_class

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
BENCH_FILE, PROFILES, ARCHITECTURE = DOCS / "bench-file.md", DOCS / "profiles.md", DOCS / "architecture.md"
PAGES = [README, *sorted(DOCS.rglob("*.md"))]
SCAFFOLD = ROOT / "testbed" / "cli" / "scaffold"
RIG = ROOT / "benches" / "thermal-rig.yaml"

PROTOCOLS: dict[str, tuple[type[BaseModel], type[BaseModel]]] = {
    "modbus": (RegisterAddress, ModbusSettings),
    "scpi": (ScpiAddress, ScpiSettings),
    "cobs": (CobsAddress, CobsSettings),
    "text": (TextAddress, TextSettings),
    "ble": (GattAddress, GattSettings),
    "mqtt": (MqttAddress, MqttSettings),
    "sparkplug": (SparkplugAddress, SparkplugSettings),
    "lorawan": (LorawanAddress, LorawanSettings),
}
WIRE_OPTIONS = {
    "serial": SERIAL_OPTIONS,
    "socket": (),
    "rfc2217": SERIAL_OPTIONS,
    **MODBUS_OPTIONS,
    "ble": BLE_OPTIONS,
    "nus": BLE_OPTIONS,
    "chirpstack+mqtt": BROKER_OPTIONS,
    "ttn+mqtt": BROKER_OPTIONS,
    "mqtt": BROKER_OPTIONS,
    "mqtts": BROKER_OPTIONS,
    "sparkplug+mqtt": (*BROKER_OPTIONS, "host"),
    "sparkplug+mqtts": (*BROKER_OPTIONS, "host"),
}

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
each_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)


# Reading pages --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    """A fenced block: the words behind its fence, and its text."""

    words: tuple[str, ...]
    text: str


@cache
def blocks(page: Path) -> list[Block]:
    found = re.findall(r"^```([^\n`]*)\n(.*?)^```$", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return [Block(tuple(words.split()), text) for words, text in found]


@cache
def prose(page: Path) -> str:
    """Return a page without its fenced blocks and comments."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)


def section(page: Path, heading: str) -> str:
    """Return what stands under a heading of the second level."""
    match = re.search(
        rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", page.read_text(), re.DOTALL | re.MULTILINE
    )
    assert match is not None, f"{page.name} has no section {heading!r}"
    return match[1]


def missing(names: Iterator[str] | list[str], text: str) -> list[str]:
    """Return the names that do not stand in the text as code, `name`."""
    return [name for name in names if f"`{name}`" not in text]


def keys(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield field.alias or name


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield every pydantic model that an annotation holds, and those in their fields."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_in(field.annotation)
        return
    for part in get_args(annotation):
        yield from models_in(part)


# Links ----------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        goal = (page.parent / path).resolve() if path else page
        if not goal.exists() or (anchor and anchor not in anchors(goal)):
            broken.append(target)
    assert not broken


def test_the_index_names_every_page() -> None:
    index = (DOCS / "README.md").read_text()
    assert not [
        page.name for page in DOCS.glob("*.md") if page.name != "README.md" and page.name not in index
    ]


def test_every_picture_is_shown_and_holds_no_reference_to_another_site() -> None:
    for picture in (DOCS / "images").iterdir():
        assert [page for page in PAGES if picture.name in page.read_text()], picture.name
        if picture.suffix == ".svg":
            assert not re.findall(r"url\(.?http|href=.http", picture.read_text())


# The README -----------------------------------------------------------------------------------------


def test_the_readme_starts_with_exactly_the_two_make_commands() -> None:
    commands = blocks(README)[0].text.split("\n")
    assert commands == ["make demo", "make test", ""]
    makefile = (ROOT / "Makefile").read_text()
    assert all(re.search(rf"^{command.split()[1]}:", makefile, re.MULTILINE) for command in commands[:2])


# Keys and options -----------------------------------------------------------------------------------


def test_the_bench_file_reference_tells_every_key() -> None:
    text = BENCH_FILE.read_text()
    models = set(models_in(BenchSpec))
    assert len(models) > 5
    assert not {model.__name__: gap for model in models if (gap := missing(list(keys(model)), text))}


def test_the_profile_reference_tells_every_common_key() -> None:
    text = section(PROFILES, "Common keys")
    assert not missing([*keys(ProfileSpec), *keys(SignalSpec)], text)
    assert not missing([kind.value for kind in NumberType], text)


@each_protocol
def test_the_profile_reference_tells_every_key_of_a_protocol(protocol: str) -> None:
    address, settings = PROTOCOLS[protocol]
    assert not missing([*keys(address), *keys(settings)], section(PROFILES, protocol))


def test_what_availability_and_acknowledgements_of_mqtt_hold_is_told() -> None:
    assert not missing([*keys(Availability), *keys(Acknowledgement)], section(PROFILES, "mqtt"))


def test_every_protocol_and_shipped_profile_is_told() -> None:
    assert set(PROTOCOLS) == set(registry._OURS)
    assert not missing(shipped_profiles(), PROFILES.read_text())


def test_every_crc_that_a_profile_may_name_is_told() -> None:
    names = [crc.name for crc in CATALOGUE.values() if crc.width in (16, 32)]
    assert not missing(names, section(PROFILES, "cobs"))


@each_protocol
def test_every_wire_is_told_with_all_its_options(protocol: str) -> None:
    wires = section(BENCH_FILE, "Wires")
    for scheme in driver_class(protocol).schemes:
        told = re.search(rf"^\*\*{re.escape(scheme)}\*\*$(.*?)(?=^\*\*|\Z)", wires, re.DOTALL | re.MULTILINE)
        assert told is not None, scheme
        assert not missing(list(WIRE_OPTIONS[scheme]), told[1])


def test_the_plant_is_told_with_all_its_names() -> None:
    plant, text = plant_class("thermal-chamber"), section(BENCH_FILE, "plant")
    assert not missing([*plant.INPUTS, *plant.OUTPUTS, *plant.PARAMETERS], text)
    assert not missing([*plant_class("recording").PARAMETERS], text)


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_every_model_is_told_with_all_its_names_and_numbers(kind: str) -> None:
    model = model_class(kind)
    row = next(line for line in section(BENCH_FILE, "twins").splitlines() if line.startswith(f"| `{kind}` |"))
    assert not missing([each.name for each in (*model.INPUTS, *model.OUTPUTS, *model.PARAMETERS)], row)
    assert not [each.name for each in model.PARAMETERS if f"{each.nominal:g}" not in row]


def test_every_exit_code_is_told() -> None:
    text = section(BENCH_FILE, "Verdicts and exit codes")
    codes = {0, 1, 130, TestbedError.exit_code, *(each.exit_code for each in TestbedError.__subclasses__())}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)} == codes


# Examples -------------------------------------------------------------------------------------------


def example_folder(page: Path, folder: Path) -> Path:
    """Write the profiles of a page into `folder`, beside those of `testbed new` and the recordings."""
    profiles = folder / "profiles"
    profiles.mkdir(exist_ok=True)
    for shipped in (SCAFFOLD / "profiles").glob("*.yaml"):
        (profiles / shipped.name).write_text(shipped.read_text())
    for recording in RIG.parent.glob("*.csv"):
        (folder / recording.name).write_bytes(recording.read_bytes())
    for block in blocks(page):
        if block.words[:2] == ("yaml", "profile"):
            (profiles / f"{block.words[2]}.yaml").write_text(block.text)
    return folder


def load(file: Path) -> Bench:
    environment = dict.fromkeys(re.findall(r"\$\{(\w+)\}", file.read_text()), "example")
    bench = load_bench(file, environment)
    asyncio.run(verify(bench))
    return bench


@each_page
def test_every_bench_of_a_page_is_free_of_errors(page: Path, tmp_path: Path) -> None:
    folder = example_folder(page, tmp_path)
    for block in blocks(page):
        if block.words == ("yaml", "bench"):
            (folder / "bench.yaml").write_text(block.text)
            load(folder / "bench.yaml")


@each_page
def test_every_profile_of_a_page_is_free_of_errors(page: Path, tmp_path: Path) -> None:
    folder = example_folder(page, tmp_path)
    for block in blocks(page):
        if block.words[:2] == ("yaml", "profile"):
            profile = load_profile(folder / "profiles" / f"{block.words[2]}.yaml")
            address, settings = PROTOCOLS[profile.protocol]
            assert profile.addresses(address)
            assert profile.settings(settings)
            assert profile.name == block.words[2]


@pytest.mark.parametrize(("page", "whole"), [(README, SCAFFOLD / "bench.yaml"), (BENCH_FILE, RIG)])
def test_every_piece_of_a_bench_fits_into_a_whole_one(page: Path, whole: Path, tmp_path: Path) -> None:
    folder = example_folder(page, tmp_path)
    pieces = [block.text for block in blocks(page) if block.words == ("yaml",)]
    assert pieces
    for piece in pieces:
        bench = merged(yaml.safe_load(whole.read_text()), yaml.safe_load(piece))
        (folder / "bench.yaml").write_text(yaml.safe_dump(bench))
        load(folder / "bench.yaml")


def merged(whole: Any, piece: Any) -> Any:
    """Return `whole` with what `piece` says in its place."""
    if not (isinstance(whole, dict) and isinstance(piece, dict)):
        return piece
    return {**whole, **{key: merged(whole.get(key), value) for key, value in piece.items()}}


def test_the_errors_that_are_shown_are_those_that_come(tmp_path: Path) -> None:
    found = blocks(BENCH_FILE)
    at = next(index for index, block in enumerate(found) if block.words == ("yaml", "wrong"))
    (tmp_path / "bench.yaml").write_text(found[at].text)
    with pytest.raises(BenchFileError) as caught:
        load(tmp_path / "bench.yaml")
    assert str(caught.value).replace(f"{tmp_path}/", "") == found[at + 1].text.strip()


def test_every_form_of_an_expectation_is_shown_and_reads() -> None:
    (block,) = (block for block in blocks(BENCH_FILE) if block.words == ("text", "expectations"))
    for line in block.text.splitlines():
        unit = {"speed": "rpm", "humidity": "%"}.get(line.split()[0].partition(".")[2], "degC")
        assert parse_signal(line) is not None
        assert parse_expectation(line, unit).text == line


# Commands -------------------------------------------------------------------------------------------

COMMAND = re.compile(r"^\s*(?:\$ )?(?:\S*/)?(testbed [^\n]*)$", re.MULTILINE)


def shown_commands(page: Path) -> Iterator[str]:
    for block in blocks(page):
        if not block.words or block.words[0] in ("sh", "console"):
            for line in COMMAND.findall(block.text):
                yield re.split(r"\s{3,}|\s[|#>]\s|\s&&\s", line)[0]


def words_of(command: str) -> list[str]:
    words = shlex.split(command)[1:]
    return words[: next((at for at, word in enumerate(words) if word in "|>&"), len(words))]


@each_page
def test_every_command_in_a_block_parses(page: Path) -> None:
    for command in shown_commands(page):
        group: Any = typer.main.get_command(app)
        words = words_of(command)
        # A context is made by parsing; the command's function is not called.
        context = group.make_context("testbed", list(words))
        while hasattr(group, "resolve_command"):
            name, group, words = group.resolve_command(context, words)
            context = group.make_context(name, list(words), parent=context)


@each_page
def test_every_command_in_the_text_is_one_with_such_options(page: Path) -> None:
    for command in re.findall(r"`(testbed [^`\n]+)`", prose(page)):
        words = words_of(command)
        group: Any = typer.main.get_command(app)
        while words and hasattr(group, "commands") and words[0] in group.commands:
            group = group.commands[words.pop(0)]
        assert not hasattr(group, "commands") or not words or words[0].startswith("-"), command
        known = {"-h", "--help"} | {option for parameter in group.params for option in parameter.opts}
        assert not [word for word in words if word.startswith("-") and word not in known], command


def test_the_tutorial_and_the_readme_show_commands() -> None:
    shown = [command for page in (README, DOCS / "tutorial.md") for command in shown_commands(page)]
    used = {words_of(command)[0] for command in shown}
    assert {"run", "new", "check", "show", "export", "emulate", "doctor"} <= used


# The architecture -----------------------------------------------------------------------------------


def test_every_path_in_the_text_exists() -> None:
    for page in PAGES:
        named = re.findall(r"`((?:testbed|hil_tests|benches|tools|docs)/[\w./-]+)`", prose(page))
        assert not [path for path in named if not (ROOT / path).exists()], page.name


def test_every_function_named_with_its_file_is_there() -> None:
    named = re.findall(r"`(testbed/[\w/]+\.py)`:\s+`([\w.]+)`", prose(ARCHITECTURE))
    assert len(named) > 20
    assert not [f"{file}: {name}" for file, name in named if name not in definitions(ROOT / file)]


@cache
def definitions(file: Path) -> set[str]:
    """Return the classes, functions and methods (Class.method) that a file defines."""
    found = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ClassDef):
            found.add(node.name)
            found |= {f"{node.name}.{each.name}" for each in node.body if hasattr(each, "name")}
        elif hasattr(node, "name"):
            found.add(node.name)
    return found


def test_every_room_is_told() -> None:
    rooms = {
        str(path.parent.relative_to(ROOT))
        for path in (ROOT / "testbed").rglob("*.py")
        if path.parent != ROOT / "testbed"
    }
    assert not missing(sorted(rooms), section(ARCHITECTURE, "Rooms"))
