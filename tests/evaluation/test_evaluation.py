"""A judgement, by hand: five examples of three classes, one of which is never there."""

import json
import math
import sys

import numpy as np
import pytest
import torch

from pellucid.errors import MissingPackageError, ShapeError
from pellucid.evaluation.evaluation import Evaluation, judge
from pellucid.evaluation.metrics import calibration_error, confusion_matrix, precision_recall_f1
from pellucid.rendering.blocks import Gallery, Table

# Rows of probabilities; their logarithms are logits of the same probabilities.
SHARES = [[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.9, 0.05, 0.05], [0.2, 0.7, 0.1], [0.5, 0.4, 0.1]]
LABELS = [0, 0, 1, 1, 1]
NAMES = ["cat", "dog", "owl"]


@pytest.fixture
def evaluation() -> Evaluation:
    """Right at 0 and 3; wrong at 1 (0.6 sure), 2 (0.9 sure) and 4 (0.5 sure)."""
    picture = [np.full((2, 2), index, np.uint8) for index in range(5)]
    return judge(torch.tensor(SHARES).log(), torch.tensor(LABELS), NAMES, split="test", picture=picture.__getitem__)


def test_accuracy_is_the_share_of_right_answers(evaluation: Evaluation) -> None:
    assert (evaluation.examples, evaluation.accuracy) == (5, 2 / 5)


def test_the_confusion_has_a_row_for_each_true_class(evaluation: Evaluation) -> None:
    assert evaluation.confusion.tolist() == [[1, 1, 0], [2, 1, 0], [0, 0, 0]]


def test_scores_of_each_class_are_those_by_hand(evaluation: Evaluation) -> None:
    cat, dog, _ = evaluation.classes
    assert [cat.precision, cat.recall, cat.examples] == pytest.approx([1 / 3, 1 / 2, 2])
    assert cat.f1 == pytest.approx(2 * (1 / 3) * (1 / 2) / (1 / 3 + 1 / 2))
    assert [dog.precision, dog.recall, dog.examples] == pytest.approx([1 / 2, 1 / 3, 3])


def test_a_class_that_is_never_there_nor_predicted_scores_zero(evaluation: Evaluation) -> None:
    owl = evaluation.classes[2]
    assert (owl.precision, owl.recall, owl.f1, owl.examples) == (0.0, 0.0, 0.0, 0)


def test_macro_f1_leaves_out_classes_without_examples(evaluation: Evaluation) -> None:
    # Both F1 are 2/5.
    assert evaluation.macro_f1 == pytest.approx(2 / 5)


def test_the_loss_is_the_mean_logarithm_of_the_true_classes(evaluation: Evaluation) -> None:
    true = [0.8, 0.3, 0.05, 0.7, 0.4]
    assert evaluation.loss == pytest.approx(-sum(map(math.log, true)) / 5, rel=1e-6)


def test_mistakes_come_with_the_most_confident_first(evaluation: Evaluation) -> None:
    assert [(m.example, m.label, m.predicted) for m in evaluation.mistakes] == [
        (2, "dog", "cat"),
        (1, "cat", "dog"),
        (4, "dog", "cat"),
    ]
    assert [m.confidence for m in evaluation.mistakes] == pytest.approx([0.9, 0.6, 0.5])


def test_only_mistakes_are_asked_for_their_pictures() -> None:
    asked: list[int] = []
    judge(torch.tensor(SHARES), torch.tensor(LABELS), NAMES, split="test", picture=asked.append)
    assert sorted(asked) == [1, 2, 4]


def test_the_interval_is_wilsons_by_hand(evaluation: Evaluation) -> None:
    z, share, total = 1.959963984540054, 2 / 5, 5
    middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    assert evaluation.interval == pytest.approx((middle - half, middle + half))


def test_the_calibration_error_is_that_by_hand(evaluation: Evaluation) -> None:
    # Each example is alone in its bin of 1/15.
    assert evaluation.calibration_error == pytest.approx((0.2 + 0.6 + 0.9 + 0.3 + 0.5) / 5)


def test_the_facts_survive_json(evaluation: Evaluation) -> None:
    facts = json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))
    assert facts == evaluation.to_dict()
    assert facts["confusion"] == [[1, 1, 0], [2, 1, 0], [0, 0, 0]]
    assert facts["mistakes"][0] == {
        "example": 2,
        "label": "dog",
        "predicted": "cat",
        "confidence": evaluation.mistakes[0].confidence,
        "source": None,
    }


