"""From what was recorded to evidence: frozen facts, by their type."""

import math
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import torch

from pellucid.doctor.evidence.data import Batches, Loader, Stream
from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.ending import Ending
from pellucid.doctor.evidence.flow import EvaluationFlows, Flow, Operation, TrainingFlows, ancestors
from pellucid.doctor.evidence.loop import Loop, OptimizerFacts, Optimizers, Scheduler
from pellucid.doctor.evidence.networks import Network, Networks
from pellucid.doctor.feeding import FeedRecord, LoaderRecord
from pellucid.doctor.losses import losses_of
from pellucid.doctor.recorder import Recorder
from pellucid.doctor.tracer import Segment
from pellucid.doctor.trial import Trials


class Evidence:
    """What rules may ask for, by type; what is missing has its reason."""

    def __init__(self) -> None:
        self.found: dict[type, Any] = {}
        self.missing: dict[type, str] = {}

    def put(self, kind: type, value: Any, reason: str) -> None:
        """Keep evidence, or why there is none."""
        if value is None:
            self.missing[kind] = reason
        else:
            self.found[kind] = value


def gathered(
    recorder: Recorder, *, kind: Any = "running", error: BaseException | None = None, seconds: float
) -> Evidence:
    """Make evidence of a run.

    Args:
        recorder: Of the run.
        kind: How it ended (`Ending.kind`).
        error: That ended it.
        seconds: That trials may take.
    """
    recorder.feeds.settle(after_backward=False)
    evidence = Evidence()
    training = [flow for segment in recorder.segments for flow in _training(segment)]
    evaluation = [flow for segment in recorder.segments for flow in _evaluation(segment)]
    no_backward = "no backward pass was seen"
    flows = TrainingFlows(tuple(training)) if training else None
    evidence.put(TrainingFlows, flows, no_backward)
    evidence.put(EvaluationFlows, EvaluationFlows(tuple(evaluation)) if evaluation else None, "no evaluation was seen")
    optimizers = _optimizers(recorder)
    evidence.put(Optimizers, optimizers, "no optimizer was seen")
    evidence.put(Networks, _networks(recorder), "no network was called")
    evidence.put(Loop, _loop(recorder), "")
    evidence.put(Dynamics, _dynamics(recorder), "no optimizer step was seen")
    evidence.put(
        Batches, _batches(recorder) if recorder.feeds.records or recorder.loaders else None, "no data was seen"
    )
    evidence.put(Ending, _ending(recorder, kind, error), "")
    trials = None
    if flows is not None and optimizers is not None:
        trials = Trials(flows, optimizers, recorder.early_steps, seconds=seconds)
    evidence.put(Trials, trials, no_backward if flows is None else "no optimizer was seen")
    return evidence


def _training(segment: Segment) -> list[Flow]:
    flows = []
    start = 0
    for value, place, index in segment.backwards:
        path = ancestors(value)
        operations = tuple(operation for operation in segment.operations if operation.index > start)
        if len(segment.backwards) > 1:
            start = index
        inside = {id(operation.call) for operation in path}
        calls = tuple(call for call in segment.calls if id(call) in inside or not call.has_parameters)
        flows.append(
            Flow("training", segment.step, operations, calls, value, losses_of(path, calls), path, place, index)
        )
    return flows


def _evaluation(segment: Segment) -> list[Flow]:
    used = {op.index for value, _, _ in segment.backwards for op in ancestors(value)}
    if segment.backwards:
        inner = {id(op.call) for op in segment.operations if op.index in used}
        calls = [call for call in segment.calls if call.has_parameters and id(call) not in inner]
        wanted = {id(call) for call in calls}
        chosen = {op.index: op for op in segment.operations if id(op.call) in wanted}
        _close(chosen, segment.operations, used)
    else:
        calls = [call for call in segment.calls if call.has_parameters]
        chosen = {op.index: op for op in segment.operations}
        if not calls and not any(op.weights for op in segment.operations):
            return []
    if not chosen or (segment.step == 0 and not segment.backwards and all(call.grad_enabled for call in calls)):
        return []
    operations = tuple(chosen[index] for index in sorted(chosen))
    own = tuple(call for call in segment.calls if call in calls or not call.has_parameters)
    return [Flow("evaluation", segment.step, operations, own, None, losses_of_named(operations, own), (), None, None)]


def losses_of_named(operations: Sequence[Operation], calls: Any) -> Any:
    """Return only the losses that have a name."""
    return tuple(loss for loss in losses_of(operations, calls) if loss.kind != "own")


def _close(chosen: dict[int, Operation], operations: Sequence[Operation], used: set[int]) -> None:
    """Add what was computed from the chosen operations, and what that needed beside."""
    made = {value.index for operation in chosen.values() for value in operation.outputs}
    for operation in operations:
        if (
            operation.index not in chosen
            and operation.index not in used
            and any(v.index in made for v in operation.inputs)
        ):
            chosen[operation.index] = operation
            made.update(value.index for value in operation.outputs)


