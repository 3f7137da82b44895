"""The two READMEs: figures as measured, commands and links that exist, both saying the same."""

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from typer.main import get_command

from pumpwatch_workbench.cli.main import app

ROOT = Path(__file__).resolve().parents[3]
ENGLISH, JAPANESE = "README.md", "README.ja.md"
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in (ENGLISH, JAPANESE)}
RESULTS = json.loads((ROOT / "benchmarks/results.json").read_text(encoding="utf-8"))
MEASURED = re.compile(r"^## (?:What was measured|測定結果)$.*?^\| --- .*?$\n(.*?)\n\n", re.M | re.S)
NUMBER = re.compile(r"(\d[\d,]*(?:\.\d+)?|\.\d+)( million| 万)?")
UNITS = {"": 1, " million": 1_000_000, " 万": 10_000}
LARGEST_PICTURE = 300_000


def rows_of(text: str) -> list[list[str]]:
    """The measured table's cells, without the targets of links."""
    found = MEASURED.search(re.sub(r"\]\([^)]*\)", "]", text))
    assert found, "no table of what was measured"
    return [line.strip("| ").split(" | ") for line in found[1].splitlines()]


def numbers_in(text: str) -> list[Decimal]:
    found = NUMBER.findall(text)
    return sorted(Decimal(digits.replace(",", "")) * UNITS[unit] for digits, unit in found)


def expected_figures() -> dict[str, list[str]]:
    """What a row of the English table must say, by the beginning of its first cell."""
    run, trade, tick = RESULTS["run"], RESULTS["trade"], RESULTS["detect_tick"]
    paper = RESULTS["paper"]
    detector, backtest = RESULTS["detector"], RESULTS["backtest"]
    return {
        "Simulated market": [
            f"{run['pumps_detected']} of {run['pumps_planted']} pumps",
            f"{run['false_alarms']} false alarm",
            f"median delay {run['detect_delay_market_seconds_p50']:.0f} s",
        ],
        "**Latency**": [
            f"{trade['signal_to_ack_seconds_p50']:.2f} s",
            f"{trade['signal_to_ack_exchange_rounds_max']} round trips",
            f"{trade['baseline_over_signal_to_ack_ratio']:.1f} times",
        ],
        "**Speed**": [
            f"{tick['tick_600_symbols_seconds_p50']:.2f} s",
            f"{tick['tick_600_symbols_requests_p50']:.0f} requests",
            f"{tick['baseline_over_tick_ratio']:.0f} times",
        ],
        "A scan of 2,000": [f"{tick['tick_2000_over_200_symbols_ratio']:.1f} times"],
        "A tick of `pumpwatch paper`": [
            f"{paper['tick_1000_symbols_cpu_seconds_p50']:.2f} s of CPU at the median",
            f"{paper['tick_1000_symbols_cpu_seconds_max']:.2f} s at most",
            f"{paper['process_memory_mib'] * 2**20 / 1e9:.2f} GB",
        ],
        "Default rule, one core": [f"{detector['boosted_candles_per_second'] / 1e6:.0f} million"],
        "Backtest": [f"{backtest['arrays_candles_per_second'] / 1e6:.0f} million"],
        "`make run`": [
            f"{run['wall_seconds']:.0f} s",
            f"{run['peak_memory_all_processes_mb'] / 1000:.1f} GB",
        ],
    }


def test_figures_are_those_of_the_last_measurement():
    rows = rows_of(TEXTS[ENGLISH])
    wrong = []
    for start, figures in expected_figures().items():
        cells = [figure for name, figure in rows if name.startswith(start)]
        assert len(cells) == 1, f"README.md: no row begins with {start!r}"
        wrong += [
            f"README.md, and then README.ja.md: the row {start!r} must say {figure!r}"
            for figure in figures
            if figure not in cells[0]
        ]
    assert not wrong, "\n".join(wrong)


