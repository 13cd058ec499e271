"""Recipes merged into params.yaml."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from kinetrace import params, recipes
from kinetrace.errors import KinetraceError
from kinetrace.sign.params import SignParams
from kinetrace.stages import split
from kinetrace.workspace import Workspace

ROOT = Path(__file__).parents[1]


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    return Workspace(tmp_path)


def merge(workspace: Workspace, text: str) -> str:
    overlay = workspace.root / "overlay.yaml"
    overlay.write_text(text)
    return recipes.merge(workspace, overlay)


def test_one_field_changes_one_line_and_comments_stay(workspace):
    before = workspace.params.read_text().splitlines()
    said = merge(workspace, "sign: {motion: {floor: 0.25}}")
    after = workspace.params.read_text().splitlines()
    assert len(after) == len(before) and sum(old != new for old, new in zip(before, after, strict=True)) == 1
    assert "sign.motion.floor: 0.00075 → 0.25" in said
    assert params.load(workspace.params, "sign", SignParams).motion.floor == 0.25


def test_what_agrees_already_is_not_written(workspace):
    before = workspace.params.stat().st_mtime_ns
    assert "nothing to change" in merge(workspace, "sign: {motion: {floor: 7.5e-4}}")
    assert workspace.params.stat().st_mtime_ns == before


def test_lists_are_replaced_and_optional_or_free_keys_may_be_added(workspace):
    said = merge(
        workspace, "sign: {split: {by: column, column: fold}, model: {parts: [pose]}, promote: {floors: {x: 0.1}}}"
    )
    loaded = params.load(workspace.params, "sign", SignParams)
    assert (loaded.split.by, loaded.split.column, loaded.model.parts) == ("column", "fold", ["pose"])
    assert loaded.promote.floors["x"] == 0.1 and "ret1" in loaded.promote.floors
    assert "sign.split.column: unset → fold" in said
    assert "sign.model.parts: [pose, left_hand, right_hand, face] → [pose]" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sing: {motion: {floor: 1.0}}", "sing: unknown key"),
        ("sign: {motion: {flor: 1.0}}", "sign.motion.flor: unknown key"),
        ("sign: {train: {optimizer: {name: x}}}", "sign.train.optimizer: unknown key"),
        ("sign: {motion: {floor: -1.0}}", "sign.motion.floor: found -1.0"),
        ("sign: {motion: {floor: 1e-3}}", "found the text '1e-3', expected a number"),
        ("sign: {motion: 3}", "sign.motion: found 3"),
        ("sign:", "sign: the section is missing"),
        ("sign: {split: {by: column}}", "name it in split.column"),
        ("workloads: {sing: {raw: x}}", "no workload 'sing'"),
        ("workloads: {sign: {row: x}}", "workloads.sign.row: unknown key"),
        ("workloads: 3", "workloads: found 3"),
        ("workloads:", "workloads: found None"),
        ("sign: {motion: {floor: .inf}}", "sign.motion.floor: found inf"),
        ("sign: {motion: {floor: 1.0, floor: 2.0}}", "the key 'floor' occurs twice"),
        ("- a list", "holds list"),
        ("", "holds NoneType"),
        ("a: [", "cannot be read as YAML"),
        ("a: !!python/object/apply:os.getcwd []", "cannot be read as YAML"),
    ],
)
def test_a_bad_recipe_is_refused_by_name_and_nothing_is_written(workspace, text, said):
    before = workspace.params.read_bytes()
    with pytest.raises(KinetraceError) as error:
        merge(workspace, text)
    assert said in str(error.value) and "overlay.yaml" in str(error.value).replace("no workload", "overlay.yaml")
    assert workspace.params.read_bytes() == before


@pytest.mark.parametrize(
    ("field", "value"), [("learning_rate", "1.0e-5"), ("learning_rate", "1.0e+16"), ("precision", '"no"')]
)
def test_a_value_is_written_as_the_stages_read_it(workspace, field, value):
    merge(workspace, "sign: {train: {precision: bf16}}")
    merge(workspace, f"sign: {{train: {{{field}: {value}}}}}")
    assert getattr(params.load(workspace.params, "sign", SignParams).train, field) == yaml.safe_load(value)


def test_an_absent_recipe_is_refused(workspace):
    with pytest.raises(KinetraceError, match=r"none\.yaml cannot be read"):
        recipes.merge(workspace, workspace.root / "none.yaml")


@pytest.mark.parametrize("recipe", sorted((ROOT / "recipes").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_of_the_project_fits_its_parameters(workspace, recipe):
    assert "→" in recipes.merge(workspace, recipe)
    assert "nothing to change" in recipes.merge(workspace, recipe)


def test_a_repeated_key_in_the_parameters_is_refused_as_the_stages_do(workspace):
    workspace.params.write_text(workspace.params.read_text() + "sign: {}\n")
    with pytest.raises(KinetraceError, match="the key 'sign' occurs twice"):
        merge(workspace, "sign: {motion: {floor: 0.5}}")


def test_the_recipe_for_one_signer_splits_clips_of_one_subject(workspace):
    recipes.merge(workspace, ROOT / "recipes" / "one_signer.yaml")
    loaded = params.load(workspace.params, "sign", SignParams).split
    rows = [(f"c{n}", "unknown", f"l{n % 8}", f"{n:064x}") for n in range(40)]
    table = split.assign(pd.DataFrame(rows, columns=["clip_id", "subject", "label", "digest"]), loaded)
    assert set(table.split) == {"train", "val", "test"}
    assert split.audit(table, loaded)["labels"] == {"rule": "all", "shared": 0}


def test_the_coffee_recipe_states_the_protocol(workspace):
    recipes.merge(workspace, ROOT / "recipes" / "coffee_orders.yaml")
    loaded = params.load(workspace.params, "sign", SignParams)
    assert (loaded.split.by, loaded.split.column, loaded.split.disjoint_subjects) == ("column", "split", "test")
    assert "face" not in loaded.model.parts
