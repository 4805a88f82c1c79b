"""Which folders are classes and splits, which names they may have, and where links lead."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pellucid.data.dataset import Dataset
from pellucid.data.images.classes import has_class_folders
from pellucid.data.images.folder import read_image_folder
from pellucid.data.images.names import natural_order
from pellucid.data.options import ReadOptions
from pellucid.errors import DataError
from tests.data.hostile_images import encoded, grey


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path_factory.mktemp("cache")))


def fill(folder: Path, count: int = 12) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"{number}.png").write_bytes(encoded(grey(number), "PNG"))


def read(folder: Path, *, skip_bad: bool = False) -> Dataset:
    return read_image_folder(folder, ReadOptions(skip_bad=skip_bad))


def sources(dataset: Dataset) -> set[str]:
    return {source for split in dataset.splits.values() for source in split.sources}


def test_classes_stand_in_natural_order(tmp_path: Path) -> None:
    for name in ("10", "9", "b", "A", "1"):
        fill(tmp_path / name)
    assert read(tmp_path).class_names == ("1", "9", "10", "A", "b")


def test_names_of_numbers_and_of_letters_can_be_compared() -> None:
    names = ["2", "a", "10b", "10a", "", "B2", "b10", "²"]
    assert sorted(names, key=natural_order) == ["", "2", "10a", "10b", "a", "B2", "b10", "²"]


def test_images_may_stand_at_any_depth_below_their_class(tmp_path: Path) -> None:
    fill(tmp_path / "a" / "2019" / "may")
    fill(tmp_path / "a")
    fill(tmp_path / "b")
    dataset = read(tmp_path)
    assert len(sources(dataset)) == 36
    assert "a/2019/may/3.png" in sources(dataset)


@pytest.mark.parametrize(
    "names", [("train", "val", "test"), ("Train", "VALID", "Test"), ("training", "validation", "testing")]
)
def test_given_splits_are_respected(tmp_path: Path, names: tuple[str, str, str]) -> None:
    for count, name in zip((9, 4, 5), names, strict=True):
        fill(tmp_path / name / "a", count)
        fill(tmp_path / name / "b", count)
    dataset = read(tmp_path)
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 18, "validation": 8, "test": 10}
    assert all(source.startswith(names[2]) for source in dataset.test.sources)


@pytest.mark.parametrize(
    ("given", "note"),
    [
        (("train",), "cut from the training images, by class: 6 for validation and 6 for test"),
        (("train", "test"), "cut from the training images, by class: 7 for validation"),
        (("train", "val"), "cut from the training images, by class: 6 for test"),
    ],
)
def test_splits_that_are_missing_are_cut_from_the_training_images(
    tmp_path: Path, given: tuple[str, ...], note: str
) -> None:
    for name in given:
        fill(tmp_path / name / "a", 20)
        fill(tmp_path / name / "b", 20)
    dataset = read(tmp_path)
    assert set(dataset.splits) == {"train", "validation", "test"}
    assert len(sources(dataset)) == 40 * len(given)
    if "val" in given:
        assert len(dataset.validation) == 40
    assert note in dataset.notes


def test_a_class_may_be_called_like_a_split(tmp_path: Path) -> None:
    for name in ("train", "car", "plane"):
        fill(tmp_path / name)
    assert read(tmp_path).class_names == ("car", "plane", "train")


def test_what_stands_beside_the_splits_and_the_classes_is_noted(tmp_path: Path) -> None:
    for name in ("train/a", "train/b", "extra/a"):
        fill(tmp_path / name)
    fill(tmp_path / "train", 2)
    (tmp_path / "train" / "a" / "notes.txt").write_text("seen")
    notes = read(tmp_path).notes
    assert f"beside the splits in {tmp_path.name}/, not read: extra" in notes
    assert "images in train/ itself, in no class folder, not read: 0.png, 1.png" in notes
    assert "1 file in the class folders, no images, not read: train/a/notes.txt" in notes


def test_what_systems_leave_behind_is_passed_over_without_a_word(tmp_path: Path) -> None:
    fill(tmp_path / "a")
    fill(tmp_path / "b")
    expected = read(tmp_path)
    for name in ("__MACOSX/a", ".hidden", "a/.git", "a/__MACOSX", "@eaDir/x"):
        fill(tmp_path / name)
    for name in ("a/.DS_Store", "b/Thumbs.db", "desktop.ini", "a/._0.png"):
        (tmp_path / name).write_bytes(b"\0\0")
    dataset = read(tmp_path)
    assert (dataset.notes, dataset.class_names) == (expected.notes, expected.class_names)
    assert sources(dataset) == sources(expected)


def problem_of(folder: Path) -> str:
    with pytest.raises(DataError, match=r"\n  fix: ") as caught:  # what it says is compared by the caller
        read(folder)
    return str(caught.value)


@pytest.mark.parametrize(
    ("filled", "problem"),
    [
        pytest.param([], "has no folders with images\n  fix: put the images of each class into", id="nothing"),
        pytest.param(["."], "has 12 images but no folders\n  fix: put the images of each class", id="loose images"),
        pytest.param(
            ["a"], "has images of one class only: a\n  fix: add a folder with images of another", id="one class"
        ),
        pytest.param(
            ["a/x", "a/y"], "has images of one class only: a\n  fix: give the folder", id="one folder too many"
        ),
        pytest.param(
            ["train", "test"],
            "has images in test, train but no class folders there\n  fix: put",
            id="splits without classes",
        ),
        pytest.param(["test/a", "test/b"], "has class folders in test but none in train", id="no training images"),
        pytest.param(
            ["train/a", "train/b", "test/c"],
            "has classes without a training image, but with images to judge by: c\n  fix: add training images",
            id="a class only in the test",
        ),
        pytest.param(
            ["train/a", "train/b", "val/a", "valid/a"],
            "has two folders for validation: val, valid",
            id="two validations",
        ),
    ],
)
def test_folders_that_nothing_can_be_learnt_from_are_refused(tmp_path: Path, filled: list[str], problem: str) -> None:
    for name in filled:
        fill(tmp_path / name)
    assert problem in problem_of(tmp_path)


def test_class_folders_without_images_are_refused_if_all_are_and_else_noted(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    assert "has no images in its class folders" in problem_of(tmp_path)
    fill(tmp_path / "a")
    fill(tmp_path / "b")
    assert "class folders without an image, left out: c" in read(tmp_path).notes


def test_a_class_whose_images_are_all_unreadable_is_left_out_with_a_note(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        fill(tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        path.write_bytes(b"no image")
    dataset = read(tmp_path, skip_bad=True)
    assert dataset.class_names == ("b", "c")
    assert dataset.train.labels.max() == 1
    assert "class folders without an image, left out: a" in dataset.notes


@pytest.mark.parametrize("skip_bad", [False, True])
def test_a_folder_in_which_nothing_can_be_read_is_refused_whatever_is_asked(tmp_path: Path, skip_bad: bool) -> None:
    for name in ("a", "b"):
        fill(tmp_path / name)
    for path in tmp_path.glob("*/*"):
        path.write_bytes(b"no image")
    with pytest.raises(DataError, match=r"24 of 24 image files .* cannot be read: .*and 14 more\n  fix: repair them"):
        read(tmp_path, skip_bad=skip_bad)


def test_of_few_images_the_unreadable_ones_are_named_rather_than_their_number(tmp_path: Path) -> None:
    fill(tmp_path / "a", 1)
    fill(tmp_path / "b", 2)
    assert "3 examples are too few" in problem_of(tmp_path)
    (tmp_path / "b" / "1.png").write_bytes(b"no image")
    assert "1 of 3 image files in" in problem_of(tmp_path)


def test_a_class_with_a_single_image_is_noted(tmp_path: Path) -> None:
    fill(tmp_path / "a", 20)
    fill(tmp_path / "b", 20)
    fill(tmp_path / "c", 1)
    assert "classes with a single training image: c" in read(tmp_path).notes


def test_names_that_are_no_text_are_refused_all_at_once(tmp_path: Path) -> None:
    for name in ("good", "two\nlines", os.fsdecode(b"caf\xe9"), "\x1b[31m", "left\u202eright", " "):
        fill(tmp_path / name, 1)
    problem = problem_of(tmp_path)
    for shown in (r"two\nlines", r"caf\xe9", r"\x1b[31m", r"left\u202eright"):
        assert shown in problem
    assert "good" not in problem and "\x1b" not in problem


def test_names_that_are_the_same_when_read_are_refused(tmp_path: Path) -> None:
    # é as one character, and as e with an accent.
    for name in ("caf\u00e9", "cafe\u0301", "x"):
        fill(tmp_path / name, 1)
    assert "has class folders with the same name, written in two ways: 'caf\u00e9' = 'cafe\u0301'" in problem_of(
        tmp_path
    ).replace("'cafe\u0301' = 'caf\u00e9'", "'caf\u00e9' = 'cafe\u0301'")


def test_the_same_class_may_be_written_in_two_ways_in_two_splits(tmp_path: Path) -> None:
    for name in ("train/caf\u00e9", "train/x", "test/cafe\u0301", "test/x"):
        fill(tmp_path / name)
    assert read(tmp_path).class_names == ("caf\u00e9", "x")


# Links.


def linked(folder: Path, name: str, target: Path | str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).symlink_to(target)


def test_links_to_files_and_to_folders_elsewhere_are_followed(tmp_path: Path) -> None:
    fill(tmp_path / "store" / "x")
    fill(tmp_path / "store" / "y")
    root = tmp_path / "root"
    for number in range(12):
        linked(root, f"a/{number}.png", tmp_path / "store" / "x" / f"{number}.png")
    linked(root, "b", tmp_path / "store" / "y")
    assert sources(read(root)) == {f"{name}/{number}.png" for name in "ab" for number in range(12)}


LEADS_BACK: list[Callable[[Path], str]] = [lambda root: "..", lambda root: "/", str, lambda root: str(root / "b")]


@pytest.mark.parametrize("target", LEADS_BACK, ids=["its parent", "everything", "the dataset", "another class"])
def test_links_that_lead_back_are_not_followed_and_noted(tmp_path: Path, target: Callable[[Path], str]) -> None:
    root = tmp_path / "root"
    fill(root / "a")
    fill(root / "b")
    linked(root, "a/deep/loop", target(root))
    dataset = read(root)
    assert len(sources(dataset)) == 24
    assert any(
        "1 link to what is read already, or out of the folder and up, not followed: a/deep/loop" in note
        for note in dataset.notes
    )


def test_no_file_is_read_twice_through_links(tmp_path: Path) -> None:
    root = tmp_path / "root"
    fill(tmp_path / "store")
    fill(root / "a")
    fill(root / "b")
    linked(root, "a/again.png", root / "a" / "3.png")
    linked(root, "a/store", tmp_path / "store")
    linked(root, "b/store", tmp_path / "store")
    linked(root, "b/one.png", tmp_path / "store" / "1.png")
    dataset = read(root)
    assert len(sources(dataset)) == 36
    assert any(note.startswith("3 links to what is read already") for note in dataset.notes)


def test_a_file_that_a_link_led_to_is_not_read_again_in_its_linked_folder(tmp_path: Path) -> None:
    root = tmp_path / "root"
    fill(tmp_path / "store")
    fill(root / "a")
    fill(root / "b")
    linked(root, "a/first.png", tmp_path / "store" / "3.png")
    linked(root, "b/store", tmp_path / "store")
    found = sources(read(root))
    assert len(found) == 36
    assert "a/first.png" in found and "b/store/3.png" not in found


def test_two_folders_that_link_to_each_other_end(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for name, other in (("one", "two"), ("two", "one")):
        fill(tmp_path / "store" / name, 10)
        linked(tmp_path / "store", f"{name}/other", tmp_path / "store" / other)
    fill(root / "b")
    linked(root, "a", tmp_path / "store" / "one")
    assert len(sources(read(root))) == 32


# Asking first.


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param(["a/x.png"], True, id="class folders"),
        pytest.param(["train/a/deep/x.JPG"], True, id="splits"),
        pytest.param(["a/no suffix"], True, id="known by content"),
        pytest.param(["x.png"], False, id="loose"),
        pytest.param(["a/x.csv", "b.csv"], False, id="tables"),
        pytest.param([".hidden/x.png", "__MACOSX/x.png"], False, id="left behind"),
        pytest.param([], False, id="empty"),
    ],
)
def test_class_folders_are_known_by_the_images_in_them(tmp_path: Path, files: list[str], expected: bool) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"a,b\n1,2\n" if name.endswith(".csv") else encoded(grey(), "PNG"))
    assert has_class_folders(tmp_path) is expected


def test_a_folder_that_is_not_there_has_no_class_folders(tmp_path: Path) -> None:
    assert has_class_folders(tmp_path / "gone") is False


def test_asking_does_not_wait_for_a_pipe_nor_follow_loops(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    os.mkfifo(tmp_path / "a" / "pipe.png")
    linked(tmp_path, "a/loop", tmp_path)
    assert has_class_folders(tmp_path) is False


def test_a_folder_called_like_an_image_is_read_as_a_folder_and_noted(tmp_path: Path) -> None:
    fill(tmp_path / "a" / "x.png")
    fill(tmp_path / "b")
    dataset = read(tmp_path)
    assert "a/x.png/3.png" in sources(dataset)
    assert "folders that are called like an image, read as folders: a/x.png" in dataset.notes


def test_a_class_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "a" / "closed")
    fill(tmp_path / "a")
    fill(tmp_path / "b")
    really_scan = os.scandir

    def refuse(path: str | Path) -> object:
        # Tests may run as root, whom no file mode stops.
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return really_scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match=r"a/closed is a folder that cannot be listed \(Permission denied\)"):
        read(tmp_path)
