"""Starting with the machine: what `weft up --at-boot` asks of systemd, and what comes of it. The
systemctl here is a stand-in that does what it is told with the unit; the unit's text is judged by
systemd itself in tests/api/boot_test.cpp."""
import os

from lab import Lab, expect

SYSTEMCTL = """#!/bin/sh
echo "$*" >>"$FAKE/asked"
case "$1:$2" in
  enable:--now|start:*)
    for unit; do :; done
    command=$(sed -n 's/^ExecStart=//p' "/etc/systemd/system/$unit")
    NOTIFY_SOCKET= sh -c "exec $command" >/dev/null 2>&1 &
    until "$WEFT" --home "$NODE" status >/dev/null 2>&1; do sleep 0.05; done ;;
esac
"""

# In a mount namespace of its own: a /run where systemd reigns, an empty folder for units.
SCRIPT = """set -eu
mount -t tmpfs none /run && mkdir -p /run/systemd/system
mkdir -p /etc/systemd/system && mount -t tmpfs none /etc/systemd/system
PATH="$FAKE:$PATH"
weft() { "$WEFT" --home "$NODE" "$@"; }
weft up --at-boot --name oak
cat /etc/systemd/system/weft*.service >"$FAKE/unit"
weft expose 3000 --name blog --quiet
weft down
weft up                        # by the unit that is there
weft doors >/dev/null
weft status --json >"$FAKE/status"
weft up --at-boot 2>"$FAKE/again"
weft down --at-boot
ls /etc/systemd/system >"$FAKE/left"
weft down --at-boot 2>"$FAKE/twice"
"""


def case_at_boot(weft):
    with Lab(weft, 1) as lab:
        fake = os.path.join(lab.folder, "fake")
        node = os.path.join(lab.folder, "oak's home")
        os.makedirs(fake)
        with open(os.path.join(fake, "systemctl"), "w") as script:
            script.write(SYSTEMCTL)
        os.chmod(script.name, 0o755)
        env = dict(os.environ, FAKE=fake, NODE=node, WEFT=weft, HOME=lab.folder)
        done = lab.hosts[0].run("unshare", "--mount", "sh", "-c", SCRIPT, env=env, timeout=60)
        expect(done.returncode == 0, done.stdout + done.stderr)

        def read(name):
            with open(os.path.join(fake, name)) as file:
                return file.read()
        unit = read("unit")
        expect(f'--home "{node}" run --log-file' in unit, unit)
        expect("--name oak" in unit, unit)
        asked = [line.split()[0] for line in read("asked").splitlines()]
        expect(asked == ["daemon-reload", "enable", "start", "daemon-reload", "enable", "disable",
                         "daemon-reload"], f"systemctl was asked {asked}")
        expect('"name":"blog"' in read("status"), "the exposure is not kept")
        expect("systemd has it from next boot" in read("again"), read("again"))
        expect(read("left") == "", "the unit stays after down --at-boot")
        expect("was not to start at boot" in read("twice"), read("twice"))


def case_no_systemd(weft):
    with Lab(weft, 1) as lab:
        env = dict(os.environ, HOME=lab.folder, WEFT_HOME=os.path.join(lab.folder, "oak"))
        done = lab.hosts[0].run("unshare", "--mount", "sh", "-c",
                                f"mount -t tmpfs none /run && exec {weft} up --at-boot", env=env)
        expect(done.returncode == 1, done.stdout + done.stderr)
        expect("fix: (crontab -l 2>/dev/null; echo '@reboot " in done.stdout + done.stderr, done.stdout + done.stderr)
