"""How good a model is on the frozen test split: metrics with intervals, beside chance and a nearest neighbour."""

from functools import partial

import pandas as pd

from kinetrace import clips, files
from kinetrace.metrics import bootstrap, text
from kinetrace.params import EvaluateParams
from kinetrace.shards import Shards
from kinetrace.sign.evaluate import plots
from kinetrace.sign.evaluate.baselines import trivial
from kinetrace.sign.evaluate.confusions import confused
from kinetrace.sign.evaluate.scores import Scores, predictions, score
from kinetrace.sign.evaluate.splits import Encoded, encode
from kinetrace.sign.model.checkpoint import Checkpoint
from kinetrace.sign.params import SignParams
from kinetrace.workload import Job


def run(job: Job) -> None:
    """Write ``metrics.json``, ``predictions.parquet`` and ``plots/``."""
    params: SignParams = job.params
    splits = encode(Checkpoint.load(job.folders.checkpoint), Shards.open(job.folders.shards), params)
    gallery, test = splits.gallery.corpus, splits.test
    scores = score(splits)
    table = predictions(test, scores)
    clips.write_table(job.folders.predictions, table)
    files.write_json(job.folders.metrics, report(table, test, scores, trivial(gallery, test.corpus), params.evaluate))
    with files.staged(job.folders.plots) as folder:
        folder.mkdir()
        plots.curves(folder / "curves.png", pd.read_csv(job.folders.history))
        plots.similarities(folder / "similarity.png", scores.positive, scores.negative)
        plots.embedding_map(folder / "embeddings.png", test.embeddings, test.corpus.sentences, test.subjects)
        plots.confusions(folder / "confusions.png", confused(gallery, test.corpus, scores.nearest))


LOWER_IS_BETTER = ("wer", "neg_sim")
HEADLINE = ("ret1", "mrr", "inst1", "wer")


def report(
    table: pd.DataFrame, test: Encoded, scores: Scores, baselines: dict[str, dict[str, float]], params: EvaluateParams
) -> dict[str, object]:
    """The content of ``metrics.json``: each metric's value and interval over sentences and subjects."""
    clusters = [table.label_id.to_numpy(), table.subject.to_numpy(dtype=str)]
    interval = partial(
        bootstrap.interval, clusters=clusters, resamples=params.resamples, confidence=params.confidence,
        seed=params.seed,
    )  # fmt: skip
    found = {}
    for name in [str(column).removesuffix("/numerator") for column in table if str(column).endswith("/numerator")]:
        sums = table[[f"{name}/numerator", f"{name}/denominator"]].to_numpy()
        found[name] = interval(sums, bootstrap.ratio)
    found["bleu"] = interval(text.bleu_statistics(scores.references, scores.hypotheses), text.bleu_of)
    metrics = {
        name: {
            "value": value.value,
            "low": value.low,
            "high": value.high,
            "better": "lower" if name in LOWER_IS_BETTER else "higher",
            "baselines": {kind: values[name] for kind, values in baselines.items() if name in values},
        }
        for name, value in found.items()
    }
    return {
        "headline": list(HEADLINE),
        "metrics": metrics,
        "test_clips": len(test),
        "test_subjects": sorted(set(test.subjects.tolist())),
        "test_sentences": len(set(test.labels.tolist())),
        "test_digest": files.digest_of(sorted(table.digest)),
        "bleu_signature": text.bleu(scores.references, scores.hypotheses).signature,
        "chrf": text.chrf(scores.references, scores.hypotheses)._asdict(),
    }
