"""What a network says of itself that we trained: `train export` writes it, `train enter` lets in nothing else."""

AUTHOR = "Gatehouse"
LICENCE = "AGPL-3.0-or-later"
