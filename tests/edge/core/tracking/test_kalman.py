"""The box filter against what can be calculated by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.tracking.kalman import BoxMotion, MotionParams, centred

BOX = np.array([[100.0, 200.0, 40.0, 100.0]])
ROW = np.array([0])


def moving(params=None, velocity=(30.0, -10.0)):
    motion = BoxMotion(params or MotionParams())
    motion.append(BOX)
    motion.mean[0, :2, 1] = velocity
    return motion


def test_a_velocity_carries_on_and_dies_away():
    motion = moving(MotionParams(memory_s=2.0))
    motion.predict(1.0)
    reach = 2.0 * (1 - np.exp(-0.5))
    assert motion.mean[0, 0, 0] == pytest.approx(100 + 30 * reach)
    assert motion.mean[0, 1, 0] == pytest.approx(200 - 10 * reach)
    assert motion.mean[0, 0, 1] == pytest.approx(30 * np.exp(-0.5))
    motion.predict(1e6)
    assert motion.mean[0, 0, 0] == pytest.approx(100 + 30 * 2.0)


@settings(max_examples=40, derandomize=True, deadline=None)
@given(st.lists(st.floats(0.001, 3.0), min_size=1, max_size=8))
def test_any_division_of_the_time_gives_the_same(steps):
    # Sizes at rest, so that the height that scales the noise is the same all along.
    once, often = moving(), moving()
    once.predict(sum(steps))
    for step in steps:
        often.predict(step)
    np.testing.assert_allclose(often.mean, once.mean, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(often.cov, once.cov, rtol=1e-7, atol=1e-7)


def test_in_the_long_run_the_speed_is_the_one_of_the_parameters():
    params = MotionParams(speed=0.7, memory_s=1.0)
    motion = moving(params)
    motion.cov[:] = 0
    motion.predict(50.0)
    assert motion.cov[0, 0, 1, 1] == pytest.approx((0.7 * 100) ** 2)
    motion.cov[:] = 0
    motion.predict(1e-4)  # so short a step is one of white acceleration: variance 2 s^2 dt / memory
    assert motion.cov[0, 0, 1, 1] == pytest.approx(2 * (0.7 * 100) ** 2 * 1e-4, rel=1e-3)
    assert motion.cov[0, 0, 0, 0] == pytest.approx(2 * (0.7 * 100) ** 2 * 1e-4**3 / 3, rel=1e-2)


def test_two_equal_measurements_at_one_instant_halve_the_variance():
    motion = BoxMotion(MotionParams())
    motion.append(BOX)
    before = motion.cov[0, :, 0, 0].copy()
    motion.correct(ROW, BOX + np.array([4.0, 0, 0, 0]), np.ones(1))
    assert motion.mean[0, 0, 0] == pytest.approx(102.0)
    np.testing.assert_allclose(motion.cov[0, :, 0, 0], before / 2)


def test_a_doubted_box_moves_the_state_less():
    sure, doubted = moving(), moving()
    for motion, doubt in ((sure, 1.0), (doubted, 3.0)):
        motion.predict(0.1)
        motion.correct(ROW, BOX + np.array([20.0, 0, 0, 0]), np.full(1, doubt))
    assert doubted.mean[0, 0, 0] < sure.mean[0, 0, 0]


def test_surprise_is_the_squared_distance_in_standard_deviations():
    motion = BoxMotion(MotionParams(position_noise=0.05))
    motion.append(BOX)
    # The state's own variance and the measurement's are both (0.05 * 100)^2.
    apart = motion.surprise(ROW, BOX + np.array([10.0, 0, 0, 0]))
    assert apart[0, 0] == pytest.approx(100 / 50)


@settings(max_examples=30, derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 5), st.floats(-500, 500), st.floats(1, 400)), min_size=1, max_size=25))
def test_covariances_stay_symmetric_and_positive(steps):
    motion = BoxMotion(MotionParams())
    motion.append(BOX)
    for dt_s, place, size in steps:
        motion.predict(dt_s)
        motion.correct(ROW, np.array([[place, place, size, size]]), np.ones(1))
    np.testing.assert_allclose(motion.cov, motion.cov.swapaxes(-1, -2), rtol=1e-9, atol=1e-9)
    assert (np.linalg.eigvalsh(motion.cov) > -1e-9).all()
    assert np.isfinite(motion.mean).all()
    assert (motion.mean[:, 2:, 0] >= 1).all()


def test_centred_turns_corners_into_centre_and_size():
    np.testing.assert_array_equal(centred(np.array([[10.0, 20.0, 50.0, 120.0]])), [[30.0, 70.0, 40.0, 100.0]])
