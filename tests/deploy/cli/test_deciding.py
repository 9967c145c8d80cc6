"""The commands that change something: what a person decides, replays and erases."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from deploy.local.site import SiteLock, running
from shared.bus.port import Message
from shared.worker import names
from tests.deploy.conftest import ROOT, Docledger, in_a_process
from tests.waiting import wait_until


def test_a_held_document_is_posted_with_corrections(changing: Docledger) -> None:
    """The person reads the total right; net and tax make it, and the entry is sealed at once."""
    file = changing.file("invoice-wrong-total.pdf")
    (row,) = changing("show", file, "--format", "json").rows
    net, tax = (row["fields"][name]["value"] for name in ("net_amount", "total_tax_amount"))
    total = f"{(int(net.replace('.', '')) + int(tax.replace('.', ''))) / 100:.2f}"

    still = changing("held", "post", file)
    assert (still.code, "correct its figures" in still.err) == (2, True)
    said = changing("held", "post", file, "--total", total, "--currency", "gbp")

    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("post: entry 12 (")
    (after,) = changing("show", file, "--format", "json").rows
    assert (after["status"], after["entry"]["index"]) == ("posted", 12)
    assert changing("verify").code == 0
    again = changing("held", "post", file)
    assert (again.code, "the document is posted" in again.err) == (2, True)


def test_a_held_document_is_voided(changing: Docledger) -> None:
    """A bill that was paid already is never posted, and the log says who decided."""
    (row,) = [
        row
        for row in changing("held", "list", "--format", "json").rows
        if row["reason"] == "possible_duplicate"
    ]
    said = changing("held", "void", row["document_id"][:10])
    assert said.out.startswith("void: entry 12 (")
    assert len(changing("held", "list", "--format", "json").rows) == 1


def test_a_decision_is_sealed_later_where_a_keeper_runs(changing: Docledger) -> None:
    """Only one process may write the log; the command leaves it to the one that does."""
    lock = SiteLock(changing.data / "keeper.lock")
    assert lock.acquire(wait=False)
    said = changing("held", "void", changing.file("invoice-wrong-total.pdf"))
    lock.release()
    assert (said.code, "sealed by the next checkpoint" in said.out) == (0, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--total", "12,50"), "--total as digits"),
        (("--net", "lots"), "--net as digits"),
        (("--tax", "1e9"), "--tax as digits"),
        (("--currency", "euros"), "--currency as three letters"),
        (("--date", "tomorrow"), "--date as YYYY-MM-DD"),
        (("--type", "bill"), "--type as one of invoice, receipt"),
    ],
)
def test_a_correction_that_is_none_is_refused(
    docledger: Docledger, words: tuple[str, str], told: str
) -> None:
    """A figure typed wrong must not become an entry."""
    said = docledger("held", "post", docledger.file("invoice-wrong-total.pdf"), *words)
    assert (said.code, said.out) == (2, "")
    assert told in said.err
    assert said.err.count("\n") == 1


def test_a_replay_keeps_the_trace(changing: Docledger) -> None:
    """What is still unreadable goes back into quarantine; its trace shows what follows what."""
    file = changing.file("corrupt.pdf")
    said = changing("quarantine", "replay", file, "--workers", "1")
    assert said.code == 0, said.err
    assert "quarantined (unreadable)" in said.out
    spans = changing("trace", file, "--format", "json").rows
    told = [
        (span["name"], span["attributes"].get("docledger.outcome"))
        for span in spans
        if span["name"].startswith(("submit", "replay", "process ingest"))
    ]
    assert told == [
        ("submit docledger.upload.arrived.v1", None),
        ("process ingest.upload-arrived", "quarantined"),
        ("replay docledger.upload.arrived.v1", None),
        ("process ingest.upload-arrived", "quarantined"),
    ]
    first, *_ = [span for span in spans if span["name"].startswith("process ingest")]
    follow = [span["links"] for span in spans if span["links"]]
    gave_up = {"trace_id": first["trace_id"], "span_id": first["span_id"], "what": "gave_up"}
    assert follow == [[gave_up], [gave_up]]
    assert "replays 2" in changing("trace", file).out
    assert len({span["trace_id"] for span in spans}) == 1
    assert len(changing("quarantine", "list", "--format", "json").rows) == 1
    records = changing("quarantine", "show", file).out
    assert records.count('"replayed": true') == 1
    assert records.count('"replayed": false') == 1


def test_a_replay_leaves_the_work_to_workers_that_run(changing: Docledger) -> None:
    """With `docledger up` running, the event is enough."""
    with running(changing.house.site):
        said = changing("quarantine", "replay", changing.file("corrupt.pdf"))
        assert (said.code, "sent again" in said.out) == (0, True)
        listed = changing("quarantine", "list", "--format", "json").rows
    assert any(row["stage"] == "ingest" for row in listed), "it waits until a worker has taken it"


def test_what_was_no_event_cannot_be_replayed(changing: Docledger) -> None:
    """A person looks at it; its record says where the sealed bytes lie."""
    house = changing.house
    message = Message(attributes={"ce-type": "\x1b[31mnonsense"}, body=b"{}")
    house.quarantine.put_undecodable(message, stage="ocr", attempts=3, at=house.clock.now())
    (row,) = [
        row
        for row in changing("quarantine", "list", "--format", "json").rows
        if row["reason"] == "malformed_event"
    ]
    assert "malformed_event" in changing("quarantine", "list").out
    said = changing("quarantine", "replay", row["document_id"][:12])
    assert (said.code, "nothing of that document can be replayed" in said.err) == (2, True)
    record = changing("quarantine", "show", row["document_id"])
    assert (record.code, "\x1b" in record.out) == (0, False)


def test_audit_names_what_is_missing_and_sweep_brings_it_back(changing: Docledger) -> None:
    """On-call reads what is wrong, gives one more word, and it is mended."""
    (row,) = changing("show", changing.file("invoice-once.pdf"), "--format", "json").rows
    changing.house.objects.delete(names.stage_result("summarize", row["document_id"], 0))
    said = changing("audit")
    assert (said.code, row["document_id"] in said.out) == (1, True)
    assert "docledger audit --sweep" in said.out
    (finding,) = changing("audit", "--format", "json").rows
    assert finding["document_id"] == row["document_id"]
    swept = changing("audit", "--sweep", "--workers", "1")
    assert swept.code == 0, swept.out + swept.err
    (after,) = changing("show", row["document_id"], "--format", "json").rows
    assert after["fields"] == row["fields"]


def test_an_erased_document_is_gone_and_every_proof_still_verifies(changing: Docledger) -> None:
    """Provable, yet erasable; and the same bytes are not taken in again."""
    file = changing.file("facturx-invoice.pdf")
    (row,) = changing("show", file, "--format", "json").rows
    said = changing("erase", file, "--yes")
    assert said.code == 0, said.err
    assert "erased" in said.out
    assert "unreachable now" in said.out
    assert "unrecoverable" in said.out
    assert changing("verify").code == 0
    assert changing("audit").code == 0
    spans = changing("trace", row["document_id"], "--format", "json").rows
    assert "erase docledger.document.erased.v1" in [span["name"] for span in spans]
    (after,) = changing("show", row["document_id"], "--format", "json").rows
    assert (after["erased"], after["fields"], after["source"]) == (True, {}, None)
    assert "erased: its content is gone" in changing("show", row["document_id"]).out
    for books in ("beancount", "hledger", "csv", "ndjson"):
        assert row["fields"]["supplier_name"]["value"] not in changing("export", "--to", books).out
    refused = changing("held", "post", row["document_id"])
    assert refused.code == 2


def test_erasing_asks_first(docledger: Docledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody erases by a slip: without an answer nothing is done."""
    ended = in_a_process(docledger.data, "erase", docledger.file("contract.pdf"))
    assert ended.returncode == 1
    assert "cannot be brought back" in ended.stdout
    assert ended.stderr.count("Traceback") == 0
    monkeypatch.setattr("typer.confirm", lambda _question: False)
    said = docledger("erase", docledger.file("contract.pdf"))
    assert (said.code, said.err) == (1, "nothing was erased\n")
    (row,) = docledger("show", docledger.file("contract.pdf"), "--format", "json").rows
    assert not row["erased"]


