"""weft expose /folder --protocol file: files to read by curl, and nothing outside the folder."""
import os

from lab import Lab, eventually, expect
from servers import make_file

SECRET = "what no caller may read"


def curl(node, url, *more):
    """(status, headers, body)"""
    done = node.host.run("curl", "-sS", "-m", "20", "--path-as-is", "-D", "-", "-w", "\n%{http_code}",
                         *more, url, encoding="latin-1")
    head, _, rest = done.stdout.partition("\n\n")  # as text the lines of a head end so
    body, _, status = rest.rpartition("\n")
    expect(status, f"curl {url} {more}: {done.stdout[:300]!r} {done.stderr!r}")
    headers = dict(line.split(": ", 1) for line in head.splitlines()[1:] if ": " in line)
    return int(status), {k.lower(): v for k, v in headers.items()}, body


def folder(lab):
    root = os.path.join(lab.folder, "shared")
    os.makedirs(os.path.join(root, "sub dir"))
    with open(os.path.join(lab.folder, "secret"), "w", encoding="utf-8") as f:
        f.write(SECRET)
    with open(os.path.join(root, "a.txt"), "w", encoding="utf-8") as f:
        f.write("0123456789" * 10)
    with open(os.path.join(root, "sub dir", "b&<c>.html"), "w", encoding="utf-8") as f:
        f.write("<p>b</p>")
    with open(os.path.join(root, ".hidden"), "w", encoding="utf-8") as f:
        f.write(SECRET)
    os.symlink("a.txt", os.path.join(root, "inside"))
    os.symlink("../secret", os.path.join(root, "outside"))
    os.symlink(os.path.join(lab.folder, "secret"), os.path.join(root, "absolute"))
    os.symlink("../..", os.path.join(root, "updir"))
    os.symlink("/proc/self/root/etc", os.path.join(root, "magic"))
    os.mkfifo(os.path.join(root, "fifo"))
    return root


def opened(a, b, root, *more):
    a.do("expose", root, "--protocol", "file", "--name", "files", "--allow", "b", *more)
    eventually("the folder", 5, lambda: [s["name"] for s in b.do("services")["services"]] == ["files"])
    b.do("web")
    return "http://files.a.weft.localhost:8080"


def case_a_folder_is_served(weft):
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        root = folder(lab)
        digest = make_file(os.path.join(root, "big"), 30_000_000)
        url = opened(a, b, root)
        status, head, body = curl(b, url + "/a.txt")
        expect((status, body) == (200, "0123456789" * 10), f"{status} {body!r}")
        expect(head["content-type"].startswith("text/plain") and head["accept-ranges"] == "bytes", f"{head}")
        tag = head["etag"]
        expect(curl(b, url + "/a.txt", "-H", f"If-None-Match: {tag}")[0] == 304, "not 304")
        expect(curl(b, url + "/inside")[2] == "0123456789" * 10, "a link that stays inside")
        for asked, want in (("bytes=5-9", "56789"), ("bytes=-3", "789"), ("bytes=98-", "89"),
                            ("bytes=98-500", "89")):
            status, head, body = curl(b, url + "/a.txt", "-H", "Range: " + asked)
            expect((status, body) == (206, want), f"{asked}: {status} {body!r}")
            expect(head["content-range"].endswith("/100"), f"{head}")
        expect(curl(b, url + "/a.txt", "-H", "Range: bytes=100-")[0] == 416, "beyond the end")
        expect(curl(b, url + "/a.txt", "-H", "Range: bytes=0-1,3-4")[0] == 200, "two ranges")
        status, _, body = curl(b, url + "/a.txt", "-H", "Range: bytes=0-4", "-H", 'If-Range: "old"')
        expect((status, len(body)) == (200, 100), "If-Range of another version")
        status, head, body = curl(b, url + "/a.txt", "-I")
        expect((status, head["content-length"], body.strip()) == (200, "100", ""), f"HEAD: {status} {head} {body!r}")
        done = b.host.run("sh", "-c", f"curl -sS '{url}/big' | sha256sum", timeout=120)
        expect(done.stdout.split()[0] == digest, f"the large file differs {done.stderr}")
        status, _, body = curl(b, url + "/")
        for want in ('"./sub%20dir/"', '"./a.txt"', "big"):
            expect(status == 200 and want in body, f"the list has no {want}: {body!r}")
        for never in (".hidden", "fifo"):
            expect(never not in body, f"the list has {never}")
        status, head, _ = curl(b, url + "/sub%20dir")
        expect((status, head["location"]) == (301, "/sub%20dir/"), f"{status} {head}")
        body = curl(b, url + "/sub%20dir/")[2]
        expect("b&amp;&lt;c&gt;.html" in body and '"./b%26%3Cc%3E.html"' in body, body)
        expect(curl(b, url + "/sub%20dir/b%26%3Cc%3E.html")[2] == "<p>b</p>", "odd names")
        door = b.open("files@a")
        expect(curl(b, f"http://127.0.0.1:{door}/a.txt")[0] == 200, "by a plain door")


def case_nothing_outside_the_folder_is_read(weft):
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        root = folder(lab)
        url = opened(a, b, root)
        expect(curl(b, url + "/a.txt")[0] == 200, "the control: a file inside")
        for path in ("/../secret", "/%2e%2e/secret", "/sub%20dir/../../secret", "/..%2fsecret",
                     "/outside", "/absolute", "/updir/secret", "/updir/", "/magic/passwd",
                     "/.hidden", "/fifo", "/a.txt/", "/nothing", "/%00", "/a.txt%00.html",
                     "//etc/passwd", "/sub%20dir/%2e%2e/%2e%2e/secret"):
            status, _, body = curl(b, url + path)
            expect(status in (400, 403, 404), f"{path}: {status}")
            expect(SECRET not in body and "root:" not in body, f"{path} was read: {body!r}")
        for method in ("POST", "PUT", "DELETE", "PROPFIND"):
            expect(curl(b, url + "/a.txt", "-X", method, "-d", "x")[0] == 405, method)
        with open(os.path.join(root, "a.txt"), encoding="utf-8") as f:
            expect(f.read() == "0123456789" * 10, "a file was written")
        # A folder swapped for a link while it is served.
        os.rename(os.path.join(root, "sub dir"), os.path.join(root, "was"))
        os.symlink("/etc", os.path.join(root, "sub dir"))
        expect(curl(b, url + "/sub%20dir/passwd")[0] == 404, "a swapped folder leads out")
        # The node's own keys, and folders above them.
        for own in (a.home, lab.folder, "/"):
            a.refuses(5, "expose", own, "--protocol", "file", "--name", "own", says="keys")
        a.refuses(2, "expose", root, "--name", "own", says="file")


def case_a_huge_folder_is_listed_in_part(weft):
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        root = os.path.join(lab.folder, "huge")
        os.makedirs(root)
        for i in range(20_000):
            os.close(os.open(os.path.join(root, f"{i:06}"), os.O_CREAT | os.O_WRONLY))
        url = opened(a, b, root)
        status, _, body = curl(b, url + "/")
        expect(status == 200 and body.count("<tr>") == 5000, f"{status} {body.count('<tr>')} lines")
        expect("More files are here" in body, "it does not say that there are more")
        expect(curl(b, url + "/019999")[0] == 200, "a file that the page does not show")
