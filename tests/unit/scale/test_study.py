"""What follows from measurements: lines, their error, tables, the page, and the command."""

import json
import subprocess
from dataclasses import replace
from decimal import Decimal
from io import StringIO

import pytest
from rich.console import Console
from support.scale_figures import TICKS, USER, load, ticked

import studies.scale.study
from pumpwatch.errors import BadInput, InvariantBroken
from pumpwatch_workbench.cli.main import app
from pumpwatch_workbench.operations.costs.prices import FRANKFURT
from studies.scale.curve import fit_line
from studies.scale.limits import LIMITS, limits_with
from studies.scale.load import Shape, seconds_in_lambda
from studies.scale.money import dollars
from studies.scale.page import render_study
from studies.scale.study import study_of, tick_model
from studies.scale.terminal import print_study
from studies.scale.tick import measure_tick
from studies.scale.users import measure_users
from studies.scale.ways import WAYS

FEW = (10, 40)


@pytest.fixture(scope="module")
def study():
    return study_of(TICKS, ticked(5_000), USER, users=FEW)


def test_a_line_goes_through_what_lies_on_one_and_never_falls():
    line = fit_line([200, 600, 2_000], [3.0, 5.0, 12.0])
    assert line.at(10_000) == pytest.approx(52.0)
    assert line.error(10_000, 50.0) == pytest.approx(0.04)
    assert fit_line([1, 2], [5.0, 3.0]).at(1_000) == 4.0
    with pytest.raises(BadInput, match="two different places"):
        fit_line([5, 5], [1.0, 2.0])


def test_lines_are_drawn_through_calm_ticks_and_movers_come_on_top():
    model = tick_model(TICKS)
    assert model.cpu(5_000, 20) == pytest.approx(0.020 + 0.050 + 0.020)
    assert model.wall(5_000, 20) == pytest.approx(0.150 + 0.100 + 0.200)
    assert model.memory_bytes(5_000) == pytest.approx(105e6)


def test_markets_too_small_to_grow_do_not_bend_the_lines():
    ticks = (ticked(200, cpu_seconds=9.0), *TICKS[1:])
    assert tick_model(ticks).cpu(5_000, 0) == pytest.approx(0.070)
    small = (ticked(100), ticked(200))
    assert tick_model(small).cpu(5_000, 0) == pytest.approx(0.070)


def test_the_error_is_that_of_the_lines_at_the_place_that_was_left_out():
    off = ticked(5_000, cpu_seconds=0.140)
    found = study_of(TICKS, off, USER, users=(1,))
    assert found.errors["cpu_seconds"] == pytest.approx(0.070 / 0.140 - 1)
    assert found.errors["wall_seconds"] == pytest.approx(0.0, abs=1e-9)
    (row,) = [one for one in found.tick_rows if one.symbols == 5_000]
    assert (row.measured, row.cpu_seconds) == (True, 0.140)


def test_beyond_what_was_measured_a_row_says_that_it_is_on_the_line(study):
    (row,) = [one for one in study.tick_rows if one.symbols == 10_000]
    assert not row.measured
    assert row.cpu_seconds == pytest.approx(0.120)
    assert [one.measured for one in study.tick_rows if one.symbols != 10_000] == [True] * 6


def test_a_changed_limit_changes_what_is_tightest():
    found = study_of(
        TICKS, ticked(5_000), USER, users=(1,), limits=limits_with({"concurrency": 1e-6})
    )
    assert {row.tightest for row in found.user_rows} == {"concurrency"}


def test_each_way_that_has_more_is_faster(study):
    last = {row.way: row.p99 for row in study.fanout if row.users == FEW[-1]}
    one_lease, one_address, many, warm = (last[way] for way in WAYS)
    assert one_lease > one_address >= many > warm


def test_fewer_requests_of_an_address_make_orders_later():
    way, count = WAYS["a queue, one address"], 500
    wide, narrow = (way(USER, count, limits_with({"address_requests": n})) for n in (120, 30))
    assert (wide.address_requests, narrow.address_requests) == (90, 30)
    assert wide.requests == USER.entry.until_order


