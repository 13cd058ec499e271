"""``params.yaml`` as frozen, strict models: an unknown key or a wrong value stops at the door, by name.

What every workload shares stands here; a workload adds its own sections in ``kinetrace/<workload>/params.py``.
"""

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from kinetrace.errors import KinetraceError

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A part of ``params.yaml``: frozen, strict, unknown keys and infinite numbers refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ValidateParams(Section):
    """``max_quarantine_share``: the share of refused clips past which the run stops."""

    max_quarantine_share: Share


class MotionParams(Section):
    """``floor``: mean motion energy a frame under which a clip counts as still."""

    floor: Annotated[float, Field(ge=0)]


class SplitParams(Section):
    """How clips become train, val and test, and what the leakage audit forbids.

    ``by``: ``subject`` and ``label`` draw whole subjects or labels; ``column`` reads the split from a
    column of the metadata. ``held_out``: the subject or label that alone is tested, in place of a drawn share
    (leave one out). ``disjoint_*``: ``all`` splits must share none, or only ``test`` with the others.
    """

    by: Literal["subject", "label", "column"]
    column: str | None = None
    held_out: str | None = None
    val: Share
    test: Share
    seed: int
    disjoint_subjects: Literal["all", "test", "none"]
    disjoint_labels: Literal["all", "test", "none"]

    @model_validator(mode="after")
    def _column_is_named(self) -> Self:
        if self.by == "column" and not self.column:
            raise ValueError("split.by is 'column': name it in split.column")
        if self.by == "column" and self.held_out:
            raise ValueError("split.held_out goes with split.by subject or label: a column says itself what is tested")
        if self.val + self.test >= 1:
            raise ValueError(f"val + test is {self.val + self.test:g}: leave a share for train")
        return self


class ShardsParams(Section):
    """``count`` shards a split, or as many as keep them to about ``megabytes``.

    A clip's shard is a pure function of its digest and their number.
    """

    count: Positive | None = None
    megabytes: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _one_is_given(self) -> Self:
        if (self.count is None) == (self.megabytes is None):
            raise ValueError("give either count or megabytes")
        return self


class EvaluateParams(Section):
    """``resamples`` of the bootstrap, its ``confidence`` and ``seed``."""

    resamples: Positive
    confidence: Annotated[float, Field(gt=0, lt=1)]
    seed: int


class PromoteParams(Section):
    """Gates: ``floors`` and ``ceilings`` by metric, metrics that may not get significantly worse, parity."""

    floors: dict[str, float]
    ceilings: dict[str, float]
    no_worse: list[str]
    parity: Annotated[float, Field(gt=0)]


class TwinParams(Section):
    """A synthetic data set of clips: sizes, and how many clips carry each defect."""

    seed: int
    sentences: Positive
    subjects: Positive
    clips: Positive  # a sentence
    min_frames: Annotated[int, Field(ge=2)]
    max_frames: Annotated[int, Field(ge=2)]
    still: Share
    broken: Share
    duplicate: Share


class ExportParams(Section):
    """``opset`` of the ONNX graphs; ``parity_clips``: how many real clips they are compared with PyTorch on."""

    opset: Annotated[int, Field(ge=18)]
    parity_clips: Positive


class WorkloadParams(Section):
    """The sections that every workload has, by stage; ``dvc.yaml`` names them.

    Those of one type are what the shared stages read. The others hold a workload's own fields: its model narrows
    each to a ``Section`` of its own, as it may extend ``evaluate``. Left as it is here, a section must be empty.
    """

    twin: Section
    validate_: ValidateParams = Field(alias="validate")
    motion: MotionParams
    split: SplitParams
    shards: ShardsParams
    model: Section
    loss: Section
    augment: Section
    train: Section
    evaluate: EvaluateParams
    export: Section
    promote: PromoteParams


class Source(Section):
    """``raw``: the folder that ``validate`` reads, relative to the workspace."""

    raw: str


S = TypeVar("S", bound=Section)
W = TypeVar("W", bound=WorkloadParams)


def read(path: Path) -> dict[str, Any]:
    """The parsed ``params.yaml``.

    Raises:
        KinetraceError: the file is absent or no YAML mapping, or holds a key twice or a section of no workload.
    """
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KinetraceError(f"{path} is missing: run this in a workspace") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise KinetraceError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise KinetraceError(f"{path} holds {type(content).__name__}, expected a mapping of sections")
    known = entries(content, path)
    for key in content:
        if key != "workloads" and key not in known:
            raise KinetraceError(f"{path}: {key}: unknown key; expected {', '.join(['workloads', *known])}")
    return content


def entries(content: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """What stands under ``workloads``, by name.

    Raises:
        KinetraceError: it is no mapping of names.
    """
    found = content.get("workloads", {})
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise KinetraceError(f"{path}: workloads: found {found!r}, expected entries such as sign: {{raw: FOLDER}}")
    return found


class _Loader(yaml.SafeLoader):
    """Refuses a key that a mapping holds twice, where PyYAML takes the last one in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and (key.tag, key.value) in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} occurs twice: remove one", key.start_mark
                )
            seen.add((key.tag, str(key.value)))
        return super().construct_mapping(node, deep)


def parse_yaml(text: str) -> Any:
    """The plain values of a YAML text.

    Raises:
        yaml.YAMLError: it is no YAML, holds a key twice, or asks for more than plain values.
    """
    return yaml.load(text, Loader=_Loader)  # a SafeLoader


def source(path: Path, workload: str) -> Source:
    """Where the workload's raw data lie.

    Raises:
        KinetraceError: the workload has no entry under ``workloads``.
    """
    found = entries(read(path), path)
    if workload not in found:
        known = ", ".join(sorted(found)) or "none"
        raise KinetraceError(f"{path}: no workload {workload!r} under 'workloads' (known: {known})")
    return parse(Source, found[workload], path, f"workloads.{workload}")


def load(path: Path, workload: str, model: type[W]) -> W:
    """The parameters of one workload.

    Raises:
        KinetraceError: names each field that is unknown, missing or out of range.
    """
    return parse(model, read(path).get(workload), path, workload)


def parse(model: type[S], value: Any, path: Path, prefix: str) -> S:
    """``value`` as ``model``; every error names its field in full."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        lines = [_explain(item, prefix) for item in error.errors()]
        raise KinetraceError(f"{path}:\n  " + "\n  ".join(lines)) from None


def _explain(item: Any, prefix: str) -> str:
    field = ".".join([prefix, *(str(part) for part in item["loc"])])
    match item["type"]:
        case "extra_forbidden":
            return f"{field}: unknown key; remove it or correct its spelling"
        case "missing":
            return f"{field}: missing; add it"
        case "model_type" if item["input"] is None:
            return f"{field}: the section is missing or empty; add it"
        case "model_type":
            return f"{field}: found {item['input']!r}; expected a section of keys and values"
        case "value_error":
            return f"{field}: {item['ctx']['error']}"
        case "float_type" if isinstance(item["input"], str):
            return f"{field}: found the text {item['input']!r}, expected a number (YAML wants 1.0e-3, not 1e-3)"
        case _:
            return f"{field}: found {item['input']!r}; {item['msg'][0].lower()}{item['msg'][1:]}"
