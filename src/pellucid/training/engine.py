"""The one training loop. It knows any module and any batches, and reads from top to bottom."""

from collections.abc import Callable
from time import perf_counter

import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.data.batches import Batches
from pellucid.errors import NonfiniteLossError, SettingError
from pellucid.networks.modes import evaluating
from pellucid.tracing.architecture import Architecture
from pellucid.training.guard import LossGuard
from pellucid.training.history import Ending, Epoch, History, Progress
from pellucid.training.interruption import Interruption
from pellucid.training.schedule import learning_rate_at
from pellucid.training.settings import Settings

Loss = Callable[[Tensor, Tensor], Tensor]
Watcher = Callable[[Architecture | Progress | Epoch], None]
# Seconds between two reports: reading a loss makes an accelerator wait.
REPORT_SECONDS = 0.1


def fit(
    network: nn.Module,
    batches: Batches,
    validation: Batches | None,
    loss_function: Loss,
    settings: Settings,
    *,
    device: torch.device,
    is_bfloat16: bool = False,
    watcher: Watcher | None = None,
) -> History:
    """Train a network in place; it ends with the weights of the epoch that was best on the validation examples.

    Args:
        network: On the device.
        batches: Prepared training examples, in a new order each epoch.
        validation: Prepared validation examples; without them the last epoch is the best.
        loss_function: Maps logits and labels to a mean loss.
        settings: How to train.
        device: That everything is on.
        is_bfloat16: Whether products are made in bfloat16; weights, optimizer and loss stay float32.
        watcher: Called at most ten times a second, and after each epoch.

    Raises:
        NonfiniteLossError: If a loss becomes NaN or infinite; the network keeps the best epoch so far, or else the
            weights before the step.
        SettingError: If the network has nothing to train.
    """
    optimizer = make_optimizer(network, settings)
    guard = LossGuard(optimizer, device)
    steps = len(batches) * settings.epochs
    step = 0
    epochs: list[Epoch] = []
    best = Best(network)
    ending: Ending = "finished"
    if not network.training:
        network.train()
    with Interruption() as interruption:
        for epoch in range(1, settings.epochs + 1):
            started = reported = perf_counter()
            total_loss = torch.zeros((), device=device, dtype=torch.float64)
            seen = 0
            for inputs, labels in batches:
                learning_rate = learning_rate_at(step, steps, settings)
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate
                with torch.autocast(device.type, torch.bfloat16, enabled=is_bfloat16):
                    logits = network(inputs)
                loss = loss_function(logits.float() if is_bfloat16 else logits, labels)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                if settings.clip_norm is not None:
                    nn.utils.clip_grad_norm_(network.parameters(), settings.clip_norm)
                guard.see(loss)
                optimizer.step()
                step += 1
                seen += len(labels)
                total_loss += loss.detach() * len(labels)
                now = perf_counter()
                if watcher is not None and now - reported >= REPORT_SECONDS:
                    reported = now
                    _checked(guard, len(batches), best)
                    rate = seen / (now - started)
                    watcher(
                        Progress(
                            epoch,
                            settings.epochs,
                            step,
                            steps,
                            settings.batch_size,
                            loss.item(),
                            learning_rate,
                            rate,
                        )
                    )
                if interruption.is_requested:
                    ending = "interrupted"
                    break
            _checked(guard, len(batches), best)
            train_loss = total_loss.item() / max(seen, 1)
            trained = perf_counter()
            validation_loss, accuracy = measure(network, validation) if validation is not None else (None, None)
            is_best = best.offer(epoch, accuracy, validation_loss)
            rate, seconds = seen / (trained - started), perf_counter() - started
            row = Epoch(epoch, train_loss, validation_loss, accuracy, learning_rate, rate, seconds, is_best)
            epochs.append(row)
            if watcher is not None:
                watcher(row)
            if interruption.is_requested:
                ending = "interrupted"
                break
            if settings.patience is not None and epoch - best.epoch >= settings.patience:
                ending = "patience"
                break
    best.restore()
    return History(tuple(epochs), ending, best.epoch)


def make_optimizer(network: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    """Return the optimizer for everything in the network that wants a gradient.

    Raises:
        SettingError: If there is nothing.
    """
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    if not parameters:
        raise SettingError(
            f"{type(network).__name__} has no parameters to train",
            fix="give it a layer with weights, and spell its __init__ right",
        )
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=True)
    nesterov = settings.momentum > 0
    return torch.optim.SGD(
        parameters, lr=rate, momentum=settings.momentum, weight_decay=decay, nesterov=nesterov, fused=True
    )


def measure(network: nn.Module, batches: Batches) -> tuple[float, float]:
    """Return mean cross-entropy (nats) and accuracy; the network is left as it was. One sync."""
    totals = []
    with evaluating(network):
        for inputs, labels in batches:
            logits = network(inputs)
            loss = functional.cross_entropy(logits, labels, reduction="sum")
            totals.append(torch.stack([loss, (logits.argmax(dim=1) == labels).sum()]))
        loss, right = torch.stack(totals).sum(dim=0).tolist()
    return loss / batches.examples, right / batches.examples


class Best:
    """The weights of the best epoch so far."""

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._state: dict[str, Tensor] = {}
        self._score = (-1.0, 0.0)
        self.epoch = 0

    def offer(self, epoch: int, accuracy: float | None, loss: float | None) -> bool:
        """Keep the network's weights if they are better: more accurate, then of lower loss; ties go to the earlier."""
        score = (accuracy, -loss) if accuracy is not None and loss is not None else (0.0, float(epoch))
        if self.epoch and not score > self._score:
            return False
        self._score, self.epoch = score, epoch
        self._state = {name: tensor.detach().clone() for name, tensor in self._network.state_dict().items()}
        return True

    def restore(self) -> None:
        """Give the network the best weights, in place."""
        if self._state:
            self._network.load_state_dict(self._state)


def _checked(guard: LossGuard, steps_per_epoch: int, best: Best) -> None:
    try:
        guard.check(steps_per_epoch)
    except NonfiniteLossError:
        best.restore()
        raise
