"""The clauses that every workload's data contract has, and the short way to write one about a column."""

from typing import Any

from kinetrace.clips import COLUMNS
from kinetrace.workload import Rule

MIN_FRAMES = 2
PLAIN_NAME = r"^(?!/)(?!(?:.*/)?\.\.?(?:/|$))[^\x00-\x1f\x7f\\]+$"  # safe as a name inside an archive


def delivery(empty: str) -> list[Rule]:
    """What holds for a delivery as a whole: it has clips (``empty`` says that it has none) and every clip column."""
    size = {"min_value": 1}
    return [
        Rule("expect_table_row_count_to_be_between", size, empty, fatal=True, title="no rows"),
        *(
            Rule("expect_column_to_exist", {"column": name}, f"the column {name} is missing", fatal=True)
            for name in COLUMNS
        ),
    ]


def column(check: str, name: str, reason: str, title: str, **arguments: Any) -> Rule:
    """``expect_column_values_to_<check>`` of the column ``name``."""
    return Rule(f"expect_column_values_to_{check}", {"column": name, **arguments}, reason, title=title)
