"""``python -m bench [NAME ...]``: every benchmark, or those named."""

import importlib
import sys

NAMES = (
    "stats",
    "loading",
    "training",
    "quantizer",
    "tokens",
    "reconstruction",
    "rerank",
    "decoding",
    "sampling",
    "pipeline",
)
LONG = ("pretraining",)  # trainings on real clips: by name only


def main() -> None:
    """Run each benchmark in this process, in order."""
    names = sys.argv[1:] or NAMES
    unknown = sorted(set(names) - {*NAMES, *LONG})
    if unknown:
        sys.exit(f"no benchmark {', '.join(unknown)}: expected some of {', '.join([*NAMES, *LONG])}")
    sys.argv = sys.argv[:1]
    for name in names:
        print(f"\n== {name}", flush=True)
        importlib.import_module(f"bench.{name}").main()


if __name__ == "__main__":
    main()
