"""Stage ``validate``: which clips satisfy the data contract; the others go to quarantine with a reason."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from kinetrace import clips, expectations
from kinetrace.errors import KinetraceError
from kinetrace.files import replaceable, staged
from kinetrace.workload import Job, Workload, load
from kinetrace.workspace import Folders

MOST_FREQUENT = 3
QUARANTINE = ("clip_id", "source", "breach", "reason")  # ``breach``: the first broken rule in a few words


@dataclass(frozen=True)
class Verdict:
    """A delivery judged: the clip table of what it may give, and the quarantine table.

    ``told``: breaches that are no loss, such as a name in a list for which nothing was delivered.
    """

    folder: Path
    kept: pd.DataFrame
    refused: pd.DataFrame
    told: frozenset[str] = frozenset()

    @property
    def lost(self) -> pd.DataFrame:
        """Those of the refused that were delivered as clips."""
        return self.refused[~self.refused["breach"].isin(list(self.told))]

    @property
    def passed(self) -> bool:
        return self.lost.empty

    @property
    def share(self) -> float:
        """Of all delivered clips, how many are refused."""
        return len(self.lost) / max(len(self.kept) + len(self.lost), 1)

    def as_dict(self) -> dict[str, Any]:
        """Counts, and every refused clip by name."""
        return {
            "folder": str(self.folder),
            "passed": self.passed,
            "clips": len(self.kept) + len(self.refused),
            "kept": len(self.kept),
            "quarantined": len(self.refused),
            "breaches": dict(_counted(self.refused["breach"])),
            "refused": clips.rows(self.refused[list(QUARANTINE)]),
        }

    def as_text(self) -> str:
        """A table of the refused clips, then the counts."""
        return "\n".join([*_lines(self.refused), f"{self.folder}: {_counts(len(self.kept), self.refused)}"])


def run(job: Job) -> None:
    """Write ``clips.parquet``, ``quarantine.parquet`` and the Data Docs.

    Raises:
        KinetraceError: the delivery cannot be read, or a larger share than ``validate.max_quarantine_share`` is
            refused; the quarantine table and the Data Docs then lie under ``reports/``.
    """
    folders, limit = job.folders, job.params.validate_.max_quarantine_share
    verdict = judge(job.workload, job.params, job.raw, folders.data_docs, job.jobs)
    evidence = folders.reports / "quarantine.csv"  # DVC clears a stage's outputs, not the reports
    with staged(evidence) as partial:
        verdict.refused.to_csv(partial, index=False, lineterminator="\n")
    if verdict.share > limit or verdict.kept.empty:
        raise KinetraceError(_too_many(verdict, limit, evidence))
    clips.write_table(folders.clips, verdict.kept)
    clips.write_table(folders.quarantine, verdict.refused)


def summary(folders: Folders) -> str:
    """What the last run decided, on one line."""
    return _counts(len(clips.read_table(folders.clips)), clips.read_table(folders.quarantine))


def check(folder: Path, workload: str, docs: Path | None, jobs: int) -> Verdict:
    """Judge any folder in the workload's native layout; nothing is written but ``docs``, no workspace is needed.

    Raises:
        KinetraceError: the delivery cannot be read as a whole, or ``docs`` holds anything but earlier Data Docs.
    """
    if docs is not None:
        docs = replaceable(docs, "earlier Data Docs", expectations.PAGES)
    return judge(load(workload), None, folder, docs, jobs)


def judge(workload: Workload, params: Any, raw: Path, docs: Path | None, jobs: int) -> Verdict:
    """Inspect ``raw``, run the contract over it and part the clips."""
    table = workload.inspect(raw, params, jobs)
    rules = workload.contract(params)
    breaches = expectations.judge(table, rules, workload.name, docs)
    given = table[[name for name in table.columns if not name.startswith(clips.FACT)]]
    refused = given.iloc[list(breaches)].assign(
        breach=pd.array([breach.titles[0] for breach in breaches.values()], dtype="string"),
        reason=pd.array(["; ".join(breach.reasons) for breach in breaches.values()], dtype="string"),
    )
    others = [name for name in given.columns if name not in QUARANTINE]
    refused = refused[[*QUARANTINE, *others]].sort_values("clip_id", kind="stable").reset_index(drop=True)
    told = frozenset(rule.title for rule in rules if not rule.loss)
    return Verdict(raw, clips.conform(given.drop(index=given.index[list(breaches)])), refused, told)


def _counted(breaches: Iterable[str]) -> list[tuple[str, int]]:
    """The most frequent first, then by name."""
    return sorted(Counter(breaches).items(), key=lambda pair: (-pair[1], pair[0]))


def _listed(pairs: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{count:,} {title}" for title, count in pairs)


def _counts(kept: int, refused: pd.DataFrame) -> str:
    titles = _listed(_counted(refused["breach"]))
    return f"{kept:,} clips kept, {len(refused):,} quarantined" + (f" ({titles})" if titles else "")


def _too_many(verdict: Verdict, limit: float, evidence: Path) -> str:
    refused, total = len(verdict.lost), len(verdict.kept) + len(verdict.lost)
    reasons = _listed(_counted(verdict.refused["breach"])[:MOST_FREQUENT])
    return (
        f"{verdict.folder}: {refused:,} of {total:,} clips ({verdict.share:.1%}) break the contract, the limit is "
        f"{limit:.1%}. Most frequent: {reasons}. Every clip and its reason: {evidence}. Correct the delivery, "
        "or raise validate.max_quarantine_share in params.yaml if this loss is expected"
    )


def _lines(refused: pd.DataFrame) -> list[str]:
    """The refused clips as two columns of text."""
    if refused.empty:
        return []
    names = [expectations.printable(name) for name in ["clip", *refused["clip_id"]]]
    width = max(map(len, names))
    return [f"{name:<{width}}  {reason}" for name, reason in zip(names, ["reason", *refused["reason"]], strict=True)]
