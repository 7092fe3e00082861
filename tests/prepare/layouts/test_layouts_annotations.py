import pytest

from vatt.prepare.layouts.annotations import (
    AnnotationError,
    Labels,
    find_file,
    optional_file,
    read_lines,
    read_object,
    read_rows,
    read_table,
)


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "a.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_a_table_in_any_order_of_columns(file):
    rows = list(read_table(file('\ufeffb,a\r\n"x, ""y""",1.5\r\n\r\nz,2\r\n'), ("a", "b"), optional=("c",)))
    assert [(row["a"], row["b"], row.get("c", "none")) for row in rows] == [
        ("1.5", 'x, "y"', "none"),
        ("2", "z", "none"),
    ]
    assert rows[0].number("a") == 1.5 and rows[1].integer("a") == 2
    assert rows[1].where.endswith("a.csv:4")


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "Received: an empty file"),
        ("a,c\n1,2\n", "must name the columns a,b. Received: a,c"),
        ("a,b,c\n1,2,3\n", "must name the columns a,b. Received: a,b,c"),
        ("a,b\n1\n", "a.csv:2: a line must have 2 fields"),
        (b"a,b\n\xff\xfe,2\n", "a.csv: this must be a text file in UTF-8"),
        (b"\x1f\x8b\x08\x00", "a.csv: this must be a text file in UTF-8"),
    ],
)
def test_other_tables_are_refused(file, content, message):
    with pytest.raises(AnnotationError, match=message):
        list(read_table(file(content), ("a", "b")))


@pytest.mark.parametrize("text", ["", "x", "nan", "inf"])
def test_a_number_must_be_one(file, text):
    (row,) = read_table(file(f"a,b\n{text},1.5\n"), ("a", "b"))
    with pytest.raises(AnnotationError, match="a.csv:2: `a` must be a number"):
        row.number("a")
    with pytest.raises(AnnotationError, match="`b` must be a whole number. Received: '1.5'"):
        row.integer("b")


def test_rows_without_a_header(file):
    (row,) = read_rows(file('# one\n# two\n-x, 1, "a,b"\n'), ("id", "start", "labels"), skip_lines=2)
    assert row.values == {"id": "-x", "start": "1", "labels": "a,b"} and row.where.endswith(":3")


def test_lines_know_their_place(file):
    assert [(where[-2:], line) for where, line in read_lines(file("a\r\n\r\n b \r\n"))] == [
        (":1", "a"),
        (":3", "b"),
    ]


@pytest.mark.parametrize(
    "content, message", [("[1]", "Received: list"), ("{", "cut short"), ("{}", "this must have `database`")]
)
def test_other_json_is_refused(file, content, message):
    with pytest.raises(AnnotationError, match=message):
        read_object(file(content), "database")


def test_the_first_name_that_is_there(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b").touch()
    assert find_file(tmp_path, "a", "sub/b") == tmp_path / "sub" / "b"
    assert optional_file(tmp_path, "a") is None
    with pytest.raises(AnnotationError, match="holds a or c. Received: .*, which holds sub"):
        find_file(tmp_path, "a", "c")
    with pytest.raises(AnnotationError, match="which is no folder"):
        find_file(tmp_path / "none", "a")


def test_labels():
    labels = Labels.numbered([(1, "b"), (0, "a")], "classes.txt")
    assert labels.names == ("a", "b") and labels.of("b", "x:1") == (1, "b")
    with pytest.raises(AnnotationError, match=r"x:1: .* one of the 2 classes of classes.txt. Received: 'c'"):
        labels.of("c", "x:1")
    with pytest.raises(AnnotationError, match="Received: 'a' twice"):
        Labels(["a", "b", "a"], "classes.txt")
    with pytest.raises(AnnotationError, match="Received: 'b' has the number 0, and 1 comes next"):
        Labels.numbered([(0, "a"), (0, "b")], "classes.txt")
    with pytest.raises(AnnotationError, match="has 3 classes. Received: 2"):
        Labels(["a", "b"], "classes.txt", count=3)
