"""`gatehouse models train fit`: trains, or goes on training, from the last checkpoint."""

import json
import re
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from models.train.progress import Reporter
from models.train.step import checked_side, step
from models.whole_file import check_writable

_JUDGED = 300  # pictures of each set that are looked at during training
SITE_SHARE = 0.1  # of the pictures learnt from are those that installers marked, however few they are
_OFTENEST = 20  # times that one picture of a site is taken among the others

_T = TypeVar("_T")


def fit(
    shards: Annotated[list[Path], typer.Argument(metavar="SHARD...", help="prepared pictures to learn from")],
    checkpoint: Annotated[Path, typer.Option(help="where training stands; gone on from where it is there")],
    canvases: Annotated[int, typer.Option(min=1, help="how many to train on in all, earlier runs too")] = 600_000,
    val: Annotated[list[Path] | None, typer.Option(help="prepared pictures to judge by, never learnt from")] = None,
    side: Annotated[int, typer.Option(min=64, max=4096, help="input side at which is judged, pixels")] = 416,
    batch: Annotated[int, typer.Option(min=1, help="canvases a step")] = 16,
    rate: Annotated[float, typer.Option(help="highest learning rate, above 0 and below 1")] = 2e-3,
    threads: Annotated[int, typer.Option(min=1, help="of the processor, for the network")] = 1,
    workers: Annotated[int, typer.Option(min=0, help="processes that paint canvases")] = 1,
    judge_every: Annotated[int, typer.Option(min=1, help="canvases between evaluations")] = 20_000,
    save_every: Annotated[int, typer.Option(min=1, help="canvases between checkpoints")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="of a new training")] = 1,
) -> None:
    """Train from random weights, or go on from the checkpoint; on a GPU where there is one. Stop it at any time."""
    with step("train fit"):
        import torch

        from models.train.checkpoint import load_checkpoint
        from models.train.fit import Plan
        from models.train.fit import fit as train
        from models.train.judge import Judge
        from models.train.shards import SITE, read_shards

        checked_side(side)
        if not 0 < rate < 1:  # which is asked so that "nan" is none, too
            raise ValueError(f"--rate {rate}: take one above 0 and below 1; 0.002 is usual")
        check_writable(checkpoint)
        begun_at = load_checkpoint(checkpoint).canvases if checkpoint.exists() else 0
        torch.set_num_threads(threads)
        site = [path for path in shards if path.name.startswith(SITE)]
        samples = read_shards([path for path in shards if path not in site])
        all_of_sites = read_shards(site)
        if site:
            typer.echo(f"{len(all_of_sites)} pictures of sites, each taken {times(samples, all_of_sites)} times")
            samples += all_of_sites * times(samples, all_of_sites)
        sets: dict[str, list[Path]] = {}
        for path in val or []:
            sets.setdefault(re.sub(r"(-\d+)?\.npz$", "", path.name), []).append(path)
        judge = Judge({name: spread(read_shards(paths), _JUDGED) for name, paths in sets.items()}, side)
        plan = Plan(canvases, batch, rate, workers, save_every=save_every, judge_every=judge_every)
        typer.echo(f"{len(samples)} pictures, {begun_at} of {canvases} canvases seen before")
        if begun_at >= canvases:
            typer.echo("nothing is left to learn: name more canvases in all (--canvases; make train CANVASES=...)")
        state = train(samples, checkpoint, plan, judge, Reporter("fit", 30.0, begun_at), seed)
    typer.echo(f"{checkpoint}: {state.canvases} canvases")
    for row in state.curve:
        typer.echo(json.dumps(row))


def spread(samples: list[_T], most: int) -> list[_T]:
    """At most `most` of them, evenly."""
    return samples[:: max(1, len(samples) // most)][:most]


def times(others: list[_T], of_sites: list[_T]) -> int:
    """How often each picture of a site is taken, so that together they are a tenth, but none learnt by heart."""
    wanted = SITE_SHARE * len(others) / (1 - SITE_SHARE) / max(1, len(of_sites))
    return max(1, min(_OFTENEST, round(wanted)))
