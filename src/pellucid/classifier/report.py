"""`report`: everything about a classifier on one page."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pellucid.classifier.aligning import ONE_CLASS
from pellucid.classifier.card import Card
from pellucid.classifier.classifier import Classifier
from pellucid.classifier.evaluating import evaluate
from pellucid.classifier.predictor import Precision
from pellucid.classifier.saving import read_card
from pellucid.classifier.shown import data_section, network_section
from pellucid.classifier.told import findings_section, shown_value, training_section
from pellucid.data.dataset import Dataset
from pellucid.data.options import ReadOptions
from pellucid.data.preparing_images import ImagePreparation
from pellucid.data.reading import FASHION_MNIST, read_with
from pellucid.errors import PellucidError
from pellucid.evaluation.sections import Judged, figures_of, judgement_sections
from pellucid.networks.modes import device_of
from pellucid.rendering.blocks import Block, Code, Facts, Figures, Heading, Note
from pellucid.rendering.result import Result
from pellucid.tracing.architecture import Architecture
from pellucid.tracing.describing import describe

# What a file may say of its test split.
MEASURES = (("accuracy", "accuracy", ".2%"), ("micro_f1", "micro F1", ".2%"), ("r2", "R²", ".3f"))


@dataclass(frozen=True, eq=False)
class Report(Result):
    """Everything about a classifier: what it is, how it was made, how good it is, how to use it.

    Attributes:
        name: Of the classifier: its file's, or its dataset's.
        classifier: With its settings, metrics and dataset.
        architecture: Of its network.
        evaluation: On a split of the dataset; None without a dataset.
        dataset: That it was judged on; None without one.
        card: Of its file; None if it is in no file.
        path: Its file; None if it is in none.
        notes: What could not be done, in sentences.
    """

    name: str
    classifier: Classifier
    architecture: Architecture
    evaluation: Judged | None
    dataset: Dataset | None
    card: Card | None
    path: str | None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the facts; pictures are left out."""
        classifier, card = self.classifier, self.card
        return {
            "name": self.name,
            "file": self.path,
            "task": classifier.task,
            "class_names": list(classifier.class_names),
            "network": self.architecture.to_dict(),
            "preparation": classifier.preparation.to_dict(),
            "settings": classifier.settings,
            "metrics": classifier.metrics,
            "dataset": classifier.dataset,
            "evaluation": self.evaluation.to_dict() if self.evaluation else None,
            "judged_on": {"source": self.dataset.source, "fingerprint": self.dataset.fingerprint}
            if self.dataset
            else None,
            "versions": card.versions if card else None,
            "created": card.created if card else None,
            "weights_sha256": card.weights_sha256 if card else None,
            "notes": list(self.notes),
        }

    def blocks(self) -> Sequence[Block]:
        """Show all of it, in sections."""
        judged = judgement_sections(self.evaluation) if self.evaluation else []
        return [
            Heading(self.name, 1),
            Note(self._sentence()),
            Figures(self._figures()),
            *(Note(note, is_warning=True) for note in self.notes),
            *judged,
            *training_section(
                self.classifier.settings, self.classifier.metrics, is_smoothed=self.classifier.task in ONE_CLASS
            ),
            *findings_section(self.classifier.settings.get("findings")),
            *data_section(self.classifier, self.dataset),
            *network_section(self.classifier, self.architecture),
            *self._usage(),
            *self._origin(),
        ]

    def _sentence(self) -> str:
        names = self.classifier.class_names
        some = ", ".join(names[:10]) + (" …" if len(names) > 10 else "")
        kinds = {
            "multiclass": f"Tells {len(names)} classes apart: {some}.",
            "binary": f"Tells {names[0]} and {names[-1]} apart.",
            "multilabel": f"Says which of {len(names)} labels hold: {some}.",
            "regression": f"Estimates {some}.",
        }
        return kinds[self.classifier.task]

    def _figures(self) -> list[tuple[str, str]]:
        figures = figures_of(self.evaluation.to_dict()) if self.evaluation else []
        metrics = self.classifier.metrics
        for name, measure, pattern in MEASURES:
            value = metrics.get(f"test_{name}")
            if not figures and isinstance(value, float):
                figures.append((format(value, pattern), f"test {measure}, as its file says"))
        return [*figures, (f"{self.architecture.parameters:,}", f"parameters of {self.architecture.kind}")]

    def _usage(self) -> list[Block]:
        """Return the commands and the Python that use the file."""
        file = self.path or f"{self.name}.safetensors"
        own = self.card.network if self.card and "class" in self.card.network else None
        again = ["--network", f"{own['file']}:{own['class']}"] if own else []
        is_of_images = isinstance(self.classifier.preparation, ImagePreparation)
        what = "picture.png" if is_of_images else "rows.csv"
        trained_on = self.classifier.dataset
        # What comes with the package is called by its name, anything else by its path.
        data = FASHION_MNIST if trained_on.get("name") == FASHION_MNIST else str(trained_on.get("source") or "DATASET")
        lines = [
            ["pellucid", "predict", file, *again, what],
            ["pellucid", "evaluate", file, data, *again],
            *([["pellucid", "trace", file, *again, what]] if is_of_images else []),
            ["pellucid", "describe", file, *again],
            ["pellucid", "train", data, "--from", file, *again],
        ]
        network = f", network={json.dumps(again[1], ensure_ascii=False)}" if again else ""
        python = (
            "import pellucid\n\n"
            f"classifier = pellucid.load({json.dumps(file, ensure_ascii=False)}{network})\n"
            f"print(pellucid.predict(classifier, {json.dumps(what)}))"
        )
        return [
            Heading("How to use it"),
            Code("\n".join(shlex.join(line) for line in lines), title="on the command line"),
            Code(python, title="in Python"),
        ]

    def _origin(self) -> list[Block]:
        if self.card is None:
            return []
        entries = [
            ("file", self.path or ""),
            ("saved", self.card.created),
            *((f"version of {name}", shown_value(value)) for name, value in self.card.versions.items()),
            ("SHA-256 of the weights", self.card.weights_sha256),
        ]
        return [Heading("Where it comes from"), Facts(entries)]


