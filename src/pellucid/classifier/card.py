"""The card of a classifier: what stands in its file beside the weights, checked before anything is built from it."""

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pellucid.classifier.preparations import (
    IMAGES,
    is_preparation,
    is_scale,
    preparation_facts,
    preparation_of,
    scale_of,
)
from pellucid.data.preparing import Preparation
from pellucid.data.targets import TargetScale
from pellucid.errors import ClassifierFileError
from pellucid.tasks import TASKS, Task

FORMAT = "pellucid classifier"
# Version 1 knew images and one class of several only; it is still read.
VERSION = 2
MOST_CLASSES = 1_000_000
LONGEST_CARD = 16 * 2**20
# Control characters, halves of surrogate pairs, and line and paragraph ends; a space of any kind is no harm.
CONTROLS = ("Cc", "Cs", "Zl", "Zp")
# Overrides of the writing direction: what is shown is not what is there.
TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
KEYS = (
    "format", "version", "network", "preparation", "task", "class_names", "targets", "settings", "metrics", "dataset",
    "versions", "created", "weights_sha256",
)  # fmt: skip


@dataclass(frozen=True)
class Card:
    """The content of a card.

    Attributes:
        network: A recipe, or {"class": name, "file": name} for a class of the user's.
        preparation: Of the inputs.
        task: What the network answers.
        class_names: By class number; of the labels, or of the targets of a regression.
        targets: How the targets of a regression are scaled; None of other tasks.
        settings: Of the training.
        metrics: What was measured.
        dataset: Name, fingerprint and size of what it was trained on.
        versions: Of pellucid, PyTorch and Python.
        created: When, as UTC in ISO 8601.
        weights_sha256: Of the tensors, see `weights_digest`.
    """

    network: dict[str, Any]
    preparation: Preparation
    task: Task
    class_names: tuple[str, ...]
    targets: TargetScale | None
    settings: dict[str, Any]
    metrics: dict[str, Any]
    dataset: dict[str, Any]
    versions: dict[str, Any]
    created: str
    weights_sha256: str

    def to_json(self) -> str:
        """Return the card as it stands in the file."""
        facts = {"format": FORMAT, "version": VERSION, **{key: getattr(self, key) for key in KEYS[2:]}}
        facts["preparation"] = preparation_facts(self.preparation)
        facts["targets"] = self.targets.to_dict() if self.targets is not None else None
        facts["class_names"] = list(self.class_names)
        return json.dumps(facts, ensure_ascii=False, allow_nan=False)


def parse_card(text: str, where: str) -> Card:
    """Read a card, strictly.

    Args:
        text: JSON.
        where: The file, for errors.

    Raises:
        ClassifierFileError: If it is no card, of a later version, or holds anything unexpected.
    """
    try:
        facts = _brought_up(json.loads(text)) if len(text) <= LONGEST_CARD else None
        problem = _problem(facts)
    except (ValueError, RecursionError):
        facts, problem = None, "its card has another format"
    if problem is not None or not isinstance(facts, dict):
        is_newer = isinstance(facts, dict) and facts.get("format") == FORMAT and facts.get("version") != VERSION
        newer = "install a newer pellucid: pip install --upgrade pellucid"
        raise ClassifierFileError(
            f"{where} is no classifier that can be read: {problem}",
            fix=newer if is_newer else "get the file again from where it came",
        )
    fields = {key: facts[key] for key in KEYS[2:]}
    fields["preparation"] = preparation_of(facts["preparation"])
    fields["class_names"] = tuple(facts["class_names"])
    fields["targets"] = scale_of(facts["targets"])
    return Card(**fields)


def _brought_up(facts: Any) -> Any:
    """Return the facts of an older card as they would stand in one of this version."""
    is_first = isinstance(facts, dict) and facts.get("format") == FORMAT and facts.get("version") == 1
    if not is_first or not isinstance(facts.get("preparation"), dict) or facts.keys() & {"task", "targets"}:
        return facts
    preparation = {"kind": IMAGES, **facts["preparation"]}
    return {**facts, "version": VERSION, "task": "multiclass", "targets": None, "preparation": preparation}


def _problem(facts: Any) -> str | None:
    """Return what is wrong with the content of a card, or None."""
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        return "its card has another format"
    if facts.get("version") != VERSION:
        return f"its card has version {facts.get('version')!r:.20} and this pellucid reads version {VERSION}"
    if facts.keys() != set(KEYS):
        return f"its card lacks or adds {sorted(facts.keys() ^ set(KEYS))!r:.100}"
    if _has_control_characters(facts):
        # They could rewrite the screen of whoever prints a class name.
        return "its card holds control characters"
    for key in ("network", "preparation", "settings", "metrics", "dataset", "versions"):
        if not isinstance(facts[key], dict):
            return f"{key} in its card is no object"
    names = facts["class_names"]
    if not isinstance(names, list) or not 1 <= len(names) <= MOST_CLASSES:
        return "its card has no list of class names"
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        return "a class name in its card is no text, or stands twice"
    if facts["task"] not in TASKS or (facts["task"] == "binary" and len(names) != 2):
        return "the task in its card is none that is known"
    if (facts["targets"] is not None) != (facts["task"] == "regression"):
        return "its card has a scale of targets that does not belong to its task"
    if facts["targets"] is not None and not is_scale(facts["targets"], len(names)):
        return "the scale of targets in its card is not one"
    digest = facts["weights_sha256"]
    if not isinstance(facts["created"], str) or not isinstance(digest, str) or len(digest) != 64:
        return "its card has no date or no checksum"
    return None if is_preparation(facts["preparation"]) else "the preparation in its card is not one"


def weights_digest(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 over names, types, shapes and bytes of tensors, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        if tensor.numel():
            digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in CONTROLS or character in TURNING


def _has_control_characters(facts: Any) -> bool:
    # A list of what is left instead of recursion: a forged card may be nested deeper than Python's stack.
    left = [facts]
    while left:
        value = left.pop()
        if isinstance(value, str) and not value.isprintable() and any(map(_is_control, value)):
            return True
        if isinstance(value, dict):
            left += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            left += value
    return False
