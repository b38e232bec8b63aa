"""A fuzzer of the FastCGI side: valid sessions, mutated, against what must hold for any stream.

    python3 -m tests.fuzz [--seed N] [--count N]      in the folder "python"

Each failure names the seed and the number of its stream, and how to see that one again.

sessions    valid conversations of a web server, and which requests of them must be served
mutations   what goes wrong with them on the way, and up to where they are still intact
parsing     streams through ``Incoming`` alone; most of them
serving     streams through ``Connection`` and ``Gateway``, over a socket pair
living      streams to a living worker
"""
