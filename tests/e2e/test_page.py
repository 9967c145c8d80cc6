"""The auditor's page in a real browser, over the API as it is deployed, on a real log."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    Route,
    expect,
    sync_playwright,
)

from services.ledger.adapters.schema import JOURNAL
from shared.database.sqlite import open_sqlite
from tests.deploy.cloudrun.wire import running
from tests.outside.debian import program
from tests.services.ledger.auditing import Audited, keep, make_entry
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

PATIENCE_MS = PATIENCE_S * 1_000
SIZES = (7, 256, 300, 700)
SIZE = SIZES[-1]
_MEANT = ("Failed to load resource", "requires 'TrustedHTML'")  # what a test provokes
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the log is."""
    return tmp_path_factory.mktemp("audited")


@pytest.fixture(scope="module")
def log(folder: Path) -> Audited:
    """Publish a log."""
    database = open_sqlite(folder / "ledger.sqlite", JOURNAL)
    published = keep(folder, database, "acme", SIZES)
    database.close()
    return published


@pytest.fixture(scope="module")
def address(folder: Path, log: Audited) -> Iterator[str]:
    """Run the API."""
    with running(
        *("-m", "deploy.cloudrun.api", "ledger-api", "--port", "{port}"),
        DOCLEDGER_PROJECT="docledger-test",
        DOCLEDGER_OBJECTS_BUCKET="docledger-test",
        DOCLEDGER_DATA_DIR=str(folder),
        DOCLEDGER_UNSAFE_NO_API_AUTH="true",
        DOCLEDGER_LEDGER_API_READERS=f"anybody={log.tenant}",
    ) as (_, port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run Debian's Chromium."""
    chromium = program("chromium", package="chromium")
    expect.set_options(timeout=PATIENCE_MS)  # it has patience of its own, and that is short
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"], timeout=PATIENCE_MS
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """Open the page; it must say nothing on the console and ask nobody else."""
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(one in message.text for one in _MEANT):
            said.append(message.text)

    def foreign(request: Request) -> None:
        if not request.url.startswith(address):
            said.append(request.url)

    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("console", hear)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", foreign)
    page.goto(address)
    yield page
    page.close()
    assert said == []


def open_log(page: Page, log: Audited, vkey: str | None = None) -> None:
    """Fill the first form as an auditor does, by its labels."""
    page.get_by_label("Tenant").fill(log.tenant)
    page.get_by_label("Public key of the log").fill(log.vkey if vkey is None else vkey)
    page.get_by_role("button", name="Open").click()
    expect(page.locator("#entry-table tbody tr").first).to_be_visible()
    expect(page.locator("#status")).to_have_text("")  # and nothing more is being asked


def prove(page: Page, index: int, size: str = "") -> str:
    """Ask for one proof and return the verdict."""
    page.locator("#verdict").evaluate("told => told.textContent = ''")
    page.get_by_label("Index").fill(str(index))
    page.get_by_label("At size").fill(size)
    page.locator("#prove").get_by_role("button", name="Verify").click()
    return verdict(page)


def verdict(page: Page) -> str:
    """Return what the browser concluded."""
    expect(page.locator("#verdict")).to_have_text(re.compile("(Proved|Not proved|Not verified): "))
    return page.locator("#verdict").inner_text()


def test_entries_and_checkpoints_are_listed(page: Page, log: Audited) -> None:
    """What an auditor sees first is the newest of the log, and how far it goes."""
    open_log(page, log)
    rows = page.locator("#entry-table tbody tr")
    expect(rows).to_have_count(50)
    expect(rows.first).to_contain_text(str(SIZE - 1))
    page.get_by_role("button", name="More entries").click()
    expect(rows).to_have_count(100)
    expect(page.locator("#checkpoint-table tbody tr")).to_have_count(len(SIZES))


def test_filters_are_asked_for(page: Page, log: Audited) -> None:
    """The open holds above some size are a question that every audit asks."""
    open_log(page, log)
    page.get_by_text("Filters").click()
    page.get_by_label("Status").select_option("open")
    page.get_by_label("As of size").fill("25")
    page.locator("select[name=order]").select_option("oldest")
    page.get_by_role("button", name="Apply").click()
    rows = page.locator("#entry-table tbody tr")
    expect(rows).to_have_count(3)
    assert rows.locator("th").all_inner_texts() == ["2", "12", "22"]


def test_entry_is_proved_in_the_browser(page: Page, log: Audited) -> None:
    """Every step is shown, and what was proved is the leaf itself, not what a table says."""
    open_log(page, log)
    for index, size in ((0, ""), (255, ""), (699, ""), (6, "7"), (299, "300")):
        told = prove(page, index, size)
        at = f"docledger.example/log/acme at size {size or SIZE}"
        assert told == f"Proved: entry {index} is in {at}."
        assert page.locator("#steps li.passed").count() == 5
        assert page.locator("#steps li.failed").count() == 0
        leaf = page.locator("#leaf").inner_text()
        assert json.loads(leaf) == json.loads(make_entry("acme", index).leaf)


def test_row_is_proved_by_its_button_and_by_keyboard(page: Page, log: Audited) -> None:
    """An auditor without a mouse must get as far as one with it."""
    open_log(page, log)
    page.get_by_role("button", name="Verify entry 690").focus()
    page.keyboard.press("Enter")
    assert verdict(page).startswith("Proved: entry 690 ")
    assert page.evaluate("document.activeElement.id") == "proof"


def test_growth_is_proved_between_every_two_checkpoints(page: Page, log: Audited) -> None:
    """A log that was written anew since the last audit must not pass."""
    open_log(page, log)
    form = page.locator("#consistency")
    for earlier, later in ((7, 256), (7, SIZE), (256, 300), (300, 300), (256, SIZE)):
        form.get_by_label("Earlier size").fill(str(earlier))
        form.get_by_label("Later size").fill(str(later))
        form.get_by_role("button").click()
        expect(page.locator("#verdict")).to_have_text(
            f"Proved: the log of {later} entries begins with the log of {earlier}."
        )


def other_key(log: Audited) -> str:
    """Return a well-formed key of the same name that signed nothing here."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - one test's

    from shared.tlog.signer import Ed25519Signer  # noqa: PLC0415 - one test's

    name = log.vkey.split("+")[0]
    return str(Ed25519Signer(name, Ed25519PrivateKey.generate()).key)


def test_wrong_key_proves_nothing(page: Page, log: Audited) -> None:
    """The key is all that an auditor trusts: any other one must fail, however well it is formed."""
    open_log(page, log, other_key(log))
    assert prove(page, 5) == "Not proved: the checkpoint is not signed by the key that you gave."
    page.get_by_label("Public key of the log").fill(log.vkey[:-4] + "AAAA")
    assert "hash in the public key" in prove(page, 5)
    page.get_by_label("Public key of the log").fill("canary")
    assert "name+hash+key" in prove(page, 5)
    page.get_by_label("Public key of the log").fill("")
    assert "paste" in prove(page, 5)
    page.get_by_label("Public key of the log").fill(f"{other_key(log)}\n{log.vkey}")
    assert prove(page, 5).startswith("Proved:")


def flip(data: bytes, at: int) -> bytes:
    """Return the bytes with one bit changed."""
    changed = bytearray(data)
    changed[at % len(data)] ^= 1
    return bytes(changed)


def test_flipped_byte_of_a_proof_is_shown_as_a_failure(page: Page, log: Audited) -> None:
    """Whatever lies between the log and the browser cannot make a false proof pass."""
    part = 0

    def tampering(route: Route) -> None:
        body = route.fetch().body()
        route.fulfill(body=flip(body, len(body) * part // 12 + 3), content_type="text/plain")

    page.route("**/proof*", tampering)
    open_log(page, log)
    for part in range(12):  # noqa: B007 - what tampers reads it
        assert prove(page, 123).startswith("Not proved:")
        assert page.locator("#steps li.failed").count() == 1
        assert page.locator("#told").is_hidden()


def test_flipped_byte_of_a_leaf_is_shown_as_a_failure(page: Page, log: Audited) -> None:
    """An entry that was changed after it was sealed is what all of this is for."""
    at = 0

    def tampering(route: Route) -> None:
        told = route.fetch().json()
        leaf = flip(base64.b64decode(told["leaf"]), at)
        route.fulfill(json={**told, "leaf": base64.b64encode(leaf).decode()})

    page.route("**/entries/123", tampering)
    open_log(page, log)
    for at in (0, 30, -1):  # noqa: B007 - what tampers reads it
        assert prove(page, 123) == (
            "Not proved: the proof leads to another root than the checkpoint's."
        )


def test_proof_of_another_entry_is_shown_as_a_failure(page: Page, log: Audited) -> None:
    """A server that answers with a good proof of something else must not get away with it."""
    page.route(
        "**/entries/123/proof*",
        lambda route: route.continue_(url=route.request.url.replace("123", "124")),
    )
    open_log(page, log)
    assert prove(page, 123) == "Not proved: the proof is of entry 124, not 123."


def test_leaf_of_another_entry_is_shown_as_a_failure(page: Page, log: Audited) -> None:
    """Nor one that answers with another entry."""
    page.route(
        "**/entries/123", lambda route: route.continue_(url=route.request.url.replace("123", "124"))
    )
    open_log(page, log)
    assert "another root" in prove(page, 123)


def test_entry_that_is_not_there_is_said_to_be_none(page: Page, log: Audited) -> None:
    """An error of the server is told in words that help."""
    open_log(page, log)
    assert prove(page, SIZE).startswith("Not verified: there is none")
    page.get_by_label("Tenant").fill("globex")
    page.get_by_role("button", name="Open").click()
    expect(page.locator("#status")).to_contain_text("there is none")


def test_forged_growth_is_shown_as_a_failure(page: Page, log: Audited) -> None:
    """Two signed checkpoints of logs that differ are a fork; no proof may join them."""

    def tampering(route: Route) -> None:
        told = route.fetch().json()
        told["hashes"][0] = base64.b64encode(flip(base64.b64decode(told["hashes"][0]), 5)).decode()
        route.fulfill(json=told)

    page.route("**/consistency*", tampering)
    open_log(page, log)
    form = page.locator("#consistency")
    form.get_by_label("Earlier size").fill("7")
    form.get_by_role("button").click()
    assert verdict(page).startswith("Not proved: the proof leads to another")


def test_foreign_text_stays_text(page: Page, log: Audited) -> None:
    """A server, or who sits between, must not be able to run anything in the auditor's page."""

    def hostile(route: Route) -> None:
        told = route.fetch().json()
        for entry in told["entries"]:
            entry.update(kind=HOSTILE, type=HOSTILE, date=HOSTILE, reason=HOSTILE)
        route.fulfill(json=told)

    page.route("**/entries?*", hostile)
    open_log(page, log)
    assert page.locator("#entry-table img").count() == 0
    assert "<img" in page.locator("#entry-table tbody tr").first.inner_text()
    assert page.title() != "owned"


def test_policy_lets_nothing_else_run(page: Page) -> None:
    """Markup that gets in anyway meets a policy that runs no inline script and takes no HTML."""
    refused = page.evaluate(
        "() => { try { document.body.innerHTML = '<b>x</b>'; return 'taken' }"
        " catch (error) { return error.name } }"
    )
    assert refused == "TypeError"
    answer = page.request.get(page.url)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_token_is_sent_and_not_kept(page: Page, log: Audited) -> None:
    """A token in storage outlives the audit, and every script of that origin could read it."""
    sent: list[str | None] = []

    def hear(request: Request) -> None:
        if "/v1/" in request.url:
            sent.append(request.headers.get("authorization"))

    page.on("request", hear)
    page.get_by_label("Token").fill("canary-token")
    open_log(page, log)
    assert set(sent) == {"Bearer canary-token"}
    kept = page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    )
    assert "canary" not in kept + page.url
    page.reload()
    assert page.get_by_label("Token").input_value() == ""


