"""The one training loop. It knows any module and any batches, and reads from top to bottom."""

import contextlib
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Literal

import torch
from torch import Tensor, nn

from pellucid.data.batches import Batches
from pellucid.data.streaming.batches import StreamBatches
from pellucid.errors import NonfiniteLossError
from pellucid.tasks import Task
from pellucid.training.freezing import HeadFirst
from pellucid.training.guard import LossGuard
from pellucid.training.history import Ending, Epoch, History, Progress
from pellucid.training.interruption import Interruption
from pellucid.training.loss_scale import LossScale, go_back
from pellucid.training.schedule import Budget, learning_rate_at
from pellucid.training.scoring import Score, measure
from pellucid.training.settings import Settings
from pellucid.training.stack_step import StackStep
from pellucid.training.threads import Threads
from pellucid.training.weights import FlatWeights, PlainWeights, Snapshot, Weights, can_be_flat, check_trainable

Loss = Callable[[Tensor, Tensor], Tensor]
Watcher = Callable[[Progress | Epoch], None]
# What products are made in. "autocast" is bfloat16 with float32 weights, for networks that cannot hold bfloat16 ones;
# "float16" has float32 weights too, and a loss that is scaled.
Arithmetic = Literal["float32", "bfloat16", "autocast", "float16"]
# Seconds between two reports: reading a loss makes an accelerator wait.
REPORT_SECONDS = 0.1


def fit(
    network: nn.Module,
    batches: Batches | StreamBatches,
    validation: Batches | None,
    loss_function: Loss,
    settings: Settings,
    *,
    device: torch.device,
    task: Task = "multiclass",
    arithmetic: Arithmetic = "float32",
    threads: Threads | None = None,
    spent: float = 0.0,
    watcher: Watcher | None = None,
) -> History:
    """Train a network in place; it ends with the weights of the epoch that was best on the validation examples.

    Args:
        network: On the device.
        batches: Prepared training examples, in a new order each epoch; bfloat16 if the arithmetic is.
        validation: Prepared validation examples; without them the last epoch is the best.
        loss_function: Maps float32 logits and labels to a mean loss.
        settings: How to train; nothing that the loop needs may be left to choose.
        device: That everything is on.
        task: What the network answers; the batches hold the targets that its loss takes.
        arithmetic: Of the products; weights, optimizer and loss stay float32.
        threads: Told of each step's time; None leaves the number of threads alone.
        spent: Seconds of a run by the clock that have gone already.
        watcher: Called at most ten times a second, and after each epoch.

    Raises:
        NonfiniteLossError: If a loss becomes NaN or infinite; the network keeps the best epoch so far, or else the
            weights before the step.
        SettingError: If the network has nothing to train.
    """
    check_trainable(network)
    guard = LossGuard(device)
    if not network.training:
        network.train()
    head_first = HeadFirst(network, settings.freeze)
    scale = LossScale(device) if arithmetic == "float16" else None
    make_weights = partial(
        weights_of, network, settings, guard.is_bad, arithmetic, scale, is_channels_last=batches.is_channels_last
    )
    weights = make_weights()
    best = Best(weights)
    is_plain = arithmetic == "float32"
    products = products_in(arithmetic, device)
    # A stack of Linear and ReLU has its step written out, if that gives what autograd gives on the first batch.
    may_be_written_out = not settings.reference and arithmetic in {"float32", "bfloat16"} and not settings.freeze
    written_out: StackStep | None = None
    step = 0
    epochs: list[Epoch] = []
    ending: Ending | None = None
    budget = Budget(settings, len(batches), spent)
    reported = budget.started
    judging = 0.0  # seconds that the last validation took
    try:
        with Interruption() as interruption:
            while ending is None:
                epoch = len(epochs) + 1
                started = before = perf_counter()
                guard.start_epoch()
                seen = 0
                for inputs, labels in batches:
                    position, end = budget.position(step)
                    learning_rate = learning_rate_at(position, end, settings) * head_first.rate
                    if step == 0 and may_be_written_out:
                        written_out = StackStep.of(network, loss_function, inputs, labels)
                    if written_out is not None:
                        loss = written_out(inputs, labels)
                    else:
                        with products:
                            logits = network(inputs)
                        loss = loss_function(logits if is_plain else logits.float(), labels)
                        weights.clear()
                        go_back(loss, scale)
                    guard.see(loss, len(labels))
                    weights.step(learning_rate)
                    step += 1
                    seen += len(labels)
                    now = perf_counter()
                    if threads is not None and len(labels) == batches.batch_size:
                        threads.see(now - before)
                    before = now
                    if watcher is not None and now - reported >= REPORT_SECONDS:
                        reported = now
                        guard.check(step, len(batches))
                        share = (position + 1) / end
                        left = (end - position - 1) / (position + 1) * (now - budget.started)
                        rate = seen / (now - started)
                        note = threads.words if threads is not None else None
                        watcher(Progress(epoch, budget.epochs, share, left, loss.item(), learning_rate, rate, note))
                    if best.epoch == 0 and head_first.is_over((position + 1) / end):
                        # The first epoch may be the last: nothing is lost by not waiting for its end.
                        weights = all_learning(weights, best, head_first, make_weights)
                    if interruption.is_requested or step == budget.steps or budget.is_spent(judging):
                        break
                guard.check(step, len(batches))
                if scale is not None:
                    scale.check()
                train_loss = guard.total_loss() / max(seen, 1)
                trained = perf_counter()
                score = measure(network, validation, task, products) if validation is not None else None
                judging = perf_counter() - trained
                is_best = best.offer(epoch, score)
                rate, seconds = seen / (trained - started), perf_counter() - started
                row = Epoch(
                    epoch=epoch,
                    train_loss=train_loss,
                    validation_loss=score.loss if score is not None else None,
                    validation_accuracy=score.accuracy if score is not None else None,
                    validation_r2=score.r2 if score is not None else None,
                    learning_rate=learning_rate,
                    examples_per_second=rate,
                    seconds=seconds,
                    is_best=is_best,
                )
                epochs.append(row)
                if watcher is not None:
                    watcher(row)
                if interruption.is_requested:
                    ending = "interrupted"
                elif settings.until is not None and score is not None and score.reached >= settings.until:
                    ending = "until"
                elif settings.patience is not None and epoch - best.epoch >= settings.patience:
                    ending = "patience"
                elif step == budget.steps or epoch == budget.epochs or budget.is_spent(judging):
                    ending = "finished"
                elif head_first.is_over((position + 1) / end):
                    weights = all_learning(weights, best, head_first, make_weights)
        best.restore()
    except NonfiniteLossError:
        best.restore()
        raise
    finally:
        weights.close()
        head_first.release()
    waited = batches.waited_seconds if isinstance(batches, StreamBatches) else None
    return History(tuple(epochs), ending, best.epoch, waited)


