"""``docledger verify`` as auditors use it: a folder or URL, a public key, and what they kept."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.cli import watching
from deploy.cli.main import main
from deploy.cli.verify import Asked, verify
from shared.clock import FakeClock
from shared.tlog.proof import Proof
from tests.outside.publishing import Published, publish
from tests.shared.tlog.served import Served, serving, status

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

SIZES = (300, 600, 700)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A log that grew, and was published each time."""
    return publish(tmp_path_factory.mktemp("published"), SIZES)


@pytest.fixture
def served(published: Published) -> Iterator[Served]:
    """The same on a web server, as it was at 600; ``grow`` shows the rest."""
    files = {
        str(path.relative_to(published.folder)): path.read_bytes()
        for path in published.folder.rglob("*")
        if path.is_file()
    }
    with serving(files) as server:
        server.files["checkpoint"] = published.checkpoints[1].read_bytes()
        yield server


@pytest.fixture
def docledger(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Type a command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["docledger", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return ended.value.code, *capsys.readouterr()

    return run


def grow(served: Served, published: Published, to: int = 2) -> None:
    """Show another checkpoint."""
    served.files["checkpoint"] = published.checkpoints[to].read_bytes()


def test_a_url_verifies_with_the_key_alone(
    docledger: Callable[..., tuple[int, str, str]], served: Served, published: Published
) -> None:
    """No folder of ours is needed, and none is made."""
    code, out, err = docledger("verify", served.url, "--key", published.key)
    assert (code, err) == (0, "")
    assert out.startswith(f"{served.url}: verified: 600 entries, root ")
    assert not list(Path.cwd().iterdir())


def test_what_was_verified_before_is_not_read_again(
    docledger: Callable[..., tuple[int, str, str]], served: Served, published: Published
) -> None:
    """--since: the old checkpoint, the new entries, and what ties them together."""
    grow(served, published)
    words = ("verify", served.url, "--key", published.key, "--since", published.checkpoints[1])
    code, out, _ = docledger(*words, "--format", "json")
    said = json.loads(out)
    assert (code, said["verified"], said["size"], said["read"]) == (0, True, 700, 100)
    assert "tile/entries/000" not in served.asked
    code, out, _ = docledger(*words)
    assert ": verified: 700 entries, 100 of them new since 600, root " in out


def test_a_smaller_log_than_was_seen_is_exit_code_3(
    docledger: Callable[..., tuple[int, str, str]], published: Published, served: Served
) -> None:
    """Both ways of having seen more."""
    for option, value in (
        ("--since", published.checkpoints[2]),
        ("--against", published.checkpoints[2]),
    ):
        code, out, err = docledger("verify", served.url, "--key", published.key, option, value)
        assert (code, out) == (3, "")
        assert "of 600 does not come after the checkpoint of 700 seen" in err
        assert err.count("\n") == 1


def test_a_damaged_log_is_exit_code_1_and_an_outage_4(
    docledger: Callable[..., tuple[int, str, str]], served: Served, published: Published
) -> None:
    """A script can tell a finding from a bad moment."""
    bundle = served.files["tile/entries/001"]
    served.files["tile/entries/001"] = bundle[:-1] + bytes([bundle[-1] ^ 1])
    code, out, err = docledger("verify", served.url, "--key", published.key, "--format", "json")
    said = json.loads(out)
    assert (code, err, said["verified"], said["index"]) == (1, "", False, 511)
    served.answers["checkpoint"] = status(401)
    code, out, err = docledger("verify", served.url, "--key", published.key)
    assert (code, out) == (4, "")
    assert "cannot be read now, which says nothing about it" in err


def test_a_proof_verifies_offline(
    docledger: Callable[..., tuple[int, str, str]], published: Published, tmp_path: Path
) -> None:
    """The proof, the entry and the key: no log, no server."""
    path = published.proofs[1]
    proof = Proof.parse(path.read_text())
    leaf = tmp_path / "entry.json"
    leaf.write_bytes(published.leaves[proof.index])
    held = tmp_path / "held.tlog-proof"
    held.write_text(str(proof.holding(published.leaves[proof.index])))
    for words in (
        ("--proof", path, "--entry", leaf),
        ("--proof", held),
        ("--proof", path, published.folder),
    ):
        code, out, err = docledger("verify", *words, "--key", published.key)
        assert (code, err) == (0, ""), words
        assert f"verified: entry {proof.index} of 700 of docledger.example/log/acme" in out
    code, out, _ = docledger("verify", "--proof", held, "--key", published.key, "--format", "json")
    assert json.loads(out)["index"] == proof.index
    leaf.write_bytes(b"another")
    code, out, err = docledger("verify", "--proof", path, "--entry", leaf, "--key", published.key)
    assert (code, out) == (1, "")
    assert "NOT VERIFIED" in err


def test_a_proof_from_a_fork_contradicts_the_log(
    docledger: Callable[..., tuple[int, str, str]], published: Published, tmp_path: Path
) -> None:
    """It verifies by itself, but its checkpoint is not of the history that is published."""
    (tmp_path / "key.pem").write_bytes((published.folder.parent / "key.pem").read_bytes())
    fork = publish(tmp_path, (300, 650), salt=b"x")
    words = ("verify", "--key", published.key, "--proof", fork.proofs[0])
    assert docledger(*words, fork.folder)[0] == 0
    leaf = tmp_path / "leaf"
    leaf.write_bytes(fork.leaves[0])
    code, out, err = docledger(*words, "--entry", leaf, published.folder)
    assert (code, out) == (3, "")
    assert "inconsistent with the checkpoint of 650" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("https://logs.example/acme",), "give the log's public key with --key"),
        (("{log}", "--key", "{key}", "--watch"), "--watch needs --state FILE"),
        (("{log}", "--key", "{key}", "--state", "s", "--since", "{log}/checkpoint"), "give one"),
        (("--proof", "nosuch", "--key", "{key}"), "cannot read nosuch"),
        (("--proof", "{log}/checkpoint"), "give the log's public key with --key"),
        (("{log}", "--key", "{key}", "--since", "{log}/tile/0/000"), "holds no checkpoint"),
        (("ftp://x/y", "--key", "{key}", "--since", "{log}/tile"), "cannot read"),
        (("http://u:p@x/y", "--key", "{key}"), "no user and no password; check the URL"),
    ],
)
def test_a_mistake_is_one_line(
    docledger: Callable[..., tuple[int, str, str]],
    published: Published,
    words: tuple[str, ...],
    told: str,
) -> None:
    """Exit code 2, and what to do instead."""
    given = [word.format(log=published.folder, key=published.key) for word in words]
    code, out, err = docledger("verify", *given)
    assert (out, err.count("\n")) == ("", 1)
    assert told in err
    assert code == 2


