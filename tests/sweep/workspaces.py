"""A real git and DVC workspace whose two stages take no time: the sweep is real, the training is a sum."""

import shutil
from pathlib import Path

from tests.checkouts import ROOT, git

STAGES = """
stages:
  train:
    foreach: ${workloads}
    do:
      cmd: python stages.py train ${key}
      deps: [stages.py]
      params: ["${key}.loss", "${key}.train"]
      outs: ["models/${key}/history.csv"]
  evaluate:
    foreach: ${workloads}
    do:
      cmd: python stages.py evaluate ${key}
      deps: [stages.py, "models/${key}/history.csv"]
      metrics: ["models/${key}/metrics.json"]
"""
CODE = """
import json, sys, time
from pathlib import Path
import yaml

stage, workload = sys.argv[1:]
params = yaml.safe_load(Path("params.yaml").read_text())[workload]
folder = Path("models", workload)
folder.mkdir(parents=True, exist_ok=True)
if stage == "train":
    clip, seed, smoothing = params["loss"]["clip"], params["train"]["seed"], params["loss"]["smoothing"]
    if clip == 9.0:
        sys.exit("error: told to fail")
    time.sleep(100 if clip == 8.0 else 0)
    score = 1 - (clip - 0.3) ** 2 + seed / 1000 + smoothing / 100
    (folder / "history.csv").write_text(f"epoch,loss,val_METRIC,val_empty\\n0.0,2.0,0.1,\\n1.0,1.0,{score},\\n")
else:
    metrics = {"METRIC": {"value": 0.5, "better": "higher"}}
    (folder / "metrics.json").write_text(json.dumps({"metrics": metrics}))
"""


def workspace(target: Path, metric: str = "score") -> Path:
    """A committed workspace with the project's own parameters and an untracked file that its stages do not need."""
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "params.yaml", target)
    (target / "dvc.yaml").write_text(STAGES)
    (target / "stages.py").write_text(CODE.replace("METRIC", metric))
    (target / ".gitignore").write_text("/.kinetrace/\n/models/\n")
    (target / ".dvc").mkdir()
    (target / ".dvc" / "config").write_text("[core]\n    analytics = false\n    check_update = false\n")
    (target / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")
    git(target, "init", "-q")
    git(target, "add", "-A")
    git(target, "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "-q", "-m", "first")
    return target
