"""What is brought back is brought back for whom it belongs to, whoever asks for it."""

from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local.audit import audit
from deploy.local.entrance import entrance_of
from deploy.local.house import House
from deploy.local.repair import bring_back
from deploy.local.site import Site
from shared.events.envelope import Event
from shared.worker import names
from tests.deploy.local.test_audit import drain, sql

NAME = "note.txt"


@pytest.fixture
def theirs(tmp_path: Path) -> tuple[House, str]:
    """A house that stands for one tenant, and the document of another in it."""
    site = Site(tmp_path / "data")
    site.create()
    house = House(site, tenant="acme")
    (tmp_path / NAME).write_text("Dear all,\nthe meeting is at noon.\n")
    job_id = entrance_of(house, "cli").submit(tmp_path / NAME).job_id
    drain(house)
    submission = house.register.submission(job_id)
    assert submission is not None
    assert submission.document_id is not None
    assert audit(house) == []
    house.close()
    return House(site, tenant="other"), submission.document_id


def _published(house: House, monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    published: list[Event] = []
    monkeypatch.setattr(house.bus, "publish", published.extend)
    return published


def test_another_tenants_document_is_announced_as_theirs(
    theirs: tuple[House, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An audit finds what is wrong with everybody's: its sweep must not take one for another's."""
    house, document_id = theirs
    published = _published(house, monkeypatch)
    house.objects.delete(names.stage_result("summarize", document_id, 0))
    found = audit(house)
    assert document_id in {one.document_id for one in found}
    bring_back(house, found)
    assert published
    assert {one.tenant for one in published} == {"acme"}
    house.close()


def test_a_document_that_no_register_knows_is_nobody_elses(
    theirs: tuple[House, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its results would be worked on as the other tenant's, and booked in the other's books."""
    house, document_id = theirs
    sql(house.site.register, f"DELETE FROM documents WHERE document_id = '{document_id}'")
    house = replace(house)
    published = _published(house, monkeypatch)
    found = audit(house)
    assert ("not_registered", document_id) in {(one.code, one.document_id) for one in found}
    bring_back(house, found)
    assert published == []
    own = replace(house, tenant="acme")
    published = _published(own, monkeypatch)
    bring_back(own, found)
    assert {one.tenant for one in published} == {"acme"}
    for one in (house, own):
        one.close()
