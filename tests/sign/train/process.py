"""One of several ranks that train together.

``python -m tests.sign.train.process SHARDS STATS TARGET CHANGES``: shards, statistics, a folder for the state after
each epoch and for ``rank<N>.pt`` at the end, and changes of the parameters by section as JSON.
"""

import json
import os
import sys
from pathlib import Path

import torch

from kinetrace import files
from kinetrace.environment import be_quiet
from kinetrace.shards import Shards


def main(shards: str, stats: str, target: str, changes: str) -> None:
    be_quiet()
    from kinetrace.sign.train.trainer import Trainer
    from tests.sign.trained import tiny

    torch.set_num_threads(1)
    state = Path(target) / "state.pt"
    trainer = Trainer(tiny(**json.loads(changes)), Shards.open(Path(shards)), files.read_npz(Path(stats)), state)
    history = trainer.fit(lambda epoch, row: None)
    queue = trainer.accelerator.unwrap_model(trainer.objective).queue.state_dict()
    result = {"weights": trainer.checkpoint().model.state_dict(), "queue": queue, "history": history}
    torch.save(result, Path(target) / f"rank{os.environ['RANK']}.pt")
    trainer.accelerator.end_training()


if __name__ == "__main__":
    main(*sys.argv[1:])
