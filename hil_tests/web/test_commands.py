"""`testbed serve`, `testbed users` and the options of `testbed run` that belong to the page."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys

import httpx
import pytest

from hil_tests.system.processes import RIG, TESTBED, testbed

from .served import TOKENS, served, users_file


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("serve", "no-such-folder"), "no folder"),
        (("serve", ".", "--listen", "8080"), "HOST:PORT"),
        (("serve", ".", "--listen", "127.0.0.1:99999"), "HOST:PORT"),
        (("serve", ".", "--listen", "no.such.host.invalid:80"), "cannot listen"),
        (("serve", ".", "--cert", "x.pem"), "go together"),
        (("serve", ".", "--users", "none.yaml"), "testbed users add"),
        (("run", str(RIG), "--virtual", "--for", "1s", "--serve"), "testbed serve"),
        (("run", str(RIG), "--listen", "127.0.0.1:0"), "go with --serve"),
        (("users", "add", "u.yaml", "x", "--role", "king"), "choose from viewer, operator, admin"),
        (("users", "remove", "u.yaml", "x"), "cannot read"),
    ],
)
def test_wrong_usage_is_told_in_a_line(tmp_path, arguments, told):
    result = testbed(*arguments, cwd=tmp_path, input="")
    assert result.returncode == 2
    assert told in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


def test_users_are_added_listed_and_removed(tmp_path):
    file = tmp_path / "users.yaml"
    assert testbed("users", "add", file, "olaf", "--role", "operator", input="long enough\n").returncode == 0
    assert testbed("users", "add", file, "short", input="short\n").returncode == 2
    token = testbed("users", "add", file, "ci", "--token").stdout.strip()
    assert len(token) > 40
    assert json.loads(testbed("users", "list", file, "--json").stdout) == {
        "users": {"ci": "viewer", "olaf": "operator"}
    }
    with served(tmp_path, "--users", str(file)) as address:
        login = {"name": "olaf", "secret": "long enough"}
        assert httpx.post(address + "/login", data=login, headers={"Origin": address}).status_code == 303
        answer = httpx.get(address + "/api/sessions", headers={"Authorization": f"Bearer {token}"})
        assert answer.json() == []
    missing = testbed("users", "remove", file, "olav")
    assert "olaf" in missing.stderr
    assert testbed("users", "remove", file, "olaf").returncode == 0
    assert testbed("users", "list", file).stdout == "ci  viewer\n"


def test_beyond_this_machine_it_asks_for_a_token_that_it_prints_once(tmp_path):
    command = [*TESTBED, "serve", str(tmp_path), "--json", "--listen", "0.0.0.0:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        address = json.loads(process.stdout.readline())["address"]
        address = f"http://127.0.0.1:{address.rpartition(':')[2]}"
        token = process.stderr.readline().split()[-1]
        assert "--cert" in process.stderr.readline()
        assert token not in address
        assert httpx.get(address + "/api/sessions").status_code == 401
        answer = httpx.get(address + "/api/sessions", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200
        process.terminate()


@pytest.mark.needs_system("openssl")
def test_over_tls_the_cookie_goes_nowhere_else(tmp_path):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem",
         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    options = ("--cert", str(tmp_path / "cert.pem"), "--key", str(tmp_path / "key.pem"))
    with served(tmp_path, "--users", str(users_file(tmp_path)), *options) as address:
        assert address.startswith("https://")
        login = {"name": "vera", "secret": TOKENS["vera"]}
        trusted = ssl.create_default_context(cafile=tmp_path / "cert.pem")
        answer = httpx.post(address + "/login", data=login, headers={"Origin": address}, verify=trusted)
        assert "secure" in answer.headers["set-cookie"].lower()


def test_without_what_it_needs_it_says_how_to_get_it(tmp_path):
    hide = "import sys; sys.modules['nicegui'] = None; from testbed.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", hide, "serve", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "pip install 'hil-testbed[web]'" in result.stderr