def test_erasing_an_email_erases_its_attachments(changing: Docledger) -> None:
    """Whoever asks for an e-mail to be forgotten means what it carried."""
    file = changing.file("mail-with-attachments.eml")
    (row,) = changing("show", file, "--format", "json").rows
    assert len(row["attachments"]) == 3
    said = changing("erase", file, "--yes", "--format", "json")
    assert said.code == 0, said.err
    assert {one["document_id"] for one in said.rows} == {row["document_id"], *row["attachments"]}
    for one in said.rows:
        assert one["key_gone"]
        assert all(entry["verifies"] for entry in (*one["earlier"], one["erasure"]) if entry)
    assert changing("audit").code == 0
    assert changing("verify").code == 0


def test_an_erasure_that_is_not_booked_yet_says_so(changing: Docledger) -> None:
    """Where somebody else runs, the entry comes when its sequencer does."""
    file = changing.file("contract.pdf")
    with running(changing.house.site):
        said = changing("erase", file, "--yes")
    assert said.code == 0
    assert "is not sealed yet" in said.out


def test_a_date_is_named_where_backups_are_known(
    changing: Docledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person who must answer for it gets a day, not a condition."""
    monkeypatch.setenv("DOCLEDGER_ERASURE_BACKUP_DAYS", "30")
    said = changing("erase", changing.file("contract.pdf"), "--yes", "--format", "json")
    (row,) = said.rows
    since, until = (
        datetime.fromisoformat(row[name]) for name in ("unreachable_since", "unrecoverable_from")
    )
    assert until - since == timedelta(days=30)
    assert row["because"] == "backups"
    assert row["removed"]["originals"] == 1


def test_what_must_stay_is_erased_by_nobody(
    changing: Docledger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A legal hold binds the person at the keyboard, and the attachments of an e-mail."""
    file = changing.file("mail-with-attachments.eml")
    (row,) = changing("show", file, "--format", "json").rows
    policy = tmp_path / "policy.yaml"
    monkeypatch.setenv("DOCLEDGER_ERASURE_POLICY", str(policy))
    policy.write_text(f"hold: {{documents: ['{row['document_id']}']}}")
    refused = changing("erase", file, "--yes")
    assert (refused.code, "must stay" in refused.err) == (2, True)
    for part in row["attachments"]:  # of an e-mail that is evidence, half would be none
        refused = changing("erase", part, "--yes")
        assert (refused.code, "an e-mail that carried it" in refused.err) == (2, True)
    policy.write_text(f"hold: {{documents: ['{row['attachments'][0]}']}}")
    said = changing("erase", file, "--yes", "--format", "json")
    assert said.rows[0]["kept"] == {"legal_hold": 1}
    assert len(said.rows) == 3
    (kept,) = changing("show", row["attachments"][0], "--format", "json").rows
    assert not kept["erased"]


def test_retention_erases_what_is_older_than_the_policy_says(
    changing: Docledger, tmp_path: Path
) -> None:
    """Said first, done then, and nothing more at the next time."""
    policy = tmp_path / "policy.yaml"
    policy.write_text("keep_days: {contract: 1, invoice: 3650, unread: 1}")
    sql = "UPDATE submissions SET received_at = received_at - 86400 * 1000000 * 2"
    with closing(sqlite3.connect(changing.data / "register.sqlite")) as register:
        register.execute(sql)
        register.commit()
    none = changing("retention")
    assert (none.code, "no retention policy" in none.err) == (2, True)
    options = ("--policy", policy, "--format", "json")
    planned = changing("retention", "--dry-run", *options).rows
    assert {(one["fate"], one["kind"]) for one in planned} == {
        ("erased", "contract"),
        ("erased", "unread"),
    }
    assert changing("retention", *options).rows == planned
    assert changing("retention", *options).rows == []
    assert "nothing is older" in changing("retention", "--policy", policy).out
    (row,) = changing("show", changing.file("contract.pdf"), "--format", "json").rows
    assert row["erased"]
    assert changing("verify").code == 0
    assert changing("audit", "--sweep").code == 0


def test_up_takes_what_is_dropped_in_and_drains_when_interrupted(tmp_path: Path) -> None:
    """The inbox folder is the entrance of people who know no commands."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "letter.txt").write_text("Dear Sir, the meeting is at noon. Yours, A. Smith\n")
    (inbox / "nothing.pdf").symlink_to(tmp_path / "nowhere")
    docledger = Docledger(tmp_path / "data", inbox)
    command = [
        sys.executable, "-c", "from deploy.cli.main import main; main()",
        *("--data-dir", str(docledger.data), "up", str(inbox), "--workers", "1"),
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        wait_until((inbox / ".taken" / "letter.txt").exists, what="nothing was taken")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert err.splitlines() == [
        f"watching {inbox}; interrupt to drain and stop",
        "a file: taken",
        "draining",
    ]
    assert not (inbox / "letter.txt").exists()
    (row,) = docledger("status", "--format", "json").rows
    assert row["submissions"] + sum(one["messages"] for one in row["backlog"]) >= 1


def test_up_says_where_its_inbox_cannot_be(tmp_path: Path) -> None:
    """A file where the folder should be is a mistake to be told in one line."""
    (tmp_path / "file").write_text("")
    said = Docledger(tmp_path / "data", tmp_path)("up", tmp_path / "file" / "inbox")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "cannot make the inbox" in said.err
