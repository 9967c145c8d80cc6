"""What the SQLite bus says to SQLite.

The file is laid out for few bytes a transaction, as that is what publishing, leasing and settling
cost. What waits lies in the order in which it is handed out, what happened in the order in which it
happened, and nothing is indexed that only an audit asks for.

    events         what was published, until it is pruned
    waiting        an event in a queue, not settled yet
    settled        an event that a subscription is done with
    pruned         ids of events that are no longer kept
    subscriptions  the numbers of their names

A queue's number is twice its subscription's; one more is the queue of its dead letters. Times are
microseconds since the epoch.

    due       when it may be handed out (again): the end of a lease, or of a delay
    attempts  hand-outs so far
    moved     hand-outs before it became a dead letter; while it is none, those that were given
              back unbegun, as a negative number
    holder    the process that has it on lease, 0 when none has
    since     the last event before a subscription existed: it is owed nothing up to there

A receipt is (seq, attempts, queue, due), good while the message is leased at that hand-out.
"""

from typing import Final

VERSION: Final = 3

SET_VERSION: Final = f"PRAGMA user_version = {VERSION}"

TABLES: Final = """
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  published INTEGER NOT NULL,
  type TEXT NOT NULL,
  attributes TEXT NOT NULL,
  body BLOB NOT NULL,
  id TEXT AS (
    iif(json_valid(attributes), json_extract(attributes, '$."ce-id"'), '')
  ) VIRTUAL,
  subject TEXT AS (
    iif(json_valid(attributes), json_extract(attributes, '$."ce-subject"'), '')
  ) VIRTUAL
);
CREATE TABLE waiting (
  queue INTEGER NOT NULL,
  due INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  moved INTEGER NOT NULL DEFAULT 0,
  holder INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (queue, due, seq)
) WITHOUT ROWID;
CREATE TABLE settled (
  seq INTEGER NOT NULL,
  subscription INTEGER NOT NULL,
  PRIMARY KEY (seq, subscription)
) WITHOUT ROWID;
CREATE TABLE pruned (id BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE subscriptions (
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  since INTEGER NOT NULL
);
"""

NEW_SUBSCRIPTION: Final = """
INSERT OR IGNORE INTO subscriptions (name, since) SELECT ?, coalesce(max(seq), 0) FROM events
"""

SUBSCRIPTIONS: Final = "SELECT name, number FROM subscriptions"

# Not left to SQLite: were the last event deleted behind our back, its number would come again,
# and meet what was settled under it.
NEXT_SEQ: Final = """
SELECT max(coalesce((SELECT max(seq) FROM events), 0),
           coalesce((SELECT max(seq) FROM settled), 0)) + 1
"""

ADD_EVENT: Final = """
INSERT INTO events (seq, published, type, attributes, body) VALUES (?, ?, ?, ?, ?)
"""

# In its place there can only be what waited for an event that was deleted behind our back.
ADD_WAITING: Final = "INSERT OR REPLACE INTO waiting (queue, due, seq) VALUES (?, ?, ?)"

DUE: Final = """
SELECT w.due, w.seq, w.attempts, w.moved, e.published, e.attributes, e.body
FROM waiting w JOIN events e USING (seq)
WHERE w.queue = ? AND w.due <= ? ORDER BY w.due, w.seq LIMIT ?
"""

LEASE: Final = """
UPDATE waiting SET queue = ?, due = ?, attempts = ?, moved = ?, holder = ?
WHERE queue = ? AND due = ? AND seq = ?
"""

_HELD: Final = "queue = ? AND due = ? AND seq = ? AND attempts = ? AND holder <> 0"

IS_HELD: Final = f"SELECT 1 FROM waiting WHERE {_HELD}"  # noqa: S608 - our own words

# An extension moves a message away from where its receipt says that it is.
HELD_UNTIL: Final = """
SELECT due FROM waiting WHERE queue = ? AND seq = ? AND attempts = ? AND holder <> 0
"""

NOTE_SETTLED: Final = f"""
INSERT OR IGNORE INTO settled SELECT seq, queue / 2 FROM waiting WHERE {_HELD}
"""  # noqa: S608 - our own words

