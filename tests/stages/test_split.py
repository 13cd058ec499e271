from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.clips import read_table, write_table
from kinetrace.errors import KinetraceError
from kinetrace.files import read_json
from kinetrace.params import SplitParams
from kinetrace.stages import split
from tests.workspaces import PARAMS, deliver, tree, walk


def params(**changes: Any) -> SplitParams:
    return SplitParams(**(PARAMS["split"] | changes))


def clips(count=40, **columns) -> pd.DataFrame:
    """A clip table without files: 8 subjects, 4 labels."""
    numbers = range(count)
    table = {
        "clip_id": [f"c{n:03d}" for n in numbers],
        "subject": [f"s{n % 8}" for n in numbers],
        "label": [f"l{n // 8 % 4}" for n in numbers],
        "num_frames": [10] * count,
        "digest": [f"{n:064x}" for n in numbers],
    }
    return pd.DataFrame(table | columns)


def by_split(table, column="subject"):
    return {name: set(part[column]) for name, part in table.groupby("split")}


def test_by_subject_gives_each_split_its_share_of_whole_subjects():
    found = by_split(split.assign(clips(), params(val=0.125, test=0.25)))
    assert {name: len(subjects) for name, subjects in found.items()} == {"train": 5, "val": 1, "test": 2}
    assert sum(map(len, found.values())) == len(set.union(*found.values()))


def test_by_label_likewise():
    found = by_split(split.assign(clips(), params(by="label")), "label")
    assert {name: len(labels) for name, labels in found.items()} == {"train": 2, "val": 1, "test": 1}


def test_more_clips_of_known_subjects_move_nobody():
    few, many = split.assign(clips(16), params()), split.assign(clips(400), params())
    assert by_split(few) == by_split(many)


def test_the_seed_decides_and_the_order_of_rows_does_not():
    tables = [split.assign(clips(), params(seed=seed)) for seed in range(6)]
    assert len({frozenset(by_split(table)["test"]) for table in tables}) > 1
    assert by_split(split.assign(clips().iloc[::-1], params())) == by_split(split.assign(clips(), params()))


@given(st.integers(2, 200), st.floats(0.01, 0.49), st.floats(0.01, 0.49))
def test_every_split_gets_a_name_where_there_are_three(names, val, test):
    test_size, val_size = split.sizes(names, val, test)
    assert test_size >= 1
    assert names - test_size - val_size >= 1
    assert val_size >= (names > 2)


@pytest.mark.parametrize(
    ("names", "val", "test", "expected"),
    [(8, 0.125, 0.25, (2, 1)), (30, 0.1, 0.1, (3, 3)), (2, 0.1, 0.1, (1, 0)), (10, 0.0, 0.2, (2, 0))],
)  # fmt: skip
def test_sizes(names, val, test, expected):
    assert split.sizes(names, val, test) == expected


def test_by_column_takes_what_is_given_and_counts_the_unused(tmp_path):
    job = walk(tmp_path, {"split": {"by": "column", "column": "fold", "disjoint_subjects": "none"}})
    values = ["train", "val", "test", "unused", ""] * 4
    table = deliver(job, 20)
    write_table(job.folders.motion_table, table.assign(fold=values))
    split.run(job)
    found, kept = read_json(job.folders.split_json), read_table(job.folders.split_table)
    assert found["by"] == "fold"
    assert found["unused"] == 8
    assert {name: part["clips"] for name, part in found["splits"].items()} == {"train": 4, "val": 4, "test": 4}
    assert (kept.split == kept.fold).all()
    assert split.summary(job.folders).startswith("by fold: train 4 clips of")
    assert "8 unused" in split.summary(job.folders)


@pytest.mark.parametrize("value", ["dev", "Train", "0"])
def test_an_unknown_value_of_the_column_lists_what_was_found(value):
    table = clips(3, fold=["train", "test", value])
    with pytest.raises(KinetraceError, match=rf"'{value}'.*'test', 'train': expected train, val, test") as caught:
        split.assign(table, params(by="column", column="fold"))
    assert "split.column 'fold'" in str(caught.value)


def test_a_missing_column_lists_the_columns():
    with pytest.raises(KinetraceError, match=r"split\.column 'fold' is not a column.*clip_id, subject, label"):
        split.assign(clips(), params(by="column", column="fold"))


@pytest.mark.parametrize("present", ["train", "test"])
def test_an_empty_train_or_test_split_is_an_error(present):
    missing = {"train": "test", "test": "train"}[present]
    with pytest.raises(KinetraceError, match=f"the {missing} split is empty"):
        split.assign(clips(3, fold=[present] * 3), params(by="column", column="fold"))


@pytest.mark.parametrize("subjects", [["anna"], ["unknown"], ["unknown", ""], [None]])
def test_too_few_subjects_name_the_remedy(subjects):
    table = clips(4, subject=pd.Series((subjects * 4)[:4], dtype="string"))
    with pytest.raises(
        KinetraceError, match=r"split\.by is 'subject'.*set split\.by: label and split\.disjoint_subjects: none"
    ):
        split.assign(table, params())


