"""Settings and the schedule."""

import itertools
import math
from typing import Any

import pytest
import torch

from pellucid.errors import SettingError, UnknownNameError
from pellucid.training.schedule import learning_rate_at
from pellucid.training.settings import Settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0), ("epochs", -1.5), ("epochs", True), ("batch_size", -1), ("learning_rate", 0.0),
        ("learning_rate", math.nan), ("learning_rate", math.inf), ("weight_decay", -0.1), ("warmup", 1.0),
        ("label_smoothing", 1), ("clip_norm", 0), ("patience", 0), ("seed", -1), ("momentum", "0.9"),
    ],
)  # fmt: skip
def test_a_value_out_of_range_is_named_with_its_range(name: str, value: Any) -> None:
    with pytest.raises(SettingError, match=rf"{name} is {value!r}\n  fix: give a (whole )?number"):
        Settings(**{name: value})


@pytest.mark.parametrize(("name", "value"), [("optimizer", "adam"), ("schedule", "cosine")])
def test_an_unknown_word_is_told_the_known_ones(name: str, value: Any) -> None:
    with pytest.raises(UnknownNameError, match=f"there is no {name} '{value}'"):
        Settings(**{name: value})


def test_the_cosine_schedule_is_pytorchs() -> None:
    settings = Settings(learning_rate=0.5, warmup=0, schedule="warmup-cosine")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
    for step in range(20):
        assert learning_rate_at(step, 20, settings) == pytest.approx(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()


@pytest.mark.parametrize("schedule", ["warmup-cosine", "one-cycle", "constant"])
def test_the_rate_rises_to_its_top_and_never_goes_beyond(schedule: Any) -> None:
    settings = Settings(learning_rate=2.0, warmup=0.25, schedule=schedule)
    rates = [learning_rate_at(step, 40, settings) for step in range(40)]
    assert rates[:10] == pytest.approx([0.2 * step for step in range(1, 11)])
    assert max(rates) == 2.0
    assert all(later <= earlier for earlier, later in itertools.pairwise(rates[10:]))


@pytest.mark.parametrize("schedule", ["warmup-cosine", "one-cycle", "constant"])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_no_step_of_a_tiny_run_has_a_rate_of_zero(schedule: Any, steps: int) -> None:
    settings = Settings(schedule=schedule, warmup=0.5, learning_rate=0.1)
    assert all(learning_rate_at(step, steps, settings) > 0 for step in range(steps))
