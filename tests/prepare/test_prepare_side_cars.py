import os

from vatt.prepare.side_cars import SideCars


def find(media):
    return SideCars().find(media)


def test_the_side_car_is_found(tmp_path):
    film = tmp_path / "film [1].mp4"
    assert find(film) is None
    (tmp_path / "film [1].en.srt").touch()
    assert find(film).name == "film [1].en.srt"
    (tmp_path / "film [1].de.srt").touch()
    assert find(film) is None
    (tmp_path / "film [1].txt").touch()
    assert find(film).name == "film [1].txt"
    (tmp_path / "film [1].mp4.json").touch()
    assert find(film).name == "film [1].mp4.json"
    (tmp_path / "film [1].VTT").touch()
    assert find(film).name == "film [1].VTT"


def test_what_is_no_side_car(tmp_path):
    for name in ("film.info.json", "film.notes.txt", "film2.srt", ".film.srt", "afilm.srt", "film.mkv"):
        (tmp_path / name).touch()
    assert find(tmp_path / "film.mp4") is None
    assert find(tmp_path / "none" / "film.mp4") is None


def test_each_folder_is_listed_once(tmp_path, monkeypatch):
    listed = []
    real = os.listdir
    monkeypatch.setattr(
        "vatt.prepare.side_cars.os.listdir", lambda folder: listed.append(folder) or real(folder)
    )
    side_cars = SideCars()
    for number in range(50):
        side_cars.find(tmp_path / f"{number}.mp4")
    assert len(listed) == 1
