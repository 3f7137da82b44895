"""Every port in every technology: the same tests run on all of them."""

from dataclasses import dataclass
from typing import Any

import pytest
from moto import mock_aws
from support.aws import client, make_bucket, make_table
from support.doubles import ManualClock
from support.stub_bybit import KEY, STAMP, StubBybit

from pumpwatch.adapters.bybit.broker import BybitBroker
from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.adapters.dynamodb.guards import DynamoHaltStore, DynamoLockStore
from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.adapters.dynamodb.paper import DynamoPaperStore
from pumpwatch.adapters.dynamodb.stores import DynamoEventStore, DynamoLeaseStore, DynamoSignalStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.adapters.dynamodb.totals import DynamoTotalsStore
from pumpwatch.adapters.s3 import S3HistoryStore
from pumpwatch_workbench.local import memory
from pumpwatch_workbench.local import store as sqlite
from pumpwatch_workbench.simulator.market_time import MarketTime


class Wall:
    """A wall clock in seconds that tests move."""

    def __init__(self):
        self.seconds = 1_760_000_000.0

    def __call__(self):
        return self.seconds


@dataclass
class Stores:
    """All stores of one technology, which share what must be shared."""

    signals: Any
    events: Any
    leases: Any
    journal: Any
    halts: Any
    locks: Any
    totals: Any
    paper: Any
    wall: Wall


def dynamo_stores(table):
    wall = Wall()
    return Stores(
        DynamoSignalStore(table),
        DynamoEventStore(table),
        DynamoLeaseStore(table, wall),
        DynamoJournal(table),
        DynamoHaltStore(table),
        DynamoLockStore(table),
        DynamoTotalsStore(table),
        DynamoPaperStore(table),
        wall,
    )


def sqlite_stores(database, beside=None):
    """Return a file's stores; what people and other programs use may go through `beside`."""
    wall, beside = Wall(), beside or database
    return Stores(
        sqlite.SqliteSignalStore(beside),
        sqlite.SqliteEventStore(beside),
        sqlite.SqliteLeaseStore(database, wall),
        sqlite.SqliteJournal(database),
        sqlite.SqliteHaltStore(beside),
        sqlite.SqliteLockStore(beside),
        sqlite.SqliteTotalsStore(beside),
        sqlite.SqlitePaperStore(beside),
        wall,
    )


@pytest.fixture
def database(tmp_path):
    """A store in a file of its own."""
    opened = sqlite.Database(tmp_path / "store.db")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def aws():
    """Moto for a whole module."""
    with mock_aws():
        yield {name: client(name) for name in ("dynamodb", "s3")}


@pytest.fixture
def table_name(aws):
    return make_table(aws["dynamodb"])


@pytest.fixture
def table(aws, table_name):
    return Table(table_name, aws["dynamodb"])


@pytest.fixture
def answers_are_lost(aws):
    """Let botocore miss the first answer to each write of one item, and send it once more.

    A transaction that comes twice is DynamoDB's business: its token makes it one.
    """
    events = aws["dynamodb"].meta.events
    names = [f"needs-retry.dynamodb.{verb}Item" for verb in ("Put", "Update", "Delete")]

    def lose_the_first(attempts, **_):
        return 0 if attempts == 1 else None

    for name in names:
        events.register_first(name, lose_the_first)
    yield
    for name in names:
        events.unregister(name, lose_the_first)


@pytest.fixture
def beside(database):
    """The same store, opened once more, as `halt` does beside a desk."""
    opened = sqlite.Database(database.path, alone=False)
    yield opened
    opened.close()


@pytest.fixture(params=["dynamodb", "dynamodb, answers lost", "sqlite", "sqlite, opened twice"])
def stores(request):
    if request.param == "sqlite":
        return sqlite_stores(request.getfixturevalue("database"))
    if request.param == "sqlite, opened twice":
        names = ("database", "beside")
        return sqlite_stores(*(request.getfixturevalue(name) for name in names))
    table = request.getfixturevalue("table")
    if request.param == "dynamodb, answers lost":
        request.getfixturevalue("answers_are_lost")
    return dynamo_stores(table)


@pytest.fixture
def bucket(aws):
    return make_bucket(aws["s3"])


@pytest.fixture
def s3_history(aws, bucket):
    return S3HistoryStore(bucket, aws["s3"])


@pytest.fixture(params=["memory", "s3", "sqlite"])
def history(request):
    if request.param == "memory":
        return memory.MemoryHistoryStore()
    if request.param == "sqlite":
        return sqlite.SqliteHistoryStore(request.getfixturevalue("database"))
    return request.getfixturevalue("s3_history")


@pytest.fixture
def stub():
    server = StubBybit()
    yield server
    server.close()


@pytest.fixture
def session_to():
    """Make sessions that are closed afterwards."""
    made = []

    def make(url, **options):
        session = BybitSession(url, **{"exchange_time": MarketTime(), **options})
        made.append(session)
        return session

    yield make
    for session in made:
        session.close()


@pytest.fixture
def waits():
    """The pauses that the session took."""
    return []


@pytest.fixture
def session(stub, session_to, waits):
    return session_to(stub.url, key=KEY, timeout_seconds=1, wait=waits.append)


@pytest.fixture
def broker(session):
    return BybitBroker(session, ManualClock(STAMP))


@pytest.fixture
def market(session):
    return BybitMarketData(session)
