"""Small real workspaces: copies of this checkout's files with a tiny ``params.yaml`` and a DVC cache of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from kinetrace.files import read_json

ROOT = Path(__file__).resolve().parents[1]
THROUGH_SHARDS = ("twin", "validate", "stats", "motion", "split", "shards")
TINY: dict[str, Any] = {
    "twin": {"sentences": 6, "subjects": 4, "clips": 4, "min_frames": 25, "max_frames": 40},
    "split": {"val": 0.25, "test": 0.25},
    "shards": {"count": 2},
    "model": {"width": 32, "depth": 1, "embedding": 32, "decoder_depth": 1, "max_tokens": 12},
    "train": {"epochs": 2, "labels_per_batch": 4},
    "evaluate": {"resamples": 50, "beams": 1},
    "export": {"parity_clips": 4},
    "promote": {"floors": {}, "ceilings": {}},
}
TINY_TOKENS: dict[str, Any] = {
    "twin": {"sentences": 4, "subjects": 4, "clips": 4, "min_frames": 12, "max_frames": 30},
    "split": {"val": 0.25, "test": 0.25},
    "shards": {"count": 2},
    "model": {"width": 16, "depth": 1, "latent": 8},
    "train": {"epochs": 4, "batch": 64},
    "evaluate": {"resamples": 50},
    "export": {"parity_clips": 2},
    "promote": {"floors": {}, "no_worse": ["mse"]},
}
TINY_OPERATIONS: dict[str, Any] = {
    "twin": {"subjects": 3, "minutes": 0.5, "fps": 10.0, "broken": 0.4},
    "validate": {
        "max_quarantine_share": 0.6,
        "video": {"fps": 5.0, "size": 56, "quality": 80},
        "clips": {
            "seed": 7, "seconds": 4.0, "context": 1.0, "per_boundary": 2, "window": 0.5, "wide_window": 1.0,
            "wide": ["Picking"], "stride": 4.0,
        },
    },
    "split": {"val": 0.3, "test": 0.3},
    "model": {
        "sampler": {
            "name": "uniform", "frames": 6, "gap": 0.2, "smoothing": 0.7, "coverage": 0.5, "flow": "dis",
            "boundary_boost": 0.0,
        },
        "tcn": {"pixels": 48, "width": 16, "depth": 2, "dropout": 0.1},
    },
    "train": {"epochs": 2, "batch": 8},
    "evaluate": {"resamples": 50, "sampled_frames": 4},
    "export": {"parity_clips": 4},
    "promote": {"floors": {}, "no_worse": ["oca"]},
}  # fmt: skip


def checkout(target: Path, changes: dict[str, Any] = TINY, workload: str = "sign") -> Path:
    """A workspace at ``target`` with the files that git knows or would add here; ``changes`` go into ``workload``."""
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("docs/", "dvc.lock")):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    configure(target, changes, workload)
    git(target, "init", "-q")
    git(target, "add", "-A")
    git(target, "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "-q", "-m", "tiny")
    return target


def configure(root: Path, changes: dict[str, Any], workload: str = "sign") -> None:
    """Merge ``changes`` into the section ``workload`` of the workspace's ``params.yaml``."""
    content = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    for name, section in changes.items():
        content[workload][name] |= section
    (root / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def environment(root: Path, **changes: str) -> dict[str, str]:
    """As in a user's shell with ``.venv/bin`` first, and DVC's machine-wide folder inside the workspace."""
    own = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(root / ".dvc" / "tmp" / "site"),
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return kept | own | changes


def run(root: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """``python -m ARGUMENTS`` in the workspace."""
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=root, env=environment(root, **variables), capture_output=True, text=True)


def repro(root: Path, target: str = "promote@sign", **variables: str) -> str:
    """``dvc repro`` up to ``target``, which must succeed; what it printed."""
    done = run(root, "dvc", "repro", target, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def outputs(root: Path, stages: tuple[str, ...] = THROUGH_SHARDS, workload: str = "sign") -> dict[str, str]:
    """MD5 of each output of ``stages`` by path, from ``dvc.lock``."""
    lock = yaml.safe_load((root / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return {out["path"]: out["md5"] for stage in stages for out in lock[f"{stage}@{workload}"]["outs"]}


def results(root: Path, workload: str = "sign") -> dict[str, str]:
    """Everything that must be the same again: outputs through ``evaluate``, and the bundle's digest."""
    bundle = read_json(root / "models" / workload / "bundle" / "export_manifest.json")
    return outputs(root, (*THROUGH_SHARDS, "train", "evaluate"), workload) | {"bundle": bundle["digest"]}


def git(root: Path, *arguments: str) -> str:
    """What git prints in ``root``."""
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout
