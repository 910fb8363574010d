"""Light over the drawn place: by day, at dusk, in rain, and the camera's own infra-red lamp at night."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from edge.virtual_camera.camera import Array, floats

LightName = Literal["day", "dusk", "rain", "night_ir"]
LIGHTS: tuple[LightName, ...] = ("day", "dusk", "rain", "night_ir")


@dataclass(frozen=True, slots=True)
class Light:
    """One light. Colours are factors on paint; directions point from the ground to the source, in the camera's frame.

    sun: unit vector to the main source. sun_colour, sky, ground: light from the source, from above, from below.
    lamp: strength of the lamp beside the lens, down to about half at lamp_reach_m. shadow, contact: strength of the
    cast shadow and of the dark under feet. shadow_blur: softness as a share of a figure's height. exposure: before the
    sensor's curve. grey: infra-red picture. noise: standard deviation on the sensor, levels. haze: share of `sky_paint`
    mixed in at 40 m. saturation: of the camera's colours.
    """

    name: LightName
    sun: tuple[float, float, float]
    sun_colour: tuple[float, float, float]
    sky: tuple[float, float, float]
    ground: tuple[float, float, float]
    sky_paint: tuple[float, float, float]
    lamp: float = 0.0
    shadow: float = 0.5
    contact: float = 0.5
    shadow_blur: float = 0.015
    exposure: float = 1.0
    grey: bool = False
    noise: float = 3.0
    haze: float = 0.15
    saturation: float = 0.72
    lamp_reach_m: float = 10.0

    def on(self, normal: Array, pitch_rad: float, cloth: bool = False) -> Array:
        """(n, 3) factors for surfaces with these (n, 3) unit normals (world axes, z away from the camera).

        Cloth is rough and throws light back to where it came from: lit from the lens, people look flat, not round.
        """
        sun = np.clip(normal @ floats(self.sun), 0, None)[:, None]
        up = (0.5 + 0.5 * normal[:, 1])[:, None]
        out = sun * floats(self.sun_colour) + up * floats(self.sky) + (1 - up) * floats(self.ground)
        if self.lamp:
            to_lens = floats([0, np.sin(pitch_rad), -np.cos(pitch_rad)])
            out = out + self.lamp * np.clip(normal @ to_lens, 0, None)[:, None] ** (0.65 if cloth else 1.2)
        return floats(out)

    def reach(self, distance_m: Array | float) -> Array | float:
        """Factor by which light falls off with distance: only the lamp beside the lens does."""
        return 1.9 / (1.0 + (np.asarray(distance_m) / self.lamp_reach_m) ** 2) if self.lamp else 1.0

    def develop(self, colour: Array) -> Array:
        """Linear light (paint times light, (..., 3)) -> the camera's levels 0..255 float32, with its soft shoulder."""
        if self.grey:
            grey = colour @ floats([0.45, 0.35, 0.20])
            colour = np.repeat(grey[..., None], 3, axis=-1)
        else:
            grey = colour @ floats([0.30, 0.59, 0.11])
            colour = grey[..., None] + self.saturation * (colour - grey[..., None])
        exposed = np.clip(colour * self.exposure, 0, None)
        return floats((255.0 * (1.0 - np.exp(-1.9 * exposed)) / (1.0 - np.exp(-1.9 * 1.35))).clip(0, 255))


def _unit(x: float, y: float, z: float) -> tuple[float, float, float]:
    length = float(np.sqrt(x * x + y * y + z * z))
    return x / length, y / length, z / length


def light_for(name: LightName, rng: np.random.Generator) -> Light:
    """The light of that name with the seed's own sun, colour cast and noise."""
    side = float(rng.choice([-1.0, 1.0]))
    if name == "day":
        warm = float(rng.uniform(0.95, 1.06))
        sun = _unit(side * rng.uniform(0.35, 1.0), rng.uniform(0.8, 1.5), rng.uniform(-0.9, 0.15))
        return Light(name, sun, (0.85 * warm, 0.80, 0.72 / warm), (0.42, 0.46, 0.52), (0.20, 0.19, 0.17),
                     (0.78, 0.86, 0.95), shadow=0.55, contact=0.55, exposure=float(rng.uniform(0.76, 0.95)),
                     noise=float(rng.uniform(1.8, 3.0)), haze=0.10)  # fmt: skip
    if name == "dusk":
        sun = _unit(side * 0.9, rng.uniform(0.9, 1.3), -0.5)
        return Light(name, sun, (0.34, 0.25, 0.15), (0.24, 0.25, 0.33), (0.13, 0.11, 0.10), (0.40, 0.38, 0.50),
                     shadow=0.14, contact=0.45, shadow_blur=0.05, exposure=float(rng.uniform(1.0, 1.3)),
                     noise=float(rng.uniform(3.5, 5.5)), haze=0.12)  # fmt: skip
    if name == "rain":
        return Light(name, _unit(side * 0.2, 1.0, -0.2), (0.12, 0.12, 0.13), (0.50, 0.53, 0.56), (0.20, 0.21, 0.22),
                     (0.68, 0.71, 0.74), shadow=0.22, contact=0.45, shadow_blur=0.09,
                     exposure=float(rng.uniform(0.8, 1.0)), noise=float(rng.uniform(2.5, 4.0)), haze=0.30)  # fmt: skip
    return Light(name, _unit(side * 0.15, 1.0, 0.9), (0.0, 0.0, 0.0), (0.10, 0.10, 0.10), (0.06, 0.06, 0.06),
                 (0.03, 0.03, 0.03), lamp=float(rng.uniform(0.75, 0.95)), shadow=0.15, contact=0.35, shadow_blur=0.03,
                 exposure=float(rng.uniform(1.1, 1.4)), grey=True, noise=float(rng.uniform(2.4, 3.8)),
                 haze=0.0)  # fmt: skip
