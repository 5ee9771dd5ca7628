"""Real programs through the mesh: nginx and curl, ssh, redis-benchmark, iperf3."""
import hashlib
import json
import os
import re
import subprocess

from lab import FULL, HERE, Lab, expect, run
from servers import echo_server, make_file, nginx, redis, sshd, traffic


def sha_of_download(host, url, seconds=120):
    curl = subprocess.Popen(host.argv("curl", "-sSf", "--max-time", str(seconds), url),
                            stdout=subprocess.PIPE)
    digest, size = hashlib.sha256(), 0
    while piece := curl.stdout.read(1 << 20):
        digest.update(piece)
        size += len(piece)
    curl.stdout.close()
    expect(curl.wait() == 0, f"curl {url}: exit {curl.returncode} after {size} bytes")
    return digest.hexdigest(), size


def case_quickstart_shows_a_page_through_the_mesh(weft):
    """The script a newcomer runs first, all but its setup and build."""
    root = os.path.dirname(os.path.dirname(HERE))
    with Lab(weft, 1) as lab:
        shown = lab.hosts[0].run(os.path.join(root, "tools", "quickstart"), timeout=120,
                                 env=dict(os.environ, WEFT_PROGRAM=weft, TMPDIR=lab.folder))
        expect(shown.returncode == 0, f"exit {shown.returncode}\n{shown.stdout}{shown.stderr}")
        for part in ("via oak (direct, X25519+ML-KEM-768)", "Hello through the mesh", "path direct",
                     "Next"):
            expect(part in shown.stdout, f"it does not show {part!r}:\n{shown.stdout}")
        left = [name for name in os.listdir(lab.folder) if name.startswith("weft-quickstart")]
        expect(not left, f"it left {left} behind")


def case_curl_fetches_files_of_every_size(weft):
    sizes = [1 << 10, 1 << 16, 1 << 20, (1 << 20) + 1, 16 << 20] + ([1 << 30] if FULL else [])
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        folder = os.path.join(lab.folder, "www")
        os.makedirs(folder)
        sums = {s: make_file(os.path.join(folder, str(s)), s) for s in sizes}
        nginx(b.host, folder, 8000)
        b.do("expose", "8000", "--name", "web", "--allow", "a")
        port = a.open("web@b")
        for size in sizes:
            got, length = sha_of_download(a.host, f"http://127.0.0.1:{port}/{size}")
            expect(length == size, f"{size} bytes asked, {length} came")
            expect(got == sums[size], f"{size} bytes came with another checksum")
        missing = a.host.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
                             f"http://127.0.0.1:{port}/none")
        expect(missing.stdout == "404", f"a missing page answers {missing.stdout}, not 404")
        return f"{len(sizes)} files, up to {sizes[-1] >> 20} MiB"


def case_eight_downloads_at_once(weft):
    size = (128 << 20) if FULL else (8 << 20)
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        folder = os.path.join(lab.folder, "www")
        os.makedirs(folder)
        want = make_file(os.path.join(folder, "f"), size)
        nginx(b.host, folder, 8000)
        b.do("expose", "8000", "--name", "web", "--allow", "a")
        url = f"http://127.0.0.1:{a.open('web@b')}/f"
        names = [os.path.join(lab.folder, f"out{i}") for i in range(8)]
        curls = [a.host.start("curl", "-sSf", "--max-time", "120", "-o", n, url) for n in names]
        for curl in curls:
            expect(curl.wait(130) == 0, f"a curl of eight ended with {curl.returncode}")
        for name in names:
            with open(name, "rb") as f:
                expect(hashlib.file_digest(f, "sha256").hexdigest() == want, "checksum differs")


def case_ssh_through_pipe(weft):
    size = (64 << 20) if FULL else (8 << 20)
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        options = sshd(b.host, 2222)
        b.do("expose", "127.0.0.1:2222", "--name", "ssh", "--allow", "a")
        proxy = ["-o", f"ProxyCommand={weft} pipe ssh@b"]
        ssh = lambda *c, **m: run(a.host.argv("ssh", *options, *proxy, "root@b", *c), env=a.env,
                                  **m)
        hello = ssh("echo", "hello from b")
        expect(hello.stdout == "hello from b\n", f"ssh: {hello.stdout!r} {hello.stderr!r}")
        path = os.path.join(lab.folder, "up")
        want = make_file(path, size)
        with open(path, "rb") as f:
            up = run(a.host.argv("ssh", *options, *proxy, "root@b", "sha256sum"), env=a.env,
                     stdin=f)
        expect(up.stdout.split()[:1] == [want], f"upload by ssh: {up.stdout!r} {up.stderr!r}")
        failing = ssh("exit 7")
        expect(failing.returncode == 7, f"remote exit 7 came as {failing.returncode}")


