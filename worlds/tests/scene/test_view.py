from __future__ import annotations

import numpy as np
import pytest

from worlds.scene.view import focal_px, looking


def test_a_camera_looks_where_it_is_told() -> None:
    pose = looking((1, 2, 3), (1, 2, 8))
    assert pose[:3, 2].tolist() == pytest.approx([0, 0, 1])
    assert pose[:3, 1].tolist() == pytest.approx([0, -1, 0])
    assert float(np.linalg.det(pose[:3, :3])) == pytest.approx(1)


def test_a_right_angle_is_seen_at_half_the_width() -> None:
    assert focal_px(640, np.pi / 2) == pytest.approx(320)
