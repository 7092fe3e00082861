"""Paths that users give: folders, and addresses of object stores."""

import pytest

from tests.object_stores import SECRET
from vatt.files import places


def test_a_path_stays_a_path_and_an_address_is_known():
    assert places.plain("file:///data/set") == "/data/set"
    assert not places.is_address("/data/set") and not places.is_address("12:30.mp4")
    assert all(places.is_address(f"{each}://bucket/set") for each in ("gs", "s3", "az", "hf"))
    with pytest.raises(ValueError, match="hdfs://node/set. Mount it"):
        places.refuse_unknown(["--out=hdfs://node/set"])


def test_objects_are_written_listed_read_by_ranges_and_removed(any_store):
    store = places.open_store(f"{any_store}/some/where")
    store.write("a/b", b"0123456789")
    store.write("c", b"")
    assert {name: each.size for name, each in store.entries().items()} == {"a/b": 10, "c": 0}
    assert store.entries("a").keys() == store.entries("a", is_deep=False).keys() == {"a/b"}
    assert store.entries(is_deep=False).keys() == {"c"} and not store.entries("d", is_deep=False)
    assert (
        store.read("a/b", 3, 4) == b"3456" and store.read("a/b") == b"0123456789" and store.read("c") == b""
    )
    store.delete(["c", "never there"])
    assert store.entries().keys() == {"a/b"}
    with pytest.raises(FileNotFoundError, match="some/where/c is not there"):
        store.read("c")


def test_only_one_of_two_makes_or_replaces_an_object(any_store):
    store = places.open_store(any_store)
    first = store.write_if("lock", b"one", None)
    with pytest.raises(places.ChangedError):
        store.write_if("lock", b"two", None)
    second = store.write_if("lock", b"two", first)
    with pytest.raises(places.ChangedError):
        store.write_if("lock", b"three", first)
    assert store.read("lock") == b"two"
    assert store.entry("lock").tag == second
    assert store.entries()["lock"].tag.split("\n")[0] == second.split("\n")[0]  # Google lists no version


def test_an_object_in_many_parts_is_whole(any_store):
    store, content = places.open_store(any_store), bytes(range(256)) * 60_000
    store.write("big", content)
    assert store.entry("big").size == len(content)
    assert store.read("big", 15_000_000, 300) == content[15_000_000:15_000_300]


@pytest.mark.parametrize("fault", ["refuse", "cut", "slow"])
def test_a_network_that_fails_costs_time_and_no_byte(bucket, bad_network, fault):
    content = bytes(range(256)) * 3000
    places.open_store(bucket).write("x", content)
    network = bad_network([fault] * 3)
    store = places.open_store(bucket)
    assert store.read("x") == content
    store.write("y", content)
    assert store.read("y") == content
    assert network.connections > 1 or fault == "slow"


def test_an_error_without_words_is_named():
    expected = pytest.raises(places.StoreError, match="^hf://someone/model: TimeoutError$")
    with expected, places._errors("hf://someone/model"):
        raise TimeoutError


def test_errors_say_the_address_and_no_secret(bucket):
    with pytest.raises(places.StoreError, match="Make the bucket") as error:
        places.open_store("s3://no-such-bucket-here").write("x", b"1")
    assert "s3://no-such-bucket-here/x" in str(error.value)
    assert SECRET not in str(error.value) and "Signature" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("repository", ["someone/model", "datasets/someone/set"])
def test_the_hub_is_read_and_refuses_writes(hub, tmp_path, repository):
    (tmp_path / "a" / "b").mkdir(parents=True)
    content = bytes(range(256)) * 4000
    (tmp_path / "a" / "b" / "big").write_bytes(content)
    (tmp_path / "a" / "c").write_bytes(b"1")
    server = hub(repository, tmp_path)
    store = places.open_store(f"hf://{repository}/a")
    assert {name: each.size for name, each in store.entries().items()} == {"b/big": len(content), "c": 1}
    assert store.entries("b").keys() == {"b/big"} and store.entries("none") == {}
    assert store.entries(is_deep=False).keys() == {"c"}
    assert store.read("b/big", 70_000, 300) == content[70_000:70_300]
    assert server.bytes_read == 300  # by a range
    assert store.read("b/big") == content
    before = store.entry("c").tag
    (tmp_path / "a" / "c").write_bytes(b"22")
    assert store.entry("c").tag != before and store.read("c") == b"22"
    for name in ("none", "b"):
        with pytest.raises(FileNotFoundError, match=f"hf://{repository}/a/{name} is not there"):
            store.entry(name)
    with pytest.raises(places.StoreError, match=r"only read.*hf upload"):
        store.write_if("lock", b"", None)


def test_the_part_of_an_address_that_is_whole_stays_whole():
    assert places.divided("s3://b") == ("s3://b", "") and places.divided("s3://b/x/y") == ("s3://b/x", "y")
    assert places.divided("hf://u/m") == ("hf://u/m", "") and places.divided("hf://u/m/x") == (
        "hf://u/m",
        "x",
    )
    assert places.divided("hf://datasets/u/s/") == ("hf://datasets/u/s", "")
