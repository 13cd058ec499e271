"""Every protocol keeps what it tests on out of what it learns from."""

import pandas as pd

from experiments import protocols

CLIPS = pd.DataFrame(
    [
        {
            "clip_id": f"{signer}/{label}/{take}", "label_id": label, "label": "ABÄ"[label % 3], "subject": signer,
            "split": split,
        }
        for signer, split in (("anna", "train"), ("anna", "val"), ("ben", "test"))
        for label in range(40)
        for take in range(10)
    ]
)  # fmt: skip


def parts(column: pd.Series) -> dict[str, pd.DataFrame]:
    return {name: CLIPS[column == name] for name in ("train", "val", "test")}


def test_a_new_signer_is_tested_on_what_the_table_says():
    found = protocols.new_signer()
    assert parts(found.learn(CLIPS))["test"].subject.unique() == ["ben"]
    assert parts(found.judge["test"](CLIPS))["val"].empty


def test_withheld_sentences_are_learnt_from_nowhere():
    found = protocols.unseen_sentences()
    learnt = parts(found.learn(CLIPS))
    among, outside = (parts(found.judge[name](CLIPS)) for name in ("among", "outside"))
    gone = set(among["test"].label_id)
    assert len(gone) == protocols.UNSEEN
    assert all(gone.isdisjoint(learnt[name].label_id) for name in learnt)
    assert set(among["train"].label_id) == gone and set(among["train"].split) == {"train"}
    assert set(among["test"].subject) == {"ben"} and among["val"].empty
    assert gone.isdisjoint(outside["train"].label_id) and gone <= set(outside["test"].label_id)


def test_a_language_left_out_is_the_test_alone():
    found = parts(protocols.without_language("ben").learn(CLIPS))
    assert set(found["test"].subject) == {"ben"} and set(found["train"].subject) == {"anna"}
    assert set(found["train"].label) == {"A", "B"}


def test_folds_cover_every_clip_once_in_blocks_of_takes():
    clips = CLIPS[CLIPS.split == "train"]
    tests = [protocols.fold(number).learn(clips) == "test" for number in range(protocols.FOLDS)]
    assert (sum(map(pd.Series.astype, tests, [int] * len(tests))) == 1).all()
    takes = clips[tests[1]].clip_id.str.extract(r"(\d+)$")[0].astype(int)
    assert set(takes) == {2, 3}
