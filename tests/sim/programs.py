# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs as they are shipped, on a simulated machine, for Python tests."""
import os
import re
import subprocess


def wrong(what):
    """What was seen is not what should be."""
    raise AssertionError(what)


class World:
    """A simulated machine in the directory top, and what runs on it."""

    def __init__(self, build, top):
        self.build = os.path.realpath(build)
        self.top = top
        self.sim, self.conf = f"{top}/sim", f"{top}/conf"
        self.control = f"{top}/control.sock"
        self.log = open(f"{top}/log", "w")
        self.children = []
        os.mkdir(self.sim)
        self.write_conf("")
        self.run("memtide-sim", self.sim, "create", "--host-mib", "2048",
                 "--domains", "8", "--seed", "1")

    def write_conf(self, text):
        """A new file: the old one may be one that hangs."""
        if os.path.exists(self.conf):
            os.unlink(self.conf)
        with open(self.conf, "w") as out:
            out.write(text)

    def start(self, argv, stderr=None, **more):
        """Run it beside the test; what it says goes to the log."""
        self.children.append(
            subprocess.Popen(argv, stderr=stderr or self.log, **more))
        return self.children[-1]

    def run(self, program, *argv):
        """What it says; it must end with 0."""
        done = subprocess.run(
            [f"{self.build}/{program}", *argv], capture_output=True, text=True,
            timeout=60, env=dict(os.environ, MEMTIDE_SOCKET=self.control))
        if done.returncode:
            wrong(f"{program} {argv}: {done.returncode}: "
                  f"{done.stdout}{done.stderr}")
        return done.stdout

    def memtided(self, *more):
        """How it is called."""
        return [f"{self.build}/memtided", "--backend", "sim", "--sim-dir",
                self.sim, "--socket", self.control, "--config", self.conf,
                *more]

    def agent(self, domid):
        """How it is called."""
        return [f"{self.build}/memtide-agent", "--sim", self.sim, "--domid",
                domid]

    def add_guest(self, name, mib=256):
        """Its domid."""
        return self.run("memtide-sim", self.sim, "add", name, "--boot-mib",
                        str(mib), "--used-mib", "60").strip()

    def tell(self, part, stories):
        """Each story by its function's name; True if all of them are well."""
        good = True
        for story in stories:
            name = f"{part}: {story.__name__.replace('_', ' ')}"
            try:
                story()
                print(f"ok {name}", flush=True)
            except Exception as e:  # whatever it is, the others are told
                print(f"{type(e).__name__}: {e}\nnot ok {name}", flush=True)
                good = False
            for child in self.children:
                child.kill()
                child.wait()
            self.children.clear()
        with open(f"{self.top}/log") as seen:
            said = seen.read()
        if re.search(r"ASSERT\(|Sanitizer|runtime error:", said):
            good = False
            print(f"not ok {part}: what the programs said")
        if not good:
            print(said[-4000:])
        return good
