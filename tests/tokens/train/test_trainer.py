import csv
import json
import math
import subprocess
import sys

import pytest
import torch
from accelerate.state import AcceleratorState

from kinetrace.errors import KinetraceError
from kinetrace.shards import Shards
from kinetrace.tokens.train import losses
from kinetrace.tokens.train.trainer import Trainer, book_sizes, rate
from tests.checkouts import ROOT
from tests.tokens.clips import shards, wander
from tests.tokens.model.quantizers import params as quantizer_params
from tests.tokens.trained import prepared, tiny, trained, trainer
from tests.workspaces import tree

# Two epochs as a plain autoencoder, two with codebooks, one that settles; everything random is on.
SOME = {
    "train__epochs": 5, "train__warmup": 0.4, "train__settle": 0.2, "train__batch": 16, "augment__mirror": 0.5,
    "loss__temporal": 0.1, "model__quantizer__dropout": 0.5, "model__quantizer__revive": 0.5,
}  # fmt: skip


def nothing(epoch, row):
    pass


def weights(one):
    return one.checkpoint().model.state_dict()


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    one = trainer(tmp_path_factory.mktemp("whole"), **SOME)
    return one.fit(nothing), weights(one)


def test_training_lowers_the_losses_and_codes_follow_the_warm_up(undisturbed):
    history, _ = undisturbed
    assert [row["epoch"] for row in history] == [0, 1, 2, 3, 4]
    assert [row["commitment"] > 0 for row in history] == [False, False, True, True, False]
    assert history[4]["val_position"] < history[2]["val_position"]
    assert set(history[0]) == {"epoch", "position", "velocity", "commitment", "usage", "temporal", "loss",
                               "learning_rate", "val_position"}  # fmt: skip


def test_the_same_training_gives_the_same_bits(tmp_path, undisturbed):
    again = trainer(tmp_path, **SOME)
    assert again.fit(nothing) == undisturbed[0]
    assert same(weights(again), undisturbed[1])


def test_the_seed_decides_the_weights(tmp_path, undisturbed):
    other = trainer(tmp_path, **SOME, train__seed=8)
    other.fit(nothing)
    assert not same(weights(other), undisturbed[1])


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_a_training_resumes_after_any_epoch_to_the_same_bits(tmp_path, undisturbed, after):
    """After epoch 1 the codebooks start, after 3 they are refitted; what is cut off in an epoch is repeated."""

    def kill(epoch, row):
        if epoch == after + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer(tmp_path, **SOME).fit(kill)
    epochs = []
    again = trainer(tmp_path, **SOME)
    history = again.fit(lambda epoch, row: epochs.append(epoch))
    assert epochs == list(range(after + 1, 5))
    assert history == undisturbed[0] and same(weights(again), undisturbed[1])


def test_a_complete_training_is_not_repeated(tmp_path, undisturbed):
    trainer(tmp_path, **SOME).fit(nothing)
    again = trainer(tmp_path, **SOME)
    assert again.fit(lambda epoch, row: pytest.fail("trained again")) == undisturbed[0]
    assert same(weights(again), undisturbed[1])