def audited(table, **changes):
    return split.audit(table, params(**changes))


def placed(splits, **columns):
    return clips(len(splits), split=splits, **columns)


def test_the_audit_names_shared_subjects_and_the_parameter():
    table = placed(["train", "test", "val"], subject=["anna", "anna", "ben"])
    with pytest.raises(KinetraceError, match=r"share 1 subjects \(anna\).*split\.disjoint_subjects"):
        audited(table)


def test_with_one_subject_the_audit_does_not_advise_to_split_by_subject():
    table = placed(["train", "test", "val"], subject=["unknown"] * 3)
    with pytest.raises(KinetraceError, match=r"one subject, so set split\.disjoint_subjects: none$"):
        audited(table, by="label")


def test_test_only_lets_train_and_val_share():
    table = placed(["train", "val", "test"], subject=["anna", "anna", "ben"])
    assert audited(table, disjoint_subjects="test")["subjects"] == {"rule": "test", "shared": 0}
    with pytest.raises(KinetraceError, match="anna"):
        audited(table, disjoint_subjects="all")
    leaking = placed(["train", "val", "test"], subject=["ben", "anna", "anna"])
    with pytest.raises(KinetraceError, match="test and another split share"):
        audited(leaking, disjoint_subjects="test")


def test_none_reports_without_failing():
    table = placed(["train", "val", "test"], subject=["anna", "anna", "anna"])
    assert audited(table, disjoint_subjects="none")["subjects"] == {"rule": "none", "shared": 1}


def test_shared_labels_fail_when_asked_and_at_most_five_are_named():
    labels = [f"l{n}" for n in range(8)] * 2
    table = placed(["train"] * 8 + ["test"] * 8, label=labels, subject=["a"] * 8 + ["b"] * 8)
    with pytest.raises(KinetraceError, match=r"share 8 labels \(l0, l1, l2, l3, l4 and 3 more\).*disjoint_labels"):
        audited(table, disjoint_labels="all")
    assert audited(table)["labels"]["shared"] == 8


def test_an_identical_clip_in_two_splits_always_fails_by_name():
    table = placed(["train", "test"], subject=["a", "b"], digest=["f" * 64] * 2)
    with pytest.raises(KinetraceError, match=r"share 1 clips \(c000, c001\)"):
        audited(table, disjoint_subjects="none", disjoint_labels="none")
    within = placed(["train", "train"], digest=["f" * 64] * 2)
    assert audited(within)["clips"]["shared"] == 0


def test_a_failed_audit_writes_nothing(tmp_path):
    job = walk(tmp_path, {"split": {"by": "label"}})
    write_table(job.folders.motion_table, deliver(job, 40, subject="unknown"))
    with pytest.raises(KinetraceError, match="leak"):
        split.run(job)
    assert not job.folders.split_table.exists()
    assert not job.folders.split_json.exists()


def run(folder, count, **columns):
    job = walk(folder)
    write_table(job.folders.motion_table, deliver(job, count, **columns))
    split.run(job)
    return job


def test_counts_verdicts_and_the_frozen_test_set(tmp_path):
    found = read_json(run(tmp_path, 40).folders.split_json)
    table = read_table(tmp_path / "data" / "walk" / "split.parquet")
    for name, counts in found["splits"].items():
        part = table[table.split == name]
        assert counts["clips"] == len(part)
        assert counts["frames"] == part.num_frames.sum()
        assert counts["subjects"] == part.subject.nunique()
    assert found["audit"]["subjects"] == {"rule": "all", "shared": 0}
    assert found["audit"]["clips"] == {"rule": "all", "shared": 0}


def test_the_test_digest_follows_the_test_clips_and_nothing_else(tmp_path):
    first, again, more = (run(tmp_path / name, count) for name, count in (("a", 40), ("b", 40), ("c", 48)))
    digests = [read_json(job.folders.split_json)["test_digest"] for job in (first, again, more)]
    assert digests[0] == digests[1] != digests[2]
    assert tree(first.folders.data) == tree(again.folders.data)


def test_one_subject_held_out_is_the_test_and_the_others_share_the_rest():
    for name in ("s0", "s5"):
        found = by_split(split.assign(clips(), params(held_out=name, val=0.25)))
        assert found["test"] == {name}
        assert (len(found["val"]), len(found["train"])) == (2, 5)


def test_an_unknown_one_is_named_with_those_that_there_are():
    with pytest.raises(KinetraceError, match=r"split.held_out is 's9', which is no subject: found s0, s1"):
        split.assign(clips(), params(held_out="s9"))


def test_a_column_needs_nobody_held_out():
    with pytest.raises(ValueError, match=r"split\.held_out goes with"):
        params(by="column", column="mood", held_out="s1")
