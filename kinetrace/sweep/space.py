"""What a sweep varies: values or ranges by key, refused by name before anything runs."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import model_validator

from kinetrace import params, workload
from kinetrace.errors import KinetraceError
from kinetrace.params import Section, WorkloadParams
from kinetrace.workspace import Workspace

Values = Mapping[str, Any]  # a value by its key, such as sign.train.seed


class Range(Section):
    """Numbers from ``low`` to ``high``, both included; whole ones where both ends are. ``log``: even in magnitude."""

    low: int | float
    high: int | float
    log: bool = False

    @model_validator(mode="after")
    def _has_an_inside(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"low is {self.low:g}: a log range begins above 0")
        return self

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)


Axis = list[Any] | Range


@dataclass(frozen=True)
class Base:
    """The parameters of ``workload`` that a sweep changes: ``content`` of the file ``path``."""

    path: Path
    workload: str
    model: type[WorkloadParams]
    content: Mapping[str, Any]

    @classmethod
    def of(cls, workspace: Workspace, name: str) -> "Base":
        """The present ``params.yaml``, which must be in order itself."""
        params.source(workspace.params, name)
        model = workload.load(name).params_type
        params.load(workspace.params, name, model)
        return cls(workspace.params, name, model, params.read(workspace.params)[name])

    def effective(self, values: Values) -> dict[str, Any]:
        """All parameters with ``values`` in place, as JSON values.

        Raises:
            KinetraceError: a key or a value is refused.
        """
        section: Any = deepcopy(dict(self.content))
        for key, value in values.items():
            _put(section, self._path(key), value)
        told = ", ".join(f"{key}={value}" for key, value in values.items())
        return params.parse(self.model, section, Path(f"sweep ({told})"), self.workload).model_dump(
            mode="json", by_alias=True
        )

    def check(self, axes: Mapping[str, Axis]) -> None:
        """Refuse unknown keys, and values or ends of ranges that the parameters do not take, one key at a time."""
        for key, axis in axes.items():
            for value in [axis.low, axis.high] if isinstance(axis, Range) else axis:
                self.effective({key: value})

    def _path(self, key: str) -> list[str]:
        known = list(_keys(params.parse(self.model, self.content, self.path, self.workload), self.workload))
        if key not in known:
            near = get_close_matches(key, known, n=1, cutoff=0.0)
            raise KinetraceError(f"{key}: no parameter of {self.workload}; the nearest is {near[0]}")
        return key.split(".")[1:]


def _keys(section: Section, prefix: str) -> Iterator[str]:
    for name, field in type(section).model_fields.items():
        value, key = getattr(section, name), f"{prefix}.{field.alias or name}"
        if isinstance(value, Section):
            yield from _keys(value, key)
        elif isinstance(value, dict):
            yield from (f"{key}.{inner}" for inner in value)
        else:
            yield key


def _put(section: Any, path: Sequence[str], value: Any) -> None:
    for name in path[:-1]:
        section = section.setdefault(name, {})
    section[path[-1]] = value


def nested(values: Values) -> dict[str, Any]:
    """``values`` as sections within sections, as ``params.yaml`` has them."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        _put(found, key.split("."), value)
    return found


def product(axes: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Every combination, the last key changing fastest."""
    return [dict(zip(axes, chosen, strict=True)) for chosen in itertools.product(*axes.values())]


def grid(options: Iterable[str], file: Path | None) -> dict[str, list[Any]]:
    """The values of ``KEY=V1,V2`` options and of a YAML file.

    Raises:
        KinetraceError: they cannot be read, name a key twice, or hold a range, which only a search can draw from.
    """
    axes = read(file) if file else {}
    for option in options:
        key, values = _option(option)
        if key in axes:
            raise KinetraceError(f"{key} is given twice: name it once")
        axes[key] = values
    lists = {key: axis for key, axis in axes.items() if isinstance(axis, list)}
    if ranges := [key for key in axes if key not in lists]:
        raise KinetraceError(f"{ranges[0]}: a range has no end of values: list them, or use --search")
    return lists


def _option(option: str) -> tuple[str, list[Any]]:
    key, equals, text = option.partition("=")
    try:
        values = params.parse_yaml(f"[{text}]")
    except yaml.YAMLError:
        values = None
    if not equals or not values:
        raise KinetraceError(f"--set {option!r}: expected KEY=VALUE,VALUE such as sign.train.seed=1,2,3")
    return key, values


def read(file: Path) -> dict[str, Axis]:
    """The axes of a YAML file: a list of values or a range ``{low, high, log}`` by key.

    Raises:
        KinetraceError: names what cannot be read.
    """
    try:
        content = params.parse_yaml(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise KinetraceError(f"{file} cannot be read as YAML: {error}") from None
    if not isinstance(content, dict) or not content:
        raise KinetraceError(f"{file}: expected lines such as sign.train.seed: [1, 2, 3]")
    return {str(key): _axis(str(key), axis, file) for key, axis in content.items()}


def _axis(key: str, axis: Any, file: Path) -> Axis:
    if isinstance(axis, dict):
        return params.parse(Range, axis, file, key)
    if not isinstance(axis, list) or not axis:
        raise KinetraceError(f"{file}: {key}: found {axis!r}; expected a list of values, or low and high of a range")
    return axis
