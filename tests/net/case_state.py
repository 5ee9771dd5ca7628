"""The node's own state and sockets: what is damaged or foreign is refused, what is its own is not
given away."""
import os

from lab import Lab, Node, expect


def case_own_socket_is_no_service(weft):
    """W5: neither named, nor linked to, nor exchanged after it was exposed."""
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        own = os.path.join(b.home, "weft.sock")
        link = os.path.join(lab.folder, "link.sock")
        os.symlink(own, link)
        for path in (own, link, os.path.join(b.home, "identity.key")):
            b.refuses(5, "expose", f"unix:{path}", "--name", "api", says="management socket"
                      if path != os.path.join(b.home, "identity.key") else "keys")
        os.unlink(link)
        b.do("expose", f"unix:{link}", "--name", "api", "--allow", "a")
        os.symlink(own, link)
        answer = a.ask("pipe", "api@b", json_out=False, input="GET /api/v1/status HTTP/1.1\r\n"
                       "Host: localhost\r\n\r\n")
        expect(answer.code != 0 and "weft.status" not in answer.text,
               f"a member reached b's management socket: {answer.text[:200]}")
