"""What answers for a trained model, by NumPy and ONNX Runtime alone: frames in, ranked sentences or a refusal out."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import numpy as np

from kinetrace import bundle, files
from kinetrace.errors import KinetraceError
from kinetrace.params import parse
from kinetrace.sessions import session
from kinetrace.sign.data.features import motion
from kinetrace.sign.data.frames import checked, thinned
from kinetrace.sign.data.landmarks import WIDTH
from kinetrace.sign.runtime.gates import reason, signals
from kinetrace.sign.runtime.rerank import Both, Reranker
from kinetrace.sign.runtime.search import References, Scores, best, search
from kinetrace.sign.runtime.settings import Settings

ENCODER = "encoder.onnx"
SHORTEST = 4  # frames that the graph must be given; how many of them count is said apart


@dataclass(frozen=True)
class Result:
    """A sentence as an answer.

    ``similarity`` is what ``raw_similarity``, to the best training clip, ``proto_similarity``, to the mean of its
    clips, and that to the text make together; ``confidence`` the probability that this is what was signed. A second
    look adds ``dtw_distance`` and ``dtw_score`` of the sentence's best clip, None where none was looked at.
    """

    sentence_id: int
    sentence: str
    category: str
    similarity: float
    raw_similarity: float
    proto_similarity: float
    confidence: float
    dtw_distance: float | None = None
    dtw_score: float | None = None


@dataclass(frozen=True)
class Answer:
    """``results``, best first, also where they are not ``accepted`` and ``rejection_reason`` says why.

    ``motion_mean``: mean motion energy a frame.
    """

    results: list[Result]
    accepted: bool
    rejection_reason: str | None
    motion_mean: float


@dataclass(frozen=True)
class Sentence:
    """Its words and its category, "" where the data set has none."""

    text: str
    category: str


class Recognizer:
    """The encoder of a bundle, what clips are compared with, and when no answer is given."""

    def __init__(
        self, settings: Settings, encoder: bytes, references: References, sentences: Mapping[int, Sentence],
        second: Reranker | None = None,
    ) -> None:  # fmt: skip
        self.settings, self.references, self.sentences, self.second = settings, references, sentences, second
        self._encoder = session(encoder, ENCODER)

    @classmethod
    def load(cls, path: Path) -> "Recognizer":
        """The recognizer of a bundle's folder or zip, every file of which is verified first.

        Raises:
            KinetraceError: ``path`` is no bundle, is damaged, or is one of another workload.
        """
        bundle.verify(path)
        if path.is_dir():
            return cls._of_folder(path, path)
        with TemporaryDirectory(prefix="kinetrace-") as folder, ZipFile(path) as archive:
            archive.extractall(folder)
            return cls._of_folder(Path(folder), path)

    @classmethod
    def _of_folder(cls, folder: Path, path: Path) -> "Recognizer":
        settings = _settings(bundle.read_json(folder, bundle.CONFIG), path)
        try:
            references, sentences = _references(folder)
        except (KeyError, ValueError) as error:
            raise KinetraceError(f"{path}: its references do not fit each other ({error}); export again") from None
        second = Reranker.load(folder)
        if second and len(second.frames.labels) != len(references.clips_ND):
            raise KinetraceError(f"{path}: not every clip has frames and an embedding; export again")
        return cls(settings, bundle.read(folder, ENCODER), references, sentences, second)

    def recognize(self, frames: np.ndarray, top_k: int = 5) -> Answer:
        """The ``top_k`` sentences for a clip, and whether the first one is an answer.

        The gates judge the first search, as they were calibrated; where a second look prefers another sentence, none
        is accepted.

        Args:
            frames: ``[T, 540]``, T at least 1, missing parts as zeros.
            top_k: how many sentences at most.

        Raises:
            KinetraceError: ``frames`` have another shape, or values that are not finite.
        """
        known = checked(frames)
        energy = float(motion(known).mean())
        embedding_D, tokens_NW = self.encode(known)
        scores = search(embedding_D[None], self.references, self.settings.fusion)
        why = reason(signals(scores, np.array([energy])).matrix()[0], self.settings.thresholds)
        moves = energy >= self.settings.thresholds.motion
        sure_L = self.settings.confidence.of(scores.fused)[0] * moves  # nothing that does not move is sure
        looks = self._looked(scores.fused[0], tokens_NW, embedding_D)
        order = best(looks.fused_L[None], top_k)[0].tolist()
        results = [self._result(place, scores, sure_L, looks) for place in order]
        if why is None and order[0] != (first := int(scores.fused[0].argmax())):
            why = f"the first search finds {self._sentence(first).text!r}, the second look the sentence above"
        return Answer(results, why is None, why, energy)

    def encode(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The embedding ``[D]`` of a clip ``[T, 540]``, at length 1, and the encoder's tokens ``[N, W]``."""
        thin = thinned(frames, self.settings.max_frames)
        given = np.zeros((1, max(len(thin), SHORTEST), WIDTH), np.float32)
        given[0, : len(thin)] = thin
        embedding, tokens, mask = self._encoder.run(None, {"frames": given, "lengths": np.array([len(thin)])})
        return embedding[0], tokens[0][mask[0]]

    def _sentence(self, place: int) -> Sentence:
        return self.sentences[int(self.references.sentence_ids_L[place])]

    def _result(self, place: int, scores: Scores, sure_L: np.ndarray, looks: Both) -> Result:
        sentence, looked = self._sentence(place), np.isfinite(looks.distance_L[place])
        return Result(
            sentence_id=int(self.references.sentence_ids_L[place]),
            sentence=sentence.text,
            category=sentence.category,
            similarity=float(scores.fused[0, place]),
            raw_similarity=float(scores.clip[0, place]),
            proto_similarity=float(scores.prototype[0, place]),
            confidence=float(sure_L[place]),
            dtw_distance=float(looks.distance_L[place]) if looked else None,
            dtw_score=float(looks.score_L[place]) if looked else None,
        )

    def _looked(self, fused_L: np.ndarray, tokens_NW: np.ndarray, embedding_D: np.ndarray) -> Both:
        if self.second is None:
            return Both.first_alone(fused_L)
        second = self.second.look(tokens_NW, self.references.clips_ND @ embedding_D)
        return self.second.both(fused_L, self.references.places_N, second)