def _networks(recorder: Recorder) -> Networks | None:
    roots = [(module, name) for module, name in recorder.networks.values()]
    inner = {id(m) for module, _ in roots for m in module.modules() if m is not module}
    found = []
    empty = []
    for module, name in roots:
        if id(module) in inner:
            continue
        ids = {id(p) for p in module.parameters()}
        if not ids:
            if not type(module).__module__.startswith("torch."):
                empty.append(module)
            continue
        weights = []
        for tensor in (*module.parameters(), *module.buffers()):
            weight = recorder.tracer.weights.get(id(tensor))
            if weight is not None and weight.live is tensor:
                weights.append(weight)
        holders = tuple(
            record.number for record in recorder.optimizers.values() if any(id(p) in ids for p in record.parameters)
        )
        sides = [feed.sides for key, feed in recorder.feeds.records.items() if key[0] == id(module)]
        calls = [sum(side.get(role, {}).get("calls", 0) for side in sides) for role in (True, False)]
        modules = dict(module.named_modules())
        found.append(Network(module, name, tuple(weights), modules, holders, calls[0], calls[1]))
    classes = dict.fromkeys((*recorder.classes, *(type(m) for entry in found for m in entry.modules.values())))
    return Networks(tuple(found), tuple(empty), tuple(classes)) if found or empty else None


def _optimizers(recorder: Recorder) -> Optimizers | None:
    if not recorder.optimizers:
        return None
    weights = recorder.tracer.weights
    return Optimizers(
        tuple(
            OptimizerFacts(
                record.optimizer,
                type(record.optimizer).__name__,
                tuple(record.groups),
                tuple(record.parameters),
                tuple(
                    weights[id(p)].name if id(p) in weights else f"tensor {list(p.shape)}" for p in record.parameters
                ),
                record.steps,
                record.place,
            )
            for record in recorder.optimizers.values()
        )
    )


def _loop(recorder: Recorder) -> Loop:
    numbers = {key: record.number for key, record in recorder.optimizers.items()}
    schedulers = tuple(
        Scheduler(scheduler, type(scheduler).__name__, numbers.get(id(optimizer)), steps, place)
        for scheduler, optimizer, steps, place in recorder.schedulers.values()
    )
    return Loop(
        (*recorder.events, *recorder.late_events),
        dict(recorder.counts),
        recorder.counts["backward"],
        recorder.steps,
        tuple(recorder.clear_places),
        recorder.step_place,
        recorder.backward_place,
        tuple((kind, place, count) for (kind, place), count in recorder.made.items()),
        schedulers,
        recorder.losses_alive,
    )


def _dynamics(recorder: Recorder) -> Dynamics | None:
    if not recorder.steps or not recorder.losses:
        return None
    steps = {step.index: step for step in (*recorder.early_steps, *recorder.looked, *recorder.late_steps)}
    losses = tuple(recorder.losses)
    first = next((index for index, loss in enumerate(losses) if not math.isfinite(loss)), None)
    changes, scales = {}, {}
    with torch.no_grad():
        for weight in recorder.tracer.weights.values():
            start = weight.initial
            if start is None or not weight.is_trainable or start.shape != weight.live.shape or start.numel() == 0:
                continue
            now = weight.live.detach()
            norm = float(torch.linalg.vector_norm(start.float()))
            changes[weight.name] = float(torch.linalg.vector_norm((now - start).float())) / max(norm, 1e-12)
            if start.numel() > 1:
                scales[weight.name] = (float(start.float().std()), float(now.float().std()))
    return Dynamics(losses, tuple(steps[i] for i in sorted(steps)), recorder.steps, first, changes, scales)


def _batches(recorder: Recorder) -> Batches:
    streams = [
        _stream(feed, role) for feed in recorder.feeds.records.values() for role in (True, False) if role in feed.sides
    ]
    return Batches(tuple(streams), tuple(_loader(record) for record in recorder.loaders.values()))


def _stream(feed: FeedRecord, is_training: bool) -> Stream:
    side = feed.sides[is_training]
    try:
        sample = torch.cat(side["sample"]) if side["sample"] else None
    except RuntimeError:
        sample = None  # batches of different shapes
    return Stream(
        "training" if is_training else "evaluation",
        feed.network,
        feed.place,
        sample,
        tuple(side["hashes"]),
        tuple(side["steps"]),
        tuple(side["sizes"]),
        side["calls"],
        tuple(side["flags"]),
        tuple(side["grads"]),
        feed.step,
    )


def _loader(record: LoaderRecord) -> Loader:
    loader = record.loader
    sampler = type(getattr(loader, "sampler", None)).__name__
    known = {"RandomSampler": True, "SequentialSampler": False}
    return Loader(
        loader,
        getattr(loader, "dataset", None),
        getattr(loader, "batch_size", None),
        known.get(sampler),
        int(getattr(loader, "num_workers", 0)),
        record.epochs,
        record.batches,
        tuple(record.labels),
        dict(record.label_counts),
        tuple(tuple(hashes) for hashes in record.epoch_hashes),
        tuple(record.example_hashes),
        record.place,
    )


def _ending(recorder: Recorder, kind: Any, error: BaseException | None) -> Ending:
    operation = flow = None
    if recorder.segments:
        segment = recorder.segments[-1]
        raised = [op for op in segment.operations if op.error is not None and op.error is error]
        operation = raised[-1] if raised and error is not None else None
        flow = Flow("broken", segment.step, tuple(segment.operations), tuple(segment.calls), None, (), (), None, None)
    place = operation.place if operation is not None else _raised_at(error)
    return Ending(kind, error, place, operation, flow, recorder.steps, perf_counter() - recorder.started)


def _raised_at(error: BaseException | None) -> str | None:
    from pellucid.doctor.places import _rank, place_of

    place = None
    trace = error.__traceback__ if error is not None else None
    while trace is not None:
        if _rank(trace.tb_frame.f_code) == 2:
            place = place_of(trace.tb_frame).rpartition(":")[0] + f":{trace.tb_lineno}"
        trace = trace.tb_next
    return place
