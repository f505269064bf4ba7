"""Wires of Bluetooth LE: which device is meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.bench.ble_wire import BleWire, Manufacturer, read_ble_wire, read_manufacturer
from testbed.bench.wires import parse_wire
from testbed.links.gatt_seek import Heard

AIR = Heard(
    "C0:FF:EE:00:00:01", "HIL Air [1]", frozenset({"0000181a-0000-1000-8000-00805f9b34fb"}),
    {0x004C: bytes.fromhex("0215aa"), 0x0059: b""},
)  # fmt: skip


@pytest.mark.parametrize(
    ("wire", "meant"),
    [
        ("ble://C0:FF:EE:00:00:01", True), ("ble://c0:ff:ee:00:00:01", True), ("ble://C0:FF:EE:00:00:02", False),
        ("ble://?name=HIL%20Air%20[1]", True), ("ble://?name=HIL*", True), ("ble://?name=*[1]", True),
        ("ble://?name=HIL", False), ("ble://?name=.*", False),
        ("ble://?service=181A", True), ("ble://?service=0x181a", True), ("ble://?service=180D", False),
        ("ble://?manufacturer=004c", True), ("ble://?manufacturer=0059", True),
        ("ble://?manufacturer=004C:0215", True), ("ble://?manufacturer=004C:0216", False),
        ("ble://?manufacturer=0001", False),
        ("ble://C0:FF:EE:00:00:01?name=HIL*&service=181A&manufacturer=004c", True),
        ("ble://C0:FF:EE:00:00:01?name=Other", False),
    ],
)  # fmt: skip
def test_all_that_a_wire_says_must_hold(wire: str, meant: bool) -> None:
    assert AIR.meant_by(read_ble_wire(parse_wire(wire))) is meant


@given(st.integers(0, 0xFFFF), st.binary(max_size=20))
def test_manufacturer_data_survives_its_text(company: int, data: bytes) -> None:
    made = Manufacturer(company, data)
    assert read_manufacturer(str(made)) == made
    assert read_manufacturer("0x" + str(made).upper()) == made


def test_a_wire_tells_people_who_is_meant() -> None:
    wire = BleWire("C0:FF:EE:00:00:01", "HIL", next(iter(AIR.services)), Manufacturer(0x4C))
    assert str(wire) == ("C0:FF:EE:00:00:01 and named 'HIL' and with service 0x181A and of manufacturer 004c")
    assert str(BleWire(name="HIL")) == "a device named 'HIL'"
