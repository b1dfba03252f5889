"""Did you mean: the word that was most likely meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_MOST_CHOICES: Final = 40


def closest(word: str, choices: Iterable[str]) -> str | None:
    """Return the choice nearest to `word`, None if none is near; of several, one with the same letters, then the first.

    Near is at most one slip (a letter more, less, other, or two swapped) per three letters, at most three
    in all, case aside.
    """
    wanted = word.casefold()
    limit = min(3, max(1, len(wanted) // 3))
    best: tuple[int, bool, str] | None = None
    letters = sorted(wanted)
    for choice in choices:
        if abs(len(choice) - len(wanted)) > limit:
            continue
        slips = _slips(wanted, choice.casefold(), limit)
        if slips > limit:
            continue
        rank = (slips, sorted(choice.casefold()) != letters, choice)
        if best is None or rank < best:
            best = rank
    return best[2] if best else None


def did_you_mean(word: str, choices: Iterable[str], otherwise: str) -> str:
    """Return the hint that names the nearest choice in backticks, or `otherwise` if none is near."""
    found = closest(word, choices)
    return f"did you mean `{found}`?" if found is not None else otherwise


def one_of(choices: Iterable[str]) -> str:
    """Return the hint that lists the choices in backticks, sorted; of very many, the first."""
    known = sorted(choices)
    more = f" and {len(known) - _MOST_CHOICES} more" if len(known) > _MOST_CHOICES else ""
    return "known are " + ", ".join(f"`{choice}`" for choice in known[:_MOST_CHOICES]) + more


def _slips(a: str, b: str, limit: int) -> int:
    """The optimal string alignment distance, or more than `limit` as soon as it must be."""
    if a == b:
        return 0
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, letter in enumerate(a, start=1):
        row = [i]
        for j, other in enumerate(b, start=1):
            slips = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                slips = min(slips, before[j - 2] + 1)
            row.append(slips)
        if min(row) > limit:
            return limit + 1
        before, last = last, row
    return last[-1]