def test_browser_without_ed25519_says_so(page: Page, log: Audited) -> None:
    """An old browser must not look like a failed proof of a good log."""
    page.evaluate(
        "() => { crypto.subtle.importKey = () =>"
        " Promise.reject(new DOMException('x', 'NotSupportedError')) }"
    )
    open_log(page, log)
    assert prove(page, 5).startswith("Not proved: this browser cannot check Ed25519")


def test_everything_to_fill_in_has_a_name(page: Page) -> None:
    """A screen reader reads labels; a field without one is a guess."""
    fields = page.locator("input, select, textarea, button")
    names = fields.evaluate_all(
        "all => all.map(one => one.labels?.length || one.textContent.trim() || one.ariaLabel)"
    )
    assert all(names)
    assert page.locator("html").get_attribute("lang") == "en"


def test_one_command_opens_the_page_for_whoever_has_its_address(
    browser: Browser, folder: Path, log: Audited
) -> None:
    """On a laptop there are no tokens, and still no other site may read what is served there."""
    command = ("-c", "from deploy.cli.main import main; main()", "--data-dir", str(folder))
    with running(*command, "serve", "--port", "{port}") as (process, port):
        assert process.stdout is not None
        address = next(line.strip() for line in process.stdout if line.startswith("http"))
        assert httpx.get(f"http://127.0.0.1:{port}/v1/tenants/acme/entries").status_code == 401
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(address)
        expect(page.locator("#entry-table tbody tr")).to_have_count(50)
        assert page.url == f"http://127.0.0.1:{port}/"
        assert prove(page, 42).startswith(f"Proved: entry 42 is in {log.vkey.split('+')[0]}")
        page.close()
