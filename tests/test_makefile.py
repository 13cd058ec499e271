"""What ``make real`` would run, for the coffee orders and for other data."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def commands(*variables: str) -> str:
    made = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "real", *variables],
        cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return made.stdout


def test_the_coffee_orders_bring_their_signers_and_their_recipe():
    made = commands()
    assert "--split train=dmohazab/a --split val=dmohazab/b --split test=TheCamNelson" in made
    assert 'recipe=$(realpath "recipes/coffee_orders.yaml")' in made


def test_other_data_bring_their_own():
    made = commands("DATA=/data/mine", "SPLIT=--split train=ben", "RECIPE=mine.yaml")
    assert 'realpath "/data/mine"' in made and "--split train=ben &&" in made and 'realpath "mine.yaml"' in made
    assert "--split" not in commands("SPLIT=")
