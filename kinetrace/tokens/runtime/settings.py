"""What a bundle says of its tokenizer."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from kinetrace.params import Positive, Section
from kinetrace.tokens.model.codec.spec import Book, Spec
from kinetrace.tokens.params import ChunkParams


class Settings(Section):
    """``tokenizer`` in a bundle's ``model_config.json``.

    ``codes``: a level by part; ``fps``: of most training clips; ``times``: chunks of the longest video that the
    vocabulary of the bundle can write, in groups of at most ``longest_run`` equal chunks.
    """

    chunks: ChunkParams
    levels: Positive
    codes: dict[str, Positive]
    fps: Annotated[float, Field(gt=0)]
    times: Positive
    longest_run: Positive

    @model_validator(mode="after")
    def _every_part_has_codes(self) -> Self:
        if set(self.codes) != set(self.chunks.parts):
            raise ValueError(f"codes of {', '.join(self.codes)}: expected {', '.join(self.chunks.parts)}")
        return self

    @property
    def spec(self) -> Spec:
        """Parts in their order."""
        return Spec(tuple(Book(part, self.levels, self.codes[part]) for part in self.chunks.parts))
