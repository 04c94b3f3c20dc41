"""The tutorial's pool.map(sqrt, range(10, N)).

    manyhands map examples/sqrt.py --range 10..5_000_000 --output roots.f64

roots.f64 holds one double after another: array.array("d").fromfile(...) or numpy.fromfile(...) reads it.
"""
import math


def sqrt(x):
    return math.sqrt(x)
