"""Axes of a sweep: read, multiplied, refused by name."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.errors import KinetraceError
from kinetrace.sweep import space
from kinetrace.sweep.space import Base, Range
from kinetrace.workspace import Workspace
from tests.checkouts import ROOT


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Base:
    folder = tmp_path_factory.mktemp("base")
    shutil.copy(ROOT / "params.yaml", folder)
    return Base.of(Workspace(folder), "sign")


def file(folder: Path, text: str) -> Path:
    path = folder / "axes.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_values_of_options_are_read_as_yaml():
    options = ["sign.train.seed=1,2", "sign.model.parts=[pose],[pose, face]", 'sign.train.precision="no",bf16']
    assert space.grid(options, None) == {
        "sign.train.seed": [1, 2],
        "sign.model.parts": [["pose"], ["pose", "face"]],
        "sign.train.precision": ["no", "bf16"],
    }


def test_a_file_and_options_go_together(tmp_path):
    axes = space.grid(["sign.train.seed=1"], file(tmp_path, "sign.loss.clip: [0.0, 0.5]"))
    assert space.product(axes) == [
        {"sign.loss.clip": 0.0, "sign.train.seed": 1},
        {"sign.loss.clip": 0.5, "sign.train.seed": 1},
    ]


@given(st.dictionaries(st.text(min_size=1), st.lists(st.integers(), min_size=1, max_size=4), max_size=4))
def test_every_combination_comes_once(axes):
    found = space.product(axes)
    assert all(row.keys() == axes.keys() and all(row[key] in axes[key] for key in axes) for row in found)
    places = space.product({key: list(range(len(values))) for key, values in axes.items()})
    assert len(found) == len(places) == len({tuple(row.items()) for row in places})


@pytest.mark.parametrize("option", ["sign.loss.clip", "sign.loss.clip=", "sign.loss.clip=[", "sign.loss.clip=1]: ["])
def test_an_option_without_values_is_refused(option):
    with pytest.raises(KinetraceError, match="expected KEY=VALUE,VALUE"):
        space.grid([option], None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected lines such as"),
        ("- 1", "expected lines such as"),
        ("sign.loss.clip: 3", "found 3; expected a list of values"),
        ("sign.loss.clip: []", "expected a list of values"),
        ("sign.loss.clip: {low: 1}", "sign.loss.clip.high: missing"),
        ("sign.loss.clip: {low: 1.0, high: 0.5}", "low 1 is not below high 0.5"),
        ("sign.loss.clip: {low: 0.0, high: 0.5, log: true}", "a log range begins above 0"),
        ("sign.loss.clip: {low: .nan, high: 0.5}", "finite"),
        ("sign.loss.clip: {low: 0.0, high: 0.5, step: 1}", "step: unknown key"),
        ("sign.loss.clip: [1]\nsign.loss.clip: [2]", "occurs twice"),
        ("a: !!python/object/apply:os.getcwd []", "cannot be read as YAML"),
    ],
)
def test_a_bad_file_is_refused_by_name(tmp_path, text, said):
    with pytest.raises(KinetraceError) as error:
        space.read(file(tmp_path, text))
    assert said in str(error.value) and "axes.yaml" in str(error.value)


def test_a_range_in_a_grid_is_refused(tmp_path):
    with pytest.raises(KinetraceError, match="use --search"):
        space.grid([], file(tmp_path, "sign.loss.clip: {low: 0.0, high: 1.0}"))


def test_a_key_given_twice_is_refused():
    with pytest.raises(KinetraceError, match="given twice"):
        space.grid(["sign.train.seed=1", "sign.train.seed=2"], None)


def test_a_range_is_whole_where_both_ends_are():
    assert Range(low=1, high=3).whole and not Range(low=1.0, high=3).whole


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("sign.loss.clp", 1.0, "sign.loss.clp: no parameter of sign; the nearest is sign.loss.clip"),
        ("tokens.train.seed", 1, "the nearest is sign.train.seed"),
        ("sign.loss", 1.0, "no parameter of sign"),
        ("workloads.sign.raw", "x", "no parameter of sign"),
        ("sign.loss.clip", "much", "sign.loss.clip: found the text 'much'"),
        ("sign.train.epochs", 0, "sign.train.epochs: found 0"),
        ("sign.train.seed", 1.5, "sign.train.seed: found 1.5"),
        ("sign.split.val", 0.9, "leave a share for train"),
    ],
)
def test_a_key_or_value_that_the_parameters_refuse_is_refused(base, key, value, said):
    with pytest.raises(KinetraceError) as error:
        base.check({key: [value]})
    assert said in str(error.value)


def test_both_ends_of_a_range_are_tried(base):
    base.check({"sign.model.dropout": Range(low=0.0, high=1.0)})
    with pytest.raises(KinetraceError, match=r"found 1\.5"):
        base.check({"sign.model.dropout": Range(low=0.0, high=1.5)})


def test_effective_parameters_differ_in_the_named_key_alone(base):
    before, after = base.effective({}), base.effective({"sign.train.seed": 99})
    after["train"]["seed"] = before["train"]["seed"]
    assert after == before


def test_the_same_number_written_otherwise_is_the_same_parameter(base):
    assert base.effective({"sign.loss.clip": 0}) == base.effective({"sign.loss.clip": 0.0})


def test_an_optional_parameter_that_stands_nowhere_may_be_set(base):
    assert base.effective({"sign.split.column": "fold"})["split"]["column"] == "fold"


def test_values_nest_as_the_file_does():
    assert space.nested({"a.b.c": 1, "a.b.d": 2}) == {"a": {"b": {"c": 1, "d": 2}}}


@pytest.mark.parametrize("path", sorted((ROOT / "recipes" / "sweeps").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_sweep_of_the_project_fits_its_parameters(path):
    axes = space.read(path)
    Base.of(Workspace(ROOT), next(iter(axes)).split(".")[0]).check(axes)
