"""Names that people sign in with: how they are written down, and when two of them are the same."""

import unicodedata

MOST_CHARACTERS = 64
_BETWEEN = frozenset(" .-_'’@")
# Of the many Latin letters those of Vietnam's languages: a-z with marks, and two that are letters of their own.
_LATIN = frozenset("abcdefghijklmnopqrstuvwxyzđƀ")
# Marks of living languages. None that strikes through (it would make a đ), none that hides in its letter.
_LATIN_MARKS = frozenset(
    "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u0309\u030a\u030b\u030c\u031b\u0323\u0326\u0327\u0328"
)
_MOST_MARKS = {True: 2, False: 4}  # on a letter, by whether it is Latin; Khmer and Burmese need more than Vietnamese
_DIGITS = frozenset("0123456789")
# Letters and marks that show nothing: with them two names could look the same.
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164") | {chr(code) for code in range(0xFE00, 0xFE10)}


def spelled(name: str) -> str:
    """`name` as it is kept and shown: composed letters of usual width (NFKC), single blanks, none around it."""
    return " ".join(unicodedata.normalize("NFKC", name).split())


def folded(name: str) -> str:
    """What all spellings of a name have in common, whatever capitals, Unicode form, letter width and blanks.

    Takes any text, also names from before they were restricted.
    """
    once = unicodedata.normalize("NFKC", spelled(name).casefold())
    return unicodedata.normalize("NFKC", once.casefold())  # folding may decompose: a second time to stand still


def is_name(name: str) -> bool:
    """Whether an account may be made under `name`.

    1 to 64 letters and digits 0-9, with blanks and . - _ ' @ behind the first: Nguyễn Văn An, vàng.a.pó, guard1,
    lan@example.org, 守卫. All letters are of one script; Latin ones are a-z, đ and ƀ, each with at most two marks, so
    that neither letters of another script nor rarer Latin ones stand in for them. No more than that is claimed: names
    that people confuse remain (lan1 and lanl, ă and ǎ, one all in Cyrillic that reads as Latin).
    """
    if name != spelled(name) or not 0 < len(name) <= MOST_CHARACTERS or len(folded(name)) > MOST_CHARACTERS:
        return False
    letters = [one for one in name if unicodedata.category(one)[0] == "L"]
    others = set(name) - set(letters)
    scripts = {unicodedata.name(one, "?").split()[0] for one in letters}
    fit = all(one in _BETWEEN or one in _DIGITS or unicodedata.category(one) in ("Mn", "Mc") for one in others)
    begins = name[0] in letters or name[0] in _DIGITS
    return fit and begins and len(scripts) <= 1 and not _UNSEEN & set(name) and _fit_marks(name, scripts == {"LATIN"})


def _fit_marks(name: str, latin: bool) -> bool:
    """Whether each mark stands on a letter, not too many on one, and Latin letters and marks are of those known."""
    base, marks = "", 0
    for one in unicodedata.normalize("NFD", name).casefold():
        if unicodedata.category(one)[0] != "M":
            base, marks = one, 0
            if latin and one.isalpha() and one not in _LATIN:
                return False
            continue
        marks += 1
        if not base.isalpha() or marks > _MOST_MARKS[latin]:
            return False
        if latin and (one not in _LATIN_MARKS or (base in "ij" and one == "\u0307")):  # they have their dot already
            return False
    return True
