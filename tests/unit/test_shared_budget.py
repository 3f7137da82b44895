"""The address's budget that several processes share, by clocks that only the test moves."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.doubles import ManualDeadline

from pumpwatch.adapters.deadlines import NoDeadline
from pumpwatch.errors import DeadlineNear, ExchangeForbidden
from pumpwatch_workbench.local import budget as budget_module
from pumpwatch_workbench.local.budget import (
    ALONE_SECONDS,
    BAN_SECONDS,
    BULK_SPARE,
    BURST,
    FILE,
    PER_SECOND,
    SharedBudget,
)

MIDNIGHT = 1_800_057_600.0


class Machine:
    """A folder and the two clocks of a machine; `program` is a process's budget there."""

    def __init__(self, folder):
        self.folder, self.monotonic, self.now = folder, 1000.0, MIDNIGHT

    @property
    def file(self):
        return self.folder / FILE

    def wait(self, seconds):
        self.monotonic += seconds
        self.now += seconds

    def program(self, host="api.bybit.com", **options):
        return SharedBudget(
            host,
            folder=self.folder,
            wait=self.wait,
            monotonic=lambda: self.monotonic,
            now=lambda: self.now,
            **options,
        )


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def taken_at_once(program):
    """Take until there would be a pause; return how many."""
    number = 0
    while True:
        try:
            program.take(ManualDeadline(0.2))
        except DeadlineNear:
            return number
        number += 1


@settings(deadline=None, max_examples=20)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 3), st.floats(0, 0.05) | st.floats(0, 3)), min_size=1, max_size=30
    )
)
def test_no_five_seconds_of_all_programs_hold_more_than_the_exchange_allows(
    steps, tmp_path_factory
):
    machine = Machine(tmp_path_factory.mktemp("home"))
    hosts = ["api.bybit.com", "api.bytick.com", "api.bybit.kz", "api-demo.bybit.com"]
    programs = [machine.program(host, spare=5 * n) for n, host in enumerate(hosts)]
    sent = []
    for number, pause in steps * 40:
        machine.wait(pause)
        programs[number].take(NoDeadline())
        sent.append(machine.monotonic)
    start = 0
    for end, moment in enumerate(sent):
        while sent[start] <= moment - 5:
            start += 1
        assert end - start + 1 <= 540


def test_a_download_leaves_a_part_of_the_burst_and_every_later_turn_to_trading(machine):
    download, trading = machine.program(spare=BULK_SPARE), machine.program()
    assert taken_at_once(download) == BURST - BULK_SPARE
    assert taken_at_once(trading) == BULK_SPARE
    machine.wait(1.5 / PER_SECOND)
    assert taken_at_once(download) == 0
    assert taken_at_once(trading) == 1


def test_a_turn_that_would_come_too_late_is_refused_and_not_taken(machine):
    program = machine.program()
    taken_at_once(program)
    for _ in range(3):
        with pytest.raises(DeadlineNear):
            program.take(ManualDeadline(0.2))
    machine.wait(1.5 / PER_SECOND)
    assert taken_at_once(program) == 1


@pytest.mark.parametrize("back", [0.5, 900.0])
def test_a_clock_that_jumps_back_gives_nothing_and_takes_nothing_for_long(machine, back):
    program = machine.program()
    taken_at_once(program)
    machine.monotonic -= back
    assert taken_at_once(program) == 0
    machine.wait(5.5 / PER_SECOND)
    assert taken_at_once(machine.program()) == 5


def test_threads_of_a_program_take_each_turn_once(machine):
    program = machine.program()
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda _: taken_at_once(program), range(4)))
    assert sum(counts) == BURST


def test_a_ban_is_seen_by_every_program_until_it_ends(machine):
    told, other = machine.program(), machine.program()
    assert other.seconds_banned() == 0
    told.note_ban()
    machine.wait(BAN_SECONDS - 1)
    assert other.seconds_banned() == 1
    words = "banned until 00:10:00 UTC: is another program"
    for program in (told, other, machine.program()):
        with pytest.raises(ExchangeForbidden, match=words):
            program.take(NoDeadline())
    machine.wait(1)
    other.take(NoDeadline())
    assert told.seconds_banned() == 0


