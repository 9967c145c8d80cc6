"""The one in-memory form of a page image."""

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
"""Rows x columns x 3, blue-green-red."""
