"""Names from elsewhere as they can be shown: some could rewrite the screen of whoever prints them."""

import os
import unicodedata

# They turn the direction of writing, so that a name looks like another.
DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def is_fit_to_show(name: str) -> bool:
    """Return whether a name is text, and can change nothing but its own place on a screen."""
    if name.isascii() and name.isprintable():
        return True  # without a look at each character, as nearly all of many names
    categories = {unicodedata.category(character) for character in name}
    return not categories & {"Cc", "Cs", "Zl", "Zp"} and DIRECTIONS.isdisjoint(name)


def shown(name: str) -> str:
    r"""Return a name with what is not fit to show written as an escape.

    Example:
        >>> print(shown("a\nb"))
        a\nb
    """
    if is_fit_to_show(name):
        return name
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(
        character if is_fit_to_show(character) else character.encode("unicode_escape").decode() for character in text
    )
