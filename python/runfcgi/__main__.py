"""``python -m runfcgi KEY=VALUE…``"""

import sys

from runfcgi.launch.main import main


def run() -> None:
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
