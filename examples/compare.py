"""The tutorial's last lesson for a Python function: a plain loop, multiprocessing.Pool, and manyhands.

    python3 examples/compare.py 10_000 5_000_000

In: upper ends of ranges that begin at 10. Out: for each, three times in seconds; every result is compared first.
manyhands is called as its command, so that its time includes starting Node; MANYHANDS names another command than the
one on PATH (for instance MANYHANDS="node dist/coordinator/main.js").
"""
import array
import os
import shlex
import subprocess
import sys
import tempfile
import time
from multiprocessing import Pool
from pathlib import Path

MODULE = Path(__file__).with_name("sqrt.py")
COMMAND = shlex.split(os.environ.get("MANYHANDS", "manyhands"))

sys.path.insert(0, str(MODULE.parent))
from sqrt import sqrt  # noqa: E402


def loop(end):
    return [sqrt(x) for x in range(10, end)]


def multiprocessing_pool(end):
    with Pool() as pool:
        return pool.map(sqrt, range(10, end))


def manyhands(end):
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "roots.f64")
        command = [*COMMAND, "map", str(MODULE), "--range", f"10..{end}", "--output", output, "--quiet"]
        subprocess.run(command, check=True)
        roots = array.array("d")
        with open(output, "rb") as file:
            roots.frombytes(file.read())
        return roots.tolist()


def main():
    ends = [int(text) for text in sys.argv[1:]] or [10_000, 5_000_000]
    for end in ends:
        print(f"range(10, {end:,})")
        expected = None
        for way in (loop, multiprocessing_pool, manyhands):
            began = time.perf_counter()
            roots = way(end)
            seconds = time.perf_counter() - began
            expected = roots if expected is None else expected
            if roots != expected:
                sys.exit(f"{way.__name__} disagrees with the loop")
            print(f"  {way.__name__:22}{seconds:8.4f} s", flush=True)


# multiprocessing may import this file in its workers.
if __name__ == "__main__":
    main()
