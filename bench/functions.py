"""What is measured, for Python workers and for Python's own pool."""
import math


def noop(x):
    return x


def sqrt(x):
    return math.sqrt(x)
