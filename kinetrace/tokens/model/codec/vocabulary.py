"""The template's tokens as a tokenizer file of their own, or to add to a language model's tokenizer."""

from pathlib import Path
from typing import TYPE_CHECKING

from kinetrace.errors import KinetraceError
from kinetrace.files import write_bytes
from kinetrace.tokens.model.codec.spec import Spec
from kinetrace.tokens.model.codec.template import absent_token, code_token, run_token, time_token

if TYPE_CHECKING:
    from tokenizers import AddedToken


def tokens(spec: Spec, times: int, longest_run: int = 1) -> list[str]:
    """Every token that ``template.write`` can give for videos of up to ``times`` chunks; the place is the id.

    Times, then runs from 2 to ``longest_run``, then for each part its codes level by level and its absent mark.

    Raises:
        KinetraceError: ``times`` or ``longest_run`` is under 1.
    """
    if times < 1 or longest_run < 1:
        raise KinetraceError(f"times {times}, longest_run {longest_run}: expected at least 1 each")
    names = [time_token(chunk) for chunk in range(times)]
    names += [run_token(count) for count in range(2, longest_run + 1)]
    for book in spec.books:
        names += [code_token(book, level, code) for level in range(book.levels) for code in range(book.codes)]
        names.append(absent_token(book))
    return names


def added_tokens(spec: Spec, times: int, longest_run: int = 1) -> "list[AddedToken]":
    """The tokens for ``add_tokens`` of an existing tokenizer: kept from its normalizer, which may lower case.

    They are no special tokens: decoding with ``skip_special_tokens`` keeps them.
    """
    from tokenizers import AddedToken

    return [AddedToken(name, normalized=False, special=False) for name in tokens(spec, times, longest_run)]


def write_tokenizer(path: Path, spec: Spec, times: int, longest_run: int = 1) -> None:
    """Write a ``tokenizer.json`` that knows the template's tokens and nothing else.

    ``PreTrainedTokenizerFast(tokenizer_file=...)`` loads it. Encoding anything else, such as a time past ``times``,
    is an error rather than a token lost; white space between tokens is dropped. Marks such as padding belong to the
    language model, which adds its own.
    """
    from tokenizers import Tokenizer
    from tokenizers.decoders import Fuse
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    names = tokens(spec, times, longest_run)
    tokenizer = Tokenizer(WordLevel({name: place for place, name in enumerate(names)}))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.decoder = Fuse()
    tokenizer.add_tokens(added_tokens(spec, times, longest_run))
    write_bytes(path, tokenizer.to_str(pretty=True).encode())
