"""Which clip belongs to which split."""

import pytest

from kinetrace.errors import KinetraceError
from kinetrace.importers import splits


def test_a_fold_goes_before_its_signer_and_the_rest_is_unused():
    assigned = splits.parse(["train=anna", "val=anna/b", "test=ben"])
    found = [splits.of(*clip, assigned) for clip in (("anna", "a"), ("anna", "b"), ("ben", "b"), ("eve", ""))]
    assert found == ["train", "val", "test", "unused"]


@pytest.mark.parametrize("wrong", ["training=anna", "train", "train=", "=anna"])
def test_another_form_is_refused(wrong):
    with pytest.raises(KinetraceError, match="expected train=SIGNER"):
        splits.parse([wrong])


def test_one_source_in_two_splits_is_refused():
    with pytest.raises(KinetraceError, match="to train and to test"):
        splits.parse(["train=anna", "test=anna"])


def test_a_source_without_clips_is_refused_with_those_that_have_some():
    splits.check({"anna/a": "train", "anna": "val"}, [("anna", "a")])
    with pytest.raises(KinetraceError, match=r"'ana'; there are anna, anna/a"):
        splits.check({"ana": "train"}, [("anna", "a")])