def test_the_blocks_show_the_numbers_of_the_facts(evaluation: Evaluation) -> None:
    tables = {block.title.split(":")[0]: block for block in evaluation.blocks() if isinstance(block, Table)}
    classes, confusion, mistakes = tables[""], tables["confusion"], tables["the most confident mistakes"]
    assert [tuple(row) for row in classes.rows] == [
        (score.name, score.precision, score.recall, score.f1, score.examples) for score in evaluation.classes
    ]
    assert [list(row[1:]) for row in confusion.rows] == evaluation.confusion.tolist()
    assert [row[0] for row in mistakes.rows] == [2, 1, 4]


def test_the_text_names_loss_and_calibration(evaluation: Evaluation) -> None:
    assert f"cross-entropy {evaluation.loss:.4f}, expected calibration error 50.00% (15 bins)" in str(evaluation)


def test_the_gallery_has_a_caption_for_each_mistake(evaluation: Evaluation) -> None:
    (gallery,) = (block for block in evaluation.blocks() if isinstance(block, Gallery))
    assert [image.caption for image in gallery.images] == ["dog, not cat", "cat, not dog", "dog, not cat"]
    assert [image.pixels[0, 0] for image in gallery.images] == [2, 1, 4]


def test_answers_without_a_mistake_show_no_table_of_mistakes() -> None:
    evaluation = judge(torch.eye(3), torch.arange(3), NAMES, split="test")
    assert not {"the most confident mistakes", "the most confused pairs"} & {
        block.title for block in evaluation.blocks() if isinstance(block, Table)
    }


def test_ten_mistakes_are_kept_of_many() -> None:
    logits = torch.zeros(50, 2)
    logits[:, 1] = torch.arange(1.0, 51)
    evaluation = judge(logits, torch.zeros(50, dtype=torch.int64), ["a", "b"], split="test")
    # From 20 on the softmax is 1 in float32: equal ones stay in their order.
    assert len(evaluation.mistakes) == 10
    assert evaluation.accuracy == 0.0


def test_no_examples_are_judged_without_a_division_by_zero() -> None:
    evaluation = judge(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64), NAMES, split="test")
    assert (evaluation.examples, evaluation.accuracy, evaluation.interval) == (0, 0.0, (0.0, 1.0))
    assert (evaluation.loss, evaluation.calibration_error, evaluation.macro_f1) == (0.0, 0.0, 0.0)


def test_a_frame_without_pandas_says_how_to_get_it(evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingPackageError, match=r"pandas is not installed\n  fix: run: pip install pandas"):
        evaluation.to_frame()


@pytest.mark.parametrize("measure", [confusion_matrix, calibration_error])
@pytest.mark.parametrize(
    ("outputs", "labels", "message"),
    [
        (torch.zeros(2, 3, 1), torch.tensor([0, 1]), r"outputs have shape \[2, 3, 1\]"),
        (torch.zeros(3), torch.tensor([0, 1, 1]), r"outputs have shape \[3\]"),
        # Compared with [2] it would be broadcast to [2, 2], and counted twice.
        (torch.zeros(2, 3), torch.tensor([[0], [1]]), r"labels \[2, 1\]\n  fix: give outputs as \[examples, classes\]"),
        (torch.zeros(2, 3), torch.tensor([0, -1]), r"the labels go down to -1\n  fix: number the classes 0 to 2"),
        (torch.zeros(2, 3), torch.tensor([0, 3]), "the labels reach 3\n  fix: make the last layer 4 wide"),
    ],
)
def test_labels_that_do_not_belong_to_the_outputs_are_refused(
    measure: object, outputs: torch.Tensor, labels: torch.Tensor, message: str
) -> None:
    assert callable(measure)
    with pytest.raises(ShapeError, match=message):
        measure(outputs, labels)


def test_the_edge_of_a_bin_belongs_to_the_lower_one() -> None:
    # 0.75 and 0.8 with four bins: (0.5, 0.75] and (0.75, 1], one right and one wrong.
    shares = torch.tensor([[0.75, 0.25], [0.8, 0.2]], dtype=torch.float64)
    assert calibration_error(shares, torch.tensor([0, 1]), bins=4) == pytest.approx((0.25 + 0.8) / 2)


def test_a_class_that_is_predicted_but_never_there_has_no_precision() -> None:
    precision, recall, f1 = precision_recall_f1(torch.tensor([[3, 2], [0, 0]]))
    assert (precision.tolist(), recall.tolist(), f1[1].item()) == ([1.0, 0.0], [pytest.approx(0.6), 0.0], 0.0)
