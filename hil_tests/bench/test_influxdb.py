"""The influxdb section of a bench file: what it says, and that no secret stands in it or is shown."""

import pytest

from testbed.bench import Influxdb, influxdb_of
from testbed.errors import UsageError

from .test_bench_file import MINIMAL, load, problems

SECTION = """\
influxdb:
  url: https://influx.example:8086
  org: bench
  bucket: hil
  token: ${INFLUX_TOKEN}
  ca: ca.pem
  timeout: 500 ms
"""


def test_it_is_read_with_its_units_and_needs_no_environment(tmp_path):
    bench = load(tmp_path, MINIMAL + SECTION)
    expected = Influxdb("https://influx.example:8086", "bench", "hil", "${INFLUX_TOKEN}", "ca.pem", 0.5)
    assert bench.influxdb == expected
    assert influxdb_of("bench.yaml", MINIMAL + SECTION) == expected
    assert load(tmp_path, MINIMAL).influxdb is None


def test_variables_are_filled_in_when_it_is_used():
    target = Influxdb("${INFLUX_URL}", "", "hil", "${INFLUX_TOKEN}")
    environment = {"INFLUX_URL": "http://localhost:8086", "INFLUX_TOKEN": "t"}
    assert target.filled_in(environment) == Influxdb("http://localhost:8086", "", "hil", "t")
    with pytest.raises(UsageError, match="the environment variable INFLUX_TOKEN is not set"):
        target.filled_in({"INFLUX_URL": "http://localhost:8086", "INFLUX_TOKEN": ""})
    with pytest.raises(UsageError, match="is no address of a server"):
        target.filled_in({**environment, "INFLUX_URL": "localhost:8086"})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("${INFLUX_TOKEN}", "s3cr3t", "bench.yaml:12:10: influxdb.token: a token stands in the environment; write token: ${INFLUX_TOKEN}"),
        ("https://influx", "influx", "bench.yaml:9:8: 'influx.example:8086' is no address of a server; write for example http://localhost:8086"),
        ("https://influx", "https://me:s3cr3t@influx", "bench.yaml:9:8: an address holds no user, password or query; the token has a key of its own"),
        ("https://influx", "me:s3cr3t@influx", "bench.yaml:9:8: an address holds no user, password or query; the token has a key of its own"),
        ("500 ms", "5 degC", "bench.yaml:14:12: '5 degC' does not fit: expected s, and 'degC' is another quantity"),
        ("500 ms", "1 ms", "bench.yaml:14:12: a timeout of 1 ms is not between 0.1 s and 600 s"),
        ("bucket", "buket", "bench.yaml:11:3: unknown key 'buket' (did you mean 'bucket'?)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place_and_never_with_a_secret(tmp_path, old, new, expected):
    found = problems(tmp_path, MINIMAL + SECTION.replace(old, new))
    assert expected in found
    assert "s3cr3t" not in " ".join(found)
