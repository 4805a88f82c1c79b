"""What a network ends in, against losses computed with NumPy."""

import importlib
from typing import Any, get_args

import numpy as np
import pytest
import torch

from pellucid.errors import UnknownNameError
from pellucid.networks.activations import activation
from pellucid.networks.outputs import OutputChoice, output_for
from pellucid.tasks import Task

CHOICES = [pytest.param(output_for(task), id=task) for task in get_args(Task)]
LOGITS = torch.tensor([[0.5, -1.0, 2.0], [3.0, 0.0, -2.0]])


def loss_of(task: Task, logits: torch.Tensor, targets: torch.Tensor) -> float:
    loss: float = output_for(task).make_loss()(logits, targets).item()
    return loss


def test_the_multiclass_loss_is_the_log_softmax_of_the_right_class() -> None:
    logits = LOGITS.double().numpy()
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    by_hand = -np.log([shares[0, 2], shares[1, 1]]).mean()
    assert loss_of("multiclass", LOGITS, torch.tensor([2, 1])) == pytest.approx(by_hand, rel=1e-6)


def test_the_binary_loss_is_the_log_of_the_sigmoid() -> None:
    probability = 1 / (1 + np.exp(-np.array([0.5, -1.0])))
    by_hand = -np.log([probability[0], 1 - probability[1]]).mean()
    targets = torch.tensor([[1.0], [0.0]])
    assert loss_of("binary", torch.tensor([[0.5], [-1.0]]), targets) == pytest.approx(by_hand, rel=1e-6)


def test_the_multilabel_loss_judges_every_label_by_itself() -> None:
    targets = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    probability = 1 / (1 + np.exp(-LOGITS.double().numpy()))
    by_hand = -np.log(np.where(targets == 1, probability, 1 - probability)).mean()
    assert loss_of("multilabel", LOGITS, torch.from_numpy(targets).float()) == pytest.approx(by_hand, rel=1e-6)


def test_the_regression_loss_is_the_mean_squared_error() -> None:
    assert loss_of("regression", torch.tensor([[1.0], [4.0]]), torch.tensor([[0.0], [1.0]])) == 5.0


def test_the_multiclass_loss_stays_exact_for_large_logits() -> None:
    # The softmax of the wrong class is 0 in float32, and its logarithm infinite.
    assert loss_of("multiclass", torch.tensor([[1000.0, 0.0]]), torch.tensor([1])) == 1000.0


def test_the_binary_loss_stays_exact_for_large_logits() -> None:
    assert loss_of("binary", torch.tensor([[1000.0]]), torch.tensor([[0.0]])) == 1000.0


@pytest.mark.parametrize("choice", CHOICES)
def test_names_the_class_of_the_loss_that_it_makes(choice: OutputChoice) -> None:
    home, _, name = choice.loss.rpartition(".")
    assert getattr(importlib.import_module(home), name) is type(choice.make_loss())


@pytest.mark.parametrize("choice", CHOICES)
def test_says_all_that_it_holds(choice: OutputChoice) -> None:
    text = " ".join(str(choice).split())
    for part in (choice.task, choice.outputs, choice.loss, choice.targets, choice.why):
        assert part in text


@pytest.mark.parametrize(
    ("task", "name"),
    [("multiclass", "softmax"), ("binary", "sigmoid"), ("multilabel", "sigmoid"), ("regression", None)],
)
def test_names_the_activation_for_predicting(task: Task, name: str | None) -> None:
    assert output_for(task).output_activation == name
    assert name is None or activation(name).name == name


def test_to_dict_holds_every_field_but_the_builder() -> None:
    facts: dict[str, Any] = output_for("binary").to_dict()
    assert facts == {key: value for key, value in vars(output_for("binary")).items() if key != "make_loss"}


def test_an_unknown_task_is_told_the_nearest_one() -> None:
    with pytest.raises(UnknownNameError, match=r"no task 'multi-class'\n  fix: write 'multiclass' \(did you mean"):
        output_for("multi-class")  # type: ignore[arg-type]
