"""Who works: the stages of a document and the processes around them."""

from enum import StrEnum


class Stage(StrEnum):
    """Whose log line, span or figure it is."""

    INGEST = "ingest"  # the front door: a submission becomes a document
    OCR = "ocr"  # pages become words
    SUMMARIZE = "summarize"  # words become a type, fields and a summary
    LEDGER = "ledger"  # a summary becomes an entry
    REGISTER = "register"  # follows every document by the events of its life
    SEQUENCER = "sequencer"  # gives entries their index and signs checkpoints
    SWEEPER = "sweeper"  # sends late documents on their way again
    ERASER = "eraser"  # destroys a document's key and plants its tombstone
    SUPERVISOR = "supervisor"  # runs all workers on one machine
    ENTRANCE = "entrance"  # takes submissions: command line, inbox folder, API
    AUDITOR = "auditor"  # answers from the ledger, read-only
    SANDBOX = "sandbox"  # parses foreign bytes in child processes
    CLI = "cli"  # the docledger command
