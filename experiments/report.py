"""``docs/results.md`` and its pictures, from the trials that have been run."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments import neighbours, pictures, protocols
from experiments.data import ROOT
from experiments.series import SERIES, SHORT, Trials
from experiments.trial import Trial
from kinetrace import files

PAGE, PICTURES = ROOT / "docs" / "results.md", ROOT / "docs" / "results"
Results = list[dict[str, Any]]
Cell = tuple[str, str, Callable[[float], str]]  # title, figure, format


def three(value: float) -> str:
    """A share or a rate."""
    return f"{value:.3f}"


RETRIEVAL: list[Cell] = [("Ret@1", "ret1", three), ("Inst@1", "inst1", three)]
SENTENCES: list[Cell] = [("WER", "wer", three), ("WER of glosses", "gloss_wer", three)]
REFUSAL: list[Cell] = [
    ("AUROC", "refusal/auroc", three),
    ("coverage", "refusal/coverage", three),
    ("precision", "refusal/precision", three),
    ("best coverage at that precision", "refusal/coverage_at_precision", three),
    ("calibration error", "refusal/ece", three),
]


def write(seeds: int, series: Mapping[str, Trials] = SERIES) -> None:
    """The page, of the trials of ``seeds`` seeds that have been run; a series without any is left out."""
    done = {name: [found for trial in trials(seeds) if (found := measured(trial))] for name, trials in series.items()}
    sections = [make(done[name]) for name, make in SECTIONS.items() if done.get(name)]
    files.write_bytes(PAGE, "\n\n".join([HEAD.strip(), *sections]).encode() + b"\n")


def measured(trial: Trial) -> dict[str, Any] | None:
    """The result of a trial that has been run."""
    return files.read_json(trial.path) if trial.path.is_file() else None


def unseen(results: Results) -> str:
    """Withheld sentences, among themselves and as input that is outside."""
    count = protocols.UNSEEN
    return "\n\n".join(
        [
            "## Sentences and a signer never seen",
            f"{count} of the 120 sentences are withheld from training, drawn by a seed of their own. The signer of the "
            "test was never trained on, either.",
            f"Among the {count}, the training signer's clips of them as gallery; the decoder knows their words from "
            "other sentences:",
            grid(rows({"withheld": results}, "among", [*RETRIEVAL[:1], *SENTENCES]), "sentences"),
            "Refusal, over all clips of the test signer: those of the 90 known sentences should be answered; those of "
            "the withheld ones, clips whose own sentence is left out of the gallery, and motion that is no sign should "
            "not. Thresholds are calibrated on the training signer's validation fold for a precision of 0.98 with half "
            "of the input outside:",
            grid(rows({"conv": results}, "outside", REFUSAL), "encoder"),
        ]
    )


def ablation(results: Results) -> str:
    """Each choice against the base, with the difference to it seed by seed."""
    by_variant = grouped(results, lambda result: result["trial"]["variant"])
    pictures.curves(PICTURES / "curves.png", by_variant)
    cells = [*RETRIEVAL, *SENTENCES]
    return "\n\n".join(
        [
            f"## Each choice on and off\n\nA new signer, 120 sentences, {SHORT} epochs in place of 24, so that choices "
            "still show; mean of the seeds and the least and greatest of them.",
            grid(rows(by_variant, "test", cells), "changed"),
            "![validation by epoch](results/curves.png)",
            "### Time and memory\n\nOne thread a training, two trainings at once:",
            grid(costs(by_variant), "encoder"),
        ]
    )


def costs(by_variant: dict[str, Results]) -> list[list[str]]:
    """Parameters, seconds an epoch and peak memory of each encoder."""
    found = [["", "parameters", "seconds an epoch", "peak memory of the process, MiB"]]
    for name, results in by_variant.items():
        if name == "base" or name.startswith("encoder "):
            seconds = spread([result["seconds_an_epoch"] for result in results], "{:.1f}".format)
            peak = max(result["peak_mib"] for result in results)
            title = "conv" if name == "base" else name.removeprefix("encoder ")
            found.append([title, f"{results[0]['parameters']:,}", seconds, f"{peak:,.0f}"])
    return found


def letters(results: Results) -> str:
    """Leave one language out."""
    languages = grouped(results, lambda result: result["trial"]["protocol"][1])
    return "\n\n".join(
        [
            "## Fingerspelled letters of a sign language never seen\n\nA to Z in "
            f"{len(languages)} sign languages, one clip a letter; each language in turn is the test, the others the "
            "gallery. The baseline is the nearest clip under dynamic time warping of body-centred landmarks. Chance is "
            "1 / 26 = 0.038.",
            beside(languages, "fingerspelling", "language"),
        ]
    )


def signs(results: Results) -> str:
    """Five folds of one signer."""
    folds = grouped(results, lambda result: result["trial"]["protocol"][1])
    return "\n\n".join(
        [
            "## Six signs of one signer\n\n30 takes each, five folds of consecutive takes. Chance is 1 / 6 = 0.167.",
            beside(folds, "asl6", "fold"),
        ]
    )


def beside(groups: dict[str, Results], data: str, corner: str) -> str:
    """Ret@1 of the model and of its baseline in each group, and their means."""
    own = {name: np.mean([one["figures"]["test"]["ret1"] for one in found]) for name, found in groups.items()}
    nearest = {name: neighbours.ret1(data, tuple(found[0]["trial"]["protocol"])) for name, found in groups.items()}
    table = [["", "Ret@1", "nearest neighbour (DTW)"]]
    table += [[str(name), three(own[name]), three(nearest[name])] for name in groups]
    table += [["**mean**", *(f"**{three(np.mean([*column.values()]))}**" for column in (own, nearest))]]
    return grid(table, corner)


def rows(groups: dict[str, Results], judged: str, cells: Sequence[Cell]) -> list[list[str]]:
    """A line a group; figures that no seed has are left out."""
    known = [
        cell for cell in cells if any(cell[1] in one["figures"][judged] for found in groups.values() for one in found)
    ]
    table = [["", *(title for title, *_ in known), "seeds"]]
    for name, found in groups.items():
        values = [[one["figures"][judged].get(figure) for one in found] for _, figure, _ in known]
        texts = [spread([x for x in own if x is not None], known[i][2]) for i, own in enumerate(values)]
        table.append([name, *texts, str(len(found))])
    return table


def spread(values: Sequence[float], shown: Callable[[float], str]) -> str:
    """Mean and range."""
    if not values:
        return "–"
    mean = shown(float(np.mean(values)))
    return mean if len(values) == 1 else f"{mean} ({shown(min(values))} to {shown(max(values))})"


def grouped(results: Iterable[dict[str, Any]], key: Callable[[dict[str, Any]], str]) -> dict[str, Results]:
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


SECTIONS: dict[str, Callable[[Results], str]] = {
    "unseen": unseen,
    "ablation": ablation,
    "fingerspelling": letters,
    "asl6": signs,
}
HEAD = (Path(__file__).with_name("head.md")).read_text(encoding="utf-8")
