"""Which networks there are: the manifest shipped with Gatehouse, and the user's own beside it.

The shipped manifest describes networks by their SHA-256; it holds no files of others. A network runs only when the file
is the one that its entry describes.
"""

import hashlib
import os
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

SHIPPED = Path(__file__).parent / "manifest.toml"
FamilyName = Literal["yolov8", "yolo26", "yolox", "nanodet"]
Triple = tuple[float, float, float]


class ModelError(Exception):
    """A network that can't be used; the text says why and what to do."""


class ModelEntry(BaseModel):
    """What the manifest says of one network.

    file: where it lies, relative to the manifest; empty for one that is described only, until `add` brings the file.
    width, height: of the input, pixels. colour: order of the input's channels.
    mean, std: an input value is (pixel - mean) / std, channel by channel in the order of `colour`.
    person_class: which of the `classes` outputs is a person.
    confidence: default threshold; fainter boxes are ignored. It is low as a faint box only carries a track on: what
        begins one is up to the tracker. suppression_iou: overlap past which the weaker box goes (not if end to end).
    measured: what was measured, on which pictures, by which command.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")
    file: str = ""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    licence: str = Field(min_length=1)
    source: str = ""
    family: FamilyName
    width: int = Field(ge=32, le=4096)
    height: int = Field(ge=32, le=4096)
    colour: Literal["rgb", "bgr"]
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (255.0, 255.0, 255.0)
    person_class: Annotated[int, Field(ge=0)] = 0
    classes: Annotated[int, Field(ge=1)] = 80
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.25
    suppression_iou: Annotated[float, Field(gt=0, lt=1)] = 0.6
    measured: str = ""


class Manifest(BaseModel):
    """A manifest file."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    default: str = ""
    model: tuple[ModelEntry, ...] = ()


def read_manifest(path: Path) -> Manifest:
    """The manifest in `path`, an empty one where the file is not there. Raises ModelError."""
    try:
        if not path.exists():
            return Manifest()
        return manifest_of(path.read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise ModelError(f"the manifest {path} can't be read ({why}); correct or delete it") from error


def manifest_of(text: str, path: Path) -> Manifest:
    """The manifest that `text` is. path: where it stands, for what is told. Raises ModelError."""
    try:
        return Manifest.model_validate(tomllib.loads(text))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_url=False)
        )
        raise ModelError(f"the manifest {path} can't be used, correct it: {problems}") from error
    except ValueError as error:
        raise ModelError(f"the manifest {path} can't be read ({error}); correct or delete it") from error


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hex. Raises ModelError where it can't be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(
            f"{path} can't be read: {error.strerror}; name an .onnx file or a name of the manifest"
        ) from error


class Registry:
    """The shipped manifest and the user's, looked up together.

    The user's entries come first, but a name of a network in the box always means what is in the box: a copy under its
    name, as older versions let in, would hide what later versions ship.
    """

    def __init__(self, user_folder: Path, shipped: Path = SHIPPED) -> None:
        """user_folder: where `gatehouse models add` keeps files and its manifest. Raises ModelError."""
        self._folder, self._shipped = user_folder, shipped
        self._own = read_manifest(user_folder / "manifest.toml")
        self._given = read_manifest(shipped)

    @property
    def user_folder(self) -> Path:
        """Where the user's networks lie."""
        return self._folder

    @property
    def default(self) -> str:
        """The name of the network that runs where none is named; empty where there is none."""
        return self._own.default or self._given.default

    @property
    def box_default(self) -> str:
        """The name of the network in the box that runs where the user chose none."""
        return self._given.default

    @property
    def left_out(self) -> list[str]:
        """Names of the user's entries that are not used, for a network in the box has that name."""
        return [entry.name for entry in self._own.model if entry.name in self._boxed()]

    def refuse_taken(self, name: str, sha256: str) -> None:
        """Raises ModelError where the shipped manifest has that name for another file, or for one in the box."""
        given = next((entry for entry in self._given.model if entry.name == name), None)
        if given and (given.file or given.sha256 != sha256):
            whose = "a network in the box" if given.file else f"another network ({given.source or given.licence})"
            raise ModelError(f"{name!r} is the name of {whose}; give this one another: --name NAME")

    def entries(self) -> list[ModelEntry]:
        """Every entry; one whose file is there has its whole path in `file`."""
        own = [self._placed(entry, self._folder) for entry in self._own.model if entry.name not in self._boxed()]
        names = {entry.name for entry in own}
        given = [self._placed(entry, self._shipped.parent) for entry in self._given.model]
        return own + [entry for entry in given if entry.name not in names]

    def find(self, name_or_file: str) -> tuple[ModelEntry, Path]:
        """The entry that `name_or_file` means ('default', a name, or an .onnx file) and its checked file.

        Raises ModelError where there is none, where its file is missing or is another one.
        """
        if name_or_file.endswith(".onnx"):
            return self._by_file(Path(name_or_file))
        name = self.default if name_or_file == "default" else name_or_file
        if not name:
            raise ModelError(
                "no network is set as the default yet: name one with --model FILE, detector.model or GATEHOUSE_MODEL "
                "(an .onnx file of YOLOX, YOLOv8, YOLO11, YOLO26 or NanoDet), or add one: gatehouse models add FILE"
            )
        for entry in self.entries():
            if entry.name == name:
                return entry, self._checked(entry)
        known = ", ".join(entry.name for entry in self.entries()) or "none"
        raise ModelError(f"there is no network {name!r} (there are: {known}); add its file: gatehouse models add FILE")

    def of_file(self, sha256: str) -> ModelEntry | None:
        """The entry of the file whose SHA-256 that is, hex."""
        return next((entry for entry in self.entries() if entry.sha256 == sha256), None)

    def _boxed(self) -> set[str]:
        return {entry.name for entry in self._given.model if entry.file}

    def _by_file(self, path: Path) -> tuple[ModelEntry, Path]:
        if entry := self.of_file(sha256_of(path)):
            return entry, path
        raise ModelError(f"{path.name} is in no manifest; let it be looked at first: gatehouse models add {path}")

    def _checked(self, entry: ModelEntry) -> Path:
        if not entry.file or not os.path.exists(entry.file):  # Path.exists raises where a folder may not be entered
            raise ModelError(
                f"the file of network {entry.name!r} is not here; get it ({entry.source or 'see its project'}) and add "
                "it: gatehouse models add FILE"
            )
        if sha256_of(Path(entry.file)) != entry.sha256:
            raise ModelError(
                f"{entry.file} is not the file that was added as {entry.name!r} (its SHA-256 differs): "
                "restore it, or add the new one: gatehouse models add FILE"
            )
        return Path(entry.file)

    @staticmethod
    def _placed(entry: ModelEntry, folder: Path) -> ModelEntry:
        return entry.model_copy(update={"file": str(folder / entry.file)}) if entry.file else entry
