"""The file of a classifier: what comes back is what was saved, or nothing does."""

import hashlib
import os
import stat
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors import torch as safetensors
from torch import Tensor, nn

import pellucid
from pellucid.classifier.classifier import Classifier
from pellucid.data.dataset import Dataset
from pellucid.data.preparing_images import ImagePreparation
from pellucid.errors import (
    ClassifierFileError,
    MissingFileError,
    OverwriteError,
    PellucidError,
    RecipeError,
    UnwritableError,
)
from pellucid.networks.activations import activations


def answers(classifier: Classifier, dataset: Dataset) -> Tensor:
    """The logits on the test images."""
    return classifier.logits(torch.from_numpy(dataset.test.inputs))


def networks() -> list[tuple[str, nn.Module]]:
    """One network of each kind that the builders make."""
    made: list[tuple[str, nn.Module]] = [
        (f"mlp with {entry.name}", pellucid.mlp(36, (8,), 3, activation=entry.name, seed=1))
        for entry in activations()
        if not entry.is_output_only
    ]
    return [
        *made,
        ("batch", pellucid.mlp(36, (8,), 3, norm="batch", dropout=0.3, seed=1)),
        ("layer", pellucid.mlp(36, (8,), 3, norm="layer", seed=1)),
        ("softmax", pellucid.mlp((1, 6, 6), (), 3, output_activation="softmax", seed=1)),
        ("cnn", pellucid.cnn((1, 6, 6), (4, 5), 3, norm="batch", seed=1)),
    ]


@pytest.mark.parametrize(("name", "network"), networks(), ids=lambda value: value if isinstance(value, str) else "")
def test_a_saved_and_loaded_classifier_predicts_bit_equally(
    name: str, network: nn.Module, dataset: Dataset, tmp_path: Path
) -> None:
    # Statistics that are not those of the start.
    network.train()(torch.rand(8, 1, 6, 6))
    classifier = Classifier(network, ImagePreparation.fit(dataset.train), dataset.class_names)
    pellucid.save(classifier, tmp_path / "one.safetensors")
    loaded = pellucid.load(tmp_path / "one.safetensors")
    assert torch.equal(answers(loaded, dataset), answers(classifier, dataset)), name


def test_a_trained_classifier_keeps_what_was_measured(dataset: Dataset, tmp_path: Path) -> None:
    run = pellucid.train(pellucid.mlp(36, (8,), 3, seed=0), dataset, pellucid.Settings(epochs=1))
    loaded = pellucid.load(pellucid.save(run.classifier, tmp_path / "one.safetensors"))
    assert run.evaluation is not None
    assert loaded.metrics["test_accuracy"] == run.evaluation.score
    assert loaded.settings["epochs"] == 1
    assert loaded.dataset["fingerprint"] == dataset.fingerprint
    assert loaded.preparation == run.classifier.preparation


def test_any_safetensors_tool_opens_the_file(classifier: Classifier, saved: Path) -> None:
    tensors = safetensors.load_file(saved)
    assert tensors.keys() == classifier.network.state_dict().keys()
    assert all(torch.equal(tensors[name], value) for name, value in classifier.network.state_dict().items())


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_single_flipped_bit_anywhere_is_found(
    data: st.DataObject, saved: Path, classifier: Classifier, dataset: Dataset, tmp_path: Path
) -> None:
    content = bytearray(saved.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= 1 << data.draw(st.integers(0, 7))
    flipped = tmp_path / "flipped.safetensors"
    flipped.write_bytes(content)
    with pytest.raises(PellucidError, match="fix: "):
        pellucid.load(flipped)


def test_every_flipped_bit_of_the_header_is_found_or_means_nothing(
    saved: Path, classifier: Classifier, dataset: Dataset
) -> None:
    content = saved.read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    expected = answers(classifier, dataset)
    survived = 0
    # In place: to write the whole file anew for every bit takes ten times as long on some disks.
    with saved.open("r+b", buffering=0) as file:
        for position in range(header):
            for bit in (0, 5):
                os.pwrite(file.fileno(), bytes([content[position] ^ (1 << bit)]), position)
                try:
                    loaded = pellucid.load(saved)
                except PellucidError:
                    continue
                finally:
                    os.pwrite(file.fileno(), content[position : position + 1], position)
                survived += 1
                assert torch.equal(answers(loaded, dataset), expected), position
    assert saved.read_bytes() == content
    # Padding spaces, and the capitals of escapes, may change without meaning.
    assert survived <= 16


@pytest.mark.parametrize("share", [0, 0.001, 0.1, 0.5, 0.9, 0.9999])
def test_a_file_that_is_cut_short_is_refused(share: float, saved: Path) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ClassifierFileError, match=r"is no classifier, or is cut short(.|\n)*fix: give a file"):
        pellucid.load(saved)


