"""Two TUN devices with a delay between them; the clients live in a network namespace of their own.

Usage: delayed-network.py NAMESPACE SERVER_ADDRESS CLIENT_ADDRESS PORT DELAY_S CLIENTS
Prints "up" when the network is there. A line on standard input sets the clients going until the next one, or the end of
its standard input, but to 300 connections at least; then it prints their tally as JSON. Without clients it only keeps
the network until the first line.
"""
import collections, ctypes, fcntl, json, os, select, socket, struct, subprocess, sys, threading, time

space, server, client = sys.argv[1:4]
port, delay, count = int(sys.argv[4]), float(sys.argv[5]), int(sys.argv[6])


def tun(name):
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, 0x400454CA, struct.pack("16sH14x", name.encode(), 0x1001))
    return device


def relay(source, target):
    waiting = collections.deque()
    while True:
        timeout = max(0, waiting[0][0] - time.monotonic()) if waiting else 1
        if select.select([source], [], [], timeout)[0]:
            waiting.append((time.monotonic() + delay, os.read(source, 65536)))
        while waiting and waiting[0][0] <= time.monotonic():
            os.write(target, waiting.popleft()[1])


def run(*command):
    subprocess.run(command, check=True)


def ask(tally, told):
    while not told.is_set() or sum(list(tally.values())) < 300:
        connection = socket.socket()
        connection.settimeout(30)
        try:
            connection.connect((server, port))
            outcome = "ok" if connection.recv(10) else "EOF"
        except OSError as error:
            outcome = type(error).__name__
        connection.close()
        tally[outcome] = tally.get(outcome, 0) + 1


def clients():
    tally, told = {}, threading.Event()
    threads = [threading.Thread(target=ask, args=(tally, told)) for _ in range(count)]
    for thread in threads:
        thread.start()
    sys.stdin.readline()
    told.set()
    for thread in threads:
        thread.join()
    print(json.dumps(tally), flush=True)


here, there = f"{space}a", f"{space}b"
run("ip", "netns", "add", space)
try:
    near, far = tun(here), tun(there)
    run("ip", "link", "set", there, "netns", space)
    for command in (["ip", "addr", "add", f"{server}/24", "dev", here], ["ip", "link", "set", here, "up"],
                    ["ip", "-n", space, "addr", "add", f"{client}/24", "dev", there],
                    ["ip", "-n", space, "link", "set", there, "up"]):
        run(*command)
    for ends in ((near, far), (far, near)):
        threading.Thread(target=relay, args=ends, daemon=True).start()
    print("up", flush=True)
    sys.stdin.readline()
    child = os.fork() if count else None
    if child == 0:
        space_fd = os.open(f"/var/run/netns/{space}", os.O_RDONLY)
        if ctypes.CDLL(None, use_errno=True).setns(space_fd, 0x40000000) != 0:
            os._exit(1)
        clients()
        os._exit(0)
    if child:
        os.waitpid(child, 0)
finally:
    run("ip", "netns", "del", space)
