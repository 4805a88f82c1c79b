"""Fixes made by a machine, on a copy."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import pellucid
from pellucid.doctor.checkup import Checkup
from pellucid.doctor.retraining import retrained
from pellucid.doctor.rules import learning_rate_too_high
from pellucid.errors import SettingError

INPUTS = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(64) % 3


def digits_with_a_last_relu() -> None:
    import torch
    from sklearn.datasets import load_digits
    from torch import nn

    torch.manual_seed(0)
    rows, answers = load_digits(return_X_y=True)
    inputs, labels = torch.tensor(rows / 16).float(), torch.tensor(answers)
    network = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10), nn.ReLU())
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(3):
        for index in torch.randperm(len(inputs)).split(64):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(network(inputs[index]), labels[index])
            loss.backward()
            optimizer.step()
        print(epoch, loss.item())


def look(network: nn.Module, inputs: Tensor = INPUTS) -> Checkup:
    return pellucid.check(network, (inputs, LABELS), loss=nn.functional.cross_entropy)


def body(*last: nn.Module) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3), *last)


@pytest.mark.parametrize(
    ("network", "rule"),
    [
        (body(nn.ReLU()), "rectified-logits"),
        (body(nn.Softmax(dim=1)), "softmax-before-cross-entropy"),
        (body(nn.Tanh()), "squashed-logits"),
        (body(nn.Dropout(0.5)), "dropout-on-logits"),
        (nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 3)), "missing-nonlinearity"),
        (nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Sigmoid(), nn.Linear(16, 3)), "repeated-activation"),
        (nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(12, 3)), "shape-mismatch"),
        (nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2)), "too-few-outputs"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_mended_copy_is_healthy_and_the_network_as_it_was(network: nn.Sequential, rule: str) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    layers = list(network)
    checkup = look(network)
    assert checkup.causes[0].rule == rule
    mended = checkup.mend(network)
    assert look(mended).is_healthy, look(mended)
    assert list(network) == layers
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_a_missing_flatten_is_put_in() -> None:
    network = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))
    images = torch.randn(64, 4, 4)
    checkup = look(network, images)
    assert checkup.causes[0].rule == "missing-flatten"
    assert look(checkup.mend(network), images).is_healthy


def test_a_resized_layer_keeps_what_it_had() -> None:
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
    mended: Any = look(network).mend(network)
    assert mended[2].weight.shape == (3, 16)
    assert torch.equal(mended[2].weight[:2], network.get_parameter("2.weight"))


def test_without_a_mechanical_fix_the_user_is_told_so() -> None:
    network = body()
    with pytest.raises(SettingError, match="no finding has a fix that can be made on the network\n  fix: follow"):
        look(network).mend(network)


def test_another_network_than_the_checked_one_is_refused() -> None:
    checkup = look(body(nn.ReLU()))
    with pytest.raises(SettingError, match="Sequential has no layer '3'"):
        checkup.mend(body())


def test_a_mended_copy_of_a_watched_program_learns_more() -> None:
    watched = pellucid.watch()
    with watched:
        digits_with_a_last_relu()
    result = retrained(watched.evidence, watched.checkup)
    assert result.before is not None and result.after < 0.5 * result.before
    assert "Mended (remove 3 (ReLU)" in str(result)


def test_settings_are_mended_too() -> None:
    watched = pellucid.watch()
    with watched:
        learning_rate_too_high.sick()
    assert "lr" in watched.checkup.settings
    result = retrained(watched.evidence, watched.checkup)
    assert result.before is None or result.after < result.before


def test_the_command_shows_before_and_after(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import inspect
    import textwrap

    from pellucid.cli.checking import judge

    source = inspect.getsource(digits_with_a_last_relu).splitlines()[1:]
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent("\n".join(source)))
    code, shown = judge(script, [], None, None, [], mend=True)
    shown.show()
    assert code == 1
    assert "loss" in capsys.readouterr().out.split("Mended")[1]
    assert shown.facts()["mended"]["after"] < shown.facts()["mended"]["before"]


@pytest.mark.slow
def test_the_command_mends_a_class_and_trains_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pellucid.cli.checking import judge_class

    (tmp_path / "network.py").write_text(
        "from torch import nn\n"
        "class Net(nn.Sequential):\n"
        "    def __init__(self):\n"
        "        super().__init__(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10), nn.Softmax(dim=1))\n"
    )
    code, shown = judge_class(f"{tmp_path / 'network.py'}:Net", "fashion-mnist", [], mend=True)
    shown.show()
    assert code == 1
    assert "mended" in capsys.readouterr().out
    assert shown.facts()["mended"]["after"] < shown.facts()["mended"]["before"]
