"""``params.yaml`` at the door: every mistake is named in full, with what to do."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from kinetrace import params
from kinetrace.errors import KinetraceError
from kinetrace.params import SplitParams
from kinetrace.sign.params import SignParams

ROOT = Path(__file__).resolve().parents[1]


def changed(folder: Path, path: str, value: Any) -> Path:
    """The shipped ``params.yaml`` with one value changed (``...`` removes it)."""
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    *way, name = path.split(".")
    section = content
    for step in way:
        section = section[step]
    if value is ...:
        del section[name]
    else:
        section[name] = value
    target = folder / "params.yaml"
    target.write_text(yaml.safe_dump(content), encoding="utf-8")
    return target


def test_the_shipped_file_is_valid() -> None:
    assert params.load(ROOT / "params.yaml", "sign", SignParams).motion.floor == 7.5e-4


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("sign.motion.flor", 0.1, "sign.motion.flor: unknown key"),
        ("sign.train.epochs", ..., "sign.train.epochs: missing"),
        ("sign.train.epochs", 0, "sign.train.epochs: found 0"),
        ("sign.train.epochs", 2.5, "sign.train.epochs: found 2.5"),
        ("sign.train.epochs", "20", "sign.train.epochs: found '20'"),
        ("sign.train.epochs", True, "sign.train.epochs: found True"),
        ("sign.motion.floor", "1e-3", "expected a number (YAML wants 1.0e-3, not 1e-3)"),
        ("sign.split.val", 0.9, "leave a share for train"),
        ("sign.split.by", "column", "name it in split.column"),
        ("sign.split.by", "person", "sign.split.by: found 'person'"),
        ("sign.train", None, "sign.train: the section is missing"),
        ("sign", None, "sign: the section is missing"),
        ("sign", ..., "sign: the section is missing"),
        ("sign", [], "sign: found []; expected a section"),
        ("sign.motion.floor", float("inf"), "sign.motion.floor: found inf"),
        ("sign.loss.bank", float("nan"), "sign.loss.bank: found nan"),
        ("sign.promote.floors", {"ret1": float("-inf")}, "sign.promote.floors.ret1: found -inf"),
        ("walk", {}, "walk: unknown key; expected workloads, operations"),
        ("workloads", 3, "workloads: found 3, expected entries such as sign"),
        ("workloads", None, "workloads: found None"),
        ("workloads", {1: {"raw": "x"}}, "workloads: found {1:"),
    ],
)
def test_a_mistake_is_named(path: str, value: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(KinetraceError) as caught:
        params.load(changed(tmp_path, path, value), "sign", SignParams)
    assert words in str(caught.value)
    assert "params.yaml" in str(caught.value)


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    path = changed(tmp_path, "sign.motion.flor", 1)
    path.write_text(path.read_text().replace("epochs: ", "epochz: "))
    with pytest.raises(KinetraceError, match=r"(?s)sign\.motion\.flor.*sign\.train\.epochs|sign\.train\.epochs.*flor"):
        params.load(path, "sign", SignParams)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a: [", "is not valid YAML"),
        (b"- a", "holds list"),
        (b"", "holds NoneType"),
        (b"\xff\xfe: 1", "is not valid YAML"),
        (b"a: 1\nb: 2\na: 3", r"the key 'a' occurs twice(?s:.*)line 3"),
        (b"a: {b: {c: 1, 'c': 2}}", "the key 'c' occurs twice"),
        (b"!!python/object/apply:os.system ['touch /tmp/executed']", "is not valid YAML"),
    ],
)
def test_a_file_that_is_no_mapping(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes(content)
    with pytest.raises(KinetraceError, match=words):
        params.read(tmp_path / "params.yaml")


def test_a_missing_file_says_where_to_be(tmp_path: Path) -> None:
    with pytest.raises(KinetraceError, match="run this in a workspace"):
        params.read(tmp_path / "params.yaml")


def test_an_unknown_workload_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(KinetraceError, match=r"no workload 'sgin' .*known: operations"):
        params.source(ROOT / "params.yaml", "sgin")


def test_anchors_and_merged_keys_are_no_repetition() -> None:
    assert params.parse_yaml("a: &x {b: 1}\nc: {<<: *x, b: 2}")["c"] == {"b": 2}


def test_parameters_are_frozen() -> None:
    split = SplitParams(by="subject", val=0.1, test=0.1, seed=1, disjoint_subjects="all", disjoint_labels="none")
    with pytest.raises(ValueError, match="frozen"):
        split.seed = 2  # type: ignore[misc]
