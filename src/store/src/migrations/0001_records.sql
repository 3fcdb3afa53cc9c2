-- Call records, stays in queues, agents' stays. Times are milliseconds since 1970-01-01 UTC.

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row for each ended call. What is never asked for by its content is JSON.
CREATE TABLE calls (
    id INTEGER PRIMARY KEY,
    call TEXT NOT NULL UNIQUE,
    since_ms INTEGER NOT NULL,
    answered_ms INTEGER,
    talking_ms INTEGER,
    ended_ms INTEGER,
    called TEXT NOT NULL,
    calling TEXT NOT NULL,
    restricted INTEGER NOT NULL,
    source TEXT NOT NULL,
    flow TEXT,
    reached TEXT,
    agent TEXT,
    progress TEXT NOT NULL,
    cause INTEGER,
    legs TEXT NOT NULL,
    recordings TEXT NOT NULL
) STRICT;

CREATE INDEX calls_by_time ON calls (since_ms, id);

-- By what a call is found: its numbers, agents, queues, outcomes (see sqlite/keys.rs). Each key lists its calls by time,
-- so that a page of any selection is read from one place.
CREATE TABLE call_keys (
    kind INTEGER NOT NULL,
    value TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    id INTEGER NOT NULL,
    PRIMARY KEY (kind, value, since_ms, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE visits (
    call_id INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    queue TEXT NOT NULL,
    entered_ms INTEGER NOT NULL,
    left_ms INTEGER,
    outcome TEXT,
    agent TEXT,
    wait_ms INTEGER,
    PRIMARY KEY (call_id, ordinal)
) STRICT, WITHOUT ROWID;

-- Holds all that the figures need.
CREATE INDEX visits_by_time ON visits (entered_ms, queue, outcome, wait_ms);

CREATE TABLE agent_stays (
    id INTEGER PRIMARY KEY,
    agent TEXT NOT NULL,
    from_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    to_ms INTEGER,
    UNIQUE (agent, from_ms, state)
) STRICT;

CREATE INDEX agent_stays_by_time ON agent_stays (from_ms);