def report(
    classifier: Classifier,
    dataset: Dataset | None = None,
    *,
    path: str | Path | None = None,
    split: str = "test",
    precision: Precision = "auto",
    baselines: bool = False,
) -> Report:
    """Gather everything about a classifier; write it as one page with `write_result` or `pellucid report`.

    Args:
        classifier: Trained or loaded.
        dataset: To judge it on; without one, the report has no judgement of its own.
        path: The file of the classifier, for the commands and the versions in it.
        split: To judge it on: "test", "validation" or "train".
        precision: Of the judgement; see `evaluate`.
        baselines: Whether to fit the simplest classifiers on the dataset's training examples, and compare.

    Raises:
        ClassifierFileError: If the file is no classifier.
        DataError: If the dataset has other classes than the classifier.
        MissingFileError: If there is no such file.
        ShapeError: If the inputs have another shape.
        UnknownNameError: If the dataset has no such split, or there is no such precision.
    """
    notes = []
    known = classifier.dataset.get("fingerprint")
    if dataset is None:
        notes.append("There was no dataset to judge it on; what its file says of its accuracy is shown as it is.")
    elif known is not None and known != dataset.fingerprint:
        notes.append(f"Judged on {dataset.source}, which is not, or no longer, what it was trained on.")
    evaluation = None
    if dataset is not None:
        evaluation = evaluate(classifier, dataset, split=split, precision=precision, baselines=baselines)
    device = device_of(classifier.network)
    one = torch.zeros(1, *classifier.preparation.prepared_shape, device=device)
    named = classifier.dataset.get("name")
    return Report(
        name=Path(path).stem if path is not None else (named if isinstance(named, str) else "classifier"),
        classifier=classifier,
        architecture=describe(classifier.network, one),
        evaluation=evaluation,
        dataset=dataset,
        card=read_card(path) if path is not None else None,
        path=str(path) if path is not None else None,
        notes=tuple(notes),
    )


def dataset_of(classifier: Classifier) -> Dataset | None:
    """Return the very dataset that a classifier was trained on, if it is still where it was.

    A file may name any folder: what is read there is returned only if its fingerprint is the one in the file, which
    nobody can know who has not the data.
    """
    for key in ("source", "name"):
        place = classifier.dataset.get(key)
        if not isinstance(place, str) or not place:
            continue
        try:
            found = read_with(place, ReadOptions.of_card(classifier.dataset.get("options")))
        except PellucidError:
            continue
        if found.fingerprint == classifier.dataset.get("fingerprint"):
            return found
    return None
