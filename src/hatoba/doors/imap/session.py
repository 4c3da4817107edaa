"""Session: what the pump asks of an IMAP connection, and the table that leads each event to its verb.

Driven by net.pump; made by door for each connection.
Never holds a command's rule: those stand in the verbs' own files.
An error of ours is a BYE with an id, and the connection closes; what was not answered with OK was not done.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from hatoba.doors.imap import (
    acl,
    append,
    capability,
    close,
    compress,
    copy,
    create,
    delete,
    enable,
    expunge,
    fetch,
    greet,
    idle,
    listing,
    login,
    logout,
    metadata,
    namespace,
    noop,
    notify,
    quota,
    rename,
    search,
    select,
    sort,
    starttls,
    status,
    store,
    subscribe,
    thread,
    translate,
    words,
)
from hatoba.doors.imap.state import State
from hatoba.model.status import PeerError
from hatoba.net.pump import Pump
from hatoba.net.session import Then
from hatoba.wire.imap import events
from hatoba.wire.imap.responses import Untagged

VERBS: dict[type, Callable[[Any, Any], Any]] = {
    events.Fetch: fetch.fetch,
    events.Store: store.store,
    events.Noop: noop.noop,
    events.Check: noop.noop,
    events.Idle: idle.idle,
    events.Done: idle.done,
    events.Search: search.search,
    events.Sort: sort.sort,
    events.Thread: thread.thread,
    events.CancelUpdate: search.cancel_update,
    events.Select: select.select,
    events.Close: close.close,
    events.Unselect: close.unselect,
    events.Expunge: expunge.expunge,
    events.Copy: copy.copy,
    events.Move: copy.move,
    events.Append: append.append,
    events.Piece: append.piece,
    events.Text: append.text,
    events.Url: append.url,
    events.AppendEnd: append.end,
    events.List: listing.list_,
    events.Lsub: listing.lsub,
    events.Status: status.status,
    events.Create: create.create,
    events.Delete: delete.delete,
    events.Rename: rename.rename,
    events.Subscribe: subscribe.subscribe,
    events.Unsubscribe: subscribe.unsubscribe,
    events.Namespace: namespace.namespace,
    events.Notify: notify.notify,
    events.GetQuota: quota.get_quota,
    events.GetQuotaRoot: quota.get_quota_root,
    events.SetQuota: quota.set_quota,
    events.GetAcl: acl.get_acl,
    events.SetAcl: acl.set_acl,
    events.DeleteAcl: acl.delete_acl,
    events.ListRights: acl.list_rights,
    events.MyRights: acl.my_rights,
    events.GetMetadata: metadata.get_metadata,
    events.SetMetadata: metadata.set_metadata,
    events.Capability: capability.capability,
    events.Id: capability.id_,
    events.Enable: enable.enable,
    events.Compress: compress.compress,
    events.StartTls: starttls.starttls,
    events.Authenticate: login.authenticate,
    events.Response: login.response,
    events.Login: login.login,
    events.Unauthenticate: login.unauthenticate,
    events.Logout: logout.logout,
    events.Malformed: translate.malformed,
    events.Proceed: translate.proceed,
}


class Session(State):
    """See net.session.Session for the verbs."""

    __slots__ = ()

    def opened(self, pump: Pump) -> Any:
        self.pump = pump
        return greet.opened(self)

    def on(self, event: Any) -> Any:
        """One event."""
        self.house.counts.commands += 1
        try:
            answer = VERBS[event.__class__](self, event)
        except translate.KNOWN as error:
            return translate.refused(self, event, error)
        return self._guarded(event, answer) if inspect.iscoroutine(answer) else answer

    async def _guarded(self, event: Any, answer: Awaitable[Any]) -> Any:
        self.commanding = True
        try:
            return await answer
        except translate.KNOWN as error:
            return translate.refused(self, event, error)
        finally:
            self.commanding = False
            if self.notifying is not None:
                self.notifying.resume()
            if self.draining:
                asyncio.get_running_loop().call_soon(self.drain)

    def heard(self) -> None:
        idle.heard(self)

    def tls_started(self, tls: str) -> None:
        greet.secured(self, tls)

    def timed_out(self) -> Untagged:
        self.house.counts.timeouts += 1
        self.why = "idle"
        return words.IDLE_TOO_LONG if self.account else words.TOO_SLOW_TO_LOG_IN

    def peer_error(self, error: PeerError) -> Untagged:
        self.house.counts.malformed += 1
        self.why = str(error)
        return Untagged("BYE", error.status.text or "Protocol error")

    def fault(self, error_id: str) -> Untagged:
        self.house.counts.faults += 1
        self.why = f"fault {error_id}"
        return Untagged("BYE", f"Internal error {error_id}", "SERVERBUG")

    def drain(self) -> None:
        """The door is being closed: an idle session ends now, a busy one when its command is answered."""
        self.draining = True
        if not self.pump.waiting and not self.pump.closing:
            self.why = "shutdown"
            self.pump.push(Then("close", words.SHUTDOWN))

    def closed(self, error: BaseException | None) -> None:
        if not self.started:
            return  # it never came to the first word
        self.leave()
        self.exchange = None
        idle.gone(self)
        append.gone(self)
        notify.gone(self)
        greet.gone(self)
        self.log(
            "session ended",
            tls=self.tls,
            account=self.account,
            seconds=round(self.pump.now() - self.started, 3),
            why=self.why or (type(error).__name__ if error is not None else "closed by the client"),
        )
