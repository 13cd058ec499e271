"""What serves: the answers of PyTorch and of the evaluation, or a refusal with its reason."""

import shutil
import subprocess
import sys
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kinetrace import bundle, files
from kinetrace.clips import read_table
from kinetrace.errors import KinetraceError
from kinetrace.importers import landmarks
from kinetrace.shards import Shards
from kinetrace.sign.data import reader, writer
from kinetrace.sign.evaluate import refusal
from kinetrace.sign.evaluate.splits import encode
from kinetrace.sign.model.checkpoint import Checkpoint
from kinetrace.sign.runtime import gates
from kinetrace.sign.runtime.recognizer import Answer, Recognizer
from kinetrace.sign.runtime.search import search
from tests.sign.export.exported import exported, recognizer
from tests.sign.trained import evaluated, tiny

ROOT = Path(__file__).resolve().parents[3]
WORDS = ROOT.parent / "shared" / "data" / "coffee_orders" / "words.parquet"
OPEN = {"motion": 0.01, "similarity": -1.0, "margin": -2.0, "agreement": -2.0}


def judging(second: bool = False, **thresholds: float) -> Recognizer:
    """The recognizer with gates that stand open but for ``thresholds``."""
    found = recognizer()
    refusal_ = found.settings.refusal
    least = refusal_.thresholds.model_copy(update=OPEN | thresholds)
    settings = found.settings.model_copy(update={"refusal": refusal_.model_copy(update={"thresholds": least})})
    encoder = bundle.read(exported(), "encoder.onnx")
    return Recognizer(settings, encoder, found.references, found.sentences, found.second if second else None)


@cache
def splits():
    """The prepared clips through PyTorch."""
    job = evaluated()
    return encode(Checkpoint.load(job.folders.checkpoint), Shards.open(job.folders.shards), job.params)


def clips() -> list[np.ndarray]:
    return [np.array(splits().test.corpus.shards.frames(index)) for index in range(len(splits().test))]


def near(found: Answer, expected: Answer) -> None:
    assert [row.sentence_id for row in found.results] == [row.sentence_id for row in expected.results]
    assert (found.accepted, found.rejection_reason) == (expected.accepted, expected.rejection_reason)
    for one, other in zip(found.results, expected.results, strict=True):
        assert asdict(one) == pytest.approx(asdict(other), abs=1e-4)


def test_the_answers_are_those_of_the_evaluation():
    job = evaluated()
    references = refusal.references_of(splits().gallery, Checkpoint.load(job.folders.checkpoint))
    scores = search(splits().test.embeddings, references, job.params.evaluate.fusion)
    sure = recognizer().settings.confidence.of(scores.fused)
    energy = refusal.moving(splits().test.corpus)
    serving = judging()
    for index, frames in enumerate(clips()):
        answer = serving.recognize(frames, top_k=3)
        order = np.argsort(-scores.fused[index], kind="stable")[:3]
        assert [row.sentence_id for row in answer.results] == references.sentence_ids_L[order].tolist()
        for row, place in zip(answer.results, order, strict=True):
            found = [row.similarity, row.raw_similarity, row.proto_similarity, row.confidence]
            expected = [kind[index, place] for kind in (scores.fused, scores.clip, scores.prototype, sure)]
            np.testing.assert_allclose(found, expected, atol=1e-4)
        assert answer.motion_mean == pytest.approx(energy[index])


def test_the_gates_are_those_that_evaluation_calibrated():
    judged = files.read_json(evaluated().folders.metrics)["refusal"]
    settings = recognizer().settings
    assert asdict(settings.thresholds) == judged["thresholds"]
    assert asdict(settings.confidence) == judged["confidence"]
    assert settings.fusion == evaluated().params.evaluate.fusion


def test_the_sentence_and_its_category_are_those_of_the_clip_table():
    table = read_table(evaluated().folders.clips).drop_duplicates("label_id").set_index("label_id")
    for row in judging().recognize(clips()[0], top_k=99).results:
        assert (row.sentence, row.category) == (
            table.loc[row.sentence_id, "text"],
            table.loc[row.sentence_id, "category"],
        )
    assert len(judging().recognize(clips()[0], top_k=2).results) == 2


@pytest.mark.parametrize("gate", gates.GATES)
def test_a_closed_gate_refuses_with_its_reason_and_still_ranks(gate):
    answer = judging(**{gate: 99.0}).recognize(clips()[0])
    assert not answer.accepted and answer.results
    assert answer.rejection_reason.split(":")[0] in {
        "motion": "hardly any motion", "similarity": "like no known sentence",
        "margin": "two sentences fit about equally well",
        "agreement": "the nearest clip and the average clips speak for different sentences",
    }[gate]  # fmt: skip
    assert judging().recognize(clips()[0]).accepted


def test_a_clip_that_does_not_move_is_refused_and_nothing_of_it_is_sure():
    still = np.repeat(clips()[0][:1], 40, axis=0)
    for frames in (still, np.zeros((30, 540), np.float32)):
        answer = judging().recognize(frames)
        assert not answer.accepted and "hardly any motion" in answer.rejection_reason
        assert answer.motion_mean == 0 and {row.confidence for row in answer.results} == {0.0}


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 300, 700])
def test_clips_of_any_length_are_answered_as_by_pytorch(frames):
    import torch

    clip = np.resize(clips()[0], (frames, 540))
    embedding, _ = recognizer().encode(clip)
    thin = clip[np.linspace(0, frames - 1, min(frames, 256)).round().astype(int)]
    with torch.inference_mode():
        model = Checkpoint.load(evaluated().folders.checkpoint).model
        expected = model(torch.from_numpy(np.array(thin))[None], torch.tensor([len(thin)]))[0][0].numpy()
    np.testing.assert_allclose(embedding, expected, atol=1e-4)
    assert np.isfinite(judging().recognize(clip).motion_mean)


