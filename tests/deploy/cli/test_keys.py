"""``docledger keys``: what an operator types, and what an auditor then sees."""

import json

import pytest

from tests.deploy.conftest import Docledger
from tests.drills.key_rotation import Drill


def test_show_says_which_keys_there_are(changing: Docledger) -> None:
    """The log's key with its public line, and what wraps all others."""
    log, kek, total = changing("keys", "show", "--format", "json").rows
    vkey = (changing.data / "log" / "default.vkey").read_text().strip()
    assert (log["vkey"], log["from"], log["to"]) == (vkey, 0, None)
    assert log["private_key"] == "file"
    assert (kek["kek"], kek["newest"]) == ("files/1", True)
    assert kek["wraps"] > 10
    assert total == {"remaining": 0, "damaged": 0}
    shown = changing("keys", "show").out
    assert vkey in shown
    assert "newest" in shown


def test_a_rotation_is_typed_taken_back_and_ended(changing: Docledger) -> None:
    """The way an operator goes, with a verifier at each step."""
    old = _open(changing)[0]
    said = changing("keys", "rotate")
    assert said.code == 0
    new = _open(changing)[1]
    assert f"{new['key']} joins at size 12" in said.out
    assert new["vkey"] in said.out
    assert changing("verify").code == 0
    assert changing("keys", "rollback").out.endswith("is closed at size 12 (rolled_back)\n")
    assert changing("keys", "rotate", "--tenant", "default").code == 0
    assert changing("keys", "close", old["key"]).code == 0
    assert changing("verify").code == 0
    assert changing("audit").code == 0
    assert changing("held", "void", changing.file("invoice-wrong-total.pdf")).code == 0
    assert changing("verify").code == 0


def test_a_published_key_that_nobody_holds_is_not_handed_on(changing: Docledger) -> None:
    """Whoever writes where the log is published could publish a history of keys of their own."""
    assert changing("keys", "rotate").code == 0
    old, new = _open(changing)
    (changing.data / "signers" / f"default.{new['key']}.pem").unlink()
    told = changing("keys", "show")
    assert told.code == 1
    assert old["vkey"] in told.out
    assert new["vkey"] not in told.out
    assert new["key"] in told.err
    assert told.err.count("\n") == 1
    told = changing("keys", "show", "--format", "json")
    assert (told.code, told.rows[1]["private_key"]) == (1, "gone")


@pytest.mark.parametrize("words", [("keys", "show"), ("keys", "rotate"), ("audit",)], ids=" ".join)
def test_another_name_for_the_log_is_told_before_anything_is_believed(
    words: tuple[str, ...], docledger: Docledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An auditor who was given the key under the wrong name could verify nothing."""
    monkeypatch.setenv("DOCLEDGER_LEDGER_ORIGIN", "docledger.example/other")
    told = docledger(*words)
    assert (told.code, told.out, told.err.count("\n")) == (2, "", 1)
    assert "DOCLEDGER_LEDGER_ORIGIN" in told.err


def test_a_compromised_key_is_closed_at_a_size(changing: Docledger) -> None:
    """The operator is told what a file cannot do: reach the auditors by another way."""
    stolen = _open(changing)[0]
    changing("keys", "rotate")
    said = changing("keys", "close", stolen["key"], "--at", "7", "--compromised")
    assert "is closed at size 7 (compromised)" in said.out
    assert "by another way" in said.out
    assert changing("verify").code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["rollback"], "nothing to take back"),
        (["rotate", "--tenant", "nobody"], "name one of the logs with --tenant: default"),
        (["close", "00000000"], "no key that is open"),
        (["close", "KEY"], "only key"),
    ],
)
def test_a_mistake_is_one_line(changing: Docledger, words: list[str], told: str) -> None:
    """No traceback, exit code 2, and nothing has changed."""
    key = _open(changing)[0]["key"]
    said = changing("keys", *(key if word == "KEY" else word for word in words))
    assert (said.code, told in said.err, said.err.count("\n")) == (2, True, 1)
    assert not (changing.data / "log" / "default.keys").exists()


def test_a_damaged_history_is_told(changing: Docledger) -> None:
    """Somebody edited the file: nothing is signed until a person has looked."""
    changing("keys", "rotate")
    history = changing.data / "log" / "default.keys"
    history.write_text(history.read_text().replace("from 12", "from 13"))
    for words in (["show"], ["rotate"], ["rollback"]):
        said = changing("keys", *words)
        assert (said.code, "need a look" in said.err) == (1, True)


def test_a_rewrap_renews_once_and_destroys_what_nobody_needs(changing: Docledger) -> None:
    """Killed between the new version and the last key, the same command goes on with both."""
    keyring = changing.house.keyring
    keyring.kek.renew()
    shown = changing("keys", "show")
    assert "keys are not wrapped by the newest version" in shown.out
    assert "needed" in shown.out
    said = changing("keys", "rewrap", "--renew", "--destroy-old")
    assert said.code == 0
    assert "new KEK version" not in said.err
    assert said.out.endswith("0 remain\ndestroyed: files/1\n")
    assert not (changing.data / "keys" / "kek").exists()
    assert changing("show", changing.file("invoice-once.pdf")).code == 0
    assert changing("audit").code == 0
    again = changing("keys", "rewrap", "--renew")
    assert "new KEK version: files/3" in again.err


def test_a_damaged_key_keeps_the_old_version(changing: Docledger) -> None:
    """Exit 1, how many there are, and the old version stays."""
    damaged = next((changing.data / "keys").glob("[0-9a-f]" * 40))
    damaged.write_bytes(b"nonsense")
    said = changing("keys", "rewrap", "--renew", "--destroy-old")
    assert (said.code, "1 of them are damaged" in said.err) == (1, True)
    assert (changing.data / "keys" / "kek").exists()


@pytest.mark.soak
def test_the_drill(changing: Docledger) -> None:
    """What docs/drills shows can be done again at any time."""
    told = Drill(changing).run()
    assert told.count("exit code 1") == 1


def _open(docledger: Docledger) -> list[dict[str, str]]:
    said = docledger("keys", "show", "--format", "json").out
    rows = [json.loads(line) for line in said.splitlines()]
    return [row for row in rows if "vkey" in row and row["to"] is None]
