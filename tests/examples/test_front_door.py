"""README.md, docs/tour.md and what other pages quote: it is what the commands print and take."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest
from click.testing import CliRunner

from examples.make_tour import (
    README,
    ROOT,
    TOUR,
    WITNESSED,
    made_readme,
    made_tour,
    normalised,
    shown,
)
from ledger.cli.root import cli
from tests.commands import sealbook

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
named = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
a_whole_story = pytest.mark.timeout(900)  # some thirty commands, on a machine that may be busy

FENCE = re.compile(r"^```[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
HELP = re.compile(
    r"^( *)Usage: sealbook(.*?) \[OPTIONS\].*?(?=^\$ |^```|\Z)", re.MULTILINE | re.DOTALL
)


@a_whole_story
def test_the_readme_shows_what_its_commands_print() -> None:
    text = README.read_text()
    assert normalised(made_readme(text)) == normalised(text)


@a_whole_story
@pytest.mark.parametrize("page", [TOUR, WITNESSED], ids=lambda page: page.name)
def test_a_story_is_what_the_script_writes(page: Path, tmp_path: Path) -> None:
    text = page.read_text()
    with sealbook(tmp_path) as programs:
        assert normalised(made_tour(text, programs)) == normalised(text)


def test_the_readme_is_short_and_shows_each_of_the_three_one_command() -> None:
    text = README.read_text()
    assert len(text.splitlines()) <= 100
    found = shown(text)
    assert [re.findall(r"sealbook (?:notary )?(\w+)", command)[0] for command, _ in found] == [
        "deposit",
        "blocks",
        "verify",
    ]
    for _, output in found:
        assert 0 < len(output.splitlines()) <= 5


def test_make_has_what_the_readme_says() -> None:
    said = set(re.findall(r"^    make (\w+)", README.read_text(), re.MULTILINE))
    assert said == {"demo", "test"}
    assert said <= set(
        re.findall(r"^([a-z]+)(?: [a-z]+)*:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    )


def test_every_help_text_that_is_quoted_is_the_command_s() -> None:
    quoted = [
        (match[2].split(), "".join(line[len(match[1]) :] for line in match[0].splitlines(True)))
        for page in PAGES
        for match in HELP.finditer(page.read_text())
    ]
    assert [] in [words for words, _ in quoted], "the tour begins with `sealbook --help`"
    for words, text in quoted:
        result = CliRunner().invoke(
            cli, [*words, "--help"], prog_name="sealbook", terminal_width=80
        )
        assert text.strip() == result.output.strip()


@named
def test_every_command_that_a_page_names_exists_with_its_options(page: Path) -> None:
    for line in commands(page.read_text()):
        command: click.Command = cli
        known = {"--help", "-h", "--version"}
        for word in shlex.split(line, comments=True):
            if word in {"|", ">", "||", "&&", ";"} and command is not cli:
                break
            if word.startswith("-"):
                assert word.split("=")[0] in known | options(command), f"{page.name}: {line}"
            elif isinstance(command, click.Group) and word[:1].islower():
                inner = command.get_command(click.Context(command), word)
                assert inner is not None, f"{page.name}: {line}"
                command = inner


def options(command: click.Command) -> set[str]:
    return {name for each in command.params for name in (*each.opts, *each.secondary_opts)}


def commands(text: str) -> Iterator[str]:
    """Command lines of `sealbook` in a page, without its name: in blocks, and in a sentence."""
    for line in re.findall(r"^(?:    |\$ )sealbook ((?:.*\\\n)*.*)$", text, re.MULTILINE):
        yield line.replace("\\\n", " ")
    plain = FENCE.sub("", text)
    for words in re.findall(r"`(?:[\w./]*/)?([^`\n]+(?:\n[^`\n]+)?)`", plain):
        first, _, rest = words.replace("\n", " ").partition(" ")
        if first == "sealbook" and rest[:1].isalpha():
            yield rest
        elif first in cli.list_commands(click.Context(cli)) and re.search(r" --?[a-z]", words):
            yield f"{first} {rest}"


@named
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(FENCE.sub("", page.read_text())):
        if "://" in target:
            continue
        there = (page.parent / target).resolve() if target else page
        assert there.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(there.read_text()), f"{page.name}: {target}#{anchor}"


def test_every_picture_is_shown_somewhere_has_a_title_and_brings_nothing_in() -> None:
    pages = "".join(page.read_text() for page in PAGES)
    pictures = sorted((ROOT / "docs" / "pictures").iterdir())
    assert pictures
    for picture in pictures:
        assert f"pictures/{picture.name})" in pages
        if picture.suffix == ".png":  # a page as a browser shows it
            assert picture.stat().st_size <= 150_000
            continue
        root = ElementTree.fromstring(picture.read_text())
        assert root.find("{http://www.w3.org/2000/svg}title") is not None
        assert not re.search(r"href|<script|<image|@import|url\((?!#)", picture.read_text())


def anchors(text: str) -> set[str]:
    """The names that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


# --- docs/legal.md ---

LEGAL = (ROOT / "docs" / "legal.md").read_text()


def legal_rows() -> Iterator[dict[str, str]]:
    """The rows of its tables, by column."""
    columns: list[str] = []
    for line in LEGAL.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            columns = []
        elif not columns:
            columns = cells
        elif not set(line) <= set("|-"):
            yield dict(zip(columns, cells, strict=True))


def test_every_test_that_the_legal_page_names_exists() -> None:
    named_there = set(re.findall(r"`(test_\w+)`", LEGAL))
    sources = (path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    found = {
        name for text in sources for name in re.findall(r"^def (test_\w+)\(", text, re.MULTILINE)
    }
    assert len(named_there) > 30
    assert named_there - found == set()
    for row in legal_rows():
        assert "`test_" in row["test"], row


def test_every_field_that_the_legal_page_names_is_one_of_the_formats() -> None:
    formats = (ROOT / "docs" / "formats.md").read_text()
    cells = [row.get("field", "") for row in legal_rows()]
    fields = {field for cell in cells for field in re.findall(r"`([^`]+)`", cell)}
    assert len(fields) > 30
    for name in map(re.escape, fields):
        forms = rf'"{name}"|`{name}`|\b{name}:|^{name} =|\b{name} [\u4e00-\u9fff]'
        assert re.search(forms, formats, re.MULTILINE), name


def test_every_line_of_a_report_that_the_legal_page_names_is_in_the_tour() -> None:
    printed = [
        line.strip() for _, output in shown(TOUR.read_text()) for line in output.splitlines()
    ]
    for row in legal_rows():
        lines = re.findall(r"\*([^*]+)\*", row["line"])
        assert lines or row["line"].startswith("none"), row
        for each in lines:
            assert any(line.startswith(each) for line in printed), each


def test_no_page_says_that_evidence_will_be_admitted() -> None:
    for page in PAGES:
        assert not re.search(r"\b(will|shall|must) be admitted\b", page.read_text()), page
