"""`make bench`: tidelock beside a bare hyper server, and what a run of `print("hi")` takes.

Servers are pinned to one core and wrk to another. The two servers take turns, so that a machine that
becomes slower is slower for both; only the ratio of a pair means something.
"""

import os
import re
import signal
import statistics
import subprocess
import sys
import time

TIDELOCK = "target/release/tidelock"
HYPER = "target/release/examples/bare_hyper"
ROUNDS = 5
SECONDS = 3
CONNECTIONS = 64
STARTS = 100

HELLO = """
http.serve(0, { GET = { ["/"] = function() return { status = 200, body = "hello from the sandbox\\n" } end } },
  { on_listen = function(s) print(s.port) end })
"""


def requests_per_second(command):
    """Starts a server that prints its port, loads it, and gives wrk's figure."""
    server = subprocess.Popen(["taskset", "-c", "0", *command], stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline())
        wrk = ["taskset", "-c", "1", "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}", f"http://127.0.0.1:{port}/"]
        output = subprocess.run(wrk, capture_output=True, text=True, check=True).stdout
        if "Socket errors" in output or "Non-2xx" in output:
            sys.exit(f"wrk met errors:\n{output}")
        return float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))
    finally:
        server.send_signal(signal.SIGKILL)
        server.wait()


def start_to_finish(command):
    """Milliseconds of the runs of a command."""
    times = []
    for _ in range(STARTS):
        begun = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        times.append((time.perf_counter() - begun) * 1000)
    return times


def main():
    pairs = []
    for _ in range(ROUNDS):
        ours = requests_per_second([TIDELOCK, "eval", "--allow-listen=0", HELLO])
        bare = requests_per_second([HYPER])
        pairs.append((ours, bare))
        print(f"tidelock {ours:>9,.0f} req/s   bare hyper {bare:>9,.0f} req/s   ratio {ours / bare:.2f}")
    print(f"median ratio {statistics.median(ours / bare for ours, bare in pairs):.2f}")

    hello = start_to_finish([TIDELOCK, "eval", 'print("hi")'])
    nothing = start_to_finish(["/bin/true"])
    print(f'print("hi"): median {statistics.median(hello):.2f} ms, fastest {min(hello):.2f} ms; '
          f"/bin/true: median {statistics.median(nothing):.2f} ms")
    print(f"binary: {os.path.getsize(TIDELOCK) / 2**20:.1f} MiB")


main()
