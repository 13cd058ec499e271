"""Bundles: the same bytes for the same content, and nothing in them can change unnoticed."""

import contextlib
import json
import shutil
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinetrace import bundle
from kinetrace.errors import KinetraceError
from kinetrace.files import zip_bytes

CONTENT = {"encoder.onnx": b"graph", "model_config.json": b"{}", "deep/embeddings.npy": b"numbers"}


def sealed(folder: Path, lineage: dict | None = None, content: dict[str, bytes] = CONTENT) -> Path:
    for name, value in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(value)
    bundle.seal(folder, "sign", {"commit": "abc"} if lineage is None else lineage)
    return folder


def test_same_content_gives_the_same_bytes_whatever_the_order_of_writing(tmp_path: Path) -> None:
    one = sealed(tmp_path / "one")
    two = sealed(tmp_path / "two", content=dict(reversed(CONTENT.items())))
    names = sorted(bundle.contents(one))
    assert names == ["deep/embeddings.npy", "encoder.onnx", "export_manifest.json", "lineage.json",
                     "model_config.json", "sign.zip"]  # fmt: skip
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in names)


def test_the_identity_is_the_content_not_the_lineage(tmp_path: Path) -> None:
    one = sealed(tmp_path / "one")
    other_commit = sealed(tmp_path / "two", {"commit": "def"})
    other_graph = sealed(tmp_path / "three", content=CONTENT | {"encoder.onnx": b"another"})
    other_name = sealed(tmp_path / "four", content={f"x{name}": value for name, value in CONTENT.items()})
    assert bundle.digest(one) == bundle.digest(other_commit)
    assert len({bundle.digest(folder) for folder in (one, other_graph, other_name)}) == 3


def test_folder_and_zip_verify_alike(tmp_path: Path) -> None:
    folder = sealed(tmp_path / "bundle")
    alone = shutil.copy(folder / "sign.zip", tmp_path / "elsewhere.zip")
    assert bundle.verify(folder) == bundle.verify(Path(alone))
    assert bundle.read_json(Path(alone), "lineage.json") == {"commit": "abc"}
    assert json.loads((folder / "export_manifest.json").read_text())["files"] == bundle.verify(folder).files


@pytest.mark.parametrize("name", [*CONTENT, "lineage.json"])
def test_an_altered_file_is_named(tmp_path: Path, name: str) -> None:
    folder = sealed(tmp_path / "bundle")
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    with pytest.raises(KinetraceError, match=f"{name} is altered"):
        bundle.verify(folder)


def test_a_missing_file_and_an_extra_file_are_named(tmp_path: Path) -> None:
    folder = sealed(tmp_path / "bundle")
    (folder / "encoder.onnx").rename(folder / "renamed.onnx")
    with pytest.raises(KinetraceError, match=r"encoder\.onnx is missing"):
        bundle.verify(folder)
    shutil.copy(folder / "renamed.onnx", folder / "encoder.onnx")
    with pytest.raises(KinetraceError, match=r"renamed\.onnx is extra"):
        bundle.verify(folder)


def test_a_zip_that_tells_something_else_than_the_folder_is_refused(tmp_path: Path) -> None:
    folder = sealed(tmp_path / "bundle")
    shutil.copy(sealed(tmp_path / "other", {"commit": "def"}) / "sign.zip", folder / "sign.zip")
    with pytest.raises(KinetraceError, match=r"sign\.zip is altered"):
        bundle.verify(folder)
    (folder / "sign.zip").unlink()
    with pytest.raises(KinetraceError, match="zip is missing"):
        bundle.verify(folder)


@pytest.mark.parametrize("content", [b"{}", b"[]", b"not json", b"\xff", b'{"format": 1, "digest": "x", "files": 3}'])
def test_a_manifest_that_cannot_be_understood_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = sealed(tmp_path / "bundle")
    (folder / "export_manifest.json").write_bytes(content)
    with pytest.raises(KinetraceError, match="cannot be understood"):
        bundle.verify(folder)


def test_a_manifest_of_another_format_or_with_another_digest_is_refused(tmp_path: Path) -> None:
    folder = sealed(tmp_path / "bundle")
    path = folder / "export_manifest.json"
    content = json.loads(path.read_text())
    members = {name: (folder / name).read_bytes() for name in content["files"]}
    for change, words in (({"format": 2}, "format 2"), ({"digest": "0" * 64}, "digest is not")):
        forged = members | {"export_manifest.json": json.dumps(content | change).encode()}
        (tmp_path / "forged.zip").write_bytes(zip_bytes(forged))
        with pytest.raises(KinetraceError, match=words):
            bundle.verify(tmp_path / "forged.zip")


def test_no_bundle_at_all_is_a_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 nothing")
    for path in (tmp_path / "absent", tmp_path, tmp_path / "broken.zip"):
        with pytest.raises(KinetraceError, match="no bundle"):
            bundle.verify(path)


def test_a_name_twice_in_a_zip_is_refused(tmp_path: Path) -> None:
    folder = sealed(tmp_path / "bundle")
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(folder / "sign.zip", "a") as archive:
        archive.writestr("encoder.onnx", b"graph")
    with pytest.raises(KinetraceError, match="twice"):
        bundle.verify(folder / "sign.zip")


@given(position=st.integers(0, 10_000), value=st.integers(1, 255))
def test_no_changed_byte_of_a_zip_changes_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, position: int, value: int
) -> None:
    folder = sealed(tmp_path_factory.mktemp("bundle"))
    path, expected = folder / "sign.zip", bundle.verify(folder)
    content = bytearray(path.read_bytes())
    content[position % len(content)] ^= value
    path.write_bytes(content)
    with contextlib.suppress(KinetraceError):
        assert bundle.verify(path) == expected  # a byte that no reader looks at, such as a time
