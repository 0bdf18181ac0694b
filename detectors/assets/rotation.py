"""Eigenvalues and eigenvectors of a symmetric matrix, the same to the last bit on every machine.

Source: Jacobi, J. reine angew. Math. 30 (1846) 51.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

from detectors.kernels import Floats

_ROTATIONS = 60  # sweeps of Jacobi at most; ten are usual
_MATRIX = types.Array(types.float64, 2, "C")


@njit(nogil=True, error_model="numpy")
def _turn(matrix: Floats, vectors: Floats, p: int, q: int) -> None:
    """One rotation, which makes ``matrix[p, q]`` zero."""
    theta = (matrix[q, q] - matrix[p, p]) / (2.0 * matrix[p, q])
    tangent = 1.0 / (abs(theta) + np.sqrt(theta * theta + 1.0))
    if theta < 0.0:
        tangent = -tangent
    cosine = 1.0 / np.sqrt(tangent * tangent + 1.0)
    sine = tangent * cosine
    for k in range(len(matrix)):
        at_p, at_q = matrix[k, p], matrix[k, q]
        matrix[k, p], matrix[k, q] = cosine * at_p - sine * at_q, sine * at_p + cosine * at_q
    for k in range(len(matrix)):
        at_p, at_q = matrix[p, k], matrix[q, k]
        matrix[p, k], matrix[q, k] = cosine * at_p - sine * at_q, sine * at_p + cosine * at_q
    for k in range(len(matrix)):
        at_p, at_q = vectors[k, p], vectors[k, q]
        vectors[k, p], vectors[k, q] = cosine * at_p - sine * at_q, sine * at_p + cosine * at_q


@njit(types.void(_MATRIX, _MATRIX), cache=True, nogil=True, error_model="numpy")
def rotate(matrix: Floats, vectors: Floats) -> None:
    """Turn a symmetric matrix into its eigenvalues, on its diagonal; ``vectors`` gets them as columns."""
    size = len(matrix)
    for i in range(size):
        for j in range(size):
            vectors[i, j] = 1.0 if i == j else 0.0
    for _ in range(_ROTATIONS):
        beside = 0.0
        for i in range(size):
            for j in range(i):
                beside = max(beside, abs(matrix[i, j]))
        if beside < 1e-15:
            return
        for i in range(size):
            for j in range(i + 1, size):
                if abs(matrix[i, j]) > 1e-18:
                    _turn(matrix, vectors, i, j)
