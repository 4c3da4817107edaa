"""The first process of `hatoba run`: prepares the data, binds the sockets, starts the workers and keeps them alive.

Called by the command line. SIGTERM and SIGINT drain, SIGHUP reloads, SIGUSR2 restarts, SIGCHLD starts a dead worker.
Never handles mail. A worker's listening sockets stay open here while it is dead: clients wait, none is refused.
Fails with Unstartable, whose text tells the next step, before anything was changed where that is possible.
"""

import grp
import os
import pwd
import signal
import time
from collections.abc import Callable
from pathlib import Path
from wsgiref.simple_server import WSGIServer

import msgspec
import structlog

from hatoba import store
from hatoba.app import admin_log, checks, config, handover, listeners, lock, logs, numbers, restart
from hatoba.app.crew import Crew
from hatoba.app.places import Places, default_data
from hatoba.app.problems import BadSettings
from hatoba.app.settings import Settings
from hatoba.doors.control import call
from hatoba.doors.http import metrics
from hatoba.net import limits, listen

_SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2}


class Unstartable(Exception):
    """The node cannot start; the text says why and what to do."""


def workers_of(settings: Settings) -> int:
    """`workers`, or one for each processor this process may use."""
    return settings.workers or len(os.sched_getaffinity(0))


class Supervisor:
    """One node. `start` then `run`; `ready` is called once every worker takes mail."""

    def __init__(self, loaded: config.Loaded, explicit: str | None = None) -> None:
        self.loaded = loaded
        self.settings = loaded.settings
        self.places = Places(Path(self.settings.data).resolve() if self.settings.data else default_data())
        self.explicit = explicit
        self.bound: list[listeners.Bound] = []
        self.command: list[str] | None = None  # what a restart executes; None: there is none
        self.counters: limits.SharedCounters
        self.lock = -1
        self._log = structlog.get_logger("supervisor")
        self._http: WSGIServer | None = None

    def start(self, progress: Callable[[str], None] = lambda text: None) -> None:
        """Everything up to running workers. `progress` gets a line for each longer step."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        problems = checks.problems(self.loaded)
        if problems:
            raise BadSettings(problems)
        self.places.prepare()
        logs.configure(self.settings.log)
        given = handover.taken(os.environ, os.getpid())
        self.lock = given.lock
        self._take_lock()
        workers = workers_of(self.settings)
        self.settings = listeners.resolved(self.settings, self.places, given.places)
        self.bound = listeners.bind(self.settings, workers, given.places)
        self._drop_privileges()
        store.prepare(
            self.places.data,
            workers,
            self.settings.store,
            progress,
            self.settings.database,
            mailboxes=self.settings.mailboxes,
        )
        self.counters = handover.counters(given, workers)
        doors = listeners.shared_out(self.bound, workers)
        self.crew = Crew(self.settings, doors, self.counters.fd, self.places.node())
        self.crew.on_death = self.counters.clear_column
        for hand in self.crew.hands:
            self.crew.start(hand)
        if self.settings.http.port:
            self._http = metrics.serve(self.settings.http.address, self.settings.http.port, self._gather, self._health)

    def _take_lock(self) -> None:
        """One supervisor for a data directory; the lock goes with the process however it ends; restarts keep it."""
        if self.lock >= 0:
            return
        try:
            self.lock = lock.take(self.places)
        except lock.Taken as taken:
            raise Unstartable(str(taken)) from None

    def _drop_privileges(self) -> None:
        """From root to `user`, once the sockets are bound; the data directory is given to that user."""
        if not self.settings.user or os.geteuid() != 0:
            return
        account = pwd.getpwnam(self.settings.user)
        for directory, _, files in os.walk(self.places.data):
            for name in ("", *files):
                os.chown(Path(directory, name), account.pw_uid, account.pw_gid, follow_symlinks=False)
        for bound in self.bound:
            if bound.address.startswith(listen.UNIX):
                os.chown(bound.address.removeprefix(listen.UNIX), account.pw_uid, account.pw_gid)
        os.setgroups([group.gr_gid for group in grp.getgrall() if account.pw_name in group.gr_mem])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)

    def run(self, ready: Callable[[], None] = lambda: None, tick: Callable[[], bool] = lambda: True) -> None:
        """Watches until told to stop (or `tick` says False), then drains."""
        announced = False
        while tick():
            self.crew.reap(restart=True)
            self.crew.look()
            if not announced and self.crew.all_ready:
                announced = True
                listen.notify("READY=1")
                handover.say(self.places, handover.DONE)
                ready()
            pending = any(not hand.ready for hand in self.crew.hands)
            got = signal.sigtimedwait(_SIGNALS, 0.02 if pending else 0.5)
            if got is None or got.si_signo == signal.SIGCHLD:
                continue
            if got.si_signo == signal.SIGHUP:
                self._reload(got.si_uid)
            elif got.si_signo == signal.SIGUSR2:
                if restart.restart(self):
                    break
            else:
                break
        self.stop()

    def stop(self) -> None:
        """Drains: no new connections, transactions and attempts in progress end, then the workers go."""
        listen.notify("STOPPING=1")
        for bound in self.bound:
            for sock in bound.sockets:
                sock.close()
        self.drain()
        if self._http:
            self._http.shutdown()

    def drain(self) -> None:
        """Ends the crew: what is in progress first, as long as `drain` says; the sockets here stay as they are."""
        self.crew.tell(signal.SIGTERM)
        deadline = time.monotonic() + self.settings.drain + 5.0
        while self.crew.alive and time.monotonic() < deadline:
            signal.sigtimedwait({signal.SIGCHLD}, 0.1)
            self.crew.reap(restart=False)
        self.crew.tell(signal.SIGKILL)

    def _reload(self, uid: int) -> None:
        """SIGHUP of the user `uid`: reads the settings again; what cannot change while running is named in the log."""
        try:
            loaded = config.load(self.explicit)
            problems = checks.problems(loaded)
            if problems:
                raise BadSettings(problems)
        except BadSettings as error:
            self._log.error("reload refused, the old settings stay", problems=[str(p) for p in error.problems])
            return
        # The default set asks for privileges that may be gone by now: without a [[listener]], those that stand stay.
        standing = loaded.settings.listener or self.settings.listener
        fresh = listeners.resolved(msgspec.structs.replace(loaded.settings, listener=standing), self.places)
        merged, waiting = config.reloaded(self.settings, fresh)
        changed = config.differing(self.settings, merged)
        self.loaded, self.settings, self.crew.settings = loaded, merged, merged
        logs.configure(merged.log)
        if waiting:
            self._log.warning("these settings change at the next start", keys=waiting)
        for hand in self.crew.hands:
            try:
                call.call(self.places.control(hand.worker), "reload", {"settings": config.encode(merged)})
            except (call.Unreachable, call.Failed) as error:
                self._log.error("worker did not reload", worker=hand.worker, reason=str(error))
        self._log.info("reloaded")
        self._note(uid, changed, waiting)

    def _note(self, uid: int, changed: list[str], waiting: list[str]) -> None:
        """The admin log: which keys are others now; their values may be secrets."""
        try:
            name = pwd.getpwuid(uid).pw_name
        except KeyError:
            name = f"uid {uid}"
        facts = admin_log.Facts(
            "done", {"changed": changed, "at the next start": waiting}, {"host": self.places.node()}
        )
        failed = admin_log.record(self.settings, f"signal:{name}", "config reload", facts)
        if failed:
            self._log.warning("the reload is not in the admin log", reason=failed)

    def _ask(self, verb: str) -> list[object]:
        """The answers of all workers; None for one that does not answer."""
        answers: list[object] = []
        for hand in self.crew.hands:
            try:
                answers.append(call.call(self.places.control(hand.worker), verb, timeout=5.0))
            except (call.Unreachable, call.Failed):
                answers.append(None)
        return answers

    def _gather(self) -> list[metrics.Sample]:
        return list(numbers.samples(self._ask("numbers"), [hand.restarts for hand in self.crew.hands]))

    def _health(self) -> metrics.Health:
        answers = self._ask("health")
        detail = {f"worker-{index}": answer or "does not answer" for index, answer in enumerate(answers)}
        ready = all(isinstance(answer, dict) and answer.get("takes_mail") for answer in answers)
        return metrics.Health(ready, detail)
