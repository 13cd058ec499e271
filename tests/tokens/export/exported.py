"""The bundle of the tiny trained tokenizer, made once a session."""

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from kinetrace import bundle
from kinetrace.tokens.export import write
from kinetrace.tokens.runtime.tokenizer import Tokenizer
from tests.tokens.trained import trained


@cache
def exported() -> Path:
    """Sealed; nothing in the folder may be changed."""
    folder = Path(mkdtemp(prefix="kinetrace-")) / "bundle"
    atexit.register(shutil.rmtree, folder.parent, ignore_errors=True)
    folder.mkdir()
    write.run(trained(), folder)
    bundle.seal(folder, "tokens", {"workload": "tokens"})
    return folder


@cache
def tokenizer() -> Tokenizer:
    """What serves it."""
    return Tokenizer.load(exported())
