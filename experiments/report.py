"""``docs/results.md`` and its picture: ``page.md`` with the tables of the trials that have been run."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments import neighbours, pictures
from experiments.backoff import RULES
from experiments.data import ROOT
from experiments.series import SERIES, Trials
from experiments.trial import Trial
from kinetrace import files

PAGE, PICTURES = ROOT / "docs" / "results.md", ROOT / "docs" / "results"
TEMPLATE = Path(__file__).with_name("page.md")
Results = list[dict[str, Any]]
Titles = Mapping[str, str]  # of figures

SIGNS: Titles = {"ret1": "Ret@1", "wer": "WER", "gloss_wer": "WER of glosses"}
BOTH: Titles = {"ret1": "Ret@1", "inst1": "Inst@1", "wer": "WER", "gloss_wer": "WER of glosses"}
REFUSAL: Titles = {
    "refusal/auroc": "AUROC",
    "refusal/coverage": "coverage",
    "refusal/precision": "precision",
    "refusal/coverage_at_precision": "best coverage at a precision of 0.98",
    "refusal/ece": "calibration error",
}


def write(seeds: int, series: Mapping[str, Trials] = SERIES) -> None:
    """The page, of the trials of ``seeds`` seeds that have been run here.

    A section whose trials were run elsewhere stays as it is on the page; one that was never run is left out.
    """
    done = {name: [found for trial in trials(seeds) if (found := measured(trial))] for name, trials in series.items()}
    known = {name: results for name, results in done.items() if results}
    tables = {name: make for name, (wanted, make) in TABLES.items() if wanted in known}
    standing = _sections(PAGE.read_text(encoding="utf-8")) if PAGE.is_file() else {}
    page = []
    for title, part in _sections(TEMPLATE.read_text(encoding="utf-8")).items():
        if set(re.findall(r"\{(\w+)\}", part)) <= tables.keys():
            page.append(re.sub(r"\{(\w+)\}", lambda found: tables[found[1]](known[TABLES[found[1]][0]]), part))
        elif title in standing:
            page.append(standing[title])
    files.write_bytes(PAGE, "\n\n".join(page).encode() + b"\n")


def _sections(page: str) -> dict[str, str]:
    """By heading, what stands before the first one under the title of the page."""
    parts = re.split(r"^(?=## )", page, flags=re.MULTILINE)
    return {part.partition("\n")[0] if number else "": part.strip() for number, part in enumerate(parts)}


def measured(trial: Trial) -> dict[str, Any] | None:
    """The result of a trial that has been run."""
    return files.read_json(trial.path) if trial.path.is_file() else None


def unseen(results: Results) -> str:
    """Withheld sentences among themselves."""
    return grid(rows({"withheld": results}, "among", SIGNS), "sentences")


def refusal(results: Results) -> str:
    """Withheld sentences as input that is outside."""
    return grid(rows({"test signer": results}, "outside", REFUSAL), "input")


def ablation(results: Results) -> str:
    """Each choice against the base."""
    by_variant = grouped(results, lambda result: result["trial"]["variant"])
    pictures.curves(PICTURES / "curves.png", by_variant)
    return grid(rows(by_variant, "test", BOTH), "changed")


def costs(results: Results) -> str:
    """Time and memory of each encoder."""
    table = [["", "parameters", "CPU seconds an epoch", "peak memory, MiB"]]
    for result in results:
        name = result["trial"]["variant"].removeprefix("encoder ").replace("base", "conv")
        seconds, peak = result["seconds_an_epoch"], result["peak_mib"]
        table.append([name, f"{result['parameters']:,}", f"{seconds:.1f}", f"{peak:,.0f}"])
    return grid(table, "encoder")


def beside(data: str, corner: str) -> Callable[[Results], str]:
    """Ret@1 of the model and of its baseline in each group of a data set, and their means."""

    def table(results: Results) -> str:
        groups = grouped(results, lambda result: result["trial"]["protocol"][1])
        own = {name: np.mean([one["figures"]["test"]["ret1"] for one in found]) for name, found in groups.items()}
        nearest = {name: neighbours.ret1(data, tuple(found[0]["trial"]["protocol"])) for name, found in groups.items()}
        lines = [[name, f"{own[name]:.3f}", f"{nearest[name]:.3f}"] for name in groups]
        means = [f"**{np.mean([*column.values()]):.3f}**" for column in (own, nearest)]
        return grid([["", "Ret@1", "nearest neighbour (DTW)"], *lines, ["**mean**", *means]], corner)

    return table


def foretold(results: Results) -> str:
    """How often the next step was right, with its interval, and what order 2 adds."""
    ways = ("majority", "bigram", "order 1", "order 2")
    table = [["", "sequences", "foretold", *ways, "order 2 – bigram", "order 2 – order 1"]]
    for result in results:
        cells = [bounded(result["figures"][way], "accuracy", 3) for way in ways]
        gains = [bounded(result["gains"][f"right over {other}"], "value", 3) for other in ("bigram", "order 1")]
        table.append([result["trial"]["data"], str(result["sequences"]), f"{result['steps']:,}", *cells, *gains])
    return grid(table, "steps")


def perplexities(results: Results) -> str:
    """How surprising the next step is, with its interval, and what order 2 saves."""
    table = [["", "kinds", "order 1", "order 2", "bits a step that order 2 saves"]]
    for result in results:
        cells = [bounded(result["figures"][way], "perplexity", 2) for way in ("order 1", "order 2")]
        bits = bounded(result["gains"]["bits"], "value", 3)
        table.append([result["trial"]["data"], str(result["labels"]), *cells, bits])
    return grid(table, "steps")


def backoff(results: Results) -> str:
    """Perplexity at order 1 and 2 under each rule of back-off."""
    table = [["", *(result["trial"]["data"] for result in results)]]
    for name in RULES:
        table.append([name, *(" / ".join(f"{value:.2f}" for value in result["rules"][name]) for result in results)])
    return grid(table, "rule")


def bounded(values: Mapping[str, float], name: str, digits: int) -> str:
    """A value with the bounds of its interval."""
    low, high = (values[f"{name}_{bound}"] for bound in ("low", "high"))
    return f"{values[name]:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def rows(groups: Mapping[str, Results], judged: str, titles: Titles) -> list[list[str]]:
    """A line a group; figures that no seed has are left out."""
    every = [one["figures"][judged] for found in groups.values() for one in found]
    known = [figure for figure in titles if any(figure in figures for figures in every)]
    table = [["", *(titles[figure] for figure in known), "seeds"]]
    for name, found in groups.items():
        figures = [one["figures"][judged] for one in found]
        cells = [spread([one[figure] for one in figures if figure in one]) for figure in known]
        table.append([name, *cells, str(len(found))])
    return table


def spread(values: Sequence[float]) -> str:
    """Mean and range, with three decimals."""
    if not values:
        return "–"
    mean = f"{np.mean(values):.3f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.3f} to {max(values):.3f})"


def grouped(results: Iterable[dict[str, Any]], key: Callable[[dict[str, Any]], Any]) -> dict[str, Results]:
    """The results by ``key``, in their order."""
    found: dict[str, Results] = defaultdict(list)
    for result in results:
        found[str(key(result))].append(result)
    return dict(found)


def grid(table: Sequence[Sequence[str]], corner: str) -> str:
    """A Markdown table; ``corner`` is the title of its first column."""
    head, *body = table
    lines = [[corner, *head[1:]], ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


# What a placeholder of the page stands for: the series that it is of, and its table.
TABLES: dict[str, tuple[str, Callable[[Results], str]]] = {
    "unseen": ("unseen", unseen),
    "refusal": ("unseen", refusal),
    "ablation": ("ablation", ablation),
    "costs": ("costs", costs),
    "fingerspelling": ("fingerspelling", beside("fingerspelling", "language")),
    "asl6": ("asl6", beside("asl6", "fold")),
    "foretold": ("steps", foretold),
    "perplexities": ("steps", perplexities),
    "backoff": ("steps", backoff),
}
