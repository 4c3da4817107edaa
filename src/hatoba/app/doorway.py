"""Doorway: which door stands behind a listening socket.

Called by worker for each of its sockets, at its start and after a reload.
Never binds; the settings that a door reads are those in force when it is opened.
Fails with what the door raises: OSError, ValueError.
"""

from __future__ import annotations

import socket

import structlog

from hatoba.app import client_settings
from hatoba.app import listener as listeners
from hatoba.app.listeners import POLICY
from hatoba.app.wiring import Rooms
from hatoba.doors.http import autoconfig, mta_sts, web
from hatoba.doors.imap import door as imap
from hatoba.doors.imap import settings as imap_settings
from hatoba.doors.pop3 import door as pop3
from hatoba.doors.pop3 import settings as pop3_settings
from hatoba.doors.sieve import door as sieve
from hatoba.doors.sieve import settings as sieve_settings
from hatoba.doors.smtp import door as smtp
from hatoba.doors.smtp import settings as smtp_settings

Door = smtp.Door | imap.Door | pop3.Door | sieve.Door | web.Door


async def opened(rooms: Rooms, sock: socket.socket, index: int) -> Door:
    """The door of a listener, by its index in the settings."""
    if index == POLICY:
        return await _web(rooms, sock)
    listener = rooms.settings.listener[index]
    if listener.kind in listeners.IMAP:
        return await imap.open_door(sock, listeners.as_(listener, imap_settings.Listener), rooms.reading.imap)
    if listener.kind in listeners.POP3:
        return await pop3.open_door(sock, listeners.as_(listener, pop3_settings.Listener), rooms.reading.pop3)
    if listener.kind == "sieve":
        return await sieve.open_door(sock, listeners.as_(listener, sieve_settings.Listener), rooms.reading.sieve)
    return await smtp.open_door(sock, listeners.as_(listener, smtp_settings.Listener), rooms.house)


async def _web(rooms: Rooms, sock: socket.socket) -> Door:
    """Our MTA-STS policy, and what mail programs ask for."""
    tls, ours = rooms.house.tls, rooms.settings.mta_sts
    pages: list[web.Page] = [mta_sts.Policy(mta_sts.Published(ours, rooms.hostname), rooms.directory)]
    if rooms.settings.autoconfig.serve:
        pages.append(autoconfig.Autoconfig(client_settings.setup(rooms.settings), rooms.directory))
    return await web.open_door(
        sock,
        pages,
        tls=(lambda: tls.context) if ours.tls and tls is not None else None,
        log=structlog.get_logger("http").bind(),
    )
