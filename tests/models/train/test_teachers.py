"""Labels completed by networks that agree."""

import numpy as np

from models.train.teachers import Opinion, complete

LABELLED, UNSEEN = [0, 0, 20, 60], [200, 0, 220, 60]
AGREED, SUSPECTED, LONELY = [50, 0, 70, 60], [100, 0, 120, 60], [150, 0, 170, 60]


def boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


def opinion(rows, scores, seen_by) -> Opinion:
    return Opinion(boxes(*rows), np.array(scores, np.float32), np.array(seen_by))


def test_agreement_adds_people_suspicion_only_withholds_judgement():
    seen = opinion([LABELLED, AGREED, SUSPECTED, LONELY], [0.9, 0.8, 0.2, 0.45], [2, 2, 2, 1])
    people = complete(boxes(LABELLED, UNSEEN), seen)
    assert people.tolist() == [
        [*LABELLED, 1.0], [*UNSEEN, 0.5], [*AGREED, np.float32(0.8)], [*SUSPECTED, 0.0], [*LONELY, 0.0],
    ]  # fmt: skip


def test_a_faint_box_is_nobody():
    assert len(complete(boxes(), opinion([LONELY], [0.06], [1]))) == 0


def test_without_an_opinion_labels_stand_at_half():
    assert complete(boxes(LABELLED), opinion([], [], [])).tolist() == [[*LABELLED, 0.5]]
