"""A folder that stands for an address of a store."""

import pytest

from vatt.files import mirror, places


def contents(store):
    return {name: store.read(name) for name in store.entries()}


def test_what_changed_is_sent_and_what_is_gone_removed(bucket, tmp_path):
    store, folder = places.open_store(f"{bucket}/run"), tmp_path / "run"
    store.write("kept", b"1")
    store.write("old/gone", b"2")
    folder.mkdir()
    both = mirror.Mirror(f"{bucket}/run", folder)
    both.pull()
    assert (folder / "old" / "gone").read_bytes() == b"2"
    (folder / "old" / "gone").unlink()
    (folder / "new").mkdir()
    (folder / "new" / "x").write_bytes(b"3")
    (folder / ".lock").write_bytes(b"")
    (folder / ".x.vatt-0123456789abcdef.part").write_bytes(b"half")
    both.push()
    assert contents(store) == {"kept": b"1", "new/x": b"3"}
    store.write("kept", b"other")
    store.delete(["new/x"])
    both.pull()
    assert (folder / "kept").read_bytes() == b"other" and not (folder / "new" / "x").exists()


def test_descriptions_go_last_and_leave_first(bucket, tmp_path, monkeypatch):
    order, store = [], places.Store
    monkeypatch.setattr(store, "write", lambda self, name, content: order.append(name))
    monkeypatch.setattr(store, "delete", lambda self, names: order.extend(names))
    names = ["ckpt-1.data-00000-of-00001", "ckpt-1.index", "ckpt-1.json", "index.json", "journal.jsonl", "z"]
    for name in names:
        (tmp_path / name).write_text("")
    both = mirror.Mirror(bucket, tmp_path)
    both.push()
    expected = [names[0], "journal.jsonl", "z", "ckpt-1.index", "ckpt-1.json", "index.json"]
    assert order == expected
    for name in names:
        (tmp_path / name).unlink()
    both.push()
    assert order[6:] == expected[::-1]


def test_arguments_of_a_command_become_paths_and_come_back(bucket):
    store = places.open_store(f"{bucket}/deep/set")
    store.write("a/b", b"1")
    store.write("events/big", b"2")
    places.open_store(f"{bucket}/deep").write("settle", b"another that begins with its name")
    given = [f"{bucket}/deep/set", f"--out={bucket}/deep/new.bin", "plain", f"--gin.X='{bucket}'"]
    with mirror.localised(given, skips=["events/"]) as (folder, out, *others):
        assert others == given[2:]
        folder, out = mirror.Path(folder), mirror.Path(out.removeprefix("--out="))
        assert [path.name for path in folder.rglob("*")] == ["a", "b"] and folder.name == "set"
        assert not out.exists()
        out.write_bytes(b"made")
        (folder / "a" / "b").write_bytes(b"changed")
    assert contents(places.open_store(f"{bucket}/deep")) == {
        "set/a/b": b"changed",
        "set/events/big": b"2",
        "settle": b"another that begins with its name",
        "new.bin": b"made",
    }


def test_a_command_that_fails_sends_nothing(bucket):
    with pytest.raises(ValueError), mirror.localised([f"{bucket}/new"]) as (path,):
        mirror.Path(path).write_bytes(b"half")
        raise ValueError
    assert not places.open_store(bucket).entries()


def test_a_bucket_that_is_gone_is_not_taken_for_a_file_that_is(bucket, tmp_path):
    (tmp_path / "a").write_text("1")
    with pytest.raises(places.StoreError, match="Make the bucket"):
        mirror.Mirror("s3://no-such-bucket-here/run", tmp_path).push()


def test_a_name_that_leads_elsewhere_is_refused(bucket, tmp_path, monkeypatch):
    monkeypatch.setattr(places.Store, "entries", lambda *_: {"../x": places.Entry(1, "")})
    with pytest.raises(places.StoreError, match="must be a path below"):
        mirror.Mirror(bucket, tmp_path).pull()


def test_what_does_not_fit_on_the_disk_is_not_begun(bucket, tmp_path, monkeypatch):
    monkeypatch.setattr(places.Store, "entries", lambda *_: {"x": places.Entry(1 << 60, "")})
    with pytest.raises(places.StoreError, match="must fit on the disk"):
        mirror.Mirror(bucket, tmp_path).pull()


def test_a_network_that_fails_in_the_middle_leaves_no_part(bucket, bad_network, tmp_path):
    (tmp_path / "here").mkdir()
    for number in range(4):
        (tmp_path / "here" / str(number)).write_bytes(bytes([number]) * 300_000)
    bad_network(["cut", "", "refuse", "cut"] * 3)
    mirror.Mirror(bucket, tmp_path / "here").push()
    (tmp_path / "there").mkdir()
    mirror.Mirror(bucket, tmp_path / "there").pull()
    for number in range(4):
        assert (tmp_path / "there" / str(number)).read_bytes() == bytes([number]) * 300_000
