"""Several trainings of new networks of one kind, each judged on examples that it never saw."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter

import torch
from torch import Tensor, nn

from pellucid.data.dataset import Dataset, Split
from pellucid.data.preparing import Preparation, fit_preparation
from pellucid.data.preparing_tables import TablePreparation
from pellucid.devices import DeviceChoice, choose_device, random_state_kept
from pellucid.errors import SettingError
from pellucid.training.history import Progress
from pellucid.training.judging.scores import measure_of, score_of, shown
from pellucid.training.run import Watcher as RunWatcher
from pellucid.training.run import train
from pellucid.training.settings import Settings

# Builds a new network, with starting weights of the seed that it is given.
MakeNetwork = Callable[[int], nn.Module]


@dataclass(frozen=True)
class Trained:
    """One training of several is done.

    Attributes:
        number: Of the training, from 1.
        total: Of all trainings.
        what: It was trained on, in words.
        score: On the examples that were held out.
        measure: Name of the score.
        text: The score as text.
        seconds: It took.
    """

    number: int
    total: int
    what: str
    score: float
    measure: str
    text: str
    seconds: float

    def __str__(self) -> str:
        number = f"{self.number:>{len(str(self.total))}}/{self.total}"
        return f"{number}  {self.what}: {self.measure} {self.text}  {self.seconds:.1f} s"


Watcher = Callable[[Progress | Trained], None]


class Trainings:
    """Trains one new network after the other.

    Args:
        make_network: Builds a network from a seed; PyTorch's generator is seeded with it too.
        dataset: That all of them are about.
        settings: Of every training.
        total: How many there will be.
        device: See `train`.
        watcher: Called with a `Progress` at most ten times a second, and a `Trained` after each training.

    Raises:
        DeviceError: If the device is not there.
        SettingError: If make_network builds nothing.
    """

    def __init__(
        self,
        make_network: MakeNetwork,
        dataset: Dataset,
        settings: Settings,
        total: int,
        device: str | DeviceChoice | None,
        watcher: Watcher | None,
    ) -> None:
        if isinstance(make_network, nn.Module) or not callable(make_network):
            raise SettingError(
                f"make_network is a {type(make_network).__name__}, but every training needs a new network",
                fix="give a function of the seed, as in: lambda seed: pellucid.mlp(784, (512, 512), 10, seed=seed)",
            )
        self._make_network = make_network
        self._whole = fit_preparation(dataset)
        self._settings = settings
        self._device = device if isinstance(device, DeviceChoice) else choose_device(device)
        self._watcher = watcher
        self._total = total
        self._number = 0
        # Held, so that its parameters cannot be mistaken for those of the next network.
        self._last: nn.Module | None = None

    def judged(self, dataset: Dataset, held_out: Split, what: str) -> tuple[Tensor, float]:
        """Train a new network and let it answer for examples that it never saw.

        Args:
            dataset: Without these examples; a test split is left out.
            held_out: To be answered.
            what: It is trained on, in words.

        Returns:
            Logits of the examples, as `Classifier.logits` gives them, and their score.

        Raises:
            KeyboardInterrupt: If the user asked to stop.
            SettingError: If make_network does not build a new network.
        """
        started = perf_counter()
        seed = (self._settings.seed + self._number) % 2**63
        splits = {name: split for name, split in dataset.splits.items() if name != "test"}
        run = train(
            self._new_network(seed),
            replace(dataset, splits=splits, stream=None),
            replace(self._settings, seed=seed),
            preparation=self._preparation(dataset),
            device=self._device,
            watcher=None if self._watcher is None else _progress_only(self._watcher),
        )
        if run.history.ending == "interrupted":
            # The engine ends a run in good order; a row of trainings that is half done says nothing.
            raise KeyboardInterrupt
        logits = run.classifier.logits(torch.from_numpy(held_out.inputs))
        score = score_of(logits, torch.from_numpy(held_out.labels), dataset.task)
        self._number += 1
        if self._watcher is not None:
            measure, text = measure_of(dataset.task), shown(score, dataset.task)
            seconds = perf_counter() - started
            self._watcher(Trained(self._number, self._total, what, score, measure, text, seconds))
        return logits, score

    def _preparation(self, dataset: Dataset) -> Preparation:
        """Fit on these examples alone, but give a network as many features as all examples need."""
        fitted = fit_preparation(dataset)
        if isinstance(fitted, TablePreparation) and isinstance(self._whole, TablePreparation):
            return replace(fitted, has_missing=self._whole.has_missing)
        return fitted

    def _new_network(self, seed: int) -> nn.Module:
        with random_state_kept(self._device.device, seed=seed):
            network = self._make_network(seed)
        if not isinstance(network, nn.Module):
            raise SettingError(f"make_network gave a {type(network).__name__}", fix="let it return a torch.nn.Module")
        before = {id(parameter) for parameter in self._last.parameters()} if self._last is not None else set()
        if any(id(parameter) in before for parameter in network.parameters()):
            raise SettingError(
                "make_network gave a network that is trained already",
                fix="let it build a new one at every call: what was learnt before would be judged too",
            )
        self._last = network
        return network


def _progress_only(watcher: Watcher) -> RunWatcher:
    def watch(event: object) -> None:
        if isinstance(event, Progress):
            watcher(event)

    return watch
