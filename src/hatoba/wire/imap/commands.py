"""The table of commands: which reader makes the event of a verb.

Called by server with a scanner that stands behind the verb.
Never knows the state: states.py and server do.
Fails with Bad, as the readers do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hatoba.wire.imap import (
    access,
    events,
    fetching,
    listing,
    mailboxes,
    messages,
    metadata,
    notify,
    searching,
    sharing,
)
from hatoba.wire.imap.scanner import Scanner

Reader = Callable[[Scanner, str], events.Event]

READERS: Final[dict[str, Reader]] = {
    "CAPABILITY": lambda _, tag: events.Capability(tag),
    "NOOP": lambda _, tag: events.Noop(tag),
    "LOGOUT": lambda _, tag: events.Logout(tag),
    "STARTTLS": lambda _, tag: events.StartTls(tag),
    "NAMESPACE": lambda _, tag: events.Namespace(tag),
    "IDLE": lambda _, tag: events.Idle(tag),
    "UNAUTHENTICATE": lambda _, tag: events.Unauthenticate(tag),
    "CHECK": lambda _, tag: events.Check(tag),
    "CLOSE": lambda _, tag: events.Close(tag),
    "UNSELECT": lambda _, tag: events.Unselect(tag),
    "EXPUNGE": lambda _, tag: events.Expunge(tag),
    "ID": access.identify,
    "AUTHENTICATE": access.authenticate,
    "LOGIN": access.login,
    "ENABLE": access.enable,
    "COMPRESS": access.compress,
    "SELECT": mailboxes.select,
    "EXAMINE": mailboxes.examine,
    "CREATE": mailboxes.create,
    "DELETE": mailboxes.delete,
    "RENAME": mailboxes.rename,
    "SUBSCRIBE": mailboxes.subscribe,
    "UNSUBSCRIBE": mailboxes.unsubscribe,
    "LSUB": mailboxes.lsub,
    "STATUS": mailboxes.status,
    "LIST": listing.list_,
    "GETQUOTA": sharing.getquota,
    "GETQUOTAROOT": sharing.getquotaroot,
    "SETQUOTA": sharing.setquota,
    "GETACL": sharing.getacl,
    "SETACL": sharing.setacl,
    "DELETEACL": sharing.deleteacl,
    "LISTRIGHTS": sharing.listrights,
    "MYRIGHTS": sharing.myrights,
    "GETMETADATA": metadata.get,
    "SETMETADATA": metadata.set_,
    "NOTIFY": notify.notify,
    "CANCELUPDATE": searching.cancel,
    "SEARCH": searching.search,
    "UID SEARCH": searching.uid_search,
    "SORT": searching.sort,
    "UID SORT": searching.uid_sort,
    "THREAD": searching.thread,
    "UID THREAD": searching.uid_thread,
    "FETCH": fetching.fetch,
    "UID FETCH": fetching.uid_fetch,
    "STORE": messages.store,
    "UID STORE": messages.uid_store,
    "COPY": messages.copy,
    "UID COPY": messages.uid_copy,
    "MOVE": messages.move,
    "UID MOVE": messages.uid_move,
    "UID EXPUNGE": messages.uid_expunge,
}
