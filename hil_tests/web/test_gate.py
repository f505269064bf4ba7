"""What the page refuses: other origins, other names, who has not logged in, who may only look."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterator

import httpx
import pytest
import websockets

from .served import TOKENS, record, served, users_file

SOCKETS = ("/api/live/a", "/_nicegui_ws/socket.io/?EIO=4&transport=websocket")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sessions")
    record(folder / "a.session", 5)
    return folder


@pytest.fixture(scope="module")
def local(folder):
    with served(folder) as address:
        yield address


@pytest.fixture(scope="module")
def guarded(folder):
    with served(folder, "--users", str(users_file(folder))) as address:
        yield address


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[name]}"}


@contextlib.contextmanager
def log_in(address: str, name: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, headers={"Origin": address}) as client:
        answer = client.post("/login", data={"name": name, "secret": TOKENS[name], "next": "/s/a"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/s/a")
        yield client


async def handshake(address: str, path: str, **headers: str) -> None:
    """Open a WebSocket; raises InvalidStatus when it is refused."""
    async with websockets.connect(
        address.replace("http", "ws") + path, additional_headers=headers, open_timeout=20, proxy=None
    ):
        return


# Without logins -------------------------------------------------------------------------------------


def test_a_name_that_somebody_points_at_this_machine_is_not_ours(local):
    answer = httpx.get(local, headers={"Host": "evil.example:80"})
    assert answer.status_code == 421
    assert httpx.get(local + "/api/sessions", headers={"Host": local[7:]}).status_code == 200


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_a_page_of_another_site_cannot_act(local, headers):
    answer = httpx.post(local + "/api/stop", headers=headers)
    assert answer.status_code == 403
    assert httpx.post(local + "/api/stop").status_code == 409  # there is no run to stop


@pytest.mark.parametrize("path", SOCKETS)
async def test_a_page_of_another_site_cannot_open_a_socket(local, path):
    with pytest.raises(websockets.InvalidStatus) as refused:
        await handshake(local, path, Origin="http://evil.example")
    assert refused.value.response.status_code == 403
    await handshake(local, path, Origin=local)


async def test_the_socket_that_carries_clicks_wants_an_origin_and_no_polling(local):
    with pytest.raises(websockets.InvalidStatus):
        await handshake(local, SOCKETS[1])
    for headers in ({}, {"Origin": local}, {"Origin": "http://evil.example"}):
        async with httpx.AsyncClient() as client:
            answer = await client.get(
                local + "/_nicegui_ws/socket.io/?EIO=4&transport=polling", headers=headers
            )
        assert answer.status_code == 403


def test_every_answer_says_what_a_browser_may_do_with_it(local):
    for path in ("/", "/s/a", "/login", "/api/sessions", "/nothing-here"):
        headers = httpx.get(local + path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers


def test_nothing_outside_the_folder_can_be_asked_for(local, folder):
    (folder.parent / "secret.session").write_bytes(b"x")
    for name in ("..%2Fsecret", "%2e%2e/secret", "../secret", "a.session", "%00"):
        assert httpx.get(f"{local}/api/sessions/{name}").status_code in (404, 422)
    assert httpx.get(f"{local}/public/../app.py").status_code == 404


# With logins ----------------------------------------------------------------------------------------


def test_without_a_login_there_is_nothing_but_the_login_page(guarded):
    answer = httpx.get(guarded + "/s/a", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/s/a")
    for path in ("/api/sessions", "/metrics", "/api/openapi.json", "/_nicegui/x"):
        assert httpx.get(guarded + path).status_code == 401
    assert httpx.post(guarded + "/api/stop").status_code == 401
    page = httpx.get(guarded + "/login").text
    assert "nicegui" not in page.lower()
    assert 'name="secret"' in page


@pytest.mark.parametrize("path", SOCKETS)
async def test_without_a_login_no_socket_opens(guarded, path):
    with pytest.raises(websockets.InvalidStatus):
        await handshake(guarded, path, Origin=guarded)


def test_a_login_gives_a_cookie_that_scripts_and_other_sites_do_not_get(guarded):
    with httpx.Client(headers={"Origin": guarded}) as client:
        answer = client.post(
            guarded + "/login", data={"name": "vera", "secret": TOKENS["vera"], "next": "//evil"}
        )
    assert answer.headers["location"] == "/"  # never to another site
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_a_wrong_login_is_refused_and_a_foreign_form_too(guarded):
    wrong = httpx.post(guarded + "/login", data={"name": "vera", "secret": "no"}, headers={"Origin": guarded})
    assert wrong.status_code == 401
    assert "set-cookie" not in wrong.headers
    right = {"name": "vera", "secret": TOKENS["vera"]}
    assert (
        httpx.post(guarded + "/login", data=right, headers={"Origin": "http://x.example"}).status_code == 403
    )
    assert httpx.post(guarded + "/login", content=b"x" * 100_000).status_code == 401


def test_a_cookie_acts_only_with_the_origin_of_the_page(guarded):
    with log_in(guarded, "olaf") as client:
        assert client.get("/api/sessions").status_code == 200
        assert client.post("/api/stop").status_code == 409
        del client.headers["Origin"]
        assert client.post("/api/stop").status_code == 403


async def test_after_the_logout_neither_page_nor_socket_opens(guarded):
    with log_in(guarded, "olaf") as client:
        cookie = f"testbed={client.cookies['testbed']}"
        await handshake(guarded, SOCKETS[0], Origin=guarded, Cookie=cookie)
        assert client.post("/logout").status_code == 303
        assert client.get("/api/sessions", headers={"Cookie": cookie}).status_code == 401
        with pytest.raises(websockets.InvalidStatus):
            await handshake(guarded, SOCKETS[0], Origin=guarded, Cookie=cookie)


def test_who_may_look_may_not_act(guarded):
    moment = {"time_ns": 10**18, "text": "look here"}
    lease = {"signal": "chamber.setpoint"}
    for name, note, act in (("vera", 403, 403), ("olaf", 201, 409), ("ada", 201, 409)):
        with httpx.Client(base_url=guarded, headers=bearer(name)) as client:
            assert client.get("/api/sessions/a").status_code == 200
            assert client.post("/api/sessions/a/notes", json=moment).status_code == note
            assert client.post("/api/leases", json=lease).status_code == act
            assert client.post("/api/stop").status_code == act
    notes = httpx.get(guarded + "/api/sessions/a/notes", headers=bearer("vera")).json()
    assert [note["who"] for note in notes] == ["olaf", "ada"]


def test_no_page_holds_a_secret(guarded, folder):
    hashes = re.findall(r"[0-9a-f]{64}", (folder / "users.yaml").read_text())
    assert len(hashes) == 3
    with log_in(guarded, "ada") as client:
        for path in ("/", "/s/a", "/s/a/curves", "/s/a/report", "/api/state", "/metrics"):
            text = client.get(path).text
            assert not [secret for secret in (*TOKENS.values(), *hashes) if secret in text]
            assert client.cookies["testbed"] not in text


def test_a_wrong_ticket_or_token_is_nobody(guarded):
    for headers in ({"Cookie": "testbed=x"}, {"Cookie": "testbed="}, {"Authorization": "Bearer x"},
                    {"Authorization": "Basic eDp5"}, {"Cookie": "a b;=;;="}):  # fmt: skip
        assert httpx.get(guarded + "/api/sessions", headers=headers).status_code == 401


def test_the_page_is_one_process_for_many(guarded):
    async def ask() -> list[int]:
        async with httpx.AsyncClient(base_url=guarded, headers=bearer("vera"), timeout=30) as client:
            answers = await asyncio.gather(*(client.get("/api/sessions/a/signals") for _ in range(20)))
        return [answer.status_code for answer in answers]

    assert asyncio.run(ask()) == [200] * 20
