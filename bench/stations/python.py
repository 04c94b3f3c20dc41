"""Python's pools with two processes, or a plain comprehension; a station as protocol.ts has it.

python.py POOL                    serves requests
python.py POOL JOB FROM COUNT     one map in a process
POOL is loop, pool (default chunks), pool1 (chunksize=1), joblib, dask or mpi4py.
"""
import json
import math
import multiprocessing
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from functions import noop, spin, sqrt  # noqa: E402

FUNCTIONS = {"noop": noop, "sqrt": sqrt, "spin": spin}


def open_loop():
    return (lambda fn, items: [fn(x) for x in items]), lambda: None


def open_pool(chunksize=None):
    pool = multiprocessing.Pool(2)

    def close():
        pool.close()
        pool.join()

    return (lambda fn, items: pool.map(fn, items, chunksize)), close


def open_joblib():
    import joblib
    from joblib.externals.loky import get_reusable_executor

    run = lambda fn, items: joblib.Parallel(n_jobs=2)(joblib.delayed(fn)(x) for x in items)  # noqa: E731
    return run, lambda: get_reusable_executor().shutdown(wait=True)


def open_dask():
    from distributed import Client, LocalCluster

    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None, silence_logs=50
    )
    client = Client(cluster)

    def close():
        client.close()
        cluster.close()

    return (lambda fn, items: client.gather(client.map(fn, items, pure=False))), close


def open_mpi4py():
    from mpi4py.futures import MPIPoolExecutor

    executor = MPIPoolExecutor(2)
    return (lambda fn, items: list(executor.map(fn, items))), executor.shutdown


POOLS = {
    "loop": open_loop,
    "pool": open_pool,
    "pool1": lambda: open_pool(1),
    "joblib": open_joblib,
    "dask": open_dask,
    "mpi4py": open_mpi4py,
}


def items_of(job, spec):
    count, turns = spec["count"], spec.get("turns")
    if job != "spin":
        return range(spec.get("from", 0), spec.get("from", 0) + count)
    return turns if isinstance(turns, list) else [turns] * count


def measure(run, job, items):
    fn = FUNCTIONS[job]
    began = time.perf_counter()
    values = run(fn, items)
    seconds = time.perf_counter() - began
    last = math.sqrt(items[-1]) if job == "sqrt" else items[-1]
    assert len(values) == len(items) and values[-1] == last, (job, len(values), values[-1])
    return seconds


def main():
    run, close = POOLS[sys.argv[1]]()
    if len(sys.argv) > 2:
        job, start, count = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
        measure(run, job, range(start, start + count))
    else:
        print('"ready"', flush=True)
        for line in sys.stdin:
            request = json.loads(line)
            items = items_of(request["job"], request["items"])
            seconds = [measure(run, request["job"], items) for _ in range(request.get("times", 1))]
            print(json.dumps({"seconds": statistics.median(seconds)}), flush=True)
    close()


if __name__ == "__main__":
    main()
