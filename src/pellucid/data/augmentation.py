"""What is done to training images on their way to the network, in numbers. This module loads no PyTorch."""

from dataclasses import dataclass, field, fields
from typing import Any

from pellucid.errors import SettingError, UnknownNameError, did_you_mean


def _strength(default: float, highest: float, text: str) -> Any:
    return field(default=0.0, metadata={"default": default, "highest": highest, "help": text})


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How strongly training images are changed at random, each anew in every pass; 0 leaves an operation out.

    Attributes:
        shift: Largest move, as a share of the height and of the width; whole pixels, at least one.
        flip: Chance of being mirrored left to right: right for clothes, wrong for digits.
        vertical_flip: Chance of being mirrored top to bottom.
        rotate: Largest turn either way, in degrees.
        crop: Largest share of the area that is cut away before the rest is stretched to the full size; its sides are
            stretched by up to 4 to 3 differently.
        erase: Largest side of a square of the border's colour, as a share of the shorter side (DeVries and Taylor 2017,
            Cutout).
        brightness: Largest change of all values, as a share of them.
        contrast: Largest change of the distance from the image's mean, as a share of it.
        mixup: Of a Beta(mixup, mixup) that says with what share an image is mixed with another one, and its label with
            that one's (Zhang et al. 2018).

    Raises:
        SettingError: If a strength is outside its range.
    """

    shift: float = _strength(0.1, 0.5, "move by up to this share of height and width")
    flip: float = _strength(0.5, 1, "mirror left to right with this chance")
    vertical_flip: float = _strength(0.5, 1, "mirror top to bottom with this chance")
    rotate: float = _strength(10, 180, "turn by up to so many degrees")
    crop: float = _strength(0.3, 0.9, "cut away up to this share of the area")
    erase: float = _strength(0.4, 1, "cover a square with sides up to this share")
    brightness: float = _strength(0.2, 1, "change brightness by up to this share")
    contrast: float = _strength(0.2, 1, "change contrast by up to this share")
    mixup: float = _strength(0.2, 10, "mix with another image, by a share from Beta(mixup, mixup)")

    def __post_init__(self) -> None:
        for entry in fields(self):
            value, highest = getattr(self, entry.name), entry.metadata["highest"]
            # A NaN fails the comparison.
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= highest:
                raise SettingError(
                    f"the augmentation {_word(entry.name)} is {value!r}", fix=f"give a number from 0 to {highest}"
                )

    @classmethod
    def parse(cls, text: str) -> "Augmentation":
        """Read what a user writes.

        Args:
            text: Operations with commas, each alone for its usual strength or with a number, as in
                "shift,flip,rotate:15,mixup:0.2"; "none" and "auto" for none. There is no telling from pixels what
                a change does to the meaning of an image (a mirrored b is a d), so that nothing is chosen unasked.

        Raises:
            SettingError: If a number is none, or outside its range, or an operation stands there twice.
            UnknownNameError: If there is no such operation.

        Example:
            >>> str(Augmentation.parse("shift, rotate:15"))
            'shift:0.1,rotate:15'
        """
        if text.strip() in ("none", "auto"):
            return cls()
        strengths: dict[str, float] = {}
        for part in text.split(","):
            word, colon, number = (piece.strip() for piece in part.partition(":"))
            if word not in OPERATIONS:
                raise UnknownNameError(
                    f"there is no augmentation {word!r}", fix=did_you_mean(word, [*OPERATIONS, "none"])
                )
            name, usual = OPERATIONS[word]
            if name in strengths:
                raise SettingError(f"the augmentation {text!r} names {word} twice", fix="name each operation once")
            try:
                strengths[name] = float(number) if colon else usual
            except ValueError:
                raise SettingError(
                    f"the augmentation {word} is {number!r}", fix=f"give a number, as in {word}:{usual:g}"
                ) from None
        return cls(**strengths)

    def __bool__(self) -> bool:
        return any(getattr(self, entry.name) for entry in fields(self))

    def __str__(self) -> str:
        given = [(entry.name, getattr(self, entry.name)) for entry in fields(self)]
        return ",".join(f"{_word(name)}:{value:g}" for name, value in given if value) or "none"

    def check_fits(self, input_shape: tuple[int, ...]) -> None:
        """Check that inputs are images, if anything is done to them.

        Raises:
            SettingError: If they are rows of a table.
        """
        if self and len(input_shape) != 3:
            raise SettingError(
                f"the augmentation {str(self)!r} is for images, but an input is a row of {input_shape[0]} columns",
                fix="leave --augment out",
            )


def _word(name: str) -> str:
    return name.replace("_", "-")


# By the word that a user writes: the attribute, and its strength if none is given.
OPERATIONS = {_word(entry.name): (entry.name, entry.metadata["default"]) for entry in fields(Augmentation)}
