"""What is measured, for Python workers and for Python's own pools."""
import math


def noop(x):
    return x


def sqrt(x):
    return math.sqrt(x)


def spin(turns):
    for _ in range(turns):
        pass
    return turns
