"""Reconstruction and use of the codes at equal bitrate: our quantizer against ``vector-quantize-pytorch``.

Both inside the same encoder and decoder, trained alike on real fingerspelling of some languages and judged on languages
that neither saw; the peer is its ``ResidualVQ`` with its defaults and k-means start.

python -m bench reconstruction [--seeds 3] [--jobs 2] [--table FILE]
"""

import argparse
import shutil
import tempfile
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import torch
from torch import Tensor, nn

from bench.data import ROOT
from kinetrace import params, recipes
from kinetrace.importers import landmarks
from kinetrace.metrics import codebook
from kinetrace.shards import Shards
from kinetrace.stages import motion, shards, split, stats, validate
from kinetrace.tokens.model.batches import Corpus
from kinetrace.tokens.model.network import PoseTokenizer, Windows
from kinetrace.tokens.model.quantized import Quantized
from kinetrace.tokens.model.quantizer import ResidualQuantizer
from kinetrace.tokens.params import TokensParams
from kinetrace.tokens.train.trainer import Trainer
from kinetrace.tokens.workload import WORKLOAD
from kinetrace.workload import Job
from kinetrace.workspace import Workspace

TABLE = ROOT.parent / "shared" / "data" / "fingerspelling" / "fingerspelling.parquet"
RECIPE = ROOT / "recipes" / "fingerspelling.yaml"
PEER = "vector-quantize-pytorch"
Figures = dict[str, dict[str, float]]


class Peer(ResidualQuantizer):
    """The library's quantizer behind our interface; it starts by itself with the first batch."""

    def __init__(self, dim: int, levels: int, codes: int) -> None:
        nn.Module.__init__(self)
        from vector_quantize_pytorch import ResidualVQ

        self.core = ResidualVQ(dim=dim, num_quantizers=levels, codebook_size=codes, kmeans_init=True)
        self.count = levels

    def forward(
        self, values_BD: Tensor, dropped: Tensor | None = None, generator: torch.Generator | None = None
    ) -> Quantized:
        values, codes, loss = self.core(values_BD[None])
        return Quantized(values[0], codes[0], loss.mean(), values_BD.new_zeros(()))

    def encode(self, values_BD: Tensor) -> Tensor:
        codes: Tensor = self.core.eval()(values_BD[None])[1][0]
        return codes

    def decode(self, codes_BQ: Tensor) -> Tensor:
        values: Tensor = self.core.get_output_from_indices(codes_BQ[None])[0]
        return values

    def start(self, values_ND: Tensor, seed: int) -> None:
        """Nothing."""

    def refit(self, values_ND: Tensor) -> None:
        """Nothing."""


def prepared(folder: Path, table: Path) -> Job:
    """Real clips through the stages up to ``shards``."""
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, folder)
    workspace, raw = Workspace(folder), folder / "raw"
    recipes.merge(workspace, RECIPE)
    given = params.load(workspace.params, "tokens", TokensParams)
    raw.mkdir()
    landmarks.convert(table, raw, WORKLOAD.writer())
    job = Job(WORKLOAD, workspace.of("tokens"), given, raw, -1)
    for stage in (validate, stats, motion, split, shards):
        stage.run(job)
    return job


def trained(folder: Path, given: TokensParams, kind: str, seed: int, threads: int) -> Figures:
    """RMSE on test clips, utilization and perplexity on training clips, by part."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    settle = given.train.settle if kind == "ours" else 0.0  # the peer's codes follow to the end, as in its own use
    given = given.model_copy(update={"train": given.train.model_copy(update={"seed": seed, "settle": settle})})
    every = Shards.open(folder)
    trainer = Trainer(given, every, Path(tempfile.mkdtemp()) / "state.pt")
    if kind == PEER:
        for part, codes in trainer.codes.items():
            trainer.model.quantizers[part] = Peer(given.model.latent, given.model.quantizer.levels, codes)
    trainer.fit(lambda epoch, row: None)
    model = trainer.model.eval()
    corpora = {name: Corpus.of(every.subset(name), given.model) for name in ("train", "test")}
    seen = {name: corpus.present(corpus.plan()) for name, corpus in corpora.items()}
    both = {part: (seen["train"][part], seen["test"][part]) for part in model.parts}
    return {part: judged(model, part, *windows, trainer.codes[part]) for part, windows in both.items()}


@torch.inference_mode()
def judged(model: PoseTokenizer, part: str, train: Windows, test: Windows, codes: int) -> dict[str, float]:
    """Figures of one part."""
    found_BLK2 = model.decode(part, model.encode(part, test))
    counts_BLK = (test.known_BK[:, None] & test.mask_BL[..., None]).float()
    squares_BLK = (found_BLK2 - test.positions_BLK2).square().sum(-1)
    hits = codebook.hits([model.encode(part, train).numpy()], codes)
    return {
        "codes": codes,
        "rmse": float(((squares_BLK * counts_BLK).sum() / counts_BLK.sum()).sqrt()),
        "utilization": float(codebook.utilization(hits).min()),
        "perplexity": float(codebook.perplexity(hits).min() / codes),
    }


def arguments() -> argparse.Namespace:
    """Of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench reconstruction")
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2, help="trainings at once, a thread each")
    return parser.parse_args()


def main() -> None:
    """Print each part's figures, means over the seeds, and the ratio of the errors."""
    given = arguments()
    if not given.table.is_file():
        print(f"skipped: {given.table} is not here")
        return
    with tempfile.TemporaryDirectory() as name:
        job = prepared(Path(name), given.table)
        train = partial(trained, job.folders.shards, job.params, threads=1)
        runs = [(kind, seed) for seed in range(given.seeds) for kind in ("ours", PEER)]
        found = joblib.Parallel(n_jobs=given.jobs)(joblib.delayed(train)(kind=kind, seed=seed) for kind, seed in runs)
    show({kind: [figures for (name, _), figures in zip(runs, found, strict=True) if name == kind] for kind, _ in runs})


def show(found: dict[str, list[Figures]]) -> None:
    """One line a part and quantizer; then what ours has less of the peer's error, in each seed and on average."""
    for part in found["ours"][0]:
        for kind, seeds in found.items():
            means = {key: float(np.mean([seed[part][key] for seed in seeds])) for key in seeds[0][part]}
            worst = {key: min(seed[part][key] for seed in seeds) for key in ("utilization", "perplexity")}
            print(
                f"{part:<11} {kind:<24} 3 × {means['codes']:4.0f} codes, RMSE {means['rmse']:.4f} eye distances, "
                f"at least {worst['utilization']:.1%} of a level used, perplexity at least {worst['perplexity']:.2f} K"
            )
        print(f"{part:<11} error against {PEER}: {_ratio(found, [part]):.3f} times")
    print(f"all parts   error against {PEER}: {_ratio(found, list(found['ours'][0])):.3f} times (geometric mean)")


def _ratio(found: dict[str, list[Figures]], parts: list[str]) -> float:
    pairs = zip(found["ours"], found[PEER], strict=True)
    logs = [np.log(ours[part]["rmse"] / peer[part]["rmse"]) for ours, peer in pairs for part in parts]
    return float(np.exp(np.mean(logs)))


if __name__ == "__main__":
    main()
