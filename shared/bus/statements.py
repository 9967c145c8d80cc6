"""What the SQLite bus says to SQLite.

Events are kept, so that an audit can ask for them. A delivery is one event in one subscription; its
queue is the subscription, or its dead letters. Times are microseconds since the epoch.

    due       when it may be handed out (again): the end of a lease, or of a delay
    attempts  hand-outs so far
    moved     hand-outs before it became a dead letter; while it is none, those that were given
              back unbegun, as a negative number
    state     0 waiting, 1 leased, 2 settled
    holder    the process that leased it last
    since     the last event before a subscription existed: it is owed nothing up to there

A receipt is (seq, subscription, attempts), good while the delivery is leased at that hand-out.
"""

from typing import Final

VERSION: Final = 2

SET_VERSION: Final = "PRAGMA user_version = 2"

TABLES: Final = """
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  attributes TEXT NOT NULL,
  body BLOB NOT NULL,
  published INTEGER NOT NULL
);
CREATE INDEX events_by_id ON events (id);
CREATE TABLE deliveries (
  seq INTEGER NOT NULL,
  subscription TEXT NOT NULL,
  queue TEXT NOT NULL,
  due INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  moved INTEGER NOT NULL DEFAULT 0,
  state INTEGER NOT NULL DEFAULT 0,
  holder INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (seq, subscription)
) WITHOUT ROWID;
CREATE INDEX deliveries_open ON deliveries (queue, due, seq) WHERE state < 2;
CREATE TABLE subscriptions (name TEXT PRIMARY KEY, since INTEGER NOT NULL) WITHOUT ROWID;
"""

NEW_SUBSCRIPTION: Final = """
INSERT OR IGNORE INTO subscriptions SELECT ?, coalesce(max(seq), 0) FROM events
"""

# Not left to SQLite: were the last event deleted behind our back, its number would come again,
# and meet the deliveries that were left behind.
NEXT_SEQ: Final = """
SELECT max(coalesce((SELECT max(seq) FROM events), 0),
           coalesce((SELECT max(seq) FROM deliveries), 0)) + 1
"""

ADD_EVENT: Final = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)"

ADD_DELIVERY: Final = "INSERT INTO deliveries (seq, subscription, queue, due) VALUES (?, ?, ?, ?)"

DUE: Final = """
SELECT d.seq, d.subscription, d.attempts, d.moved, e.attributes, e.body, e.published
FROM deliveries d JOIN events e USING (seq)
WHERE d.queue = ? AND d.state < 2 AND d.due <= ?
ORDER BY d.due, d.seq LIMIT ?
"""

LEASE: Final = """
UPDATE deliveries SET state = 1, due = ?, attempts = ?, moved = ?, queue = ?, holder = ?
WHERE seq = ? AND subscription = ?
"""

SETTLE: Final = """
UPDATE deliveries SET state = 2
WHERE seq = ? AND subscription = ? AND attempts = ? AND state = 1
"""

GIVE_BACK: Final = """
UPDATE deliveries SET state = 0, due = ?
WHERE seq = ? AND subscription = ? AND attempts = ? AND state = 1
"""

# At the last attempt, which is none then, it is a dead letter no more.
GIVE_BACK_UNBEGUN: Final = """
UPDATE deliveries
SET state = 0, due = ?, queue = subscription, moved = iif(moved > 0, ? - attempts, moved) - 1
WHERE seq = ? AND subscription = ? AND attempts = ? AND state = 1
"""

EXTEND: Final = """
UPDATE deliveries SET due = ?
WHERE seq = ? AND subscription = ? AND attempts = ? AND state = 1
"""

RELEASE: Final = """
UPDATE deliveries SET state = 0, due = min(due, :now)
WHERE state < 2 AND state = 1 AND holder = coalesce(:holder, holder)
"""

# A message at its last hand-out still counts for the subscription whose worker holds it.
BACKLOG: Final = """
SELECT iif(d.state = 1 AND d.due > :now AND d.attempts = d.moved, d.subscription, d.queue),
       count(*), min(e.published), sum(d.state = 1 AND d.due > :now)
FROM deliveries d JOIN events e USING (seq)
WHERE d.state < 2 GROUP BY 1
"""

NEXT_DUE: Final = """
SELECT d.due FROM deliveries d JOIN events e USING (seq)
WHERE d.queue = ? AND d.state < 2 ORDER BY d.due LIMIT 1
"""

HAS_PUBLISHED: Final = "SELECT 1 FROM events WHERE id = ? LIMIT 1"

MISSING: Final = """
SELECT e.id, json_extract(e.attributes, '$."ce-subject"') FROM events e
WHERE e.type = :topic AND e.seq > (SELECT since FROM subscriptions WHERE name = :name)
  AND NOT EXISTS (
    SELECT 1 FROM events again JOIN deliveries d ON d.seq = again.seq
    WHERE again.id = e.id AND d.subscription = :name
  )
ORDER BY e.seq
"""
