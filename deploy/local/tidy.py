"""Uploads that became documents need not lie at the door any more."""

from deploy.local.house import House
from services.ingest.registered import Terminal
from shared.worker import names


def tidy_inbox(house: House) -> int:
    """Remove uploads whose submission is settled and whose original is kept; return how many.

    What ingest put into quarantine stays: a replay reads the upload again. Original and intake are
    confirmed before the upload goes: a worker may be about to sync them.
    """
    settled: list[str] = []
    kept: set[str] = set()
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
        settled.append(info.name)
        kept.add(names.intake(job_id))
        if submission.document_id:
            kept.add(names.original(submission.document_id))
    if settled and house.platform is None:  # a server's objects are durable once it answered
        house.directory.confirm(kept)
    for name in settled:
        house.objects.delete(name)
    return len(settled)
