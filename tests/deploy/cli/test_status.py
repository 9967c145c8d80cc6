"""``docledger status``: the sums, the stages, the backlog, what runs."""

import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from deploy.cli.status import duration, shown
from deploy.local.backing import Backing
from deploy.local.deployables import Deployable
from deploy.local.house import House
from deploy.local.pace import Pace
from deploy.local.standing import Standing
from services.ingest.budget import BudgetUse, Period
from services.ingest.registered import Counts, StageFlow
from shared.bus.port import Backlog
from shared.clock import SystemClock
from shared.events.codec import from_structured
from shared.events.envelope import Event, make_event
from shared.events.payloads import Reference, UploadArrived
from tests.deploy.conftest import Docledger, Said, plain

BUSY = Standing(
    counts=Counts(
        submissions=1_000_003, made=1_000_000, duplicates=2, refused=1,
        documents=1_000_000, posted=500_000, in_flight=500_000, late=3,
    ),
    stages=[
        Pace(StageFlow("ingest", waiting=0, entered=10, left=10)),
        Pace(StageFlow("ocr", 499_990, 3, 86_399.94, entered=100, left=600)),
        Pace(StageFlow("summarize", 8, 0, 0.31, entered=600, left=590)),
        Pace(StageFlow("ledger", 2, 0, 7.0)),
    ],
    backlog=[Backlog("ocr.document-received", 499_990, 86_399.94, 2)],
    untaken=17,
    deployables=[],
)  # fmt: skip


def seen(standing: Standing, *, width: int, terminal: bool = True) -> str:
    """Return what a person sees of a standing."""
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=terminal, highlight=False)
    console.print(shown(standing, console))
    return plain(out.getvalue())


def upload(house: House) -> Event:
    """Return an upload that nobody can have taken in yet."""
    document = from_structured(house.register.documents("default")[0].last_event)
    job = "77" * 20
    return make_event(
        UploadArrived(
            upload=Reference(name=f"inbox/default/{job}", generation=1, digest="ab" * 32, size=1),
            entrance="cli",
        ),
        tenant_key=b"k" * 32,
        tenant="default",
        source="entrance",
        subject=job,
        jobid=job,
        traceparent=document.traceparent,
        time=house.clock.now(),
    )


def test_each_stage_says_what_waits_and_when_it_will_be_through() -> None:
    """That is what on-call decides by."""
    lines = [line.split() for line in seen(BUSY, width=100).splitlines()]
    assert ["stage", "waiting", "oldest", "s", "arrival", "drain", "time", "to", "drain",
            "late"] in lines  # fmt: skip
    assert ["ingest", "0", "0.0", "2.0", "2.0", "-", "0"] in lines
    assert ["ocr", "499990", "86399.9", "20.0", "120.0", "3.5", "d", "3"] in lines
    assert ["summarize", "8", "0.3", "120.0", "118.0", "growing", "0"] in lines
    assert ["ledger", "2", "7.0", "0.0", "0.0", "nothing", "moves", "0"] in lines


def test_progress_has_a_bar_on_a_terminal_alone() -> None:
    """A program has no use for blocks."""
    said = "done 500003 of 1000003 submissions, 50 %; 17 more at the door"
    (line,) = [line for line in seen(BUSY, width=100).splitlines() if said in line]
    assert line.startswith(("█" * 15 + ".", "#" * 15 + "."))
    assert said in seen(BUSY, width=200, terminal=False).splitlines()


@pytest.mark.parametrize("width", [40, 64, 80])
def test_figures_of_any_size_fit_the_terminal(width: int) -> None:
    """On a narrow one the rates give way to what they say."""
    out = seen(BUSY, width=width)
    assert max(map(len, out.splitlines())) <= width
    assert "499990" in out
    assert ("arrival" in out) == (width >= 64)


def test_an_empty_folder_has_nothing_to_do() -> None:
    """Nothing of nothing is no division by zero."""
    stages = [Pace(StageFlow(one.flow.stage)) for one in BUSY.stages]
    out = seen(Standing(Counts(), stages, [], 0, []), width=80)
    assert "nothing was taken in yet" in out
    assert "Backlog: nothing waits on the bus" in out
    assert out.count(" - ") == 4


def test_a_bus_that_does_not_tell_is_said_to_be_one() -> None:
    """No figure is better than a zero that nobody counted."""
    running = [
        Deployable("ocr", "http://127.0.0.1:8001", "ready"),
        Deployable("pubsub-emulator", "http://127.0.0.1:8085", "down"),
    ]
    mute = Standing(BUSY.counts, BUSY.stages, None, None, running)
    out = seen(mute, width=80)
    assert "the Pub/Sub emulator does not tell" in out
    assert "at the door" not in out
    assert ["ocr", "http://127.0.0.1:8001", "ready"] in [line.split() for line in out.splitlines()]
    told = mute.as_json()
    assert (told["backlog"], told["untaken"]) == (None, None)
    assert told["deployables"] == [
        {"name": "ocr", "url": "http://127.0.0.1:8001", "state": "ready"},
        {"name": "pubsub-emulator", "url": "http://127.0.0.1:8085", "state": "down"},
    ]


def test_a_budget_is_one_line_and_no_limit_is_none() -> None:
    """Who pays sees what is left before documents wait in quarantine."""
    assert "budget" not in seen(BUSY, width=80)
    uses = [BudgetUse(Period.DAY, 1990, 2000), BudgetUse(Period.MONTH, 12_000, 30_000)]
    out = seen(replace(BUSY, budget=uses), width=80)
    line = "budget default: 1990 of 2000 pages this day, 12000 of 30000 pages this month"
    assert line in [one.rstrip() for one in out.splitlines()]


