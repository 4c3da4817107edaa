"""What a DSN says in English: data, read by words.

Called by words. Never holds code. Adding a reason is adding a line.
Fails nowhere.
"""

from hatoba.notice.texts import Reason, Said, Texts

TEXTS = Texts(
    subject={
        "failure": "Mail not delivered",
        "delay": "Mail delayed, still trying",
        "success": "Mail delivered",
        "relayed": "Mail passed on",
        "expanded": "Mail passed on to several recipients",
    },
    opening={
        "failure": (
            "This is the mail system of {host}. Your letter could not be delivered to the recipients below. "
            "It will not be tried again for them."
        ),
        "delay": (
            "This is the mail system of {host}. Your letter could not yet be delivered to the recipients below. "
            "You need not send it again: delivery is tried until {until}. If it fails for good, you will be told."
        ),
        "success": "This is the mail system of {host}. As you asked, here is the news: your letter was delivered.",
        "relayed": (
            "This is the mail system of {host}. Your letter was passed on to another mail system, which sends no "
            "confirmations of its own. You will hear no more unless that system reports a problem."
        ),
        "expanded": (
            "This is the mail system of {host}. Your letter arrived at an address that stands for several others, and "
            "goes on to them. You will be told if it cannot be delivered to one of them, and hear no more otherwise."
        ),
    },
    closing="This message was made by a program. Answers to it reach nobody who reads them.",
    facts=Said(subject="Subject", sent="Received from you", to="To", letter="Reference"),
    happened="What happened",
    reply="The answer of {server}",
    reply_unnamed="The answer of the other server",
    advice="What you can do",
    delivered="The letter was delivered.",
    relayed="The letter was passed on to {server}.",
    relayed_unnamed="The letter was passed on.",
    expanded="The letter was passed on to the recipients behind this address.",
    reasons={
        "": Reason(
            "The letter could not be delivered.",
            "Ask the person by another way for a working address, or show this message to your mail administrator.",
        ),
        "1": Reason("The address was not accepted.", "Check the address for typing errors and send the letter again."),
        "1.1": Reason(
            "There is no such mailbox at that domain.",
            "Check the part before the @ for typing errors, or ask the person for the current address.",
        ),
        "1.2": Reason(
            "The domain of the address does not exist or takes no mail.",
            "Check the part behind the @ for typing errors and send the letter again.",
        ),
        "1.3": Reason("The address is not written correctly.", "Correct the address and send the letter again."),
        "1.6": Reason("The mailbox has moved and its new address is not known.", "Ask the person for the new address."),
        "1.8": Reason(
            "The other server does not accept your own address as a sender.",
            "Check the sender address in your mail program, or show this message to your mail administrator.",
        ),
        "1.10": Reason("The domain states that it takes no mail.", "Ask the person for another address."),
        "2": Reason("The mailbox could not take the letter.", "Try again later, or reach the person another way."),
        "2.1": Reason("The mailbox is switched off.", "Reach the person another way and ask for a working address."),
        "2.2": Reason("The mailbox is full.", "Tell the person another way, and send the letter again later."),
        "2.3": Reason(
            "The letter is too large for this mailbox.", "Send a smaller letter, for example a link in place of files."
        ),
        "3": Reason("The other mail system could not take the letter.", "Try again later."),
        "3.1": Reason("The other mail system has no room left.", "Try again later."),
        "3.4": Reason(
            "The letter is too large for the other mail system.",
            "Send a smaller letter, for example a link in place of files.",
        ),
        "4": Reason(
            "The other mail system could not be reached.", "Check the domain of the address, or try again later."
        ),
        "4.1": Reason(
            "The other mail server does not answer.", "Try again later; if it goes on, tell the person another way."
        ),
        "4.2": Reason("The connection to the other mail server broke off.", "Try again later."),
        "4.3": Reason("The domain of the address could not be looked up.", "Check the domain, or try again later."),
        "4.4": Reason(
            "No mail server is known for the domain of the address.",
            "Check the part behind the @ for typing errors and send the letter again.",
        ),
        "4.6": Reason(
            "The letter goes round in circles between servers.", "Show this message to your mail administrator."
        ),
        "4.7": Reason(
            "The other mail system did not take the letter in all the time it was tried.",
            "Send the letter again later, or reach the person another way.",
        ),
        "5": Reason(
            "The other mail server spoke in an unexpected way.", "Show this message to your mail administrator."
        ),
        "6": Reason(
            "The other mail system cannot handle the content of the letter.",
            "Send the letter again in a simpler form, without attachments or special formatting.",
        ),
        "6.7": Reason(
            "The other mail system cannot handle addresses with these characters.",
            "Ask the person for an address of plain Latin letters.",
        ),
        "7": Reason(
            "The other mail system refuses the letter by its rules.",
            "Read the answer of the server above. Often it tells which rule and where to ask.",
        ),
        "7.1": Reason(
            "The other mail system does not allow this letter.",
            "Read the answer of the server above, and show it to your mail administrator.",
        ),
        "7.10": Reason(
            "The letter had to travel encrypted, and the other mail system does not offer that.",
            "Ask your mail administrator, or send the letter without that requirement.",
        ),
        "7.26": Reason(
            "The other mail system could not verify that the letter really comes from your domain.",
            "Show this message to your mail administrator: SPF, DKIM and DMARC of your domain need a look.",
        ),
        "7.28": Reason("The other mail system receives too much mail from here.", "Try again later."),
        "7.30": Reason(
            "The letter had to travel encrypted all the way, and the other mail system does not offer that.",
            "Ask your mail administrator, or send the letter without that requirement.",
        ),
    },
)
