"""Plots, read back from the artists that matplotlib drew."""

import io
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn

import pellucid
from pellucid.data.dataset import Dataset, Split
from pellucid.errors import DataError, MissingPackageError, ShapeError, UnknownNameError
from pellucid.evaluation.evaluation import Evaluation, judge
from pellucid.evaluation.metrics import wilson_interval


class Facts:
    """Anything with facts."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts

    def to_dict(self) -> dict[str, Any]:
        return self.facts


def evaluation_of(classes: int, each: int = 30, name: str = "class") -> Evaluation:
    """Random answers, mostly right, with a grey picture of each example."""
    labels = torch.arange(classes * each) % classes
    logits = torch.randn(len(labels), classes)
    logits[torch.arange(len(labels)), labels] += 2
    names = [f"{name} {number}" for number in range(classes)]
    picture = [np.full((4, 4), number % 256, np.uint8) for number in range(len(labels))]
    return judge(logits, labels, names, split="test", picture=picture.__getitem__)


JUDGED = Facts(
    {
        "calibration": {"bins": [{"confidence": 0.3, "accuracy": 0.5, "examples": 10, "low": 0, "high": 1}] * 2},
        "thresholds": {
            "rows": [
                {"confidence": 0.1, "coverage": 1.0, "accuracy": 0.8, "interval": [0.7, 0.9], "answered": 10},
                {"confidence": 0.9, "coverage": 0.5, "accuracy": 0.95, "interval": [0.9, 0.99], "answered": 5},
            ]
        },
    }
)
EPOCHS = [
    {"epoch": 1, "train_loss": 0.9, "validation_loss": 0.8, "validation_accuracy": 0.6, "learning_rate": 0.01},
    {"epoch": 2, "train_loss": 0.5, "validation_loss": None, "validation_accuracy": 0.8, "learning_rate": 0.001},
]
HISTORY = Facts({"epochs": EPOCHS, "best_epoch": 2})
CURVE = Facts(
    {
        "measure": "accuracy",
        "points": [{"examples": 100, "scores": [0.5, 0.6, 0.55]}, {"examples": 1000, "scores": [0.7, 0.75, 0.74]}],
        "forecast": {
            "law": {"floor": 0.1, "scale": 2.0, "exponent": 0.4},
            "examples": 2000, "score": 0.8, "low": 0.78, "high": 0.82,
        },
    }
)  # fmt: skip


def x_of(line: Any) -> list[float]:
    return np.asarray(line.get_xdata()).tolist()  # type: ignore[no-any-return]


def y_of(line: Any) -> list[float]:
    return np.asarray(line.get_ydata()).tolist()  # type: ignore[no-any-return]


def pixels_of(image: Any) -> Any:
    return np.asarray(image.get_array())


def images() -> Dataset:
    inputs = np.arange(12 * 3 * 5 * 4, dtype=np.uint8).reshape(12, 3, 5, 4)
    labels = np.arange(12, dtype=np.int64) % 3
    return Dataset("dots", {"train": Split(inputs, labels)}, ("a", "b", "c$"))


def convolution() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 36, 5))


def drawn() -> dict[str, Any]:
    """Every plot, by name, as a function of axes."""
    judged, network = evaluation_of(3), convolution()
    walk = pellucid.trace(network, torch.randn(2, 1, 8, 8))
    return {
        "history": lambda ax: pellucid.plot_history(HISTORY, ax=ax),
        "accuracy": lambda ax: pellucid.plot_history(HISTORY, measure="accuracy", ax=ax),
        "coverage": lambda ax: pellucid.plot_coverage(JUDGED, ax=ax),
        "learning curve": lambda ax: pellucid.plot_learning_curve(CURVE, ax=ax),
        "confusion": lambda ax: pellucid.plot_confusion(judged, ax=ax),
        "classes": lambda ax: pellucid.plot_classes(judged, ax=ax),
        "calibration": lambda ax: pellucid.plot_calibration(JUDGED, ax=ax),
        "examples": lambda ax: pellucid.plot_examples(images(), ax=ax),
        "mistakes": lambda ax: pellucid.plot_mistakes(judged, ax=ax),
        "maps": lambda ax: pellucid.plot_activations(walk, "0", ax=ax),
        "units": lambda ax: pellucid.plot_activations(walk, "3", ax=ax),
        "filters": lambda ax: pellucid.plot_weights(network, ax=ax),
        "matrix": lambda ax: pellucid.plot_weights(network, "3", ax=ax),
        "residuals": lambda ax: pellucid.plot_residuals(np.arange(200.0), np.arange(200.0) + 1, ax=ax),
    }


@pytest.mark.parametrize("name", drawn())
def test_axes_that_are_given_come_back_and_other_axes_of_the_figure_stay_empty(name: str) -> None:
    figure = Figure(layout="constrained")
    left, right = figure.subplots(1, 2)
    assert drawn()[name](left) is left
    assert left.has_data() and not right.has_data()
    figure.savefig(io.BytesIO(), dpi=20)


@pytest.mark.parametrize("name", drawn())
def test_a_figure_of_its_own_is_none_of_pyplots(name: str) -> None:
    import matplotlib as mpl
    from matplotlib import _pylab_helpers

    settings = dict(mpl.rcParams)
    axes = drawn()[name](None)
    axes.figure.savefig(io.BytesIO(), dpi=20)
    assert _pylab_helpers.Gcf.get_all_fig_managers() == []
    assert dict(mpl.rcParams) == settings


@pytest.mark.slow
def test_no_plot_loads_pyplot(tmp_path: Path) -> None:
    program = (
        "import sys, pellucid; facts = type('F', (), {'to_dict': lambda self: {'best_epoch': 1, 'epochs': "
        "[{'epoch': 1, 'train_loss': 1.0}]}})(); pellucid.plot_history(facts).figure.savefig(sys.argv[1]); "
        "print('matplotlib.pyplot' in sys.modules)"
    )
    place = tmp_path / "history.png"
    run = subprocess.run([sys.executable, "-c", program, place], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False" and place.read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_an_error_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'pellucid\[plots\]'"):
        pellucid.plot_history(HISTORY)


def test_a_history_is_plotted_as_its_epochs_say_with_a_gap_where_nothing_was_measured() -> None:
    axes = pellucid.plot_history(HISTORY)
    lines = {str(line.get_label()): line for line in axes.get_lines()}
    assert y_of(lines["training"]) == [0.9, 0.5]
    assert np.array_equal(y_of(lines["validation"]), [0.8, np.nan], equal_nan=True)
    assert x_of(lines["weights kept"]) == [2, 2]


def test_a_measure_that_a_history_has_not_is_told() -> None:
    with pytest.raises(UnknownNameError, match="'accuracy'"):
        pellucid.plot_history(HISTORY, measure="acuracy")
    without = Facts({"epochs": [{"epoch": 1, "train_loss": 1.0, "validation_accuracy": None}], "best_epoch": 1})
    with pytest.raises(DataError, match="the history has no accuracy"):
        pellucid.plot_history(without, measure="accuracy")


def test_every_count_stands_in_its_cell() -> None:
    judged = evaluation_of(4)
    texts = {text.get_position(): text.get_text() for text in pellucid.plot_confusion(judged).texts}
    assert texts == {(column, row): str(int(judged.confusion[row, column])) for row in range(4) for column in range(4)}


def test_shares_are_of_the_true_class() -> None:
    judged = evaluation_of(3)
    texts = {text.get_position(): text.get_text() for text in pellucid.plot_confusion(judged, shares=True).texts}
    confusion = judged.confusion.numpy()
    assert texts[2, 0] == f"{100 * confusion[0, 2] / confusion[0].sum():.0f}"


def test_a_cell_is_the_darker_the_larger_its_share_also_in_grey() -> None:
    facts = Facts({"confusion": [[90, 10], [40, 60]], "classes": [{"name": "a"}, {"name": "b"}]})
    (image,) = pellucid.plot_confusion(facts).images
    grey = np.asarray(pixels_of(image)) @ [0.299, 0.587, 0.114]
    assert grey[0, 0] < grey[1, 1] and grey[1, 0] < grey[0, 1]


def extents_of(axes: Axes, labels: list[Any]) -> list[Any]:
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    return [label.get_window_extent() for label in labels if label.get_text()]


@pytest.mark.parametrize("classes", [2, 10, 30, 100])
@pytest.mark.parametrize("width", [None, 3.6], ids=["its own figure", "a phone's width"])
def test_labels_of_a_confusion_matrix_do_not_touch_and_stay_inside(classes: int, width: float | None) -> None:
    ax = Figure(figsize=(width, width), layout="constrained").add_subplot() if width else None
    axes = pellucid.plot_confusion(evaluation_of(classes, each=5, name="a rather long name of a class"), ax=ax)
    for axis in (axes.xaxis, axes.yaxis):
        boxes = extents_of(axes, axis.get_ticklabels())
        assert len(boxes) >= 2
        assert not any(one.overlaps(other) for one, other in pairwise(boxes))
        figure = axes.get_figure(root=True)
        assert figure is not None
        assert all(figure.bbox.contains(*corner) for box in boxes for corner in box.corners())


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_names_of_the_classes_do_not_touch(classes: int) -> None:
    axes = pellucid.plot_classes(evaluation_of(classes))
    boxes = extents_of(axes, axes.get_yticklabels())
    assert len(boxes) == classes
    assert not any(one.overlaps(other) for one, other in pairwise(boxes))


def test_classes_stand_by_rising_recall_with_their_wilson_intervals() -> None:
    judged = evaluation_of(5)
    axes = pellucid.plot_classes(judged)
    expected = sorted((score.recall, score.name) for score in judged.classes)
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([recall for recall, _ in expected])  # type: ignore[attr-defined]
    segments = axes.containers[1].lines[2][0].get_segments()  # type: ignore[attr-defined]
    for (recall, _), segment in zip(expected, segments, strict=True):
        assert segment[:, 0].tolist() == pytest.approx(list(wilson_interval(round(recall * 30), 30)))


def test_precision_has_its_own_interval_and_f1_none() -> None:
    judged = evaluation_of(3)
    predicted = judged.confusion.sum(dim=0)
    place = min(range(3), key=lambda number: judged.classes[number].precision)
    segments = pellucid.plot_classes(judged, measure="precision").containers[1].lines[2][0].get_segments()  # type: ignore[attr-defined]
    right = int(judged.confusion[place, place])
    assert segments[0][:, 0].tolist() == pytest.approx(list(wilson_interval(right, int(predicted[place]))))
    assert len(pellucid.plot_classes(judged, measure="f1").containers) == 1


def test_calibration_shows_every_bin_and_its_count() -> None:
    bins = [
        {"confidence": 0.35, "accuracy": 0.5, "examples": 10},
        {"confidence": 0.9, "accuracy": 0.8, "examples": 90},
        {"confidence": 0.99, "accuracy": 0.0, "examples": 0},
    ]
    axes = pellucid.plot_calibration(Facts({"calibration": {"bins": bins}}))
    line = next(line for line in axes.get_lines() if x_of(line) == [0.35, 0.9])
    assert y_of(line) == [0.5, 0.8]
    (below,) = axes.child_axes
    assert [bar.get_height() for bar in below.patches] == [10, 90]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("plot", "problem"),
    [
        (pellucid.plot_confusion, "no confusion matrix"),
        (pellucid.plot_classes, "no scores by class"),
        (pellucid.plot_calibration, "no calibration"),
        (pellucid.plot_coverage, "no thresholds"),
    ],
)
def test_an_evaluation_without_the_facts_is_told(plot: Any, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        plot(Facts({"r2": 0.5}))


def test_coverage_rises_from_left_to_right() -> None:
    (line,) = pellucid.plot_coverage(JUDGED).get_lines()
    assert (x_of(line), y_of(line)) == ([0.5, 1.0], [0.95, 0.8])


def test_a_learning_curve_shows_every_training_and_the_median() -> None:
    lines = {str(line.get_label()): line for line in pellucid.plot_learning_curve(CURVE).get_lines()}
    assert y_of(lines["trainings"]) == [0.5, 0.6, 0.55, 0.7, 0.75, 0.74]
    assert y_of(lines["median"]) == [0.55, 0.74]
    assert y_of(lines["fitted"])[0] == pytest.approx(1 - (0.1 + 2 * 100**-0.4))


def test_examples_are_the_first_of_each_class_in_rows() -> None:
    dataset = images()
    shown = pellucid.plot_examples(dataset, per_class=2, classes=["c$", "a"]).images
    expected = [dataset.train.inputs[number].transpose(1, 2, 0) for number in (2, 5, 0, 3)]
    assert all(np.array_equal(pixels_of(image), pixels) for image, pixels in zip(shown, expected, strict=True))


def test_examples_of_a_class_or_a_kind_that_is_not_there_are_told() -> None:
    with pytest.raises(UnknownNameError, match="there is no class 'd'"):
        pellucid.plot_examples(images(), classes=["d"])


def test_a_name_with_dollar_signs_is_no_formula() -> None:
    axes = pellucid.plot_examples(images())
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.savefig(io.BytesIO(), dpi=20)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", r"c\$"]


def test_mistakes_stand_with_their_classes_worst_first() -> None:
    judged = evaluation_of(3)
    axes = pellucid.plot_mistakes(judged, most=4)
    worst = judged.mistakes[:4]
    assert [text.get_text().split("\n")[:2] for text in axes.texts] == [[m.label, f"not {m.predicted}"] for m in worst]
    for image, mistake in zip(axes.images, worst, strict=True):
        assert mistake.picture is not None and np.array_equal(pixels_of(image), mistake.picture)


def test_mistakes_without_a_picture_are_told() -> None:
    with pytest.raises(DataError, match="no mistake of the evaluation has a picture"):
        pellucid.plot_mistakes(SimpleNamespace(mistakes=()))


def test_feature_maps_are_scaled_alike() -> None:
    walk = pellucid.trace(convolution(), torch.randn(2, 1, 8, 8))
    maps = walk.values("0")[1].numpy()
    shown = np.stack([pixels_of(image) for image in pellucid.plot_activations(walk, "0", example=1).images])
    expected = (maps - maps.min()) / (maps.max() - maps.min()) * 255
    assert np.abs(shown - expected).max() <= 0.51


def test_an_example_that_is_not_in_the_batch_is_told() -> None:
    walk = pellucid.trace(convolution(), torch.randn(2, 1, 8, 8))
    with pytest.raises(DataError, match=r"0 gave \[2, 3, 6, 6\], in which there is no example 2"):
        pellucid.plot_activations(walk, "0", example=2)


def test_weights_of_pixels_are_pictures_around_grey() -> None:
    network = pellucid.mlp(64, (4,), 2, seed=0)
    weights = next(network.parameters()).detach().numpy()
    shown = [pixels_of(image) for image in pellucid.plot_weights(network).images]
    expected = (weights[3].reshape(8, 8) / np.abs(weights).max() + 1) / 2 * 255
    assert len(shown) == 4 and np.abs(np.asarray(shown[3]) - expected).max() <= 0.51


def test_a_layer_without_weights_is_told() -> None:
    with pytest.raises(DataError, match="1 has no matrix of weights"):
        pellucid.plot_weights(convolution(), "1")
    with pytest.raises(UnknownNameError, match="there is no layer '9'"):
        pellucid.plot_weights(convolution(), "9")


def test_residuals_are_answer_minus_truth() -> None:
    axes = pellucid.plot_residuals(torch.tensor([[1.0], [2.0]]), [3.0, 1.0])
    points = axes.get_lines()[0]
    assert (x_of(points), y_of(points)) == ([1, 2], [-2, 1])


def test_residuals_of_other_shapes_are_told() -> None:
    with pytest.raises(ShapeError, match=r"answers have shape \[3\] and labels \[2\]"):
        pellucid.plot_residuals([1.0, 2.0, 3.0], [1.0, 2.0])
