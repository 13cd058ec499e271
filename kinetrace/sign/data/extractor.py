"""What found a data set's landmarks: said in ``layout.json``, carried by the clip table, compared before an answer."""

import pandas as pd

from kinetrace.errors import KinetraceError

EXTRACTOR = "extractor"  # the field of layout.json, the column of the clip table, the key of model_config.json


def trained_on(clips: pd.DataFrame) -> str | None:
    """The extractor of a clip table; several are joined, None where no clip has one."""
    if EXTRACTOR not in clips:
        return None
    return " | ".join(sorted(name for name in clips[EXTRACTOR].dropna().unique() if name)) or None


def refuse_other_extractor(trained: str | None, given: str | None, allow: bool = False) -> str:
    """A note on landmarks of extractor ``given`` for a model trained on those of ``trained``; "" when all is well.

    Other extractors place points elsewhere, miss other hands and have another depth: a model answers wrongly, and
    surely. Where one of the two is not known, the landmarks are accepted with the note.

    Raises:
        KinetraceError: they differ, and ``allow`` is not given.
    """
    if trained == given:
        return ""
    if trained is None or given is None:
        which = "the model does" if trained is None else "the landmarks do"
        return f"{which} not say which extractor found the landmarks ({trained or given} on the other side)"
    difference = f"the landmarks come from {given!r}, the model was trained on those of {trained!r}"
    if not allow:
        raise KinetraceError(f"{difference}: extract the videos again with that one, or allow another extractor")
    return difference
