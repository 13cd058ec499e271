"""What the code of a stage imports, which parameters and which files it names: read from its syntax trees."""

import ast
import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from kinetrace.workload import Workload

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "kinetrace"
Node = TypeVar("Node", bound=ast.AST)
METHODS = {name for name, value in vars(Workload).items() if inspect.isfunction(value) and not name.startswith("_")}


def modules_of(stage: str, workload: str) -> set[str]:
    """Paths, relative to the checkout, of every module that ``stage`` of ``workload`` can run.

    A workload's ``workload.py`` imports its modules, each in a method: the methods that the stage calls say which of
    them run.
    """
    wiring = PACKAGE / workload / "workload.py"
    shared = set() if stage == "twin" else _closure([PACKAGE / "stages" / f"{stage}.py"])
    called = {"twin"} if stage == "twin" else {method for path in shared for method in _calls(ROOT / path)}
    own = [path for method in called for path in _imports(_method(wiring, method))]
    return shared | _closure(own) | ({_name(wiring)} if called else set())


def folders_of(workload: str) -> set[str]:
    """The folders of code in the workload's own."""
    return {path.parent.name for path in (PACKAGE / workload).glob("*/__init__.py")}


def attributes_of(modules: Iterable[str], owner: str) -> set[str]:
    """What the modules read of an object called ``owner``: ``job.params.train`` gives ``train`` for ``params``."""
    return {
        node.attr
        for path in modules
        for node in _nodes(ROOT / path, ast.Attribute)
        if ast.unparse(node.value).endswith(owner)
    }


def _closure(pending: Iterable[Path]) -> set[str]:
    found: set[str] = set()
    todo = list(pending)
    while todo:
        path = todo.pop()
        if _name(path) not in found:
            found.add(_name(path))
            todo += [] if path.name == "workload.py" else _imports(_tree(path))
    return found


def _imports(tree: ast.AST) -> list[Path]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
    paths = [ROOT / f"{name.replace('.', '/')}.py" for name in names if name.startswith("kinetrace.")]
    return [path for path in paths if path.is_file()]


def _method(path: Path, name: str) -> ast.AST:
    return next(node for node in _nodes(path, ast.FunctionDef) if node.name == name)


def _calls(path: Path) -> set[str]:
    return METHODS & attributes_of([_name(path)], "workload")


def _nodes(path: Path, kind: type[Node]) -> Iterator[Node]:
    return (node for node in ast.walk(_tree(path)) if isinstance(node, kind))


def _tree(path: Path) -> ast.AST:
    return ast.parse(path.read_text(encoding="utf-8"))


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
