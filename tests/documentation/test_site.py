"""The check of the built site finds what is wrong, and what it is built from is complete."""

import pytest

from tools.documentation.site import problems
from tools.documentation.source import PUBLISHED, REPOSITORY, lay_out

PAGE = (
    "<html><head><title>t</title>{head}</head>"
    '<body><h1 id="top">t</h1><a href="other.html#there">o</a>{body}</body></html>'
)
OTHER = '<html><head><title>o</title></head><body><h1 id="there">o</h1></body></html>'


def site_with(folder, *, head="", body="", style=""):
    (folder / "index.html").write_text(PAGE.format(head=head, body=body))
    (folder / "other.html").write_text(OTHER)
    (folder / "style.css").write_text(style)
    return list(problems(folder))


def test_a_good_site_has_no_problem(tmp_path):
    link = '<link rel="stylesheet" href="style.css"><link rel="canonical" href="https://x.org/">'
    body = '<a href="https://example.org">e</a><a href="#top">t</a><img src="style.css" alt="a">'
    assert site_with(tmp_path, head=link, body=body) == []


@pytest.mark.parametrize(
    ("part", "text", "says"),
    [
        ("head", '<script src="https://unpkg.com/x"></script>', "loads https://unpkg.com/x"),
        ("head", '<link rel="stylesheet" href="//fonts.example.org">', "from elsewhere"),
        ("head", "<style>@import 'https://fonts.example.org'</style>", "a style loads"),
        ("style", "a { background: url(https://example.org/a.png) }", "style.css: loads"),
        ("body", '<a href="gone.html">g</a>', "gone.html leads nowhere"),
        ("body", '<img src="gone.svg" alt="g">', "gone.svg leads nowhere"),
        ("body", '<source srcset="gone.png 2x">', "gone.png leads nowhere"),
        ("body", '<a href="other.html#gone">g</a>', "#gone names a place"),
        ("body", '<a href="#gone">g</a>', "#gone names a place"),
        ("body", '<img src="style.css">', "no words"),
        ("body", "<h1>again</h1>", "2 main headings"),
    ],
)
def test_a_problem_is_named(tmp_path, part, text, says):
    (problem,) = site_with(tmp_path, **{part: text})
    assert says in problem


def test_an_empty_site_is_a_problem(tmp_path):
    assert "there is no page" in next(problems(tmp_path))


def test_the_site_s_source_has_the_repository_s_own_layout(tmp_path):
    stale = tmp_path / "source" / "stale.md"
    stale.parent.mkdir()
    stale.write_text("stale")
    lay_out(tmp_path / "source")
    assert not stale.exists()
    for pattern in PUBLISHED:
        paths = [path.relative_to(REPOSITORY) for path in REPOSITORY.glob(pattern)]
        assert paths, pattern
        for path in paths:
            assert (tmp_path / "source" / path).resolve() == (REPOSITORY / path).resolve()
