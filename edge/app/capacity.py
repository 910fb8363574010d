"""How many cameras a box can watch: the search for it. Pure."""

from collections.abc import Callable


def most_that_fit(fits: Callable[[int], bool], first: int, most: int) -> int:
    """The largest number from 0 to `most` that fits, where all smaller ones do too; each is tried once at most.

    Doubles or halves from `first` until the limit lies between two tries, then halves the gap between them.
    """
    low, high = 0, most + 1
    number = max(1, min(first, most))
    while low + 1 < high:
        if fits(number):
            low = number
        else:
            high = number
        number = min(2 * low, most) if high == most + 1 else (low + high) // 2
    return low