def test_one_look_remembers_and_goes_on(
    docledger: Callable[..., tuple[int, str, str]],
    served: Served,
    published: Published,
    tmp_path: Path,
) -> None:
    """--state alone is for a job that runs now and then."""
    state = tmp_path / "acme.state"
    words = ("verify", served.url, "--key", published.key, "--state", state)
    code, out, _ = docledger(*words)
    assert code == 0
    assert "verified, and remembered from now on at 600 entries" in out
    assert state.read_bytes() == published.checkpoints[1].read_bytes()
    grow(served, published)
    code, out, _ = docledger(*words)
    assert (code, "grown from what was remembered at 700 entries" in out) == (0, True)
    code, out, _ = docledger(*words)
    assert (code, "the same as remembered" in out) == (0, True)
    grow(served, published, to=0)
    code, out, err = docledger(*words)
    assert (code, out) == (3, "")
    assert "ROLLED BACK" in err
    kept = sorted(path.read_bytes() for path in (tmp_path / "acme.state.evidence").iterdir())
    assert kept == sorted(published.checkpoints[n].read_bytes() for n in (0, 2))
    assert state.read_bytes() == published.checkpoints[2].read_bytes()
    state.write_text("something else")
    code, out, err = docledger(*words)
    assert (code, "is no state of this log" in err) == (2, True)


class Turns(FakeClock):
    """A clock at whose ticks something happens."""

    def __init__(self, *turns: Callable[[], object]) -> None:
        super().__init__()
        self._turns = list(turns)

    def sleep(self, seconds: float) -> None:
        """Let the next thing happen."""
        super().sleep(seconds)
        if seconds == 60.0:  # the watch's own pause, not a reader's
            self._turns.pop(0)()


