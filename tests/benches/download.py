"""Part of `make bench`: http.download beside curl, both writing one file to the disk and syncing it.

A server in this process sends the same bytes to both, by sendfile. The two take turns, so that a disk
that becomes slower is slower for both; only the ratio of a pair means something.
"""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

TIDELOCK = os.path.abspath("target/release/tidelock")
SIZE = int(os.environ.get("SIZE_MIB", "512")) * 2**20
ROUNDS = int(os.environ.get("ROUNDS", "7"))
# Where the files go; a file system in memory would not show what syncing costs.
FOLDER = os.environ.get("FOLDER", "target")

DOWNLOAD = "assert(http.download(arg[1], arg[2]) == tonumber(arg[3]))"


def serve(source):
    """A server on a free port that answers every request with the file `source`."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(connection):
        with connection, open(source, "rb") as file:
            while b"\r\n\r\n" not in (request := connection.recv(65536)) and request:
                pass
            connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\nConnection: close\r\n\r\n".encode())
            connection.sendfile(file)

    def accept():
        while True:
            threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def seconds(command, target):
    """How long a command takes that makes the file `target`, which is removed first and after."""
    os.sync()
    begun = time.perf_counter()
    subprocess.run(command, check=True)
    took = time.perf_counter() - begun
    if os.path.getsize(target) != SIZE:
        sys.exit(f"{target} is not whole")
    os.remove(target)
    return took


def main():
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        source, target = os.path.join(folder, "source"), os.path.join(folder, "target")
        with open(source, "wb") as file:
            for _ in range(SIZE // 2**20):
                file.write(os.urandom(2**20))
        port = serve(source)
        url = f"http://127.0.0.1:{port}/"
        ours = [TIDELOCK, "eval", f"--allow-net=127.0.0.1:{port}", f"--allow-write={folder}", DOWNLOAD,
                url, target, str(SIZE)]
        curl = ["sh", "-c", 'curl --silent --fail --output "$2" "$1" && sync "$2"', "sh", url, target]
        seconds(ours, target), seconds(curl, target)
        pairs = []
        for _ in range(ROUNDS):
            pair = seconds(ours, target), seconds(curl, target)
            pairs.append(pair)
            rates = [SIZE / 2**20 / took for took in pair]
            print(f"tidelock {rates[0]:>7,.0f} MiB/s   curl and sync {rates[1]:>7,.0f} MiB/s   ratio {rates[0] / rates[1]:.2f}")
        print(f"median ratio {statistics.median(curl / ours for ours, curl in pairs):.2f}")


main()