def weights_of(
    network: nn.Module,
    settings: Settings,
    is_bad: Tensor,
    arithmetic: Arithmetic,
    scale: LossScale | None = None,
    *,
    is_channels_last: bool = False,
) -> Weights:
    """Return the weights in one buffer, or one by one for reference and where they cannot be (never with a scale)."""
    if settings.reference or not can_be_flat(network):
        return PlainWeights(network, settings, is_bad)
    return FlatWeights(
        network,
        settings,
        is_bad,
        is_bfloat16=arithmetic == "bfloat16",
        is_channels_last=is_channels_last,
        scale=scale,
    )


def all_learning(weights: Weights, best: "Best", head_first: HeadFirst, make_weights: Callable[[], Weights]) -> Weights:
    """Return the weights of a network of which all layers learn from now on, from the best epoch if there is one."""
    best.restore()
    weights.close()
    head_first.release()
    weights = make_weights()
    best.follow(weights)
    return weights


def products_in(arithmetic: Arithmetic, device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Return a context in which networks with float32 weights make their products as they are to be made."""
    dtypes = {"autocast": torch.bfloat16, "float16": torch.float16}
    return torch.autocast(device.type, dtypes[arithmetic]) if arithmetic in dtypes else contextlib.nullcontext()


class Best:
    """The weights of the best epoch so far."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._snapshot: Snapshot | None = None
        self._rank = (-1.0, 0.0)
        self.epoch = 0

    def offer(self, epoch: int, score: Score | None) -> bool:
        """Keep the network's weights if they are better, see `Score.rank`; ties go to the earlier."""
        rank = score.rank if score is not None else (0.0, float(epoch))
        if self.epoch and not rank > self._rank:
            return False
        self._rank, self.epoch = rank, epoch
        self._snapshot = self._weights.snapshot()
        return True

    def follow(self, weights: Weights) -> None:
        """Keep what the network has now, restored, as the best weights so far; more of them may be trained from now."""
        self._weights = weights
        if self._snapshot is not None:
            self._snapshot = weights.snapshot()

    def restore(self) -> None:
        """Give the network the best weights, in place."""
        if self._snapshot is not None:
            self._weights.put_back(self._snapshot)
