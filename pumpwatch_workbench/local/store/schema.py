"""The file's tables, as the steps that made them: an older file takes the steps it lacks.

`body` columns hold a record as JSON; what is asked for has a column of its own. Times are
milliseconds UTC unless a name says otherwise.
"""

from __future__ import annotations

APPLICATION_ID = 0x50756D70
"""Marks the file as Pumpwatch's ("Pump")."""

_STORES = """
CREATE TABLE signals (signal_id TEXT PRIMARY KEY, time INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX signals_by_time ON signals (time, signal_id);
CREATE TABLE events (symbol TEXT PRIMARY KEY, event_id TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE leases (
    name TEXT PRIMARY KEY, owner TEXT, token INTEGER NOT NULL, ends INTEGER NOT NULL
);
CREATE TABLE trades (
    signal_id TEXT PRIMARY KEY, created INTEGER NOT NULL, live INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE INDEX trades_by_time ON trades (created, signal_id);
CREATE INDEX live_trades ON trades (created, signal_id) WHERE live = 1;
CREATE TABLE orders (order_id TEXT PRIMARY KEY, signal_id TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX orders_of_trade ON orders (signal_id);
CREATE TABLE repairs (
    signal_id TEXT NOT NULL, time INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (signal_id, time, kind)
);
CREATE TABLE orders_of_day (day TEXT PRIMARY KEY, count INTEGER NOT NULL);
CREATE TABLE halts (
    number INTEGER PRIMARY KEY, since INTEGER NOT NULL, ended INTEGER, body TEXT NOT NULL
);
CREATE TABLE resumptions (number INTEGER PRIMARY KEY, time INTEGER NOT NULL, by TEXT NOT NULL);
CREATE TABLE locks (
    number INTEGER PRIMARY KEY, protection TEXT NOT NULL, symbol TEXT NOT NULL,
    since INTEGER NOT NULL, until INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE INDEX locks_by_end ON locks (until);
CREATE TABLE totals (
    function TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (function, key)
);
CREATE TABLE counted_runs (
    number INTEGER PRIMARY KEY, function TEXT NOT NULL, run_id TEXT NOT NULL
);
CREATE TABLE paper_account (
    one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE TABLE paper_orders (order_id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE paper_fills (
    symbol TEXT NOT NULL, time INTEGER NOT NULL, execution_id TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (symbol, time, execution_id)
);
CREATE TABLE archives (key TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE notes (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

_RUN_RECORDS = """
CREATE TABLE runs (time INTEGER PRIMARY KEY, body TEXT NOT NULL);
"""

_LOOKED_AT = """
CREATE TABLE looked_at (signal_id TEXT PRIMARY KEY, time INTEGER NOT NULL);
"""

_MARKS = """
ALTER TABLE leases ADD COLUMN mark TEXT NOT NULL DEFAULT '';
"""

_CLOSE_REQUESTS = """
CREATE TABLE close_requests (signal_id TEXT PRIMARY KEY, body TEXT NOT NULL);
"""

STEPS = (_STORES, _RUN_RECORDS, _LOOKED_AT, _MARKS, _CLOSE_REQUESTS)
"""Step n makes version n of version n - 1; a step that was released is never changed."""

VERSION = len(STEPS)
