"""Findings: what a verification can find, in words for people, each with the next step.

Collected by verify and by app for the directory; printed by `hatoba verify`.
Never repairs anything.
Fails with nothing; a kind without a row in KINDS is a bug.
"""

from __future__ import annotations

import msgspec

EXAMPLES = 5  # told of each kind

# data table: kind → what it means, what to do
KINDS = {
    "database-unreadable": (
        "the database cannot be opened or read",
        "Stop hatoba, keep a copy of the file, then `hatoba restore` the last backup.",
    ),
    "integrity": (
        "SQLite's own check found damage",
        "Stop hatoba, keep a copy of the file and look at the disk; restore the last backup, or rebuild the file with"
        " `sqlite3 OLD .recover`.",
    ),
    "revision": (
        "the database is not at this program's revision",
        "Run `hatoba upgrade` (or the newer hatoba that has been here).",
    ),
    "table-unreadable": (
        "a table could not be read to its end; what lies behind was not checked",
        "See what `integrity` says of it; restore the last backup.",
    ),
    "letter-undecodable": (
        "the row of a letter cannot be read",
        "`hatoba trace ID` for its story, then, with hatoba running, `hatoba queue drop ID`.",
    ),
    "letter-elsewhere": (
        "a letter's id belongs to another shard",
        "Rows were put in by hand: move the letter to the shard that its id names, or drop it.",
    ),
    "letter-without-recipients": (
        "a letter nobody is left to receive",
        "It is never sent: `hatoba trace ID` says to whom it was; `hatoba verify --tidy` removes it.",
    ),
    "recipient-without-letter": (
        "a recipient whose letter is gone",
        "It cannot be delivered: `hatoba trace ID` names the sender; `hatoba verify --tidy` removes it.",
    ),
    "recipient-undecodable": (
        "the state of a recipient cannot be read",
        "With hatoba running, `hatoba queue drop ID`; `hatoba trace ID` names the sender.",
    ),
    "lane-undecodable": (
        "an order kept for a lane cannot be read",
        "Give the order again: `hatoba queue release --lane NAME`, then hold it anew.",
    ),
    "body-length": (
        "a body is not as long as it was",
        "It is not sent so: take it from a backup (`blobs/` or its database), or, with hatoba running,"
        " `hatoba queue drop ID`.",
    ),
    "body-hash": (
        "a body is not what it was",
        "Take it from a backup, or `hatoba queue drop ID`.",
    ),
    "body-missing": (
        "a letter has no body",
        "Take it from a backup to the place named, or `hatoba queue drop ID` and tell the sender.",
    ),
    "body-without-letter": (
        "a body that no letter names",
        "Nothing is lost: it takes room, and goes when hatoba is started the next time.",
    ),
    "event-unreadable": (
        "an event of the journal cannot be read",
        "`hatoba trace` leaves it out; mail is not concerned. Restore the last backup if the story matters.",
    ),
    "event-changed": (
        "an event is not what it was when the chain took it in",
        "Somebody changed the journal: compare it with a backup made before, and see who can write the database.",
    ),
    "event-removed": (
        "an event is gone, and no purge took it",
        "Somebody removed it from the journal: find it in a backup made before, and see who can write the database.",
    ),
    "event-inserted": (
        "an event was put between others that were there before it",
        "Somebody added it to the journal: do not believe it, and see who can write the database.",
    ),
    "event-moved": (
        "an event stands in another place than it did",
        "Somebody changed the order of the journal: compare it with a backup made before.",
    ),
    "chain-broken": (
        "a link of the journal's hash chain does not rest on the one before it",
        "A link was changed or made anew: compare with heads kept elsewhere (`hatoba verify --head FILE`).",
    ),
    "chain-cut": (
        "links of the journal's hash chain are missing",
        "Somebody removed them: compare with a backup, and with heads kept elsewhere (`hatoba verify --head FILE`).",
    ),
    "head-differs": (
        "the chain is not the one that a head kept elsewhere belongs to",
        "The journal was rewritten, or is another one (a restored backup is shorter): compare it with backups.",
    ),
    "admin-changed": (
        "an entry of the admin log is not what it was, or one before it is gone",
        "Somebody changed the log: compare it with a backup made before, and see who can write the directory.",
    ),
    "admin-cut": (
        "the newest entries of the admin log are gone",
        "Somebody removed them: compare with a backup, and with heads kept elsewhere (`hatoba verify --head FILE`).",
    ),
    "index-incomplete": (
        "events that the search index should know and does not",
        "`hatoba trace` by address may miss letters (by id it finds them): `hatoba verify --reindex` makes it anew.",
    ),
    "index-stale": (
        "entries of the search index for letters the journal does not know",
        "Harmless: what is found is looked up in the journal.",
    ),
    "cursor-ahead": (
        "a reader of the journal stands behind its last event: it would miss what comes",
        "`hatoba verify --reindex`.",
    ),
    "account-without-domain": (
        "an account in a domain that is not local here",
        "`hatoba domain add DOMAIN`, or `hatoba account remove ADDRESS`.",
    ),
    "account-undecodable": (
        "an account whose address or password cannot be read",
        "`hatoba account remove ADDRESS` and add it anew, or `hatoba account passwd ADDRESS`.",
    ),
    "access-undecodable": (
        "what an account may, or an app password of it, cannot be read, or belongs to no account",
        "It lets nobody in: `hatoba account allow ADDRESS smtp imap pop3 sieve`, or"
        " `hatoba app-password revoke ADDRESS --all`.",
    ),
    "dkim-key-undecodable": (
        "a DKIM key that cannot be read",
        "It signs nothing: `hatoba dkim remove DOMAIN SELECTOR --force`, then `hatoba dkim new DOMAIN`.",
    ),
    "dkim-key-sealed": (
        "a DKIM key that this node's master key does not open",
        "Letters go out unsigned: bring the right master key (master.key), or make new keys with `hatoba dkim new`.",
    ),
    "domain-undecodable": (
        "a domain of a kind there is not",
        "`hatoba domain remove NAME` and add it anew.",
    ),
    "mailbox-counts": (
        "what a mailbox says of its messages is not what they come to",
        "STATUS and the quota are wrong, no letter is lost: move its messages into a new mailbox.",
    ),
    "mailbox-ahead": (
        "a mailbox has a message whose UID or MODSEQ it has not given yet",
        "Clients may take a new letter for an old one: move its messages into a new mailbox.",
    ),
    "account-usage": (
        "what an account holds is not what its mailboxes come to",
        "Its quota is wrong, no letter is lost; tell us, with what happened before.",
    ),
    "message-without-mailbox": (
        "messages whose mailbox is gone",
        "Nobody can see them: take them from a backup made before.",
    ),
    "content-missing": (
        "a message whose letter is gone",
        "Take the letter from a backup made before, and expunge this one.",
    ),
    "content-references": (
        "the count of the messages that share a letter is wrong",
        "It may stay longer than it must, or go too early: make a backup now.",
    ),
    "content-damaged": (
        "a letter in a mailbox is not what it was",
        "Take it from a backup made before, and expunge this one.",
    ),
    "mail-index": (
        "the search index of an account cannot be read",
        "Searches of that account fail: `hatoba verify --reindex` makes it anew.",
    ),
    "backup-damaged": (
        "a file of the backup is not what was written",
        "Do not restore from it: make a new one, or take an older one.",
    ),
}


class Finding(msgspec.Struct):
    """One kind of damage in one place: how often, and the first few."""

    kind: str
    count: int
    meaning: str
    next: str
    examples: list[str]


class Report(msgspec.Struct):
    """One part of a node: "shard 0003", "directory". `checked` counts what was looked at."""

    name: str
    checked: dict[str, int] = {}
    findings: list[Finding] = []

    @property
    def ok(self) -> bool:
        return not self.findings

    def add(self, kind: str, example: str, count: int = 1) -> None:
        """Notes damage; of many alike only the first are told."""
        for finding in self.findings:
            if finding.kind == kind:
                finding.count += count
                if len(finding.examples) < EXAMPLES:
                    finding.examples.append(example)
                return
        meaning, step = KINDS[kind]
        self.findings.append(Finding(kind, count, meaning, step, [example]))

    def look(self, what: str, count: int = 1) -> None:
        """Notes that something was looked at."""
        self.checked[what] = self.checked.get(what, 0) + count