def test_programs_get_the_budget_by_stable_names(
    docledger: Docledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The README documents them."""
    path = tmp_path / "budgets.yaml"
    path.write_text("everybody: {pages_a_month: 7}", encoding="utf-8")
    assert docledger("status", "--format", "json").rows[0]["budget"] == []
    monkeypatch.setenv("DOCLEDGER_REGISTER_BUDGETS", str(path))
    (use,) = docledger("status", "--format", "json").rows[0]["budget"]
    assert use.keys() == {"period", "pages", "limit"}
    assert (use["period"], use["limit"]) == ("month", 7)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (59, "59 s"), (60, "1.0 min"), (5400, "1.5 h"), (3e11, "3472222.2 d")],
)
def test_a_time_is_said_in_the_unit_that_fits(seconds: float, said: str) -> None:
    """Nobody divides by 86,400 at night."""
    assert duration(seconds) == said


def test_programs_get_stages_and_backlog_by_stable_names(docledger: Docledger) -> None:
    """The README documents them."""
    (row,) = docledger("status", "--format", "json").rows
    assert [stage["stage"] for stage in row["stages"]] == ["ingest", "ocr", "summarize", "ledger"]
    assert row["stages"][1].keys() == {
        "stage", "waiting", "late", "oldest_s", "entered", "left",
        "arrival_per_minute", "drain_per_minute", "trend", "time_to_drain_s",
    }  # fmt: skip
    assert (row["done"], row["untaken"], row["window_s"]) == (16, 0, 300.0)
    assert (row["backlog"], row["deployables"]) == ([], [])


def test_a_run_is_in_the_rates_of_the_minutes_after_it(docledger: Docledger) -> None:
    """Whoever went through the stages is counted, once."""
    register = docledger.house.register
    ended = max(document.since for document in register.documents("default"))
    flow = {
        stage.stage: (stage.entered, stage.left)
        for stage in register.flow(ended, window=timedelta(minutes=50), tenant="default")
    }
    counts = register.counts(ended, "default")
    posted = counts.posted + counts.held
    assert flow == {
        "ingest": (counts.documents, counts.documents),
        "ocr": (posted, posted),
        "summarize": (posted, posted),
        "ledger": (posted, posted),
    }


def test_an_upload_that_nobody_took_in_yet_waits_at_the_door(changing: Docledger) -> None:
    """The register does not know it, and a person who dropped a file asks where it is."""
    house = changing.house
    house.bus.publish([upload(house)])
    (row,) = changing("status", "--format", "json").rows
    (waits,) = row["backlog"]
    assert waits.keys() == {"subscription", "messages", "oldest_age_s", "leased"}
    assert (waits["subscription"], waits["messages"]) == ("ingest.upload-arrived", 1)
    assert row["untaken"] == 1
    assert "; 1 more at the door" in plain(changing("status", width=120).out)
    house.bus.pull("ingest.upload-arrived", most=1, lease_s=60)
    assert changing("status", "--format", "json").rows[0]["untaken"] == 0


@pytest.mark.integration
@pytest.mark.enable_socket
def test_on_pubsub_each_process_is_asked(
    changing: Docledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder whose processes are gone still shows its register, and says who is down."""
    for name in ("PUBSUB_EMULATOR_HOST", "STORAGE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.setenv(name, "restored afterwards")
    nowhere = "127.0.0.1:9"
    Backing(
        project="docledger-local",
        pubsub=nowhere,
        storage=f"http://{nowhere}",
        objects="objects",
        uploads="uploads",
        services={"ocr": 9, "ledger": 9},
    ).write(changing.house.site.backing)
    states = {"ocr": "ready", "ledger": "not ready"}
    monkeypatch.setattr("deploy.local.pubsub_site.state_of", lambda _backing, name: states[name])
    said = changing("status", width=120)
    assert (said.code, said.err) == (0, "")
    assert "submissions 16 = " in plain(said.out)
    (row,) = changing("status", "--format", "json").rows
    assert [(one["name"], one["state"]) for one in row["deployables"]] == [
        ("ocr", "ready"), ("ledger", "not ready"),
        ("pubsub-emulator", "down"), ("storage-emulator", "down"),
    ]  # fmt: skip
    assert row["backlog"] is None


class Interrupted:
    """A person who looks twice."""

    def __init__(self) -> None:
        self.looks = 0

    def sleep(self, _seconds: float) -> None:
        self.looks += 1
        if self.looks == 2:
            raise KeyboardInterrupt


@pytest.mark.parametrize("words", [(), ("--format", "json")], ids=["terminal", "json"])
def test_watching_ends_quietly_when_it_is_interrupted(
    docledger: Docledger, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """Ctrl-C is how a person ends it, so it is no error."""
    person = Interrupted()
    monkeypatch.setattr(SystemClock, "sleep", person.sleep)
    said = docledger("status", "--watch", *words, width=None if words else 100)
    assert (said.code, said.err, person.looks) == (0, "", 2)
    assert len(said.rows) == 2 if words else "submissions 16 = " in plain(said.out)


def test_watching_needs_a_terminal_or_json(docledger: Docledger) -> None:
    """A pipe cannot be repainted."""
    said: Said = docledger("status", "--watch")
    assert (said.code, said.out) == (2, "")
    assert "--format json" in said.err
