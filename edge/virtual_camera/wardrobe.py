"""What drawn people wear, and how they are built: drawn from a seed, with Vietnamese school streets in mind."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from edge.virtual_camera.body import Build

Colour = tuple[float, float, float]  # red, green, blue in 0..1, as paint under white light
Age = Literal["adult", "teenager", "child"]

_SKIN: tuple[Colour, ...] = ((0.80, 0.60, 0.47), (0.74, 0.54, 0.41), (0.86, 0.67, 0.54), (0.62, 0.44, 0.33),
                             (0.48, 0.33, 0.25))  # fmt: skip
_HAIR: tuple[Colour, ...] = ((0.07, 0.06, 0.06), (0.10, 0.08, 0.07), (0.17, 0.11, 0.08), (0.35, 0.33, 0.32))
_TOPS: tuple[Colour, ...] = (
    (0.88, 0.88, 0.86), (0.15, 0.17, 0.22), (0.55, 0.12, 0.13), (0.16, 0.30, 0.52), (0.35, 0.50, 0.66),
    (0.28, 0.40, 0.28), (0.74, 0.65, 0.48), (0.50, 0.50, 0.52), (0.10, 0.10, 0.11), (0.80, 0.56, 0.20),
    (0.62, 0.36, 0.46), (0.40, 0.30, 0.24), (0.78, 0.74, 0.70), (0.20, 0.42, 0.44), (0.88, 0.66, 0.70),
)  # fmt: skip
_BOTTOMS: tuple[Colour, ...] = (
    (0.13, 0.15, 0.22), (0.10, 0.10, 0.11), (0.22, 0.27, 0.38), (0.30, 0.36, 0.46), (0.46, 0.41, 0.33),
    (0.33, 0.33, 0.34), (0.25, 0.20, 0.17), (0.20, 0.23, 0.19),
)  # fmt: skip
_SHOES: tuple[Colour, ...] = ((0.08, 0.08, 0.08), (0.80, 0.80, 0.78), (0.30, 0.20, 0.14), (0.35, 0.36, 0.40))
_COATS: tuple[Colour, ...] = ((0.25, 0.45, 0.70), (0.80, 0.72, 0.20), (0.55, 0.62, 0.66), (0.60, 0.25, 0.45),
                              (0.20, 0.40, 0.30))  # fmt: skip
_PACKS: tuple[Colour, ...] = ((0.12, 0.14, 0.20), (0.60, 0.14, 0.18), (0.20, 0.35, 0.60), (0.75, 0.40, 0.60),
                              (0.22, 0.24, 0.22))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outfit:
    """Clothes and looks of one figure; None means not worn."""

    skin: Colour
    hair: Colour
    top: Colour
    bottom: Colour
    shoes: Colour
    hair_style: Literal["short", "long", "bun", "ponytail"] = "short"
    pattern: Literal["plain", "stripes", "checks", "block"] = "plain"
    pattern_colour: Colour = (0.9, 0.9, 0.9)
    sleeve: float = 0.45
    looseness: float = 1.12
    tucked: bool = False
    bottom_kind: Literal["trousers", "shorts", "skirt", "tunic"] = "trousers"
    hat: Literal["none", "cap", "conical", "helmet", "hood"] = "none"
    hat_colour: Colour = (0.3, 0.3, 0.3)
    mask: Colour | None = None
    scarf: Colour | None = None
    backpack: Colour | None = None
    bag: Colour | None = None
    raincoat: Colour | None = None
    umbrella: Colour | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """One person of the cast. seed fixes the folds of the clothes; warmth scales reflectance under infra-red."""

    name: str
    age: Age
    build: Build
    outfit: Outfit
    seed: int
    speed_m_s: float


def _pick(rng: np.random.Generator, colours: tuple[Colour, ...], spread: float = 0.06) -> Colour:
    base = np.asarray(colours[int(rng.integers(len(colours)))])
    red, green, blue = np.clip(base * rng.uniform(0.9, 1.1) + rng.normal(0, spread / 2, 3), 0.02, 0.95)
    return float(red), float(green), float(blue)


def _chance(rng: np.random.Generator, share: float) -> bool:
    return bool(rng.random() < share)


def _build(rng: np.random.Generator, age: Age, woman: bool) -> Build:
    if age == "child":
        stature = float(rng.uniform(1.08, 1.38))
        return Build(
            stature,
            float(rng.uniform(0.92, 1.15)),
            float(rng.uniform(0.92, 1.0)),
            0.95,
            head=0.205 - 0.04 * stature,
            leg=0.455 + 0.04 * stature,
        )
    if age == "teenager":
        stature = float(rng.uniform(1.45, 1.70))
        return Build(stature, float(rng.uniform(0.86, 1.08)), float(rng.uniform(0.90, 1.02)), 1.0, head=0.142)
    stature = float(np.clip(rng.normal(1.57 if woman else 1.68, 0.06), 1.45, 1.88))
    girth = float(np.clip(rng.normal(1.03, 0.13), 0.85, 1.45))
    shoulders = float(rng.normal(0.93 if woman else 1.04, 0.04))
    return Build(stature, girth, shoulders, 1.06 if woman else 0.98, head=0.136)


def _uniform(rng: np.random.Generator, age: Age, woman: bool) -> Outfit:
    skirt = woman and _chance(rng, 0.55)
    navy = (0.11, 0.13, 0.24)
    tunic = woman and age == "teenager" and _chance(rng, 0.3)
    white = (0.90, 0.90, 0.89)
    return Outfit(
        skin=_pick(rng, _SKIN[:4], 0.03),
        hair=_pick(rng, _HAIR[:3], 0.02),
        top=white,
        bottom=white if tunic else navy,
        shoes=_pick(rng, _SHOES),
        hair_style=("long", "ponytail", "bun")[int(rng.integers(3))] if woman else "short",
        sleeve=1.0 if tunic else float(rng.choice([0.42, 0.42, 1.0])),
        tucked=_chance(rng, 0.6),
        bottom_kind="tunic"
        if tunic
        else "skirt"
        if skirt
        else "shorts"
        if age == "child" and _chance(rng, 0.35)
        else "trousers",
        scarf=(0.75, 0.10, 0.10) if age == "child" and _chance(rng, 0.8) else None,
        backpack=_pick(rng, _PACKS) if _chance(rng, 0.75) else None,
        hat="cap" if _chance(rng, 0.15) else "none",
        hat_colour=_pick(rng, _PACKS),
    )


def _street_clothes(rng: np.random.Generator, age: Age, woman: bool) -> Outfit:
    hats: list[Literal["none", "cap", "conical", "helmet", "hood"]] = ["none", "cap", "conical", "helmet"]
    odds = [0.62, 0.16, 0.12 if woman else 0.04, 0.10 if woman else 0.18]
    hat = hats[int(rng.choice(4, p=odds))] if age == "adult" else "none"
    kinds: list[Literal["trousers", "shorts", "skirt", "tunic"]] = ["trousers", "shorts", "skirt", "tunic"]
    odds = [0.62, 0.14, 0.18, 0.06] if woman else [0.80, 0.20, 0.0, 0.0]
    patterns: list[Literal["plain", "stripes", "checks", "block"]] = ["plain", "stripes", "checks", "block"]
    return Outfit(
        skin=_pick(rng, _SKIN, 0.03),
        hair=_pick(rng, _HAIR, 0.02),
        top=_pick(rng, _TOPS),
        bottom=_pick(rng, _BOTTOMS),
        shoes=_pick(rng, _SHOES),
        hair_style=("long", "ponytail", "bun", "short")[int(rng.integers(4))] if woman else "short",
        pattern=patterns[int(rng.choice(4, p=[0.58, 0.15, 0.13, 0.14]))],
        pattern_colour=_pick(rng, _TOPS),
        sleeve=float(rng.choice([0.42, 0.5, 1.0, 1.0])),
        looseness=float(rng.uniform(1.05, 1.22)),
        tucked=_chance(rng, 0.25),
        bottom_kind=kinds[int(rng.choice(4, p=odds))],
        hat=hat,
        hat_colour=(0.78, 0.70, 0.50) if hat == "conical" else _pick(rng, _TOPS),
        mask=_pick(rng, ((0.55, 0.68, 0.78), (0.15, 0.15, 0.16), (0.85, 0.85, 0.86))) if _chance(rng, 0.22) else None,
        bag=_pick(rng, _PACKS) if _chance(rng, 0.25) else None,
        backpack=_pick(rng, _PACKS) if _chance(rng, 0.12) else None,
    )


def draw_figure(rng: np.random.Generator, name: str, age: Age, rain: bool = False) -> Figure:
    """A person of that age; in rain some wear coats or carry umbrellas."""
    woman = _chance(rng, 0.5)
    build = _build(rng, age, woman)
    in_uniform = age != "adult" and _chance(rng, 0.8)
    outfit = _uniform(rng, age, woman) if in_uniform else _street_clothes(rng, age, woman)
    if rain:
        outfit = _against_rain(rng, outfit)
    pace = {"adult": 1.25, "teenager": 1.2, "child": 1.05}[age]
    speed = float(np.clip(rng.normal(pace, 0.14), 0.8, 1.7))
    return Figure(name, age, build, outfit, int(rng.integers(2**31)), speed)


def _against_rain(rng: np.random.Generator, outfit: Outfit) -> Outfit:
    from dataclasses import replace

    what = rng.random()
    if what < 0.35:
        return replace(outfit, raincoat=_pick(rng, _COATS), hat="hood", backpack=None)
    if what < 0.62:
        return replace(outfit, umbrella=_pick(rng, _PACKS + _COATS), hat="none")
    return outfit
