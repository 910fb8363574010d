"""A network with its arrays bound answers what the plain session answers, each time anew."""

import numpy as np
import pytest

from edge.adapters.onnx_session import OrtNetwork, UnusableModelError, open_session
from models.registry import SHIPPED


def test_bound_arrays_give_the_plain_sessions_answers_and_stay():
    session = open_session(SHIPPED.parent / "weights" / "person_416_int8.onnx")
    network = OrtNetwork(session)
    noise = np.random.default_rng(3)
    before = [id(array) for array in network.run()]
    for _ in range(3):
        network.input[:] = noise.random(network.input.shape, np.float32)
        answered = network.run()
        assert [id(array) for array in answered] == before
        for mine, plain in zip(answered, session.run(None, {"images": network.input}), strict=True):
            np.testing.assert_array_equal(mine, plain)


def test_a_network_with_damaged_names_is_refused_in_words(tmp_path, bright_network):
    path = tmp_path / "damaged.onnx"
    path.write_bytes(bright_network.read_bytes().replace(b"ReduceMean", b"Reduce\x8dean"))
    with pytest.raises(UnusableModelError, match=r"damaged.onnx can't be opened"):
        open_session(path)