def _settings(config: Any, path: Path) -> Settings:
    workload = config.get("workload") if isinstance(config, dict) else None
    if workload != "sign":
        raise KinetraceError(f"{path} is a bundle of the workload {workload!r}, expected one of 'sign'")
    wanted = {name: config[name] for name in ("fusion", "refusal") if name in config}
    model = config.get("model")
    frames = {"max_frames": model["max_frames"]} if isinstance(model, dict) and "max_frames" in model else {}
    return parse(Settings, frames | wanted | {"extractor": config.get("extractor")}, path / bundle.CONFIG, "sign")


def _references(folder: Path) -> tuple[References, dict[int, Sentence]]:
    """What a bundle's clips are compared with, and the sentences by id."""
    rows = _rows(folder)
    labels = np.array([int(row["sentence_id"]) for row in rows])
    sentences = {int(row["sentence_id"]): Sentence(row["sentence"], row.get("category") or "") for row in rows}
    embeddings = np.load(io.BytesIO(bundle.read(folder, "embeddings.npy")), allow_pickle=False)
    if len(embeddings) != len(rows) or not len(rows):
        raise ValueError(f"{len(embeddings)} embeddings, {len(rows)} rows of embeddings_map.csv")
    found = files.read_npz(folder / "prototypes.npz")
    texts = dict(zip(found["text_ids"].tolist(), found["texts"], strict=True))
    words = {label: sentence.text for label, sentence in sentences.items()}
    return References.of(embeddings, labels, texts, words), sentences


def _rows(folder: Path) -> Sequence[dict[str, str]]:
    text = bundle.read(folder, "embeddings_map.csv").decode("utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))
