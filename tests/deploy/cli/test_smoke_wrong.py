"""What smoke says of a log, a proof or an entry that is not what it must be: exit code 3."""

import base64
import json
from collections.abc import Callable

import pytest

from deploy.cli.smoke import WRONG
from services.ledger.adapters.memory_intents import MemoryIntents
from services.ledger.adapters.public_files import DirectoryFiles
from services.ledger.publication import Publication
from shared.tlog.signer import Ed25519Signer
from tests.deploy.cli.smoke_deployment import ORIGIN, Deployment, Entry, Run

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]


def _other_total(entry: Entry) -> Entry:
    debits = [{**one, "amount": one["amount"] + sign} for one, sign in zip(
        entry["postings"][:2], (1, -1), strict=True
    )]  # fmt: skip
    return {**entry, "postings": [*debits, entry["postings"][2]]}


@pytest.mark.parametrize(
    "alter",
    [
        _other_total,
        lambda entry: {**entry, "type": "receipt"},
        lambda entry: {**entry, "date": "2020-02-02"},
        lambda entry: {
            **entry,
            "postings": [*entry["postings"], {"amount": 1, "currency": "USD", "scale": 2}],
        },
    ],
)
def test_an_entry_that_says_something_else_is_3(
    deployment: Deployment, run: Run, alter: Callable[[Entry], Entry]
) -> None:
    """The attack: books that post another amount, proven as they are."""
    deployment.alter = alter
    code, _, err = run()
    assert code == WRONG
    assert "something else than the document" in err


def test_a_key_that_did_not_sign_is_3_and_nothing_is_sent(deployment: Deployment, run: Run) -> None:
    """The attack: a server with a log, and a key, of its own."""
    deployment.begin("another")
    code, _, err = run()
    assert code == WRONG
    assert "sign" in err
    assert not any(method == "POST" for method, _, _ in deployment.seen)


def test_a_proof_of_another_entry_is_3(deployment: Deployment, run: Run) -> None:
    """The attack: something else is proven, correctly."""
    deployment.answers["/v1/tenants/smoke/entries/3/proof"] = deployment.log.prove(1).encode()
    assert run()[0] == WRONG
    deployment.answers["/v1/tenants/smoke/entries/4/proof"] = b"c2sp.org/tlog-proof@v1\nno proof"
    assert run()[0] == WRONG


def test_a_leaf_that_was_changed_on_its_way_is_3(deployment: Deployment, run: Run) -> None:
    """The attack: the entry is shown otherwise than it was sealed."""
    leaf = base64.b64encode(b'{"kind": "post"}').decode()
    for index, said in enumerate(({"leaf": leaf}, {"leaf": "?"}, {}), start=3):
        path = f"/v1/tenants/smoke/entries/{index}"
        deployment.answers[path] = json.dumps(said).encode()
        assert run()[0] == WRONG


def test_a_log_that_was_begun_anew_meanwhile_is_3(deployment: Deployment, run: Run) -> None:
    """The attack: history is rewritten under the same key while the document is on its way."""

    def rewritten(entry: Entry) -> Entry:
        pem = (deployment.folder / "key" / "key.pem").read_bytes()
        root = deployment.folder / "again"
        root.mkdir()
        (root / "key.pem").write_bytes(pem)
        root.rename(deployment.folder / "moved")
        signer = Ed25519Signer.open_or_create(deployment.folder / "moved" / "key.pem", ORIGIN)
        deployment.log = Publication(
            origin=ORIGIN,
            files=DirectoryFiles(deployment.folder / "moved" / "log"),
            signer=signer,
            intents=MemoryIntents(),
        )
        deployment.files = deployment.folder / "moved" / "log"
        deployment.leaves.clear()
        for number in range(3):
            deployment.seal({"kind": "hold", "number": -number})
        return entry

    deployment.alter = rewritten
    code, _, err = run()
    assert code == WRONG
    assert "inconsistent" in err
