"""Uploads that became documents need not lie at the door any more."""

from deploy.local.house import House
from services.ingest.ports import Terminal
from shared.worker import names


def tidy_inbox(house: House) -> int:
    """Remove uploads whose submission is settled and whose original is kept; return how many.

    What ingest put into quarantine stays: a replay reads the upload again.
    """
    removed = 0
    for info in list(house.objects.list("inbox/")):
        job_id = info.name.rsplit("/", 1)[1]
        submission = house.register.submission(job_id)
        if submission is None or house.vault.find(names.intake(job_id)) is None:
            continue
        document = submission.document_id and house.register.document(
            submission.tenant, submission.document_id
        )
        if document and document.terminal is Terminal.QUARANTINED and document.stage == "ingest":
            continue
        house.objects.delete(info.name)
        removed += 1
    return removed
