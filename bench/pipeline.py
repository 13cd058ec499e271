"""What it costs to find that nothing changed: the Prefect flow and ``dvc repro``, against ``dvc status`` alone.

Run after ``make run``, in the same workspace.

python -m bench pipeline
"""

import subprocess
import sys
import time

from bench.data import ROOT

WAYS = {
    "dvc status": ["-m", "dvc", "status", "-q"],
    "dvc repro": ["-m", "dvc", "repro", "-q"],
    "make run (the flow)": ["-m", "flows.pipeline", "sign"],
}


def main() -> None:
    """Print seconds and the ratios."""
    found = {}
    for label, arguments in WAYS.items():
        start = time.perf_counter()
        done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        found[label] = time.perf_counter() - start
        if label == "dvc status" and done.returncode:
            sys.exit("the pipeline is not up to date: `make run` first")
    for label, value in found.items():
        print(f"{label:<20} {value:6.2f} s with nothing changed")
    peer = found.pop("dvc status")
    for label, value in found.items():
        print(f"{label} against dvc status alone: {value / peer:.1f} times as long")


if __name__ == "__main__":
    main()
