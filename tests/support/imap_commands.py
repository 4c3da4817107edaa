"""Commands of IMAP, right ones and words of them, for tests that put them together wrongly.  # data table

Used by the property tests of wire.imap.
Never sent with a tag: the user writes it.
Data: nothing fails.
"""

WORDS = [
    word.encode()
    for line in (
        "SELECT EXAMINE CREATE DELETE RENAME SUBSCRIBE LIST LSUB STATUS APPEND IDLE NOTIFY COMPRESS GETQUOTA SETQUOTA",
        "SETACL GETACL MYRIGHTS LISTRIGHTS GETMETADATA SETMETADATA UID SEARCH SORT THREAD FETCH STORE COPY MOVE",
        "EXPUNGE CLOSE UNSELECT NOOP CAPABILITY LOGOUT ID LOGIN AUTHENTICATE ENABLE NAMESPACE CANCELUPDATE REPLACE",
        'INBOX a/b &U9dP4Q- &bad 受信 "q\\"s" "" NIL 1:* 2,4:7 $ * 0 99999999999 (FLAGS) ALL BODY[]',
        "BODY[1.2.MIME]<0.5> BODY.PEEK[HEADER.FIELDS (From)] BINARY[1] BINARY.SIZE[] PREVIEW (CHANGEDSINCE +FLAGS",
        "\\Seen) \\Deleted key (UNCHANGEDSINCE RETURN (MIN) (SAVE) (PARTIAL 1:2) () ( ) NOT OR FUZZY (( )) SINCE",
        "1-Feb-1994 31-Feb-1994 SUBJECT HEADER CHARSET UTF-8 ISO-2022-JP KOI8 MODSEQ OLDER UTF8 CATENATE (TEXT (URL",
        '"/INBOX/;uid=3" URL TEXT USE SET NONE STATUS /private/comment (DEPTH == c2VjcmV0 DONE {3} ~{0+} %',
    )
    for word in line.split()
]
RIGHT = [
    command.encode()
    for command in (
        "CAPABILITY", "NOOP", "LOGOUT", 'ID ("name" "x" "os" NIL)', "STARTTLS", "AUTHENTICATE PLAIN c2VjcmV0",
        'LOGIN bob "pass"', "ENABLE CONDSTORE UTF8=ACCEPT", "SELECT INBOX (QRESYNC (1 20 3:4 (1:2 3:4)))",
        "EXAMINE &U9dP4Q- (CONDSTORE)", "CREATE Sent (USE (\\Sent))", "DELETE a/b", "RENAME a b/c", "SUBSCRIBE x",
        'UNSUBSCRIBE "x y"', 'LIST "" *', 'LIST (SUBSCRIBED RECURSIVEMATCH) "" ("a" b*) RETURN (CHILDREN MYRIGHTS)',
        'LIST "" % RETURN (SPECIAL-USE STATUS (MESSAGES SIZE) METADATA (/shared/comment))', 'LSUB "" %', "NAMESPACE",
        "STATUS INBOX (MESSAGES UIDNEXT HIGHESTMODSEQ)", "IDLE", "NOTIFY NONE",
        "NOTIFY SET STATUS (SELECTED-DELAYED (MessageNew (UID) MessageExpunge FlagChange)) (SUBTREE (a b) NONE)",
        "COMPRESS DEFLATE", "UNAUTHENTICATE", 'GETQUOTA ""', "GETQUOTAROOT INBOX",
        'SETQUOTA "" (STORAGE 512 MESSAGE 1)',
        "GETACL INBOX", "MYRIGHTS INBOX", "LISTRIGHTS INBOX bob", "SETACL INBOX bob +lrs", "DELETEACL INBOX bob",
        'GETMETADATA (DEPTH infinity MAXSIZE 10) "" (/shared/a)', 'SETMETADATA INBOX (/private/a "v" /shared/b NIL)',
        'APPEND INBOX (\\Seen x) "17-Jul-1996 02:44:25 -0700" {5+}\r\nhello', "APPEND INBOX ~{3+}\r\n\0\0\0 {0+}\r\n",
        "APPEND {5+}\r\nINBOX UTF8 (~{2+}\r\nab)", "APPEND refused {4+}\r\nabcd {5+}\r\na b\r\n",
        'APPEND x CATENATE (URL "/INBOX;UIDVALIDITY=3/;UID=2/;SECTION=1/;PARTIAL=2.3" TEXT {3+}\r\nabc URL /;uid=1)',
        "REPLACE 4 INBOX (\\Seen) {3+}\r\nabc", "UID REPLACE 4 INBOX {3+}\r\nabc", "CHECK", "CLOSE", "UNSELECT",
        "EXPUNGE", "UID EXPUNGE 1:*", "SEARCH ALL",
        "SEARCH RETURN (MIN COUNT SAVE) CHARSET UTF-8 OR (SEEN FROM x) NOT $",
        "UID SEARCH RETURN (PARTIAL -1:-9) UID 1:4 HEADER X-Y {1+}\r\nz SINCE 1-Feb-1994 LARGER 4 YOUNGER 9",
        'SEARCH FUZZY (TEXT a KEYWORD b) MODSEQ "/flags/\\\\Seen" all 7 EMAILID M1 SAVEDON 1-Feb-1994',
        "SEARCH SAVEDATESUPPORTED",
        "SORT RETURN (ALL) (REVERSE DATE DISPLAYFROM) UTF-8 ALL", "UID SORT (ARRIVAL) US-ASCII UNSEEN",
        "THREAD REFERENCES UTF-8 ALL", "UID THREAD ORDEREDSUBJECT UTF-8 1:4", 'CANCELUPDATE "a" "b"', "FETCH 1:* FAST",
        "FETCH 2,4 (UID ENVELOPE BODY.PEEK[HEADER.FIELDS (From To)] BODY[1.2.MIME]<0.5> BINARY.SIZE[1] PREVIEW (LAZY))",
        "UID FETCH 1:4 FLAGS (CHANGEDSINCE 4 VANISHED PARTIAL 1:2)", "UID FETCH $ (BINARY.PEEK[1]<2.3> RFC822.HEADER)",
        "STORE 1 (UNCHANGEDSINCE 7) +FLAGS.SILENT (\\Seen x)", "UID STORE 1:3 FLAGS \\Deleted y", "COPY 1:* a/b",
        "UID COPY 4 x", "MOVE $ x", "UID MOVE 3 x",
    )
]  # fmt: skip
