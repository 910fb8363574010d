"""A memory card dies of being written: a node with nothing to tell writes its video and nothing else."""

import numpy as np
import pytest
from idle_writes import idle_node, measure

from edge.adapters.system_clock import SystemClock
from edge.virtual_camera.media import PictureList, encode
from edge.virtual_camera.rtsp_server import VirtualCamera, serve_cameras

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]
PAGE_BYTES = 4096


def test_a_node_that_sees_nobody_writes_its_video_and_nothing_else(site):
    still = encode(PictureList([np.full((96, 128, 3), 20, np.uint8)] * 100, 10.0))
    with serve_cameras([VirtualCamera("gate", still)], SystemClock()) as server:
        node, worker, console = idle_node(site, server.url("gate"))
        found = measure(site, node, worker, 8.0)
        console.close()
    assert found.recorded_bytes > 0
    assert found.changed == []
    assert found.supervisor_bytes == 0
    # Whole pages are counted: a few for each of about five segments and eight fragments, far from one a frame (80).
    assert found.worker_bytes <= found.recorded_bytes + 30 * PAGE_BYTES