def test_a_training_killed_in_the_middle_of_an_epoch_gives_the_same_bytes(tmp_path):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        whole = trainer(tmp_path / "whole", **SOME)
        whole.fit(nothing)
        whole.checkpoint().save(tmp_path / "first")
        command = [sys.executable, "-m", "tests.tokens.train.process", str(prepared().folders.shards), str(tmp_path)]
        with subprocess.Popen([*command, json.dumps(SOME)], stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            assert process.stdout and process.stdout.readline() == "epoch 0\n"
            process.stdout.readline()
            process.kill()
        assert process.returncode == -9 and (tmp_path / "state.pt").is_file()
        again, epochs = trainer(tmp_path, **SOME), []
        again.fit(lambda epoch, row: epochs.append(epoch))
        again.checkpoint().save(tmp_path / "second")
        assert 0 < len(epochs) < 5
        assert tree(tmp_path / "first") == tree(tmp_path / "second")
    finally:
        torch.set_num_threads(threads)


def test_training_leaves_torchs_generator_alone(tmp_path):
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    trainer(tmp_path, train__epochs=2).fit(nothing)
    assert torch.equal(torch.rand(1), expected)


# One epoch as an autoencoder, four with codebooks, one that settles, in steps large enough to see what is learned.
QUICK = {"train__epochs": 6, "train__settle": 0.17, "train__learning_rate": 3e-3, "train__batch": 16} | dict.fromkeys(
    (f"augment__{name}" for name in ("warp", "point_dropout", "noise", "scale", "rotate")), 0.0
)


@torch.no_grad()
def mean_pose(one: Trainer) -> float:
    """The loss of position of the mean pose, over the validation clips as the trainer takes it."""
    found = []
    for part, windows in one.val.present(one.val.plan()).items():
        scale = one.model.scaling(part)
        found.append(losses.position(scale.mean.expand_as(windows.positions_BLK2), windows, scale.spread).item())
    return sum(found) / len(found)


@pytest.fixture
def another_precision():
    """Accelerate allows one precision a process."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.parametrize("precision", ["no", "bf16"])
@pytest.mark.parametrize("kind", ["vq", "fsq", "simvq"])
def test_every_kind_of_quantizer_trains(tmp_path, another_precision, kind, precision):
    changes = {"model__quantizer__kind": kind, "train__precision": precision, "loss__usage": 0.1}
    one = trainer(tmp_path, **QUICK, **changes)
    history = one.fit(nothing)
    assert history[4]["val_position"] < history[1]["val_position"]
    assert history[5]["val_position"] < 0.9 * mean_pose(one)
    assert (history[4]["commitment"] > 0) == (kind != "fsq") and history[4]["usage"] > 0
    assert all(value.dtype != torch.bfloat16 for value in weights(one).values())


OTHERS = (
    {"model__encoder": "transformer", "model__pooling": "attention"},
    {"model__quantizer__rotation": True, "model__quantizer__kmeans": False},
)


@pytest.mark.parametrize("changes", OTHERS)
def test_the_other_networks_train(tmp_path, changes):
    one = trainer(tmp_path, **QUICK, **changes)
    history = one.fit(nothing)
    assert history[4]["val_position"] < history[1]["val_position"]
    assert history[5]["val_position"] < 0.9 * mean_pose(one)


def test_accumulation_takes_fewer_steps_and_resumes_exactly(tmp_path):
    changes = SOME | {"train__accumulate": 3, "train__batch": 8}
    whole, taken = trainer(tmp_path / "whole", **changes), []
    assert len(whole.feed.epoch(0)) % 3, (
        "the last group of an epoch must be a smaller one for this test to see anything"
    )
    whole.optimizer.optimizer.register_step_post_hook(lambda *_: taken.append(1))
    history = whole.fit(nothing)
    assert len(taken) == sum(math.ceil(len(whole.feed.epoch(epoch)) / 3) for epoch in range(5))

    def kill(epoch, row):
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer(tmp_path, **changes).fit(kill)
    again = trainer(tmp_path, **changes)
    assert again.fit(nothing) == history and same(weights(again), weights(whole))


@pytest.mark.parametrize("when", ["training", "validation"])
def test_a_value_that_is_not_finite_stops_with_a_reason(tmp_path, monkeypatch, when):
    one = trainer(tmp_path, **SOME | {"train__learning_rate": 1e30, "train__clip_norm": 1e30, "train__warmup": 0.0})
    if when == "validation":
        one = trainer(tmp_path, **SOME)
        monkeypatch.setattr(one, "_error", lambda part, windows: float("nan"))
    with pytest.raises(KinetraceError, match=r"in epoch 0: .*not finite; lower train.learning_rate \(now .*\) or set"):
        one.fit(nothing)
    assert not (tmp_path / "state.pt").exists()


@pytest.mark.parametrize(
    "present, codes, expected",
    [(0, "auto", 8), (63, "auto", 8), (64, "auto", 8), (127, "auto", 8), (128, "auto", 16), (8191, "auto", 512),
     (8192, "auto", 1024), (10**9, "auto", 1024), (3, 12, 12), (10**9, 5000, 5000)],
)  # fmt: skip
def test_book_sizes_are_powers_of_two_that_the_chunks_support(present, codes, expected):
    assert book_sizes({"face": present}, quantizer_params(codes=codes, chunks_per_code=8)) == {"face": expected}


def test_book_sizes_differ_by_part_and_keep_their_order(tmp_path):
    sizes = book_sizes({"right_hand": 100, "face": 1000}, quantizer_params(codes="auto", chunks_per_code=4))
    assert list(sizes.items()) == [("right_hand", 16), ("face", 128)]
    one = trainer(tmp_path, model__quantizer__chunks_per_code=1)
    present = one.train.present(one.train.plan())
    for part, windows in present.items():
        assert one.codes[part] == max(8, 2 ** int(math.log2(len(windows))))
        assert len(one.model.quantizer(part).core.levels[0].table()) == one.codes[part]


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5, 1.0])
def test_the_rate_rises_in_a_line_and_falls_to_nothing(warmup):
    values = [rate(place / 1000, warmup) for place in range(1001)]
    rising, falling = values[: int(warmup * 1000)], values[int(warmup * 1000) :]
    assert rising == pytest.approx([place / 1000 / warmup for place in range(len(rising))])
    assert falling == sorted(falling, reverse=True) and falling[0] == pytest.approx(1)
    assert values[-1] == pytest.approx(0 if warmup < 1 else 1)
    middle = falling[len(falling) // 2]
    assert middle == pytest.approx(0.5, abs=0.01) or warmup == 1


def test_the_rate_of_a_training_ends_near_nothing_whatever_the_speeds(tmp_path):
    one = trainer(tmp_path, **SOME, augment__warp=0.8)
    assert len({len(one.feed.epoch(epoch)) for epoch in range(5)}) > 1, "the speeds must change the number of steps"
    history = one.fit(nothing)
    steps = len(one.feed.epoch(4))
    assert history[-1]["learning_rate"] == pytest.approx(1e-3 * rate(1 - 0.5 / steps / 5, 0.4))
    assert 0 < history[-1]["learning_rate"] < 3e-5


STARTS = [(1, 0.1, 0), (2, 0.1, 1), (30, 0.1, 3), (100, 0.07, 7), (5, 1.0, 4), (5, 0.0, 0)]


@pytest.mark.parametrize("epochs, warmup, first", STARTS)
def test_codebooks_start_after_the_warm_up_and_always_at_some_time(tmp_path, epochs, warmup, first):
    assert trainer(tmp_path, train__epochs=epochs, train__warmup=warmup).first_quantized == first


ENDS = [(10, 0.1, 0.3, 7), (100, 0.1, 0.29, 71), (10, 0.1, 0.0, 10), (10, 0.1, 0.09, 10), (1, 0.1, 0.9, 1),
        (10, 0.8, 0.5, 8), (5, 1.0, 0.99, 4), (10, 0.0, 0.99, 1)]  # fmt: skip


@pytest.mark.parametrize("epochs, warmup, settle, first", ENDS)
def test_settling_takes_whole_epochs_at_the_end_and_never_begins_before_codebooks(
    tmp_path, epochs, warmup, settle, first
):
    one = trainer(tmp_path, train__epochs=epochs, train__warmup=warmup, train__settle=settle)
    assert one.first_settled == first >= one.first_quantized


def test_each_phase_begins_once(tmp_path, monkeypatch):
    one, begun = trainer(tmp_path, train__epochs=6, train__warmup=0.3, train__settle=0.34), []
    for name in ("start", "refit"):
        own = getattr(one.model.quantizer("body"), name)
        monkeypatch.setattr(
            one.model.quantizer("body"), name,
            lambda *given, own=own, name=name: begun.append((name, one._objective.phase)) or own(*given),
        )  # fmt: skip
    phases = []
    one.fit(lambda epoch, row: phases.append(one._objective.phase))
    assert begun == [("start", "autoencode"), ("refit", "quantize")]
    assert phases == ["autoencode"] * 2 + ["quantize"] * 2 + ["settle"] * 2


@pytest.mark.parametrize("kind", ["vq", "fsq", "simvq"])
def test_while_it_settles_only_the_decoder_learns(tmp_path, kind):
    changes = {"model__quantizer__kind": kind, "loss__usage": 0.1, "model__quantizer__dropout": 0.5}
    one = trainer(tmp_path, train__epochs=4, train__warmup=0.25, train__settle=0.5, **changes)
    states = []
    one.fit(lambda epoch, row: states.append({name: value.clone() for name, value in one.model.state_dict().items()}))
    moved = {name for name, value in states[3].items() if not torch.equal(value, states[2][name])}
    learning = {name for name in states[3] if name.startswith("decoder.") or ".synthesis." in name}
    assert moved == learning


def test_refitting_evens_the_use_of_the_codes(tmp_path):
    one = trainer(tmp_path, train__epochs=3, model__quantizer__revive=0.3, train__settle=0.34)
    found, begin = [], one._begin

    def watched(epoch: int) -> None:
        rows = one.train.present(one.train.everywhere())
        before = {part: perplexity(one.model.encode(part, windows)) for part, windows in rows.items()}
        begin(epoch)
        if epoch == one.first_settled:
            found.extend((before[part], perplexity(one.model.encode(part, rows[part]))) for part in rows)

    one._begin = watched
    one.fit(nothing)
    assert len(found) == 4 and sum(after for _, after in found) > sum(before for before, _ in found) * 1.02


def perplexity(codes_NQ: torch.Tensor) -> float:
    """The mean over the levels."""
    shares = [codes.unique(return_counts=True)[1] / len(codes) for codes in codes_NQ.unbind(1)]
    return sum((-(share * share.log()).sum()).exp().item() for share in shares) / len(shares)


def test_each_part_starts_its_codebooks_from_a_seed_of_its_own(tmp_path):
    one = trainer(tmp_path)
    one._begin(one.first_quantized)
    seeds = {part: int(one.model.quantizer(part).seed) for part in one.model.parts}
    assert len(set(seeds.values())) == len(seeds)


def test_codebooks_start_from_latents_of_windows_as_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr("kinetrace.tokens.train.trainer.START_ROWS", 5)
    one = trainer(tmp_path, model__quantizer__kmeans=False)
    plan = one.train.plan()
    some = one.train.present(plan.take(slice(None, None, math.ceil(len(plan) / 5))))
    one._begin(one.first_quantized)
    latents = one.model.latent("body", some["body"])
    distances = torch.cdist(one.model.quantizer("body").core.levels[0].table(), latents)
    assert 2 < len(latents) <= 5 and distances.amin(1).max() < 1e-4


def test_a_part_that_no_chunk_shows_is_refused(tmp_path):
    frames = wander(30).reshape(30, -1, 3)
    frames[:, [91, 112], 2] = 0
    made = shards(tmp_path, {"clip": frames.reshape(30, -1)})
    with pytest.raises(KinetraceError, match=r"shows left_hand or right_hand: remove it from model.parts, or lower"):
        Trainer(tiny(), made, tmp_path / "state.pt")


def test_run_writes_checkpoint_and_history_and_forgets_its_resume_state():
    job = trained()
    with job.folders.history.open() as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["epoch"]) for row in rows] == [0, 1, 2]
    assert {"loss", "position", "velocity", "commitment", "usage", "val_position"} <= set(rows[0])
    assert sorted(path.name for path in job.folders.checkpoint.iterdir()) == ["config.json", "model.safetensors"]
    assert not job.folders.resume.exists()


def test_a_data_set_without_validation_clips_trains(tmp_path):
    one = trainer(tmp_path, train__epochs=1)
    one.val = type(one.val).of(one.val.shards.subset("none"), one.params.model)
    assert "val_position" not in one.fit(nothing)[0]


def test_the_test_split_is_never_read(tmp_path, monkeypatch):
    read = set()
    frames = Shards.frames
    monkeypatch.setattr(Shards, "frames", lambda self, i: read.add(self.clips.clip_id[i]) or frames(self, i))
    trainer(tmp_path, train__epochs=1).fit(nothing)
    clips = Shards.open(prepared().folders.shards).clips
    assert read == set(clips.clip_id[clips.split != "test"])


def test_the_size_is_what_is_learned(tmp_path):
    one = trainer(tmp_path)
    assert one.size() == sum(weight.numel() for weight in one.model.parameters() if weight.requires_grad) > 1000