def test_watching_goes_on_until_something_is_wrong(
    served: Served, published: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Growth, an outage and an old copy are lived through; a rollback ends it."""
    code = verify(
        tmp_path,
        Asked(
            log=served.url,
            key=str(published.key),
            state=tmp_path / "acme.state",
            every=60.0,
            as_json=True,
        ),
        clock=Turns(
            lambda: None,
            lambda: grow(served, published),
            lambda: served.answers.update({"*": status(503)}),
            served.answers.clear,
            lambda: grow(served, published, to=0),
            lambda: grow(served, published),
            lambda: grow(served, published, to=1),
            lambda: None,
            lambda: None,
        ),
    )
    assert code == 3
    lines: list[dict[str, Any]] = [
        json.loads(line) for line in capsys.readouterr().out.splitlines()
    ]
    assert [line["sight"] for line in lines] == [
        *("first", "same", "grown", "unavailable", "same"),
        *("stale", "same", "stale", "stale", "rolled_back"),
    ]
    assert [line["alarm"] for line in lines] == [False] * 9 + [True]
    assert lines[-1]["shown"]["size"] == 600
    assert lines[-1]["seen"]["size"] == 700
    assert len(lines[-1]["evidence"]) == 2


def test_watching_verifies_everything_again_once_a_day(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was verified long ago may be tampered with since."""
    monkeypatch.setattr(watching, "THOROUGH_S", 120.0)
    log = publish(tmp_path, (300,))
    bundle = log.folder / "tile" / "entries" / "000"

    def tamper() -> None:
        bundle.chmod(0o600)
        bundle.write_bytes(bundle.read_bytes()[:-1] + b"!")

    code = verify(
        tmp_path,
        Asked(log=str(log.folder), key=str(log.key), state=tmp_path / "state", every=60.0),
        clock=Turns(tamper, lambda: None),
    )
    assert code == 1
    assert published.key != log.key


def test_a_split_view_is_found_by_comparing(
    docledger: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    """The same key showed somebody else another history: with a state, both are kept."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir()
    log = publish(ours, (600,))
    (theirs / "key.pem").write_bytes((ours / "key.pem").read_bytes())
    fork = publish(theirs, (1, 400), salt=b"x")
    assert fork.key == log.key
    for against in (fork.folder, fork.folder / "checkpoint"):
        words = ("verify", log.folder, "--key", log.key, "--against", against)
        code, out, err = docledger(*words)
        assert (code, out) == (3, "")
        assert "inconsistent with the checkpoint of 400" in err
        code, out, err = docledger(*words, "--state", tmp_path / "state")
        assert (code, "SPLIT VIEW" in err) == (3, True)
        assert len(list((tmp_path / "state.evidence").iterdir())) == 2
    with serving({"checkpoint": (fork.folder / "checkpoint").read_bytes()}) as other:
        for url in (other.url, f"{other.url}/checkpoint"):
            code, _, err = docledger("verify", log.folder, "--key", log.key, "--against", url)
            assert (code, "inconsistent" in err) == (3, True)


def test_a_token_is_sent_where_one_is_set(
    docledger: Callable[..., tuple[int, str, str]],
    served: Served,
    published: Published,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The auditor API lets nobody read without one."""
    monkeypatch.setenv("DOCLEDGER_LOG_TOKEN", "t0ken")
    assert docledger("verify", served.url, "--key", published.key)[0] == 0
    assert served.tokens == {"Bearer t0ken"}


def test_a_data_folder_is_all_of_its_logs(
    docledger: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    """Or the one that the key signs for."""
    logs = tmp_path / "data" / "log"
    for name in ("one", "two"):
        made = publish(tmp_path / "data" / name, (3,), origin=f"docledger.example/log/{name}")
        logs.mkdir(exist_ok=True)
        made.folder.rename(logs / name)
        (logs / f"{name}.vkey").write_text(f"{made.key}\n")
    code, out, _ = docledger("verify", tmp_path / "data")
    assert (code, out.count("verified: 3 entries")) == (0, 2)
    key = logs / "two.vkey"
    code, out, _ = docledger("verify", tmp_path / "data", "--key", key)
    assert (code, out.count("verified"), "/two: " in out) == (0, 1, True)
    code, _, err = docledger("verify", tmp_path / "data", "--state", "s")
    assert (code, "there are several logs; name one" in err) == (2, True)