def test_the_second_look_adds_its_figures_and_only_accepts_what_the_first_found():
    first, second = judging(similarity=0.5), judging(second=True, similarity=0.5)
    assert second.second is not None
    for frames in clips():
        plain, again = first.recognize(frames, 99), second.recognize(frames, 99)
        agree = plain.results[0].sentence_id == again.results[0].sentence_id
        assert again.accepted == (plain.accepted and agree)
        if agree or not plain.accepted:
            assert again.rejection_reason == plain.rejection_reason
        else:
            assert plain.results[0].sentence in str(again.rejection_reason)
        by_id = {row.sentence_id: row for row in plain.results}
        for row in again.results:
            assert row.similarity == by_id[row.sentence_id].similarity
            assert row.confidence == by_id[row.sentence_id].confidence
            assert (row.dtw_distance is None) == (row.dtw_score is None)
        assert {row.dtw_score for row in plain.results} == {None}
        alpha = second.second.params.alpha
        blended = [(1 - alpha) * row.similarity + alpha * (row.dtw_score or 0) for row in again.results]
        assert blended == sorted(blended, reverse=True)


def test_a_training_clip_finds_itself():
    gallery = splits().gallery
    answer = judging(second=True).recognize(np.array(gallery.corpus.shards.frames(0)))
    found = {row.sentence_id: row for row in answer.results}[int(gallery.labels[0])]
    assert found.raw_similarity == pytest.approx(1, abs=1e-4) and found.dtw_distance == pytest.approx(0, abs=1e-3)


def test_the_folder_and_the_zip_serve_the_same():
    zipped = Recognizer.load(exported() / "sign.zip")
    for frames in clips()[:2]:
        near(zipped.recognize(frames), recognizer().recognize(frames))


def test_what_is_no_clip_is_refused():
    with pytest.raises(KinetraceError, match=r"shape \[4, 3\], expected \[frames, 540\]"):
        recognizer().recognize(np.zeros((4, 3), np.float32))
    with pytest.raises(KinetraceError, match="540 values are NaN"):
        recognizer().recognize(np.full((1, 540), np.nan))


def test_serving_needs_no_torch_and_no_pandas(tmp_path):
    np.save(tmp_path / "clip.npy", clips()[0])
    code = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from kinetrace.sign.runtime.recognizer import Recognizer\n"
        f"recognizer = Recognizer.load(Path({str(exported())!r}))\n"
        f"recognizer.recognize(np.load({str(tmp_path / 'clip.npy')!r}))\n"
        "print(sorted({'torch', 'pandas', 'sklearn', 'transformers', 'mlflow'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def altered(folder: Path, **content: bytes | None) -> Path:
    """An intact bundle in which files hold something else, or are not there."""
    shutil.copytree(exported(), folder, ignore=shutil.ignore_patterns("*.zip", "export_manifest.json", "lineage.json"))
    for name, value in content.items():
        path = folder / name.replace("__", ".")
        path.unlink() if value is None else path.write_bytes(value)
    bundle.seal(folder, "sign", {})
    return folder


@pytest.mark.parametrize(
    "content, words",
    [
        (
            {"model_config__json": b'{"workload": "tokens"}'},
            "a bundle of the workload 'tokens', expected one of 'sign'",
        ),
        ({"model_config__json": b"[]"}, "a bundle of the workload None"),
        ({"model_config__json": b'{"workload": "sign"}'}, "sign.refusal: missing"),
        ({"embeddings_map__csv": b"row,sentence_id,sentence\n0,1,tea\n"}, "do not fit each other"),
        ({"embeddings_map__csv": b"row\n"}, "do not fit each other"),
        ({"embeddings__npy": b"no array"}, "do not fit each other"),
        ({"encoder__onnx": b"no graph"}, "no graph that ONNX Runtime can read"),
        ({"encoder__onnx": None}, "no readable encoder.onnx"),
    ],
)
def test_a_bundle_that_cannot_serve_is_refused_in_words(tmp_path, content, words):
    with pytest.raises(KinetraceError, match=words):
        Recognizer.load(altered(tmp_path / "bundle", **content))


def test_a_damaged_bundle_is_refused(tmp_path):
    (tmp_path / "bundle.zip").write_bytes((exported() / "sign.zip").read_bytes()[:-100])
    with pytest.raises(KinetraceError, match=r"bundle\.zip"):
        Recognizer.load(tmp_path / "bundle.zip")


@pytest.fixture(scope="module")
def nothings(tmp_path_factory) -> Path:
    """The real clips labelled ``-``, imported."""
    if not WORDS.is_file():
        pytest.skip(f"{WORDS} is not here: it is no part of the project")
    folder = tmp_path_factory.mktemp("nothings")
    pd.read_parquet(WORDS, filters=[("label", "==", "-")]).to_parquet(folder / "words.parquet")
    landmarks.convert(folder / "words.parquet", folder / "raw", writer)
    return folder / "raw"


def test_real_clips_in_which_nobody_was_found_are_refused_for_want_of_motion(nothings):
    serving = judging(motion=tiny().motion.floor)
    empty = []
    for path in sorted((nothings / "features").glob("*.npy")):
        frames = reader.npy.load(path).array
        if not frames.any():
            empty.append(serving.recognize(frames))
    assert len(empty) == 60
    assert all(answer.rejection_reason.startswith("hardly any motion: 0 a frame") for answer in empty)
