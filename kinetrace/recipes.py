"""Recipes: small YAML files merged into ``params.yaml``, whose comments and layout stay."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter

from kinetrace import params
from kinetrace.errors import KinetraceError
from kinetrace.files import write_bytes
from kinetrace.workload import load
from kinetrace.workspace import Workspace


def merge(workspace: Workspace, overlay: Path) -> str:
    """Merge the YAML file ``overlay`` into ``params.yaml``; a readable list of what changed.

    Mappings are merged key by key, everything else is replaced. The result is checked before it is written.

    Raises:
        KinetraceError: the overlay cannot be read, or names a key or holds a value that the models refuse.
    """
    changes = change(workspace, _read(overlay), overlay)
    if not changes:
        return f"nothing to change: params.yaml already agrees with {overlay}"
    return "\n".join([f"params.yaml, changed by {overlay}:", *(f"  {line}" for line in changes)])


def change(workspace: Workspace, values: Mapping[str, Any], origin: Path) -> list[str]:
    """Set ``values`` in ``params.yaml``; one line a changed field, ``sign.split.by: subject → column``.

    ``origin`` stands in error messages. An empty list: nothing changed, and nothing was written.

    Raises:
        KinetraceError: a key or a value is refused; ``params.yaml`` is then as it was.
    """
    params.read(workspace.params)  # its own mistakes first
    yaml_format = _round_trip()
    document = yaml_format.load(workspace.params.read_text(encoding="utf-8"))
    unknown = [key for key in values if key not in document]
    if unknown:
        raise KinetraceError(f"{origin}: {unknown[0]}: unknown key; params.yaml has {', '.join(document)}")
    changes = list(_apply(document, values, ""))
    if changes:
        stream = io.StringIO()
        yaml_format.dump(document, stream)
        _check(yaml.safe_load(stream.getvalue()), values, origin)
        write_bytes(workspace.params, stream.getvalue().encode())
    return changes


def _read(overlay: Path) -> dict[str, Any]:
    try:
        content = params.parse_yaml(overlay.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise KinetraceError(f"{overlay} cannot be read as YAML: {error}") from None
    if not isinstance(content, dict):
        raise KinetraceError(f"{overlay} holds {type(content).__name__}, expected sections such as 'sign:'")
    return content


class _Representer(RoundTripRepresenter):
    """Writes values so that readers of YAML 1.1, as PyYAML is, find the same ones."""

    def represent_none(self, data: None) -> ScalarNode:
        node: ScalarNode = self.represent_scalar("tag:yaml.org,2002:null", "null")
        return node

    def represent_float(self, data: float) -> ScalarNode:
        node: ScalarNode = super().represent_float(data)
        if "." not in node.value:  # 1e-05 is a text in YAML 1.1
            node.value = node.value.replace("e", ".0e")
        return node

    def represent_str(self, data: str) -> ScalarNode:
        node: ScalarNode = super().represent_str(data)
        if yaml.safe_dump(data).startswith("'"):  # no is false in YAML 1.1
            node.style = '"'
        return node


_Representer.add_representer(type(None), _Representer.represent_none)
_Representer.add_representer(float, _Representer.represent_float)
_Representer.add_representer(str, _Representer.represent_str)


def _round_trip() -> YAML:
    yaml_format = YAML()
    yaml_format.Representer = _Representer
    yaml_format.preserve_quotes = True
    yaml_format.width = 4096  # a line stays a line
    return yaml_format


def _apply(document: Any, values: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key, value in values.items():
        name, old = f"{prefix}{key}", document.get(key)
        if isinstance(old, dict) and isinstance(value, Mapping):
            yield from _apply(old, value, f"{name}.")
        elif key not in document or old != value:
            yield f"{name}: {_shown(old)} → {_shown(value)}"
            document[key] = value


def _shown(value: Any) -> str:
    """The value as YAML writes it on one line."""
    if value is None:
        return "unset"
    return yaml.safe_dump(_plain(value), default_flow_style=True, width=4096).removesuffix("...\n").strip()


def _plain(value: Any) -> Any:
    """ruamel's values as plain Python ones."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    plain = next((kind for kind in (bool, int, float, str) if isinstance(value, kind)), None)
    return plain(value) if plain else value


def _check(content: Mapping[str, Any], values: Mapping[str, Any], origin: Path) -> None:
    """The sections that ``values`` touches, as their models see them."""
    for section in values:
        if section == "workloads":
            for name, entry in params.entries(content, origin).items():
                load(name)
                params.parse(params.Source, entry, origin, f"workloads.{name}")
        else:
            params.parse(load(section).params_type, content[section], origin, section)