SETTLE: Final = f"DELETE FROM waiting WHERE {_HELD}"  # noqa: S608 - our own words

GIVE_BACK: Final = f"""
UPDATE waiting SET due = ?, holder = 0 WHERE {_HELD}
"""  # noqa: S608 - our own words

# At the last attempt, which is none then, it is a dead letter no more.
GIVE_BACK_UNBEGUN: Final = f"""
UPDATE waiting
SET due = ?, holder = 0, queue = queue / 2 * 2, moved = iif(moved > 0, ? - attempts, moved) - 1
WHERE {_HELD}
"""  # noqa: S608 - our own words

EXTEND: Final = f"UPDATE waiting SET due = ? WHERE {_HELD}"  # noqa: S608 - our own words

RELEASE: Final = """
UPDATE waiting SET due = min(due, :now), holder = 0
WHERE holder <> 0 AND holder = coalesce(:holder, holder)
"""

# A message at its last hand-out still counts for the subscription whose worker holds it.
BACKLOG: Final = """
SELECT iif(w.holder <> 0 AND w.due > :now AND w.attempts = w.moved, w.queue / 2 * 2, w.queue),
       count(*), min(e.published), sum(w.holder <> 0 AND w.due > :now)
FROM waiting w JOIN events e USING (seq) GROUP BY 1
"""

NEXT_DUE: Final = """
SELECT w.due FROM waiting w JOIN events e USING (seq)
WHERE w.queue = ? ORDER BY w.due LIMIT 1
"""

LAST_EVENT: Final = "SELECT seq, id FROM events ORDER BY seq DESC LIMIT 1"

EVENT_AT: Final = "SELECT seq, id FROM events WHERE seq = ?"

# Which event lies where: for this connection alone, and only once it asks.
KNOWN: Final = """
CREATE TEMP TABLE IF NOT EXISTS known (
  id TEXT, seq INTEGER, PRIMARY KEY (id, seq)
) WITHOUT ROWID
"""

LEARN: Final = (
    "INSERT INTO known SELECT id, seq FROM events WHERE seq > ? AND seq <= ? AND id <> ''"
)

FORGET: Final = "DELETE FROM known"

HAS_PUBLISHED: Final = """
SELECT 1 FROM known JOIN events e USING (seq) WHERE known.id = :id AND e.id = :id
UNION ALL SELECT 1 FROM pruned WHERE id = :bytes
LIMIT 1
"""

# What was published again and heard then is not missing.
MISSING: Final = """
WITH heard (seq) AS (
  SELECT seq FROM settled WHERE subscription = :number
  UNION ALL SELECT seq FROM waiting WHERE queue IN (2 * :number, 2 * :number + 1)
)
SELECT id, subject FROM events
WHERE type = :topic AND seq > (SELECT since FROM subscriptions WHERE number = :number)
  AND seq NOT IN (SELECT seq FROM heard)
  AND id NOT IN (
    SELECT id FROM events WHERE type = :topic AND seq IN (SELECT seq FROM heard) AND id <> ''
  )
ORDER BY seq
"""

# Events lie in the order of their publishing: what is old ends before the first that is not.
PRUNABLE: Final = """
SELECT seq, id FROM events e
WHERE seq < coalesce(
    (SELECT seq FROM events WHERE published >= :before ORDER BY seq LIMIT 1),
    (SELECT max(seq) FROM events)
  )
  AND id <> '' AND seq NOT IN (SELECT seq FROM waiting)
  AND NOT EXISTS (
    SELECT 1 FROM json_each(:hearers, '$."' || e.type || '"') hearer
    JOIN subscriptions s ON s.number = hearer.value
    WHERE s.since < e.seq AND NOT EXISTS (
      SELECT 1 FROM settled d WHERE d.seq = e.seq AND d.subscription = s.number
    )
  )
ORDER BY seq LIMIT :most
"""

REMEMBER_ID: Final = "INSERT OR IGNORE INTO pruned VALUES (?)"

DROP_EVENT: Final = "DELETE FROM events WHERE seq = ?"

DROP_SETTLED: Final = "DELETE FROM settled WHERE seq = ?"
