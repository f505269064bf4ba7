"""Who is let in: by token, by password, for as long as a login lasts."""

from __future__ import annotations

import stat

import pytest

from testbed.errors import UsageError
from testbed.web.access import (
    LOCAL,
    Account,
    Doorkeeper,
    Role,
    TooManyFailures,
    hash_password,
    hash_token,
    read_accounts,
    write_accounts,
)

PASSWORD = "correct horse"  # noqa: S105


@pytest.fixture(scope="module")
def accounts() -> dict[str, Account]:
    return {
        "olaf": Account("operator", password=hash_password(PASSWORD)),
        "ci": Account("viewer", token=hash_token("long-and-random")),
    }


async def test_a_password_gives_a_ticket_until_it_is_given_back(accounts):
    doorkeeper = Doorkeeper(accounts)
    ticket = await doorkeeper.log_in("olaf", PASSWORD, "here")
    assert ticket is not None
    visitor = doorkeeper.by_ticket(ticket)
    assert visitor is not None
    assert (visitor.name, visitor.role, doorkeeper.admits(visitor)) == ("olaf", Role.OPERATOR, True)
    doorkeeper.log_out(visitor)
    assert doorkeeper.by_ticket(ticket) is None
    assert not doorkeeper.admits(visitor)


async def test_wrong_secrets_give_nothing(accounts):
    doorkeeper = Doorkeeper(accounts)
    assert await doorkeeper.log_in("olaf", "wrong", "here") is None
    assert await doorkeeper.log_in("nobody", PASSWORD, "here") is None
    assert await doorkeeper.log_in("ci", "", "here") is None
    assert doorkeeper.by_ticket("") is None
    assert doorkeeper.by_token("") is None


async def test_a_token_serves_programs_and_logs_in(accounts):
    doorkeeper = Doorkeeper(accounts)
    visitor = doorkeeper.by_token("long-and-random")
    assert visitor is not None
    assert (visitor.name, visitor.role) == ("ci", Role.VIEWER)
    assert await doorkeeper.log_in("ci", "long-and-random", "here")


async def test_guessing_is_slowed_down_for_that_address_alone():
    doorkeeper = Doorkeeper({"ci": Account("viewer", token=hash_token("right"))})
    for _ in range(10):
        assert await doorkeeper.log_in("ci", "wrong", "there") is None
    with pytest.raises(TooManyFailures):
        await doorkeeper.log_in("ci", "right", "there")
    assert await doorkeeper.log_in("ci", "right", "here")


async def test_without_accounts_everybody_is_local():
    assert Doorkeeper(None).open
    assert Doorkeeper(None).admits(LOCAL)


def test_an_account_file_is_private_and_holds_no_secret(tmp_path, accounts):
    file = tmp_path / "users.yaml"
    write_accounts(file, accounts)
    assert read_accounts(file) == accounts
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert PASSWORD not in file.read_text()
    assert "long-and-random" not in file.read_text()
    assert "argon2id" in file.read_text()


@pytest.mark.parametrize("text", ["- 1", "a: {role: king}", "a: {role: viewer, pin: 1}", "a: [", "a: 1"])
def test_a_faulty_account_file_is_named(tmp_path, text):
    file = tmp_path / "users.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"users\.yaml"):
        read_accounts(file)
