"""Python's own: multiprocessing's Pool(2).map with default chunks, or a plain comprehension; a station as protocol.ts has it.

python.py pool|loop                    serves requests
python.py pool|loop JOB FROM COUNT     one map in a process
"""
import json
import math
import multiprocessing
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from functions import noop, sqrt  # noqa: E402

FUNCTIONS = {"noop": noop, "sqrt": sqrt}


def measure(pool, job, start, count):
    fn = FUNCTIONS[job]
    items = range(start, start + count)
    began = time.perf_counter()
    values = [fn(x) for x in items] if pool is None else pool.map(fn, items)
    seconds = time.perf_counter() - began
    last = start + count - 1
    assert len(values) == count and values[-1] == (math.sqrt(last) if job == "sqrt" else last)
    return seconds


def main():
    pool = multiprocessing.Pool(2) if sys.argv[1] == "pool" else None
    if len(sys.argv) > 2:
        measure(pool, sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        print('"ready"', flush=True)
        for line in sys.stdin:
            request = json.loads(line)
            print(json.dumps({"seconds": measure(pool, request["job"], request["from"], request["count"])}), flush=True)
    if pool is not None:
        pool.close()
        pool.join()


if __name__ == "__main__":
    main()
