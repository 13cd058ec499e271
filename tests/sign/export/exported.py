"""The bundle of the tiny trained model, made once a session."""

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from kinetrace import bundle
from kinetrace.sign.export import graphs
from kinetrace.sign.runtime.recognizer import Recognizer
from tests.sign.trained import evaluated


@cache
def exported() -> Path:
    """Sealed; nothing in the folder may be changed."""
    folder = Path(mkdtemp(prefix="kinetrace-")) / "bundle"
    atexit.register(shutil.rmtree, folder.parent, ignore_errors=True)
    folder.mkdir()
    graphs.run(evaluated(), folder)
    bundle.seal(folder, "sign", {"workload": "sign"})
    return folder


@cache
def recognizer() -> Recognizer:
    """What serves it."""
    return Recognizer.load(exported())
