"""Pages of documentation as tests read them: the commands, snippets, tables and links in them."""

import re
import shlex
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import Any

import typer.main
import yaml
from typer.testing import CliRunner

from kinetrace import recipes
from kinetrace.cli import app
from kinetrace.workspace import Workspace
from tests.checkouts import ROOT

Words = tuple[str, ...]


@dataclass(frozen=True)
class Page:
    """The page at ``path``."""

    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def shown(self) -> list[Words]:
        """The commands in ``sh`` blocks, program first."""
        lines = (line for block in self._blocks("sh") for line in block.splitlines())
        return [tuple(_words(line)) for line in lines if _words(line)]

    @cached_property
    def commands(self) -> list[Words]:
        """Those, and the ones in running text."""
        spoken = re.findall(r"`((?:make|kinetrace|dvc) [^`]+)`", self.text)
        return [*self.shown, *(tuple(shlex.split(code)) for code in spoken)]

    @cached_property
    def kinetrace(self) -> list[Words]:
        """What follows ``kinetrace`` in each of its commands, once."""
        return sorted({words[1:] for words in self.commands if words[0] == "kinetrace"})

    @property
    def snippets(self) -> list[str]:
        return self._blocks("python")

    def _blocks(self, language: str) -> list[str]:
        return re.findall(rf"^```{language}\n(.*?)^```", self.text, re.MULTILINE | re.DOTALL)

    def table(self, heading: str, column: int = 0) -> list[str]:
        """The cells of a column of the first table after ``heading``, without back quotes."""
        [_, after] = self.text.split(f"{heading}\n", 1)
        below = dropwhile(lambda line: line[:3] != "| -", after.splitlines())
        _, *rows = takewhile(lambda line: line[:1] == "|", below)
        return [row.split("|")[column + 1].strip().replace("`", "") for row in rows]

    def names(self, heading: str, column: int = 0) -> list[str]:
        """The same, cells that list several taken apart."""
        return [name for cell in self.table(heading, column) for name in cell.split(", ") if name]

    def run_snippets(self) -> dict[str, Any]:
        """Run them one after the other in the current folder; the names that they leave."""
        names: dict[str, Any] = {}
        for number, snippet in enumerate(self.snippets, 1):
            exec(compile(snippet, f"{self.path.name}, snippet {number}", "exec"), names)
        return names

    def settings(self) -> list[dict[str, Any]]:
        """What running text or a table says to set, such as ``tokens.split: {by: column}``, as recipes."""
        found = []
        for names, value in re.findall(r"`([a-z0-9_.]+): (\{[^`]+\})`", self.text):
            overlay: Any = yaml.safe_load(value)
            for name in reversed(names.split(".")):
                overlay = {name: overlay}
            found.append(overlay)
        return found

    def broken_links(self) -> list[str]:
        """Links to a heading or a file that is not there."""
        titles = re.findall(r"^## (.+)$", self.text, re.M)
        headings = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
        links = re.findall(r"\]\(([^):]+)\)", self.text)
        return [
            link for link in links
            if (link[1:] not in headings if link[0] == "#" else not (self.path.parent / link).exists())
        ]  # fmt: skip


def _words(line: str) -> list[str]:
    return [word.removeprefix(".venv/bin/") for word in shlex.split(line, comments=True)]


def parsed(words: Words) -> list[str]:
    """The names of the sub-command, after its own parser took the rest; prose may name a command alone."""
    command, names, rest = typer.main.get_command(app), [], list(words)
    while hasattr(command, "commands"):
        names.append(rest.pop(0))
        command = command.commands[names[-1]]
    if rest:
        command.make_context(names[-1], rest)
    return names


def run(*words: str) -> str:
    """What ``kinetrace WORDS`` prints; it must succeed."""
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def unknown_targets(commands: Iterable[Words]) -> list[str]:
    """Targets and variables of ``make`` commands that the Makefile lacks."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = [word for program, *words in commands if program == "make" for word in words]
    return [word for word in named if not re.search(rf"^{word.split('=')[0]} ?(?:\?=|:)", makefile, re.MULTILINE)]


def accepted(overlay: dict[str, Any], root: Path) -> bool:
    """Whether the recipe changes this checkout's parameters, in a copy under the new folder ``root``; it must fit."""
    root.mkdir()
    shutil.copy(ROOT / "params.yaml", root)
    (root / "recipe.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")
    recipes.merge(Workspace(root), root / "recipe.yaml")
    return (root / "params.yaml").read_bytes() != (ROOT / "params.yaml").read_bytes()
