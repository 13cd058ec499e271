"""A bundle in the form in which other people use it, with its card."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from kinetrace import files
from kinetrace.errors import KinetraceError
from kinetrace.operations.publishing import card, hub
from kinetrace.operations.publishing.source import ZIP, Source, opened

Form = Literal["adapter", "merged", "onnx", "pyfunc"]
FORMS: dict[str, tuple[Form, ...]] = {"tcn": ("onnx", "pyfunc"), "vlm": ("adapter", "merged", "pyfunc")}  # usual first
NETWORK_FILES = ("network.onnx", "model_config.json", "grammar.json")
SERVING, PROMPT, TOKENIZER, ADAPTER = "serving.json", "prompt", "tokenizer", "adapter"
# What servers read beside weights and tokenizer, as far as the base model has it.
PROCESSING = ("*preprocessor_config.json", "processor_config.json", "chat_template*", "LICENSE*")
HERE = "."


@dataclass(frozen=True)
class Published:
    """What lies in the folder ``to``, and the ``address`` on the hub, "" where it was not uploaded."""

    form: Form
    digest: str
    to: str
    bytes: int
    address: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def as_text(self) -> str:
        """In a line or two."""
        where = [self.to, self.address] if self.address else [self.to]
        return f"{self.form} of bundle {self.digest[:12]}, {self.bytes / 1e6:.1f} MB: {', '.join(where)}"


def publish(reference: str, target: Path, form: Form | None, repository: str, license: str) -> Published:
    """Write the bundle that ``reference`` names to the new folder ``target``; upload it to ``repository`` unless "".

    Raises:
        KinetraceError: there is no such bundle, it has no such form, ``target`` holds something, nobody is logged in
            at the hub, or it refuses.
    """
    token = hub.login(repository) if repository else ""
    target = files.replaceable(target, "empty folder")
    with opened(reference) as source:
        chosen = _form(source, form)
        with files.staged(target) as folder:
            WRITERS[chosen](source, folder)
            files.write_bytes(folder / card.NAME, card.card(source, chosen, license).encode())
        address = hub.push(target, repository, token) if repository else ""
        size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
        return Published(chosen, source.digest, str(target), size, address)


def _form(source: Source, form: Form | None) -> Form:
    known = FORMS[source.kind]
    if form and form not in known:
        raise KinetraceError(f"--form {form}: a model of kind {source.kind!r} has {', '.join(known)}")
    return form or known[0]


def onnx(source: Source, folder: Path) -> None:
    """The graph with its settings and the grammar, and the sealed bundle."""
    folder.mkdir()
    for name in NETWORK_FILES:
        shutil.copyfile(source.folder / name, folder / name)
    (folder / ZIP).write_bytes(source.archive)


def adapter(source: Source, folder: Path) -> None:
    """The adapters where PEFT looks for them, tokenizer, texts, and the sealed bundle."""
    shutil.copytree(source.folder / ADAPTER, folder)
    _texts(source, folder)
    serving = json.loads((source.folder / SERVING).read_bytes())
    serving["adapter"]["folder"] = serving["tokenizer"] = serving["vllm"]["engine"]["tokenizer"] = HERE
    serving["vllm"]["request"]["lora_request"][-1] = HERE
    files.write_json(folder / SERVING, serving)
    (folder / ZIP).write_bytes(source.archive)


def merged(source: Source, folder: Path) -> None:
    """The model with the adapters built in, in bf16; the base model must be there, and memory for it in 32 bits."""
    from kinetrace.operations.model.vlm.merge import merge
    from kinetrace.operations.model.vlm.tuned import Tuned, folder_of

    tuned = Tuned.load(source.folder)
    tuned.verified()
    merge(tuned.params.vlm, source.folder / ADAPTER, folder)
    for path in (path for pattern in PROCESSING for path in folder_of(tuned.base.name).glob(pattern)):
        shutil.copyfile(path, folder / path.name)
    _texts(source, folder)
    serving = json.loads((source.folder / SERVING).read_bytes())
    serving["merged_from"], serving["base"] = serving["base"], {"name": HERE, "quantization": "no"}
    serving["tokenizer"], serving["vllm"]["engine"]["tokenizer"] = HERE, HERE
    serving["vllm"]["engine"] |= {"model": HERE, "revision": None, "enable_lora": False}
    for part, name in ((serving, "adapter"), (serving["vllm"], "merged"), (serving["vllm"]["request"], "lora_request"),
                       (serving["vllm"]["engine"], "max_lora_rank")):  # fmt: skip
        del part[name]
    files.write_json(folder / SERVING, serving)


def _texts(source: Source, folder: Path) -> None:
    shutil.copytree(source.folder / PROMPT, folder / PROMPT)
    shutil.copytree(source.folder / TOKENIZER, folder, dirs_exist_ok=True)
    shutil.copyfile(source.folder / "grammar.json", folder / "grammar.json")


def pyfunc(source: Source, folder: Path) -> None:
    """An MLflow model."""
    from kinetrace.operations.publishing import packed

    packed.save(source, folder)


WRITERS: dict[Form, Callable[[Source, Path], None]] = {
    "onnx": onnx, "adapter": adapter, "merged": merged, "pyfunc": pyfunc,
}  # fmt: skip
