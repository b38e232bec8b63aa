"""``python3 -m tests.fuzz``: all three, and how many streams of each in how long."""

import argparse
import sys

from .runs import Failure, run_living, run_parsing, run_serving


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tests.fuzz")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=200_000, help="streams through the parser")
    parser.add_argument("--first", type=int, default=0, help="number of the first stream")
    arguments = parser.parse_args()
    begun = (arguments.seed, arguments.first)
    try:
        print(run_parsing(*begun, arguments.count), flush=True)
        print(run_serving(*begun, -(-arguments.count // 5)), flush=True)
        print(run_living(*begun, -(-arguments.count // 20)), flush=True)
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
