"""CSV tables from strangers."""

import pytest

from kinetrace import csvtable
from kinetrace.errors import KinetraceError


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a,b\n\xff,1\n", "is not UTF-8"),
        (b"", "is empty"),
        (b"a\n1\n", "the column b is missing; found a"),
        (b'a,b\n"1,2\n', "unexpected end of data"),
        (b"a;b\n1;2\n", "separated by ';': save it with commas"),
        (b"a\tb\n1\t2\n", "separated by tabs: save it with commas"),
        ("a,b\n1,2\n".encode("utf-16"), "is UTF-16"),
        (b"\xfe\xff\0a", "is UTF-16"),
        (b"a,b\n,,\n1,2\n", "line 2: 3 fields"),
        (b"a,b\n1,2,3\n4,5,6\n", "line 2: 3 fields, expected 2"),
        (b"a,b\n1,2\n4\n", "line 3: 1 fields, expected 2"),
    ],
)
def test_a_bad_csv_is_refused_by_name(tmp_path, content, said):
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    with pytest.raises(KinetraceError, match=said) as error:
        csvtable.read(path, ("a", "b"))
    assert str(path) in str(error.value)


def test_an_absent_csv_is_refused_and_a_byte_order_mark_is_not(tmp_path):
    with pytest.raises(KinetraceError, match=r"none\.csv is missing: expected a CSV with the columns a, b"):
        csvtable.read(tmp_path / "none.csv", ("a", "b"))
    (tmp_path / "bom.csv").write_bytes("\ufeffa\nNA\n".encode())
    assert list(csvtable.read(tmp_path / "bom.csv", ("a",))["a"]) == ["NA"]


def test_empty_rows_at_the_end_are_left_out(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n,\n3,\n,\n , \n,,,\n")
    table = csvtable.read(tmp_path / "t.csv", ("a", "b"))
    assert table.to_numpy().tolist() == [["1", "2"], ["", ""], ["3", ""]] and list(table.index) == [2, 3, 4]
