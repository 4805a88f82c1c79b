"""The measure of each task, against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn import metrics

from pellucid.training.judging.scores import score_of, shown


def test_scores_are_those_of_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    logits, labels = generator.normal(size=(50, 3)), generator.integers(0, 3, 50)
    found = score_of(torch.from_numpy(logits), torch.from_numpy(labels), "multiclass")
    assert found == pytest.approx(metrics.accuracy_score(labels, logits.argmax(axis=1)))
    held = (generator.random((50, 3)) < 0.4).astype(np.float32)
    found = score_of(torch.from_numpy(logits), torch.from_numpy(held), "multilabel")
    assert found == pytest.approx(1 - metrics.hamming_loss(held, logits > 0))
    targets = generator.normal(size=(50, 3)) + logits
    found = score_of(torch.from_numpy(logits), torch.from_numpy(targets), "regression")
    assert found == pytest.approx(metrics.r2_score(targets, logits))


def test_a_target_that_never_changes_is_not_explained() -> None:
    assert score_of(torch.zeros(4, 1), torch.ones(4, 1), "regression") == 0.0


def test_scores_are_shown_as_the_task_has_it() -> None:
    assert (shown(0.9123, "binary"), shown(0.4831, "regression")) == ("91.2%", "0.483")
