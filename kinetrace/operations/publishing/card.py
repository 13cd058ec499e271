"""The model card: what a model is, how good it is beside trivial answers, on which data, and what it is not for."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from kinetrace.operations.publishing.source import Source
from kinetrace.stages import evaluate

NAME = "README.md"
TEXTS = Path(__file__).with_name("texts")
UNKNOWN_LICENSE = "other"
LIBRARIES = {"onnx": "onnx", "adapter": "peft", "merged": "transformers", "pyfunc": "mlflow"}
TASKS = {"tcn": "video-classification", "vlm": "video-text-to-text"}
MODELS = {
    "tcn": "a small temporal convolutional network on frame features, served as ONNX",
    "vlm": "a vision-language model with LoRA adapters that answers in JSON",
}
HEADLINE = ("oca", "tiou", "aa1", "f1@50/viterbi")


def card(source: Source, form: str, license: str) -> str:
    """``README.md`` of the repository, metadata first."""
    from huggingface_hub import ModelCard

    return str(ModelCard(f"---\n{metadata(source, form, license)}\n---\n\n{body(source, form)}"))


def metadata(source: Source, form: str, license: str) -> str:
    """The card's YAML: licence, base model, task and figures, in the hub's own words."""
    from huggingface_hub import ModelCardData

    base = source.config.get("base", {})
    data = ModelCardData(
        license=license, license_name="unstated" if license == UNKNOWN_LICENSE else None,
        base_model=base["name"] if base and base["revision"] else None,  # a folder here says nothing elsewhere
        library_name=LIBRARIES[form], pipeline_tag=TASKS[source.kind], model_name="operations",
        tags=["work steps", "video", "kinetrace", form], eval_results=_results(source),
    )  # fmt: skip
    return data.to_yaml()


def _results(source: Source) -> list[Any] | None:
    from huggingface_hub import EvalResult

    found = [
        EvalResult(
            task_type=TASKS[source.kind], dataset_type=f"kinetrace-{source.lineage['test_digest'][:12]}",
            dataset_name="frozen test split", metric_type=name, metric_value=metric["value"],
            metric_name=evaluate.words(name, metric),
        )
        for name, metric in _headline(source.metrics).items() if metric["value"] is not None
    ]  # fmt: skip
    return found or None


def _headline(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {name: metrics[name] for name in HEADLINE if name in metrics}


def body(source: Source, form: str) -> str:
    """The card's text."""
    operations = source.config["operations"]
    text = Template((TEXTS / "card.md").read_text(encoding="utf-8"))
    use = Template((TEXTS / f"{form}.md").read_text(encoding="utf-8"))
    facts = {
        "model": MODELS[source.kind], "labels": ", ".join(source.labels), "seconds": f"{operations['seconds']:g}",
        "context": f"{operations['context']:g}", "fps": f"{operations['fps']:g}", "pixels": operations["pixels"],
        "sampler": operations["sampler"]["name"], "frames": operations["sampler"]["frames"],
        "base": _base(source.config.get("base")), "digest": source.digest, "commit": source.lineage["commit"] or "none",
        "dirty": " with uncommitted changes" if source.lineage["dirty"] else "",
        "version": source.lineage["version"], "test_digest": source.lineage["test_digest"],
        "raw": source.lineage["raw"]["md5"] or "not kept by DVC",
    }  # fmt: skip
    tables = {"data": _data(source.lineage["counts"]), "metrics": _metrics(source.metrics)}
    return text.substitute(facts | tables | {"use": use.substitute(facts).strip()})


def _base(base: Mapping[str, str] | None) -> str:
    if not base:
        return "none: trained from random weights"
    revision = f" at revision {base['revision']}" if base["revision"] else ""
    return f"{base['name']}{revision} (SHA-256 of its files {base['digest']}), under its own licence"


def _data(counts: Mapping[str, Mapping[str, int]]) -> str:
    rows = [{"split": split, **{name: str(value) for name, value in part.items()}} for split, part in counts.items()]
    return table(rows)


def _metrics(metrics: Mapping[str, Any]) -> str:
    if not metrics:
        return "Not known where this card was written."
    content = {"metrics": dict(metrics), "headline": list(_headline(metrics))}
    return table(evaluate.rows(content))


def table(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows of the same keys in Markdown."""
    names = list(rows[0]) if rows else []
    lines = [names, ["---"] * len(names), *(list(row.values()) for row in rows)]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
