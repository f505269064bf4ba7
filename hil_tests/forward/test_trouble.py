"""A real server that is stopped, killed, full, locked or in disagreement: nothing is lost, nothing twice."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from dataclasses import replace

import pytest

from hil_tests.support import eventually
from hil_tests.support.certificates import make_certificate
from hil_tests.support.influxdb import influxd, shim, small_disk, small_disk_possible
from hil_tests.system.processes import RIG, testbed
from testbed.bench import Influxdb
from testbed.errors import LinkError, UsageError
from testbed.session.file import SessionReader
from testbed.session.forward import Bookmark, Forwarder, Influx
from testbed.signals import Sample

from .sessions import T0, everything_is_stored, forward, many, record, recorded, steady, stored

pytestmark = pytest.mark.needs_system("influxd")


async def off_loop(action, *arguments):
    """Do what blocks without holding up the forwarder, which is in this loop."""
    await asyncio.to_thread(action, *arguments)


async def test_an_outage_in_the_middle_of_sixty_seconds_at_5000_points_a_second_loses_nothing(
    own_server, tmp_path
):
    path = await record(tmp_path / "a.session", steady(300_000, 10, 5000), signals=many(10))
    told: list[str] = []
    with shim(own_server) as front:
        work = asyncio.ensure_future(forward(path, Influxdb(front.url, "", "hil"), told=told))
        await eventually(lambda: len(front.sizes) >= 5, "the first requests")
        await off_loop(own_server.stop)
        await eventually(lambda: told, "the outage told")
        await asyncio.sleep(1.0)  # it stays away for a while
        assert not work.done()
        await off_loop(own_server.start)
        report = await work
    assert report.samples == 300_000
    assert ["takes nothing, nothing is lost" in told[0], "takes points again" in told[1]] == [True, True]
    assert len(told) == 2
    assert everything_is_stored(own_server, "hil", path)


async def test_a_server_that_is_killed_again_and_again_has_all_of_it_in_the_end(own_server, tmp_path):
    path = await record(tmp_path / "a.session", steady(150_000, 10, 5000), signals=many(10))
    with shim(own_server) as front:
        work = asyncio.ensure_future(forward(path, Influxdb(front.url, "", "hil")))
        for round_ in range(1, 4):
            await eventually(lambda n=3 * round_: len(front.sizes) >= n or work.done(), "more requests")
            await off_loop(own_server.kill)
            await off_loop(own_server.start)
        report = await work
    assert report.samples == 150_000
    assert everything_is_stored(own_server, "hil", path)


async def test_ten_minutes_of_virtual_time_without_a_server_are_there_when_it_comes_back(
    own_server, tmp_path
):
    path = tmp_path / "a.session"
    await off_loop(own_server.kill)
    result = await asyncio.to_thread(testbed, "run", RIG, "--virtual", "--for", "10 min", "--session", path)
    assert result.returncode == 0, result.stderr
    with shim(own_server) as front:
        target = Influxdb(front.url, "", "hil")
        with pytest.raises(LinkError):
            await forward(path, target, patience=0.0)
        await off_loop(own_server.start)
        assert (await forward(path, target)).ended
    assert everything_is_stored(own_server, "hil", path)


async def test_a_forwarder_that_is_stopped_anywhere_goes_on_from_there(place, tmp_path):
    path = await record(tmp_path / "a.session", steady(100_000, 10, 5000), signals=many(10))
    bookmark = Bookmark(path, f"{place.target.url} {place.target.org} {place.target.bucket}")
    reached = [0]
    for requests in (4, 9, 14):
        work = asyncio.ensure_future(forward(path, place.target))
        await eventually(lambda n=requests, w=work: len(place.shim.sizes) >= n or w.done(), "some requests")
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        reached.append(sum(bookmark.load()[0].samples.values()))
    assert reached == sorted(set(reached)), "it did not go on"
    assert reached[-1] < 100_000
    report = await forward(path, place.target)
    assert report.samples == 100_000
    assert everything_is_stored(place.server, place.database, path)


async def test_without_patience_it_gives_up_says_so_and_remembers(own_server, tmp_path):
    path = await record(tmp_path / "a.session", steady(1000, 2, 1000))
    with shim(own_server) as front:
        target = Influxdb(front.url, "", "hil")
        await off_loop(own_server.stop)
        with pytest.raises(LinkError, match="InfluxDB could not be written to for 0 s") as caught:
            await forward(path, target, patience=0.2)
        assert "run the same command again later" in caught.value.next_step
        await off_loop(own_server.start)
        assert (await forward(path, target)).samples == 1000
    assert everything_is_stored(own_server, "hil", path)


async def test_while_recording_goes_on_it_waits_for_any_length_of_time(own_server, tmp_path):
    path = await record(tmp_path / "a.session", steady(1000, 2, 1000))
    going_on = True
    with shim(own_server) as front, SessionReader(path) as session:
        target = Influxdb(front.url, "", "hil")
        await off_loop(own_server.stop)
        async with Influx.open(target) as influx:
            forwarder = Forwarder(session, influx, target, patience=0.0)
            work = asyncio.ensure_future(forwarder.run(lambda: going_on))
            await eventually(lambda: forwarder.report.waiting, "the outage noticed")
            await asyncio.sleep(0.5)
            assert not work.done()
            await off_loop(own_server.start)
            assert (await work).ended


# Refused for good ------------------------------------------------------------------------------


async def test_a_type_conflict_sets_only_its_own_points_aside_with_the_servers_reason(place, tmp_path):
    place.server.request(
        "POST", f"/write?db={place.database}", b'scpi/thermometer,device=other humidity="moist" %d' % T0
    )
    path = await record(tmp_path / "a.session", steady(30_000, 3, 1000))
    told: list[str] = []
    report = await forward(path, place.target, told=told)
    (aside,) = report.asides.values()
    assert (aside.what, aside.points) == ("probe.humidity", 10_000)
    assert "field type conflict" in aside.reason
    assert "already exists as type string" in aside.reason
    assert aside.example.startswith("scpi/thermometer,bench=rig,device=probe")
    assert [text for text in told if "set aside, of probe.humidity" in text] == told
    assert len(told) == 1
    rest = {each for each in recorded(path) if each[1] != "humidity"}
    found = {each for each in stored(place.server, place.database, path) if each[1] != "humidity"}
    assert found == rest
    again = await forward(path, place.target)
    assert again.asides == report.asides  # remembered, and not counted twice
    assert again.points == report.points


async def test_a_request_that_is_refused_whole_is_searched_by_halves_for_what_is_at_fault(place, tmp_path):
    """As an InfluxDB 2 does it, for one line that it cannot parse."""
    path = await record(tmp_path / "a.session", [Sample(0, T0 + n, float(n)) for n in range(4)])
    refused, taken = (400, b'{"code":"invalid","message":"unable to parse this"}'), (204, b"")
    # All together, the session, all four samples, the first two, the first.
    place.shim.answers += [refused, taken, refused, refused, refused]
    report = await forward(path, place.target)
    (aside,) = report.asides.values()
    assert (aside.points, aside.example.split()[-1]) == (1, str(T0))
    rows = place.server.rows(place.database, 'SELECT temperature FROM "scpi/thermometer"')
    assert [row["temperature"] for row in rows] == [1, 2, 3]


@pytest.mark.parametrize(
    ("answer", "reason", "points"),
    [
        (b'{"code":"unprocessable entity","message":"failure writing points to database: partial write: '
         b'points beyond retention policy dropped=3"}', "beyond retention policy", 3),
        (b'{"error":"partial write of line protocol occurred","data":[{"error_message":"invalid column type",'
         b'"line_number":2,"original_line":"m f=1"}]}', "invalid column type", 1),
    ],
    ids=["InfluxDB 2", "InfluxDB 3"],
)  # fmt: skip
async def test_what_is_refused_in_part_is_counted_as_the_server_says(place, tmp_path, answer, reason, points):
    path = await record(tmp_path / "a.session", [Sample(0, T0 + n, float(n)) for n in range(8)])
    place.shim.answers += [(422, answer), (204, b""), (422, answer)]  # together, the session, its samples
    report = await forward(path, place.target)
    (aside,) = report.asides.values()
    assert (aside.what, aside.points) == ("probe.temperature", points)
    assert reason in aside.reason
    assert report.points == 1 + (8 - points) + 2  # the session, its samples, the session and its verdict


async def test_a_server_that_takes_only_small_requests_gets_small_ones(place, tmp_path):
    path = await record(tmp_path / "a.session", steady(1000, 2, 1000))
    place.shim.limit = 20_000
    report = await forward(path, place.target)
    assert (report.samples, report.asides) == (1000, {})
    assert everything_is_stored(place.server, place.database, path)


# Not now ----------------------------------------------------------------------------------------


async def test_a_wrong_token_is_told_at_once_and_is_never_shown(place, tmp_path):
    path = await record(tmp_path / "a.session", steady(10, 1, 10))
    with shim(place.server, token="right") as front:
        wrong = replace(place.target, url=front.url, token="secret-but-wrong")
        with pytest.raises(UsageError, match="unauthorized access") as caught:
            await forward(path, wrong)
        assert "check the token" in caught.value.next_step
        assert "secret" not in str(caught.value)
        assert (await forward(path, replace(wrong, token="right"))).ended
    assert everything_is_stored(place.server, place.database, path)


async def test_a_bucket_that_is_not_there_is_told_at_once(place, tmp_path):
    path = await record(tmp_path / "a.session", steady(10, 1, 10))
    with pytest.raises(UsageError, match="database not found") as caught:
        await forward(path, replace(place.target, bucket="nowhere"))
    assert "create the bucket" in caught.value.next_step


async def test_a_busy_server_is_asked_again_when_it_says(place, tmp_path):
    path = await record(tmp_path / "a.session", steady(10, 1, 10))
    place.shim.answers += [(503, b"busy"), (429, b"slow down"), (500, b'{"error":"timeout"}')]
    assert (await forward(path, place.target)).samples == 10
    assert everything_is_stored(place.server, place.database, path)


@pytest.mark.skipif(not small_disk_possible(), reason="needs root, to mount a small disk")
async def test_a_server_whose_disk_is_full_gets_all_of_it_once_there_is_room(tmp_path):
    path = await record(tmp_path / "a.session", steady(200_000, 10, 5000), signals=many(10))
    folder = tmp_path / "influxdb"
    folder.mkdir()
    with small_disk(folder, 200 << 20), influxd(folder) as server, shim(server) as front:
        server.create("hil")
        target = Influxdb(front.url, "", "hil")
        ballast = folder / "ballast"
        ballast.write_bytes(bytes(shutil.disk_usage(folder).free - (200 << 10)))
        told: list[str] = []
        work = asyncio.ensure_future(forward(path, target, told=told))
        await eventually(lambda: told, "the full disk told")
        assert "no space left on device" in told[0]
        assert not work.done()
        await off_loop(ballast.unlink)
        await off_loop(server.kill)  # its log remembers the error until it is started anew
        await off_loop(server.start)
        report = await work
        assert report.asides == {}
        assert everything_is_stored(server, "hil", path)


# TLS --------------------------------------------------------------------------------------------


async def test_tls_is_verified(place, tmp_path):
    path = await record(tmp_path / "a.session", steady(10, 1, 10))
    certificate, key = make_certificate(tmp_path, "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with shim(place.server, tls=context) as front:
        target = replace(place.target, url=front.url)
        with pytest.raises(UsageError, match="certificate verify failed") as caught:
            await forward(path, target)
        assert "ca" in caught.value.next_step
        assert (await forward(path, replace(target, ca=str(certificate)))).samples == 10
        with pytest.raises(UsageError, match="cannot read the certificates"):
            await forward(path, replace(target, ca=str(tmp_path / "nowhere.pem")))
    assert everything_is_stored(place.server, place.database, path)
