"""Confident learning: which labels a network that never saw them contradicts, and how many of all are wrong.

Curtis Northcutt, Lu Jiang, Isaac Chuang (2021), "Confident Learning: Estimating Uncertainty in Dataset Labels".
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Doubts:
    """What out-of-fold probabilities say of labels.

    Attributes:
        places: Positions of the examples whose label is contradicted, the most clearly first.
        suggested: Int64 [examples]: for each, the most probable class but its own.
        margins: Float64 [examples]: probability of the own class minus that of the suggested one, -1 to 1.
        joint: Float64 [classes, classes]: estimated number of examples; row = given class, column = true class.
    """

    places: NDArray[np.int64]
    suggested: NDArray[np.int64]
    margins: NDArray[np.float64]
    joint: NDArray[np.float64]

    @property
    def wrong(self) -> float:
        """Estimated number of wrong labels: what stands off the diagonal of the joint."""
        return float(self.joint.sum() - np.trace(self.joint))


def doubts_of(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> Doubts:
    """Compare given labels with the probabilities that held-out examples got.

    An example counts for the class that it has most probability of among those where it has at least as much as the
    mean example with that label; if that is not its own, its label is contradicted. Classes that a network knows less
    well thereby need less. Contradicted ones are ranked by their margin.

    Args:
        probabilities: Float [examples, classes]; of each example by a network that never saw it.
        labels: Int64 [examples], as given.

    Example:
        >>> sure = np.array([[0.9, 0.1], [0.8, 0.2], [0.05, 0.95], [0.1, 0.9], [0.2, 0.8]])
        >>> doubts = doubts_of(sure, np.array([0, 0, 0, 1, 1]))
        >>> doubts.places.tolist(), doubts.suggested[2], round(doubts.wrong, 2)
        ([2], np.int64(1), 1.0)
    """
    probabilities = probabilities.astype(np.float64)
    examples, classes = probabilities.shape
    everyone = np.arange(examples)
    counts = np.bincount(labels, minlength=classes)
    own = probabilities[everyone, labels]
    thresholds = np.bincount(labels, weights=own, minlength=classes) / np.maximum(counts, 1)
    # No example can be of a class that nobody was labelled with.
    confident = (probabilities >= thresholds) & (counts > 0)
    among = np.where(confident, probabilities, -1.0)
    found = np.where(confident.any(axis=1), among.argmax(axis=1), -1)
    others = probabilities.copy()
    others[everyone, labels] = -1.0
    suggested = others.argmax(axis=1)
    margins = own - others[everyone, suggested]
    # A class that is merely easy to be confident of is no contradiction while the own one is more probable.
    contradicted = np.flatnonzero((found >= 0) & (found != labels) & (margins < 0))
    places = contradicted[np.argsort(margins[contradicted], kind="stable")]
    return Doubts(places, suggested, margins, _joint(found, labels, counts))


def _joint(found: NDArray[np.int64], labels: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Count examples by given and found class, and bring each row to the number of its given labels."""
    classes = len(counts)
    counted = found >= 0
    joint = np.bincount(labels[counted] * classes + found[counted], minlength=classes * classes)
    joint = joint.reshape(classes, classes).astype(np.float64)
    rows = joint.sum(axis=1)
    # A class none of whose examples counts is taken to be right.
    joint[np.diag_indices(classes)] += np.where(rows == 0, counts, 0)
    calibrated: NDArray[np.float64] = joint * (counts / np.maximum(joint.sum(axis=1), 1))[:, None]
    return calibrated
