"""What stands in the help of every command: its group, examples of it, and its exit statuses.

One table, so that all commands speak alike; the order is that of `pumpwatch --help`.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST, OPERATE = "Start here", "Paper trading and deployed stacks"
RESEARCH, BENCH = "Research", "Test benches"

STATUSES = "2 bad input, 70 a bug, 130 interrupted"
EPILOG = (
    "Exit statuses of every command: 0 good, 1 found a problem, 2 bad input, 70 a bug of ours,"
    " 130 interrupted with Ctrl-C, 141 nobody reads the output any more.\n\n"
    "Errors are one line on standard error. Colours are for terminals; NO_COLOR turns them off."
)


@dataclass(frozen=True, slots=True)
class CommandHelp:
    """A command's group, its examples as they are typed, and what makes it end with 1 or early."""

    panel: str
    examples: tuple[str, ...]
    problem: str
    """When the exit status is 1."""
    interrupted: str = ""
    """What Ctrl-C does where it is not status 130."""

    @property
    def epilog(self) -> str:
        """Return the end of the command's help."""
        lines = ["Examples:", *(f"  {one}" for one in self.examples)]
        statuses = f"Exit status: 0 good, 1 {self.problem}, {STATUSES}"
        if self.interrupted:
            statuses = statuses.replace(", 130 interrupted", "")
            return "\n".join(lines) + f"\n\n{statuses}. Ctrl-C {self.interrupted}."
        return "\n".join(lines) + f"\n\n{statuses}."


COMMANDS = {
    "run": CommandHelp(
        FIRST,
        (
            "pumpwatch run",
            "pumpwatch run --symbols 200 --seed 7",
            "pumpwatch run --replay candles --json",
        ),
        "an invariant broke",
    ),
    "paper": CommandHelp(
        FIRST,
        (
            "pumpwatch paper",
            "pumpwatch paper --symbols BTCUSDT,DOGEUSDT --duration 8h",
            "pumpwatch paper --strategy fade --metrics-port 9108 --slack-webhook-env SLACK_WEBHOOK",
        ),
        "no network at the start, or no tick that worked",
        "ends it after the tick at hand with status 0, a second one at once with 130",
    ),
    "report": CommandHelp(
        FIRST,
        (
            "pumpwatch report --since 7d",
            "pumpwatch report --stage prod --region eu-central-1 --json",
        ),
        "AWS or Bybit did not answer",
    ),
    "status": CommandHelp(
        OPERATE,
        (
            "pumpwatch status --store ~/.pumpwatch/paper.db",
            "pumpwatch status --stack pumpwatch --region eu-central-1 --json",
        ),
        "a function has not succeeded for three minutes",
    ),
    "halt": CommandHelp(
        OPERATE,
        (
            'pumpwatch halt --reason "odd fills" --store ~/.pumpwatch/paper.db',
            'pumpwatch halt --reason "odd fills" --close-positions --stage prod',
        ),
        "AWS did not do it",
    ),
    "resume": CommandHelp(
        OPERATE,
        (
            'pumpwatch resume --reason "it was the feed" --store ~/.pumpwatch/paper.db',
            'pumpwatch resume --reason "it was the feed" --region eu-central-1',
        ),
        "AWS did not do it",
    ),
    "doctor": CommandHelp(
        OPERATE,
        ("pumpwatch doctor", "pumpwatch doctor --post-deploy --json"),
        "a check failed (with --post-deploy also a warning)",
    ),
    "backfill": CommandHelp(
        OPERATE,
        ("pumpwatch backfill --bucket pumpwatch-history --table pumpwatch-state",),
        "Bybit or AWS did not answer",
    ),
    "costs": CommandHelp(
        OPERATE,
        ("pumpwatch costs", "pumpwatch costs --symbols 600 --scan-seconds 10 --json"),
        "never",
    ),
    "scale": CommandHelp(
        OPERATE,
        (
            "pumpwatch scale",
            "pumpwatch scale --symbols 100,400 --check 800 --json",
        ),
        "never",
    ),
    "download": CommandHelp(
        RESEARCH,
        (
            "pumpwatch download --symbols BTCUSDT,DOGEUSDT --from 2026-10-01 --out candles",
            "pumpwatch download --symbols all --from 2026-11-01 --to 2026-11-08 --out week",
        ),
        "Bybit did not answer",
    ),
    "backtest": CommandHelp(
        RESEARCH,
        (
            "pumpwatch backtest candles",
            "pumpwatch backtest candles --strategy ride --set max_open_positions=2 --json",
        ),
        "never",
    ),
    "tune": CommandHelp(
        RESEARCH,
        (
            "pumpwatch tune candles --trials 200 --workers 2",
            "pumpwatch tune candles --search ewma_jump=0.02:0.1 --detector ewma",
        ),
        "the search could not go on",
    ),
    "compare": CommandHelp(
        RESEARCH,
        (
            "pumpwatch compare candles --table pumpwatch-state --from 2026-11-01",
            "pumpwatch compare candles --journal trades.jsonl --from 2026-11-01 --json",
        ),
        "AWS did not answer",
    ),
    "evaluate": CommandHelp(
        RESEARCH,
        (
            "pumpwatch evaluate pumps",
            "pumpwatch evaluate pumps --detector ewma --set turnover_z=40 --alarms alarms.csv",
        ),
        "never",
    ),
    "train": CommandHelp(
        RESEARCH,
        (
            "pumpwatch train pumps --out model.json",
            "pumpwatch train pumps --out model.json --validate --repeats 3 --json",
        ),
        "never",
    ),
    "simulator": CommandHelp(
        BENCH,
        (
            "pumpwatch simulator --port 8080",
            "pumpwatch simulator --port 0 --symbols 50 --speed 60 --faults 7:0.05",
        ),
        "never",
        "ends it with status 0",
    ),
    "campaign": CommandHelp(
        BENCH,
        ("pumpwatch campaign --seeds 300", "pumpwatch campaign --replay 3 --json"),
        "the promise broke in a world",
    ),
}