def case_redis_benchmark_over_a_unix_socket(weft):
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        socket = os.path.join(lab.folder, "redis.sock")
        redis(b.host, socket)
        b.do("expose", f"unix:{socket}", "--name", "cache", "--allow", "a")
        port = a.open("cache@b", "--listen", "127.0.0.1:6400")
        expect(port == 6400, f"asked for port 6400, got {port}")
        count = 200000 if FULL else 20000
        done = a.host.run("redis-benchmark", "-p", port, "-n", count, "-c", "50", "-t",
                          "ping,set,get,lrange_100", "--csv", timeout=600)
        expect(done.returncode == 0, f"redis-benchmark: {done.returncode} {done.stderr[-300:]}")
        rates = re.findall(r'^"(\w+)[^"]*","([\d.]+)"', done.stdout, re.M)
        expect(any(n == "GET" for n, _ in rates), f"redis-benchmark said {done.stdout!r}")
        big = os.path.join(lab.folder, "big")
        want = make_file(big, 1 << 20)
        with open(big, "rb") as f:
            a.host.run("redis-cli", "-p", port, "-x", "set", "big", stdin=f)
        back = subprocess.run(a.host.argv("redis-cli", "-p", str(port), "--raw", "get", "big"),
                              capture_output=True, timeout=30)
        expect(hashlib.sha256(back.stdout[:-1]).hexdigest() == want, "a value came back changed")
        return ", ".join(f"{n} {float(r):.0f}/s" for n, r in rates if n in ("SET", "GET"))


def case_iperf3_both_directions(weft):
    seconds = 10 if FULL else 2
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        b.host.start("iperf3", "-s", "-B", "127.0.0.1", "-p", "5201", log="iperf3")
        b.host.wait_port(5201)
        b.do("expose", "5201", "--name", "iperf", "--allow", "a")
        port = a.open("iperf@b")
        said = []
        for more in ([], ["-R"], ["-P", "8"], ["--bidir"]):
            done = a.host.run("iperf3", "-J", "-c", "127.0.0.1", "-p", port, "-t", seconds, *more,
                              timeout=seconds + 30)
            answer = json.loads(done.stdout)
            expect("error" not in answer, f"iperf3 {more}: {answer.get('error')}")
            rate = answer["end"]["sum_received"]["bits_per_second"]
            expect(rate > 1e6, f"iperf3 {more}: {rate} bit/s")
            said.append(f"{' '.join(more) or 'up'} {rate / 1e9:.2f}")
        return "Gbit/s: " + ", ".join(said)


def case_a_thousand_idle_connections(weft):
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        echo_server(b.host, 7000)
        b.do("expose", "7000", "--name", "echo", "--allow", "a")
        port = a.open("echo@b")
        before = a.rss_kib(), b.rss_kib()
        answer = traffic(a.host, "idle", port, 1000, 20 if FULL else 2)
        expect(answer["opened"] == 1000, f"only {answer} opened")
        expect(answer["again"] == 1000, f"some died while idle: {answer}")
        grown = (a.rss_kib() - before[0]) / 1000, (b.rss_kib() - before[1]) / 1000
        return f"opened in {answer['open_s']} s; {grown[0]:.1f}, {grown[1]:.1f} KiB each"


def case_two_hundred_connections_a_second(weft):
    seconds = 60 if FULL else 5
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        echo_server(b.host, 7000)
        b.do("expose", "7000", "--name", "echo", "--allow", "a")
        port = a.open("echo@b")
        answer = traffic(a.host, "churn", port, 200, seconds)
        expect(answer["done"] == answer["asked"], f"connections were lost: {answer}")
        mapping = a.do("mappings")["mappings"][0]
        expect(mapping["connections"] <= 1, f"connections leak: {mapping}")
        return f"{answer['done']} connections, p50 {answer['p50_ms']}, p99 {answer['p99_ms']} ms"


def case_half_close_carries_through(weft):
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        echo_server(b.host, 7000)
        b.do("expose", "7000", "--name", "digest", "--allow", "a")
        port = a.open("digest@b")
        for size in (0, 1, 100_000, 20_000_000):
            answer = traffic(a.host, "digest", port, size)
            expect(answer["got"] == answer["sent"], f"{size} bytes, half-closed: {answer}")
