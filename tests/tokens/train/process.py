"""A training in a process of its own: one to be killed, or one of several ranks.

``python -m tests.tokens.train.process SHARDS TARGET CHANGES``: a folder of shards, a folder for the state after each
epoch and for ``rank<N>.pt`` at the end, and changes of the parameters as JSON.
"""

import json
import os
import sys
from pathlib import Path

import torch

from kinetrace.shards import Shards
from kinetrace.tokens.train.trainer import Trainer
from tests.tokens.trained import tiny


def main(shards: str, target: str, changes: str) -> None:
    torch.set_num_threads(1)
    trainer = Trainer(tiny(**json.loads(changes)), Shards.open(Path(shards)), Path(target) / "state.pt")
    history = trainer.fit(lambda epoch, row: print(f"epoch {epoch}", flush=True))
    state = {"weights": trainer.checkpoint().model.state_dict(), "history": history}
    torch.save(state, Path(target) / f"rank{os.environ.get('RANK', 0)}.pt")
    trainer.accelerator.end_training()


if __name__ == "__main__":
    main(*sys.argv[1:])
