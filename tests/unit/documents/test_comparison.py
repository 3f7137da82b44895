"""docs/comparison.md: every claim about another program has a source, every cell says something."""

import re
from pathlib import Path

PAGE = (Path(__file__).resolve().parents[3] / "docs/comparison.md").read_text(encoding="utf-8")
CLAIMS, _, SOURCES = PAGE.partition("\n## Sources\n")
LABEL = re.compile(r"\b([FHJN])\d+\b")
PEERS = ("F", "H", "J", "N")


def test_every_source_is_named_once_and_used():
    listed = re.findall(r"^\* ([FHJN]\d+): .{8,}$", SOURCES, re.M)
    assert len(listed) == len(set(listed)) > 30
    assert {label[0] for label in LABEL.finditer(CLAIMS)} == set(listed)


def test_every_cell_has_a_source_or_says_that_there_is_none():
    table = CLAIMS.partition("\n## Side by side\n")[2].partition("\n\n## ")[0].strip()
    heading, _, *rows = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()
    )
    assert [name[:1].upper() for name in heading[1:5]] == list(PEERS)
    for row in rows:
        assert len(row) == len(heading), row[0]
        assert row[5], row[0]
        for letter, cell in zip(PEERS, row[1:5], strict=True):
            peers = set(LABEL.findall(cell))
            honest = "not checked" in cell or "none found" in cell
            assert peers == {letter} or (honest and peers <= {letter}), f"{row[0]}: {cell}"