def test_detection_is_a_row_of_the_study_on_unseen_symbols():
    """F1 of the first division, its interval, false alarms and delay stand in one row there."""
    (cell,) = [figure for name, figure in rows_of(TEXTS[ENGLISH]) if "**Detection**" in name]
    page = (ROOT / "docs/strategy.md").read_text(encoding="utf-8")
    study = page.partition("### Judged on symbols")[2].partition("\n\n* ")[0]
    said = re.fullmatch(
        r"F1 (\.\d\d) \(95 % (\.\d\d to \.\d\d)\), (\.\d+ to \.\d+) false alarms a symbol-day,"
        r" median delay (.*? s) \(\[how\]\)",
        cell,
    )
    assert said, f"the row's words have changed: {cell}"
    lines = [line.strip("| ").split(" | ") for line in study.splitlines() if line.count("|") > 5]
    found = {
        (f"{Decimal(f1.split()[0]):.2f}".lstrip("0"), interval, false, delay)
        for _, f1, interval, false, delay, _ in lines[2:]
    }
    assert said.groups() in found


def test_cost_is_that_of_the_page():
    (cell,) = [figure for name, figure in rows_of(TEXTS[ENGLISH]) if "**Cost**" in name]
    page = (ROOT / "docs/costs.md").read_text(encoding="utf-8")
    together = re.search(r"^\| 1,000 \| 60 s .*\*\*([\d.]+)\*\* \|$", page, re.M)
    assert together
    assert cell.startswith(f"{together[1]} dollars")


def test_both_tables_have_the_same_figures():
    english, japanese = (rows_of(TEXTS[name]) for name in (ENGLISH, JAPANESE))
    assert len(english) == len(japanese)
    for (name, figure), (translated_name, translated) in zip(english, japanese, strict=True):
        plain = translated.replace("1 銘柄 1 日あたり", "")  # "a symbol-day" has no figure
        assert numbers_in(figure) == numbers_in(plain), translated_name
        assert set(numbers_in(name)) <= set(numbers_in(translated_name)), name


def test_both_have_the_same_headings_pictures_and_links():
    patterns = (r"^#+ ", r"^\| --- ", r'(?:src|srcset)="([^"]+)"', r"\]\((?!README)([^)]+)\)")
    for pattern in patterns:
        english, japanese = (re.findall(pattern, TEXTS[name], re.M) for name in TEXTS)
        assert len(english) > 0
        assert sorted(english) == sorted(japanese), pattern


def test_both_show_the_same_commands():
    def commands(text: str) -> list[str]:
        blocks = re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
        lines = "\n".join(blocks).splitlines()
        shown = [line.partition("  #")[0].rstrip() for line in lines if line]
        return shown + re.findall(r"`(\.venv/bin/[^`]+|make[^`]*)`", text)

    assert len(commands(TEXTS[ENGLISH])) > 5
    assert sorted(commands(TEXTS[ENGLISH])) == sorted(commands(TEXTS[JAPANESE]))


@pytest.mark.parametrize("name", TEXTS)
def test_what_it_points_to_is_there(name):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", TEXTS[name])
    targets += re.findall(r'(?:src|srcset)="([^"]+)"', TEXTS[name])
    assert len(targets) > 20
    assert [target for target in targets if not (ROOT / target).exists()] == []


@pytest.mark.parametrize("name", TEXTS)
def test_commands_targets_and_options_exist(name):
    known = get_command(app).commands
    for command, option in re.findall(r"pumpwatch ([a-z]+)(?: (--[a-z-]+))?", TEXTS[name]):
        options = {word for one in known[command].params for word in one.opts}
        assert not option or option in options, command
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", TEXTS[name], re.M)) <= set(targets)


@pytest.mark.parametrize("name", TEXTS)
def test_pictures_are_small_and_described(name):
    images = re.findall(r"<img ([^>]*)>", TEXTS[name])
    assert len(images) > 1
    assert all(re.search(r'alt="[^"]{20,}"', image) for image in images)
    for picture in re.findall(r'(?:src|srcset)="([^"]+)"', TEXTS[name]):
        assert 1000 < (ROOT / picture).stat().st_size < LARGEST_PICTURE, picture
