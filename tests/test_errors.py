"""Errors: their text, their parents, their way between processes."""

import pickle

import pytest

from pellucid import errors
from pellucid.errors import MissingFileError, PellucidError, did_you_mean

KINDS = [
    pytest.param(kind, id=name)
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, PellucidError)
]
SUBCLASSES = [kind for kind in KINDS if kind.values[0] is not PellucidError]
# What a caller who knows only Python would expect to catch.
EXPECTED = {
    "ShapeError": ValueError,
    "DataError": ValueError,
    "MissingFileError": FileNotFoundError,
    "UnwritableError": PermissionError,
    "OverwriteError": FileExistsError,
    "ClassifierFileError": ValueError,
    "RecipeError": ValueError,
    "UserCodeError": RuntimeError,
    "SettingError": ValueError,
    "DeviceError": RuntimeError,
    "NonfiniteLossError": FloatingPointError,
    "MissingPackageError": ImportError,
    "UnknownNameError": LookupError,
}


@pytest.mark.parametrize("kind", KINDS)
def test_shows_the_problem_and_below_it_the_fix(kind: type[PellucidError]) -> None:
    assert str(kind("the lights are off", fix="turn them on")) == "the lights are off\n  fix: turn them on"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_survives_pickling(kind: type[PellucidError], protocol: int) -> None:
    error = kind("the lights are off", fix="turn them on")
    copy = pickle.loads(pickle.dumps(error, protocol))
    assert (type(copy), copy.problem, copy.fix, str(copy)) == (kind, error.problem, error.fix, str(error))


@pytest.mark.parametrize("kind", SUBCLASSES)
def test_is_also_the_built_in_exception_that_a_caller_expects(kind: type[PellucidError]) -> None:
    assert issubclass(kind, EXPECTED[kind.__name__])


@pytest.mark.parametrize("kind", KINDS)
def test_cannot_be_raised_without_a_fix(kind: type[PellucidError]) -> None:
    with pytest.raises(TypeError, match="fix"):
        kind("the lights are off")  # type: ignore[call-arg]


def test_one_without_an_error_number_is_not_taken_for_one_with() -> None:
    # OSError reads two arguments as number and text, and may choose another class for them.
    error = MissingFileError("2", fix="check the path")
    assert (type(error), str(error)) == (MissingFileError, "2\n  fix: check the path")


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("rlu", "write 'relu' (did you mean that?), or one of: relu, tanh, Softplus"),
        ("RELU", "write 'relu' (did you mean that?), or one of: relu, tanh, Softplus"),
        ("softplus", "write 'Softplus' (did you mean that?), or one of: relu, tanh, Softplus"),
        ("xyz", "choose one of: relu, tanh, Softplus"),
        ("", "choose one of: relu, tanh, Softplus"),
    ],
)
def test_the_nearest_known_name_is_offered(name: str, fix: str) -> None:
    assert did_you_mean(name, ["relu", "tanh", "Softplus"]) == fix


def test_a_name_in_the_wrong_case_is_the_nearest_there_is() -> None:
    assert did_you_mean("gelu", ["GELU", "relu"]) == "write 'GELU' (did you mean that?), or one of: GELU, relu"


def test_names_can_come_from_anything_that_is_gone_through_once() -> None:
    assert did_you_mean("tanhh", iter(["relu", "tanh"])) == "write 'tanh' (did you mean that?), or one of: relu, tanh"
