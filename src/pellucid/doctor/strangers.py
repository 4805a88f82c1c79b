"""Weights that a network computes with and does not know, and networks that know none."""

from torch import nn

from pellucid.doctor.evidence.flow import Flow, Operation, Weight


def unregistered(flow: Flow, held: frozenset[int]) -> dict[Weight, Operation]:
    """Return weights that get a gradient inside a network that does not know them."""
    found: dict[Weight, Operation] = {}
    for operation in flow.gradient_path:
        call = operation.call
        if call is None or not (call.has_parameters or not flow.network_calls):
            continue
        entered = {value.index for value in call.inputs}
        own = {id(parameter) for parameter in call.network.parameters()} if operation.path is not None else set()
        for value in operation.inputs:
            weight = value.weight
            if (
                weight is not None and value.requires_grad and value.index not in entered
                and id(weight.live) not in held | own
                and (operation.path is None or not weight.is_registered)
            ):  # fmt: skip
                found.setdefault(weight, operation)
    return found


def empty_networks(error: BaseException | None) -> tuple[nn.Module, ...]:
    """Return the networks without parameters in sight of the line where an optimizer refused to be made."""
    trace = error.__traceback__ if isinstance(error, ValueError) else None
    frames = []
    while trace is not None:
        frames.append(trace.tb_frame)
        trace = trace.tb_next
    if not frames or frames[-1].f_code.co_name != "__init__" or "empty parameter list" not in str(error):
        return ()
    found: dict[int, nn.Module] = {}
    for frame in reversed(frames):
        for entry in (*frame.f_locals.values(), *frame.f_globals.values()):
            is_own = isinstance(entry, nn.Module) and not type(entry).__module__.startswith("torch.")
            if is_own and next(entry.parameters(), None) is None:
                found[id(entry)] = entry
    return tuple(found.values())
