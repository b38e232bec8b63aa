#!/usr/bin/python3
"""Plays systemd: binds sockets once, and runs a program with them as often as it ends by itself.

Arguments: NAME=/path or NAME=HOST:PORT for each socket, --, the program. SIGTERM ends the program and then this one.
"""
import os
import signal
import socket
import sys

at = sys.argv.index("--")
command, sockets, names = sys.argv[at + 1 :], [], []
for word in sys.argv[1:at]:
    name, _, address = word.partition("=")
    if address.startswith("/"):
        one = socket.socket(socket.AF_UNIX)
        one.bind(address)
    else:
        host, _, port = address.rpartition(":")
        one = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((host, int(port)))
    one.listen(1024)
    # Whoever accepts on it must not depend on how it was left.
    one.setblocking(False)
    sockets.append(one)
    names.append(name)

def start():
    child = os.fork()
    if child:
        return child
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WAITED_FOR)
    copies = [os.dup(one.fileno()) for one in sockets]
    # Out of the way of the numbers to come.
    high = [os.dup2(copy, 100 + index) for index, copy in enumerate(copies)]
    for index, copy in enumerate(high):
        os.dup2(copy, 3 + index, inheritable=True)
    os.closerange(3 + len(high), 200)
    os.environ.update(
        LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(high)), LISTEN_FDNAMES=":".join(names)
    )
    os.execvp(command[0], command)


# Blocked, and taken one after the other: none comes between a fork and the knowledge of its child.
WAITED_FOR = {signal.SIGTERM, signal.SIGCHLD}
signal.pthread_sigmask(signal.SIG_BLOCK, WAITED_FOR)
wanted, child = True, start()
while child:
    if signal.sigwait(WAITED_FOR) == signal.SIGTERM:
        wanted = False
        os.kill(child, signal.SIGTERM)
    if os.waitpid(child, os.WNOHANG)[0]:
        child = start() if wanted else 0
for one in sockets:
    if one.family == socket.AF_UNIX:
        os.unlink(one.getsockname())