@pytest.mark.parametrize("content", [b"", b"hello", os.urandom(5000), b"\xff" * 100, b"\x80\x04\x95pickle"])
def test_a_file_of_another_kind_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(content)
    with pytest.raises(ClassifierFileError, match="is no classifier, or is cut short"):
        pellucid.load(path)


def test_tensors_without_a_card_are_refused(tmp_path: Path) -> None:
    safetensors.save_file({"weight": torch.zeros(2)}, tmp_path / "bare.safetensors")
    with pytest.raises(ClassifierFileError, match="holds tensors but no card of a classifier"):
        pellucid.load(tmp_path / "bare.safetensors")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"there is no file .*nothing\.safetensors"):
        pellucid.load(tmp_path / "nothing.safetensors")


def test_overwrites_nothing_unless_told(classifier: Classifier, saved: Path) -> None:
    before = saved.read_bytes()
    with pytest.raises(OverwriteError, match=r"is there already\n  fix: .*--overwrite"):
        pellucid.save(classifier, saved)
    assert saved.read_bytes() == before
    pellucid.save(classifier, saved, overwrite=True)
    assert pellucid.load(saved).class_names == classifier.class_names


def test_a_failed_write_leaves_the_old_file_and_no_new_one(
    classifier: Classifier, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnwritableError, match="cannot be written"):
        pellucid.save(classifier, saved, overwrite=True)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_a_folder_that_is_missing_is_to_be_made(classifier: Classifier, tmp_path: Path) -> None:
    with pytest.raises(UnwritableError, match=r"there is no folder .*models\n  fix: make it first: mkdir -p"):
        pellucid.save(classifier, tmp_path / "models" / "one.safetensors")


def test_a_place_inside_a_file_is_no_folder(classifier: Classifier, saved: Path) -> None:
    with pytest.raises(UnwritableError, match="there is no folder"):
        pellucid.save(classifier, saved / "one.safetensors")


def test_the_file_has_the_rights_that_the_umask_leaves(classifier: Classifier, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        path = pellucid.save(classifier, tmp_path / "one.safetensors")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


class Tied(nn.Module):
    """A network of a user's own, with one weight used twice."""

    def __init__(self, units: int = 36) -> None:
        super().__init__()
        self.first = nn.Linear(36, units)
        self.second = nn.Linear(36, units)
        self.second.weight = self.first.weight
        self.last = nn.Linear(units, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.last(self.second(self.first(inputs.flatten(1)).relu()))
        return logits


@pytest.fixture
def own(dataset: Dataset, tmp_path: Path) -> tuple[Classifier, Path]:
    """A classifier with a network of the user's class, and its file."""
    classifier = Classifier(Tied(), ImagePreparation.fit(dataset.train), dataset.class_names)
    return classifier, pellucid.save(classifier, tmp_path / "own.safetensors")


def test_a_network_of_the_users_class_needs_the_class_again(own: tuple[Classifier, Path]) -> None:
    with pytest.raises(RecipeError, match=r"the class 'Tied' .*no code is kept in it\n  fix: name the class again"):
        pellucid.load(own[1])


def test_a_network_of_the_users_class_comes_back_bit_equally(own: tuple[Classifier, Path], dataset: Dataset) -> None:
    for network in (Tied, Tied()):
        loaded = pellucid.load(own[1], network=network)
        assert torch.equal(answers(loaded, dataset), answers(own[0], dataset))
        assert isinstance(loaded.network, Tied)
        assert loaded.network.second.weight is loaded.network.first.weight


def test_another_class_is_refused(own: tuple[Classifier, Path]) -> None:
    with pytest.raises(ClassifierFileError, match="holds other tensors than the network has"):
        pellucid.load(own[1], network=nn.Linear(36, 3))
    with pytest.raises(ClassifierFileError, match=r"first\.bias in .* is torch\.float32 \[36\] but the network has"):
        pellucid.load(own[1], network=Tied(35))


def test_the_card_names_versions_and_a_checksum(saved: Path) -> None:
    with safe_open(saved, framework="pt") as file:
        text = file.metadata()["pellucid"]
        digest = file.metadata()["pellucid_card_sha256"]
    assert hashlib.sha256(text.encode()).hexdigest() == digest
    assert f'"pellucid": "{pellucid.__version__}"' in text
    assert f'"torch": "{torch.__version__}"' in text
