"""The data contract run by Great Expectations: which rows break which rule, and HTML pages about it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from kinetrace import files
from kinetrace.environment import be_quiet
from kinetrace.errors import KinetraceError
from kinetrace.workload import Rule

if TYPE_CHECKING:
    from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext
    from great_expectations.expectations.expectation import Expectation

ROW = "row"  # position in the judged table, from 0: names a row even where clip_id does not
SITE = "docs"
PAGES = ("index.html", "expectations/*.html", "validations/*.html", "static/*")  # what Data Docs consist of
# Data Docs put values into their pages unescaped: a stranger's markup would run in the reader's browser.
MARKUP = str.maketrans({"<": "‹", ">": "›", '"': "”"})
LONGEST_VALUE = 120  # characters of a stranger's text that a reason repeats


@dataclass(frozen=True)
class Breach:
    """The rules that one row breaks, in the contract's order."""

    titles: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


def judge(table: pd.DataFrame, rules: Sequence[Rule], name: str, docs: Path | None) -> dict[int, Breach]:
    """The breaches of the rows of ``table`` by position; rows that satisfy every rule are absent.

    With ``docs`` the HTML pages replace that folder, whatever the verdict.

    Raises:
        KinetraceError: a fatal rule is broken.
    """
    if docs is None:
        return _breaches(table, rules, _run(_judgeable(table), rules, name, None))
    with files.staged(docs) as partial:
        results = _run(_judgeable(table), rules, name, partial)
    return _breaches(table, rules, results)


def _judgeable(table: pd.DataFrame) -> pd.DataFrame:
    """``table`` with numbered rows and without markup."""
    text = [name for name, kind in table.dtypes.items() if pd.api.types.is_string_dtype(kind)]
    plain = {str(name): table[name].astype("string").str.translate(MARKUP) for name in text}
    return table.assign(**plain, **{ROW: range(len(table))}).reset_index(drop=True)


def _run(table: pd.DataFrame, rules: Sequence[Rule], name: str, docs: Path | None) -> list[Any]:
    """One validation result a rule."""
    be_quiet()  # before the import: the library reports its use by default
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    suite = context.suites.add(gx.ExpectationSuite(name=f"{name} contract"))
    suite.expectations = [_expectation(rule, number) for number, rule in enumerate(rules)]
    suite.save()
    asset = context.data_sources.add_pandas(name).add_dataframe_asset("delivery")
    batch = asset.add_batch_definition_whole_dataframe("all clips")
    definition = gx.ValidationDefinition(name=f"{name} delivery", data=batch, suite=suite)
    checkpoint = gx.Checkpoint(
        name=name,
        validation_definitions=[context.validation_definitions.add(definition)],
        actions=[_pages(context, docs)] if docs else [],
        result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ["clip_id", ROW]},
    )
    result = context.checkpoints.add(checkpoint).run(
        batch_parameters={"dataframe": table}, run_id=gx.RunIdentifier(run_name="validate")
    )
    return [item for run in result.run_results.values() for item in run.results]


def _pages(context: "EphemeralDataContext", folder: Path) -> Any:
    from great_expectations.checkpoint.actions import UpdateDataDocsAction

    store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder.resolve())}
    index = {"class_name": "DefaultSiteIndexBuilder"}
    site: Any = {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": store,
        "site_index_builder": index,
    }
    context.add_data_docs_site(SITE, site)
    return UpdateDataDocsAction(name="pages", site_names=[SITE])


def _expectation(rule: Rule, number: int) -> "Expectation":
    import great_expectations.expectations as catalogue

    kind = getattr(catalogue, "".join(word.title() for word in rule.expectation.split("_")))
    note = ": ".join(filter(None, [rule.title, re.sub(r"{[^}]*}", "…", rule.reason)]))
    expectation: Expectation = kind(**rule.arguments, notes=note, meta={"rule": number})
    return expectation


def _breaches(table: pd.DataFrame, rules: Sequence[Rule], results: Sequence[Any]) -> dict[int, Breach]:
    failed = {result.expectation_config.meta["rule"]: result for result in results if not result.success}
    fatal = [rules[number].reason for number in sorted(failed) if rules[number].fatal]
    if fatal:
        raise KinetraceError("the delivery cannot be used: " + "; ".join(fatal))
    found: dict[int, Breach] = {}
    for number in sorted(failed):
        rule = rules[number]
        for position in _positions(rule, failed[number]):
            breach = found.setdefault(position, Breach())
            breach.titles.append(rule.title)
            breach.reasons.append(reason(rule, dict(table.iloc[position])))
    return dict(sorted(found.items()))


def _positions(rule: Rule, result: Any) -> list[int]:
    rows = result.result.get("unexpected_index_list")
    if rows is None:
        raise RuntimeError(f"{rule.expectation} {dict(rule.arguments)} could not be judged: {result.exception_info}")
    return [int(row[ROW]) for row in rows]


def reason(rule: Rule, row: dict[str, Any]) -> str:
    """Why ``row`` breaks ``rule``, on one line; strangers' text is shortened and harmless on a terminal."""
    values = {name: printable(value) if isinstance(value, str) else value for name, value in row.items()}
    return rule.reason.format_map(values)


def printable(text: str) -> str:
    """``text`` without control characters, at most ``LONGEST_VALUE`` characters of it."""
    text = text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
