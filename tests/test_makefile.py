"""What ``make run`` and ``make real`` would run."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def commands(target: str, *variables: str) -> str:
    made = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", target, *variables],
        cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return made.stdout


@pytest.mark.parametrize(("variables", "workload"), [((), "sign"), (("WORKLOAD=tokens",), "tokens")])
def test_one_workload_is_run(variables, workload):
    assert f'python -m flows.pipeline "{workload}"\n' in commands("run", *variables)


def test_the_coffee_orders_bring_their_signers_and_their_recipe():
    made = commands("real")
    assert "--split train=dmohazab/a --split val=dmohazab/b --split test=TheCamNelson" in made
    assert 'recipe=$(realpath "recipes/coffee_orders.yaml")' in made


def test_other_data_bring_their_own():
    made = commands("real", "DATA=/data/mine", "SPLIT=--split train=ben", "RECIPE=mine.yaml")
    assert 'realpath "/data/mine"' in made and "--split train=ben &&" in made and 'realpath "mine.yaml"' in made
    assert "--split" not in commands("real", "SPLIT=")


def test_real_tokens_bring_their_table_and_recipe():
    made = commands("real-tokens")
    assert 'realpath "../shared/data/fingerspelling/fingerspelling.parquet"' in made
    assert 'realpath "recipes/fingerspelling.yaml"' in made and "--workload tokens" in made
    assert 'realpath "mine.parquet"' in commands("real-tokens", "TABLE=mine.parquet")
