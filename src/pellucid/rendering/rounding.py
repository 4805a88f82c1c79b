"""How many digits a measured number is shown with."""

import math


def pattern_for(size: float) -> str:
    """Return the format specification that shows numbers of such a size with at least three digits that say something.

    Args:
        size: A typical number, or the largest of several; its sign does not count.

    Example:
        >>> [format(value, pattern_for(value)) for value in (12345.6, 43.14, 1.5, 0.01234, 0.0)]
        ['12,346', '43.1', '1.50', '0.0123', '0.00']
    """
    if not math.isfinite(size) or size == 0:
        return ",.2f"
    digits = 2 - math.floor(math.log10(abs(size)))
    # Numbers that need more than eight places are better read with an exponent.
    return f",.{max(0, digits)}f" if digits <= 8 else ".2e"