def test_a_country_that_one_host_refuses_does_not_stop_the_trading_at_another(machine):
    machine.program("api.bybit.com").note_ban()
    machine.program("api.bybit.ae").take(NoDeadline())
    machine.program("api.bybit.ae").note_ban()
    for host in ("api.bybit.com", "api.bybit.ae"):
        with pytest.raises(ExchangeForbidden):
            machine.program(host).take(NoDeadline())


@pytest.mark.parametrize("jump", [-3600, -1, 0, 3600])
def test_no_jump_of_the_clock_makes_a_ban_last_longer_than_ten_minutes(machine, jump):
    machine.program().note_ban()
    machine.now += jump
    refused = 0
    for _ in range(2 * BAN_SECONDS):
        try:
            machine.program().take(NoDeadline())
            break
        except ExchangeForbidden:
            refused += 1
            machine.wait(1)
    assert refused <= BAN_SECONDS


def test_a_second_ban_counts_from_its_own_moment(machine):
    machine.program().note_ban()
    machine.wait(BAN_SECONDS - 1)
    machine.program().note_ban()
    machine.wait(2)
    with pytest.raises(ExchangeForbidden, match="00:19:59"):
        machine.program().take(NoDeadline())


GARBAGE = {
    "text": b"hello",
    "cut": b'[12.5, 1000.0, {"api',
    "zeroes": bytes(2048),
    "wrong kinds": b'["a", null, 7]',
    "too few": b"[1]",
    "wrong ban": b'[1, 2, {"api.bybit.com": [7]}]',
    "huge": b"[1" + b"0" * 400 + b", 2, {}]",
    "nested": b"[" * 2048,
    "too much": b"[" + b"1," * 5000,
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE)
def test_a_damaged_file_is_warned_of_once_and_begins_anew_with_nothing_to_spend(
    machine, content, caplog
):
    machine.file.write_bytes(content)
    program = machine.program()
    assert taken_at_once(program) == 0
    machine.wait(3.5 / PER_SECOND)
    assert taken_at_once(program) == 3
    assert caplog.text.count("is damaged") == 1


@pytest.mark.parametrize("tokens", ["-1e9", "1e9", "NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("at", ["1000.0", "NaN", "Infinity", "-Infinity"])
def test_impossible_numbers_neither_stop_a_program_nor_raise_its_budget(machine, tokens, at):
    machine.file.write_text(f"[{tokens}, {at}, {{}}]")
    assert taken_at_once(machine.program()) <= BURST
    machine.wait(1.5 / PER_SECOND)
    assert taken_at_once(machine.program()) == 1


def test_a_ban_that_never_ends_is_not_believed(machine):
    machine.file.write_text('[9, 1000.0, {"api.bybit.com": Infinity}]')
    machine.program().take(NoDeadline())


def test_a_program_that_cannot_use_the_file_goes_on_alone_and_tries_again_later(machine, caplog):
    machine.file.mkdir()
    program = machine.program()
    for _ in range(3 * int(BURST)):
        program.take(ManualDeadline(0.2))
    program.note_ban()
    machine.wait(ALONE_SECONDS)
    program.take(ManualDeadline(0.2))
    assert caplog.text.count("is not shared with other programs") == 2
    assert str(machine.file) in caplog.text
    machine.file.rmdir()
    machine.wait(ALONE_SECONDS)
    assert taken_at_once(program) == BURST


def test_a_full_disk_stops_nobody(machine, caplog, monkeypatch):
    def full(descriptor, content, offset):
        raise OSError(28, "No space left on device")

    program = machine.program()
    program.take(NoDeadline())
    monkeypatch.setattr(budget_module.os, "pwrite", full)
    for _ in range(3 * int(BURST)):
        program.take(ManualDeadline(0.2))
    assert caplog.text.count("No space left on device") == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "http://127.0.0.1:8080"])
def test_a_simulator_shares_nothing(machine, host):
    program = machine.program(host)
    program.note_ban()
    for _ in range(3 * int(BURST)):
        program.take(ManualDeadline(0.2))
    assert list(machine.folder.iterdir()) == []


def test_the_file_is_made_with_its_folder_for_its_owner_alone(machine):
    machine.folder = machine.folder / "new" / "home"
    machine.program().take(NoDeadline())
    assert stat.S_IMODE(machine.file.stat().st_mode) == 0o600
    assert json.loads(machine.file.read_text())[0] == BURST - 1
