"""A step that lacks PyTorch says where it is."""

import importlib.util

import pytest
from typer.testing import CliRunner

from models.cli import app


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="PyTorch is here")
@pytest.mark.parametrize(
    "command", [("fit", "x.npz", "--checkpoint", "p.pt"), ("export", "p.pt", "x.onnx"), ("keep", "p.pt", "q.pt")]
)
def test_a_step_without_pytorch_names_the_environment_that_has_it(command):
    result = CliRunner().invoke(app, ["train", *command])
    assert result.exit_code == 2
    assert "No module named 'torch'" in result.output
    assert "make train" in result.output