def test_a_month_of_copies_is_so_many_installations_and_of_others_less():
    one, many = (dollars(load(users=count)).total for count in (1, 100))
    assert many == pytest.approx(100 * one)
    keyed = dollars(load(users=100, shape=Shape.KEYED, addresses=1))
    assert keyed.total < many
    assert keyed.keys == pytest.approx(99 * FRANKFURT.secret_month)
    assert dollars(load(users=1, exchanges=10, shape=Shape.KEYED, addresses=1)).detect == (
        pytest.approx(10 * one)
    )


def test_computing_is_slower_in_lambda_and_waiting_is_not():
    waiting = replace(USER.idle, cpu_seconds=0.0)
    assert seconds_in_lambda(waiting) == USER.idle.seconds
    assert seconds_in_lambda(USER.idle) > USER.idle.seconds


def test_tables_and_page_say_the_same(study):
    text = StringIO()
    print_study(study, Console(file=text))
    page = render_study(study)
    for words in ("candidates in a scan", "10,000", "one lease for all", "cpu +0%", "(assumed)"):
        assert words in text.getvalue()
        assert words in page
    assert 'data-figure="curve"' in page
    assert 'data-figure="fanout"' in page


def test_the_document_is_json(study):
    document = json.loads(json.dumps(study.document(), allow_nan=False))
    assert document["met"]["movers"][0] == {
        "limit": "candidates",
        "name": LIMITS["candidates"].name,
        "from": 61,
    }
    assert document["extrapolation_error"]["cpu_seconds"] == pytest.approx(0.0, abs=1e-9)


# --- the command -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--symbols", "many"), "--symbols is 'many'"),
        (("--symbols", "600"), "at least two different sizes"),
        (("--symbols", "0,600"), "--symbols is '0,600'"),
        (("--check", "600"), "--check is 600"),
        (("--users", "-5"), "--users is '-5'"),
        (("--limit", "candidates"), "--limit is 'candidates'"),
        (("--limit", "speed=3"), "speed is no limit"),
        (("--limit", "candidates=-3"), "must be above 0"),
        (("--report", "{folder}"), "folder"),
    ],
)
def test_nonsense_is_answered_with_a_sentence(tmp_path, arguments, words):
    with pytest.raises(BadInput) as raised:
        app(["scale", *(one.format(folder=tmp_path) for one in arguments)], standalone_mode=False)
    assert words in str(raised.value)


def test_the_command_prints_one_json_object_and_writes_the_page(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(studies.scale.study, "measure_tick", ticked)
    monkeypatch.setattr(studies.scale.study, "measure_users", lambda: USER)
    page = tmp_path / "scale.html"
    arguments = ["--users", "10", "--limit", "candidates=200", "--json", "--report", str(page)]
    app(["scale", *arguments], standalone_mode=False)
    document = json.loads(capsys.readouterr().out)
    assert document["met"]["movers"][0]["from"] == 201
    assert {row["users"] for row in document["fanout"]} == {10}
    assert "Pumpwatch at scale" in page.read_text(encoding="utf-8")


# --- measuring, in processes of its own -------------------------------------------------------


def test_a_tick_that_cannot_be_measured_says_why(monkeypatch):
    ended = subprocess.CompletedProcess([], 1, "", "Traceback ...\nMemoryError: no room\n")
    monkeypatch.setattr("studies.scale.tick.subprocess.run", lambda *_, **__: ended)
    with pytest.raises(InvariantBroken, match=r"over 7 symbols .*MemoryError: no room"):
        measure_tick(7, 0)


@pytest.mark.slow
def test_a_tick_is_measured_through_http_in_processes_of_its_own():
    figures = measure_tick(12, 2)
    assert (figures.requests, figures.candidates) == (1 + 2 + 5, 2)
    assert figures.tickers_bytes / 12 == pytest.approx(750, rel=0.05)
    assert figures.wall_seconds > 2 * 0.06
    assert 0 < figures.cpu_seconds < figures.wall_seconds


@pytest.mark.slow
def test_a_users_runs_are_measured_against_exchange_and_table():
    user = measure_users()
    assert user.idle.until_order == 0
    assert user.entry.until_order >= 5
    assert user.entry.table_writes > user.idle.table_writes
    assert user.idle.writes["LEASE#trade"] == 2
    assert user.series > 100
    assert Decimal(user.scrape_bytes) > user.series
