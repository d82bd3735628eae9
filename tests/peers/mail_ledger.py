#!/usr/bin/env python3
"""Sends mails over many connections, and writes each Message-ID to a synced ledger at its 250. What got no 250 is never sent again.

mail_ledger.py send HOST PORT LEDGER CONNECTIONS SEED
    until its standard input ends; a line `250 N` on standard output for the N-th mail that is in the ledger, at last one with sums.
    A line of the ledger: the Message-ID, then the recipients that the server took.
mail_ledger.py one HOST PORT SENDER RECIPIENT BYTES
    one mail with an attachment of so many bytes; 0 for none.
mail_ledger.py list MAILDIR
    the Message-IDs in a Maildir as Python's own package reads it, a line each.
"""
import email.policy
import mailbox
import os
import random
import smtplib
import sys
import threading
import time
from email.message import EmailMessage

# Few of each kind that is large: most mails are short.
SIZES = [200, 400, 1000, 4000, 4000, 12000, 40000, 90000, 300000]
WEIGHTS = [20, 20, 20, 20, 10, 5, 4, 2, 1]
PEOPLE = [["operator@moscow"], ["chairman@moscow"], ["operator@washington"], ["operator@moscow", "chairman@moscow"],
          ["operator@moscow", "operator@washington"], ["chairman@moscow", "operator@moscow", "operator@washington"]]


def mail(ident, sender, to, size, luck):
    message = EmailMessage()
    message["Subject"] = f"Load {ident}"
    message["From"] = sender
    message["To"] = ", ".join(to)
    message["Message-ID"] = ident
    if size > 64000 or luck.random() < 0.05:
        message.set_content("See attached.\n")
        message.add_attachment(luck.randbytes(size * 3 // 4), maintype="application", subtype="octet-stream", filename="load.bin")
    else:
        line = f"{ident} the quick brown fox jumped over the lazy dog"[:70] + "\n"
        message.set_content(line * (size // len(line) + 1))
    return message.as_bytes(policy=email.policy.SMTP)


class Ledger:
    def __init__(self, path):
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.lock = threading.Lock()
        self.entries = 0
        self.unsure = 0
        self.refused = 0

    def acknowledged(self, ident, to):
        with self.lock:
            os.write(self.file, f"{ident} {' '.join(to)}\n".encode())
            os.fsync(self.file)
            self.entries += 1
            print(f"250 {self.entries}", flush=True)


    def unanswered(self, why):
        with self.lock:
            answered = isinstance(why, (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused))
            self.refused += answered
            self.unsure += not answered


def sender(host, port, ledger, number, seed, over):
    luck = random.Random(seed * 1000 + number)
    count = 0
    while not over.is_set():
        try:
            server = smtplib.SMTP(host, port, local_hostname="load.example", timeout=60)
        except (OSError, smtplib.SMTPException):
            over.wait(0.05)  # nobody is there: it is asked again soon
            continue
        try:
            for _ in range(luck.randrange(1, 30)):
                count += 1
                ident = f"<{seed}.{number}.{count}@load.example>"
                to = luck.choice(PEOPLE)
                from_ = f"sender{luck.randrange(40)}@load.example"
                body = mail(ident, from_, to, luck.choices(SIZES, WEIGHTS)[0], luck)
                refused = server.sendmail(from_, to, body)
                ledger.acknowledged(ident, [t for t in to if t not in refused])
                if over.is_set():
                    break
            server.quit()
        except (OSError, smtplib.SMTPException) as why:
            ledger.unanswered(why)
            server.close()


def send(host, port, path, connections, seed):
    ledger, over = Ledger(path), threading.Event()
    threads = [threading.Thread(target=sender, args=(host, port, ledger, n, seed, over)) for n in range(connections)]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    over.set()
    for thread in threads:
        thread.join()
    print(f"sent: {ledger.entries} acknowledged, {ledger.unsure} without an answer, {ledger.refused} refused for now", flush=True)


def one(host, port, sender, to, size):
    for attempt in range(100):
        try:
            server = smtplib.SMTP(host, port, local_hostname="load.example", timeout=60)
            break
        except OSError:
            if attempt == 99:
                raise
            time.sleep(0.1)
    body = mail(f"<{os.getpid()}.{size}.{sender}>", sender, [to], size or 100, random.Random(1 if size else 2))
    server.sendmail(sender, [to], body)
    server.quit()


def main(what, *rest):
    if what == "send":
        host, port, path, connections, seed = rest
        send(host, int(port), path, int(connections), int(seed))
    elif what == "one":
        host, port, sender, to, size = rest
        one(host, int(port), sender, to, int(size))
    else:
        for message in mailbox.Maildir(rest[0], create=False):
            print(message["Message-ID"])


main(*sys.argv[1:])
