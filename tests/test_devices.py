"""The choice of a device, on machines that are only pretended."""

from types import SimpleNamespace

import pytest
import torch

from pellucid import devices
from pellucid.devices import DeviceChoice, choose_device, count, random_state_kept
from pellucid.errors import DeviceError, UnknownNameError

CPU = torch.device("cpu")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """A machine with as many devices of each kind as written here; without any but its CPU at first."""
    there = {"cpu": 1}
    monkeypatch.setattr(devices, "count", lambda kind: there.get(kind, 0))
    monkeypatch.setattr(devices, "hardware", lambda device: f"a {device.type}")
    return there


@pytest.mark.parametrize(
    ("there", "chosen", "reason"),
    [
        pytest.param({"cuda": 2, "mps": 1, "xpu": 1}, "cuda", "the first choice", id="all"),
        pytest.param({"mps": 1, "xpu": 1}, "mps", "found no CUDA", id="no cuda"),
        pytest.param({"xpu": 1}, "xpu", "found no CUDA, MPS", id="only xpu"),
        pytest.param({}, "cpu", "found no CUDA, MPS, XPU", id="only cpu"),
    ],
)
def test_the_first_kind_that_is_there_is_chosen(
    machine: dict[str, int], there: dict[str, int], chosen: str, reason: str
) -> None:
    machine |= there
    assert choose_device() == DeviceChoice(torch.device(chosen), f"a {chosen}", reason)


@pytest.mark.parametrize("name", ["cpu", "cpu:0", "cuda", "cuda:0", "cuda:1", "mps", "xpu:0"])
def test_a_device_that_is_there_can_be_asked_for(machine: dict[str, int], name: str) -> None:
    machine |= {"cuda": 2, "mps": 1, "xpu": 1}
    assert choose_device(name) == DeviceChoice(torch.device(name), f"a {name.partition(':')[0]}", "as asked")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("cuda:2", "no device 'cuda:2': 2 of this kind found\n  fix: choose one of: cuda, cpu; or leave"),
        ("mps", "no device 'mps': 0 of this kind found\n  fix: choose one of: cuda, cpu; or leave"),
        ("xpu:1", "no device 'xpu:1': 0 of this kind found\n  fix: choose one of: cuda, cpu; or leave"),
        ("cpu:1", "no device 'cpu:1'\n  fix: write 'cpu'"),
        ("cuda:x", "no device 'cuda:x'\n  fix: write 'cuda'"),
        ("cuda:-1", "no device 'cuda:-1'\n  fix: write 'cuda'"),
    ],
)
def test_a_device_that_is_absent_is_refused(machine: dict[str, int], name: str, problem: str) -> None:
    machine["cuda"] = 2
    with pytest.raises(DeviceError, match=problem):
        choose_device(name)


@pytest.mark.parametrize(
    ("name", "fix"), [("cud", "write 'cuda'"), ("CPU", "write 'cpu'"), ("gpu", "write|choose"), ("", "choose one of")]
)
def test_an_unknown_kind_is_refused(machine: dict[str, int], name: str, fix: str) -> None:
    assert machine == {"cpu": 1}
    with pytest.raises(UnknownNameError, match=f"there is no device '{name}'\n  fix: {fix}"):
        choose_device(name)


def test_devices_are_counted_as_pytorch_counts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.xpu, "is_available", lambda: False)
    monkeypatch.setattr(torch.xpu, "device_count", lambda: 5)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert {kind: count(kind) for kind in devices.KINDS} == {"cuda": 3, "mps": 1, "xpu": 0, "cpu": 1}


def test_a_graphics_card_is_shown_with_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    card = SimpleNamespace(name="Some Card", total_memory=24 * 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: card)
    assert devices.hardware(torch.device("cuda:1")) == "Some Card, 24 GiB"


@pytest.mark.parametrize(("threads", "shown"), [(1, "1 thread"), (12, "12 threads")])
def test_a_processor_is_shown_with_its_threads(monkeypatch: pytest.MonkeyPatch, threads: int, shown: str) -> None:
    monkeypatch.setattr(devices, "_processor", lambda: "Some CPU")
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert devices.hardware(CPU) == f"Some CPU, {shown}"


def test_a_choice_says_what_it_is_and_why() -> None:
    choice = DeviceChoice(torch.device("cuda:1"), "Some Card, 24 GiB", "as asked")
    assert str(choice) == "cuda:1: Some Card, 24 GiB (as asked)"
    assert choice.to_dict() == {"device": "cuda:1", "hardware": "Some Card, 24 GiB", "reason": "as asked"}


@pytest.mark.parametrize("seed", [None, 5])
def test_the_random_state_is_as_before_afterwards(seed: int | None) -> None:
    before = torch.get_rng_state()
    with random_state_kept(CPU, seed):
        torch.rand(10)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_random_state_is_as_before_after_an_error() -> None:
    before = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError, match="division"), random_state_kept(CPU, 5):
        _ = torch.rand(1).item() / 0
    assert torch.equal(torch.get_rng_state(), before)


def test_a_seed_gives_the_numbers_of_manual_seed() -> None:
    with random_state_kept(CPU, 5):
        numbers = torch.rand(10)
    torch.manual_seed(5)
    assert torch.equal(numbers, torch.rand(10))


def test_without_a_seed_the_numbers_go_on_where_they_were() -> None:
    torch.manual_seed(9)
    expected = torch.rand(10)
    torch.manual_seed(9)
    with random_state_kept(CPU):
        assert torch.equal(torch.rand(10), expected)


def test_the_generator_of_the_device_is_kept_beside_that_of_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    of_device = torch.Generator().manual_seed(3)
    others = torch.Generator().manual_seed(3)
    module = SimpleNamespace(current_device=lambda: 1, default_generators=(others, of_device))
    monkeypatch.setattr(torch, "get_device_module", lambda device: module)
    before = of_device.get_state()
    with random_state_kept(torch.device("cuda"), 5):
        assert of_device.initial_seed() == 5
        torch.rand(3, generator=of_device)
    assert torch.equal(of_device.get_state(), before)
    assert others.initial_seed() == 3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_the_generator_of_a_real_device_is_kept() -> None:
    device = torch.device("cuda")
    before = torch.cuda.get_rng_state(device)
    with random_state_kept(device, 5):
        torch.rand(3, device=device)
    assert torch.equal(torch.cuda.get_rng_state(device), before)
