"""Names that people sign in with: how they are written down, and when two of them are the same."""

import unicodedata

MOST_CHARACTERS = 64
_BETWEEN = frozenset(" .-_'’@")
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

    1 to 64 letters and digits, with blanks and . - _ ' @ behind the first; letters of one script, so that none passes
    for another's twin. In any language: Nguyễn Văn An, vàng.a.pó, guard1, lan@example.org.
    """
    if name != spelled(name) or not 0 < len(name) <= MOST_CHARACTERS or len(folded(name)) > MOST_CHARACTERS:
        return False
    letters = [one for one in name if unicodedata.category(one)[0] == "L"]
    others = set(name) - set(letters)
    scripts = {unicodedata.name(one, "?").split()[0] for one in letters}
    fit = all(one in _BETWEEN or unicodedata.category(one) in ("Nd", "Mn", "Mc") for one in others)
    return fit and name[0].isalnum() and len(scripts) <= 1 and not _UNSEEN & set(name)
