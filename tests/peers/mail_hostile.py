#!/usr/bin/env python3
"""Mail clients that mean harm, or are broken: mail_hostile.py WHAT HOST PORT [NAME=VALUE...].

Each says what it was answered, one line; it ends with an error where a reply is not the one that a server owes. No timing is looked at, but
nothing waits longer than a minute. `good` is a client as it should be: it hands one mail in, id=ID."""
import io
import random
import resource
import select
import smtplib
import socket
import ssl
import sys
import zipfile

what, host, port = sys.argv[1:4]
port = int(port)
more = dict(word.split("=", 1) for word in sys.argv[4:])
FROM, TO = "mallory@example.org", "duty@washington.example"


class Session:
    """A connection that says what it likes."""

    def __init__(self, source=None, greeted=True):
        self.socket = socket.create_connection((host, port), timeout=60, source_address=(source, 0) if source else None)
        self.replies = self.socket.makefile("rb")
        if greeted:
            self.expect("220")

    def reply(self):
        lines = []
        while True:
            line = self.replies.readline()
            if not line:
                return "closed"
            lines.append(line.decode().rstrip("\r\n"))
            assert line.endswith(b"\r\n") and len(line) <= 514, line
            if line[3:4] != b"-":
                return lines[-1]

    def expect(self, *codes):
        reply = self.reply()
        assert reply.startswith(codes), f"{reply!r} where one of {codes} is owed"
        return reply

    def send(self, octets):
        """True unless the far end has had enough."""
        try:
            self.socket.sendall(octets)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def done(self):
        """Nothing more is said."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the far end was first

    def say(self, line, *codes):
        self.send(line.encode() + b"\r\n")
        return self.expect(*codes)

    def until_data(self, to=TO):
        self.say("EHLO mallory.example", "250")
        self.say(f"MAIL FROM:<{FROM}>", "250")
        self.say(f"RCPT TO:<{to}>", "250")
        self.say("DATA", "354")

    def mail(self, octets, *codes):
        self.until_data()
        self.send(octets + b"\r\n.\r\n")
        return self.expect(*codes)

    def last(self):
        """The last reply, of however many there are."""
        last = "nothing"
        try:
            while (reply := self.reply()) != "closed":
                last = reply
        except ConnectionResetError:
            pass
        return last


def head(ident, extra=""):
    return f"From: <{FROM}>\r\nTo: <{TO}>\r\nSubject: harm\r\nMessage-ID: <{ident}@mallory.example>\r\n{extra}".encode()


def good():
    with smtplib.SMTP(host, port, local_hostname="good.example", timeout=60, source_address=(more.get("source", "127.0.0.1"), 0)) as smtp:
        code, said = smtp.docmd("NOOP")
        assert code == 250
        smtp.sendmail("good@example.org", [TO], f"From: <good@example.org>\r\nSubject: well\r\nMessage-ID: <{more['id']}@good.example>\r\n\r\nAll is well.\r\n")
    return "250"


def garbage():
    noise, told = random.Random(7), set()
    for kind in ("octets", "lines", "tls", "http", "smuggled"):
        session = Session()
        if kind == "octets":
            for _ in range(64):
                if not session.send(noise.randbytes(16_384)):
                    break
        elif kind == "lines":
            for _ in range(200):
                if not session.send(bytes(noise.choices(range(33, 127), k=60)) + b"\r\n"):
                    break
        elif kind == "tls":
            session.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + noise.randbytes(500))
        elif kind == "http":
            session.send(b"POST / HTTP/1.1\r\nHost: x\r\n\r\nEHLO x\r\nMAIL FROM:<a@b.c>\r\n")
        else:
            session.send(b"EHLO x\r\nMAIL FROM:<a@b.c>\nRCPT TO:<" + TO.encode() + b">\nDATA\n")
        session.done()
        last = session.last()
        assert last.startswith(("500", "421", "503", "501")) or kind in ("octets", "tls") and last == "nothing", (kind, last)
        told.add(f"{kind}: {last[:3]}")
    return ", ".join(sorted(told))


def endless_command():
    """64 MiB without a line's end; when it comes at last, that was one line, and too long."""
    session, sent = Session(), 0
    while sent < 64 << 20 and session.send(b"A" * 65_536):
        sent += 65_536
    return session.say("", "500") + f" ({sent >> 20} MiB sent)"


def endless_data():
    session, sent = Session(), 0
    session.until_data()
    session.send(head("endless") + b"\r\n")
    line = (b"x" * 76 + b"\r\n") * 840
    while sent < 200 << 20 and session.send(line):
        sent += len(line)
    last = session.last()
    assert sent < 200 << 20 and last.startswith(("552", "nothing")), last
    return f"{last} (heard {sent >> 20} MiB)"


def endless_header():
    session, sent = Session(), 0
    session.until_data()
    line = b"X-More: " + b"x" * 500 + b"\r\n"
    while sent < 4 << 20 and session.send(line * 100):
        sent += len(line) * 100
    session.send(b"\r\nbody\r\n.\r\n")
    return session.expect("552")


def long_lines():
    said = [Session().mail(head("long") + b"\r\n" + b"y" * 5_000, "554"), Session().mail(b"Subject: " + b"z" * 300_000 + b"\r\n\r\nx", "552", "554")]
    assert Session().mail(head("998") + b"\r\n" + b"y" * 998, "250")
    return " / ".join(said)


def nul():
    return Session().mail(head("nul") + b"\r\nbefore\0behind", "554")


def bare():
    replies = []
    for end in (b"a\nb", b"a\rb", b"a\r\n.\nb", b"a\n.\r\nMAIL FROM:<x@y.z>"):
        session = Session()
        replies.append(session.mail(head("bare") + b"\r\n" + end, "554")[:3])
        assert session.reply() == "closed"
    return " ".join(replies)


def eight():
    """Eight bits that nobody declared, in header and body: taken as they are. The mail is written to file=FILE."""
    mail = head(more["id"], "X-Raw: ").removesuffix(b"\r\n") + "Проверка".encode("koi8-r") + b"\r\n\r\n" + bytes(range(128, 256)) + "\r\nконец".encode("koi8-r") + b"\r\n"
    with open(more["file"], "wb") as file:
        file.write(mail)
    session = Session()
    session.until_data()
    session.send(mail + b".\r\n")
    return session.expect("250")


def chunks():
    told = []
    for said, codes in (("BDAT", ["501"]), ("BDAT x", ["501"]), ("BDAT -1", ["501"]), ("BDAT 99999999999999999999999", ["501", "552"]), ("BDAT 5 FIRST", ["501"]), ("BDAT 400000000", ["552"])):
        session = Session()
        for line in ("EHLO x", f"MAIL FROM:<{FROM}>", f"RCPT TO:<{TO}>"):
            session.say(line, "250")
        session.send(said.encode() + b"\r\n")
        told.append(session.expect(*codes)[:3])
        # What stands behind it must not be read as commands.
        session.send(b"RSET\r\n" * 3)
        last = session.last()
        assert last == "nothing" or last.startswith("421"), (said, last)
    session = Session()
    session.say("EHLO x", "250")
    session.send(b"BDAT 20\r\nQUIT\r\nQUIT\r\nQUIT\r\nxxNOOP\r\n")  # nobody asked for it: passed over, then refused
    told += [session.expect("503")[:3], session.expect("250")[:3]]
    session = Session()
    for line in ("EHLO x", f"MAIL FROM:<{FROM}>", f"RCPT TO:<{TO}>"):
        session.say(line, "250")
    session.send(b"BDAT 60\r\n" + head("cut")[:50])  # ten octets short, and gone
    session.socket.close()
    return " ".join(told)


def recipients():
    session = Session()
    session.say("EHLO x", "250")
    session.say(f"MAIL FROM:<{FROM}>", "250")
    for n in range(1_000):
        session.say(f"RCPT TO:<desk{n}@moscow>", "250")
    over = [session.say(f"RCPT TO:<more{n}@moscow>", "452") for n in range(5)]
    session.say("DATA", "354")
    session.send(head("many") + b"\r\nto a thousand desks\r\n.\r\n")
    return f"{session.expect('250')}; the 1001st: {over[0]}"


def nested():
    deep = int(more["deep"])
    mail = head(f"nested-{deep}", "MIME-Version: 1.0\r\n")
    for n in range(deep):
        mail += f'Content-Type: multipart/mixed; boundary="b{n}"\r\n\r\n--b{n}\r\n'.encode()
    mail += b"Content-Type: text/plain\r\n\r\nat the bottom\r\n"
    for n in reversed(range(deep)):
        mail += f"--b{n}--\r\n".encode()
    forwarded = head(f"forwarded-{deep}", "MIME-Version: 1.0\r\n") + b"Content-Type: message/rfc822\r\n\r\n" * deep + b"\r\nx"
    return Session().mail(mail, "250", "554") + " / " + Session().mail(forwarded, "250", "554")


def attached(ident, names, data=b"GIF89a", kind="application/octet-stream"):
    import base64

    mail = head(ident, 'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="=_a"\r\n') + b"\r\n--=_a\r\n\r\ntext\r\n"
    for name in names:
        mail += f"--=_a\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; {name}\r\n\r\n".encode() + base64.encodebytes(data).replace(b"\n", b"\r\n")
    return mail + b"--=_a--"


def bomb():
    """400 MB of zeros in a zip of 400 kB."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("zeros", "w", force_zip64=True) as inner:
            for _ in range(400):
                inner.write(bytes(1 << 20))
    return Session().mail(attached("bomb", ['filename="42.zip"'], out.getvalue(), "application/zip"), "250") + f" ({len(out.getvalue())} octets)"


def largest():
    """count= mails as large as a server takes, all at once."""
    import threading

    told, mail = [], attached("largest", ['filename="large.bin"'], random.Random(1).randbytes(18 << 20))
    assert 24 << 20 < len(mail) < 25 << 20

    def one(n):
        session = Session()
        session.until_data()
        session.send(mail.replace(b"<largest@", f"<largest-{n}@".encode(), 1) + b"\r\n.\r\n")
        told.append(session.reply()[:3])

    threads = [threading.Thread(target=one, args=(n,)) for n in range(int(more["count"]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == ["250"] * len(threads), told
    return f"{len(told)} mails of {len(mail) >> 20} MiB at once: 250"


def names():
    bad = ["../../../../../../tmp/molink-escaped", "/etc/molink-escaped", "C:\\\\molink-escaped", "..", ".", "", "a\tb", "\x1b]0;owned\x07\x1b[31mred", "a%00b", "~root", "-rf", "con\u202egpj.exe", "x" * 5_000, "nul.", "a/../../b", "\x7f", "`id`", "$(id)", "|id", "'; DROP TABLE message; --"]
    said = [f'filename="{name}"' for name in bad if len(name) < 900]
    said += ["filename*=utf-8''..%2F..%2F..%2Fmolink-escaped", "filename*=utf-8''a%00%0D%0AX-Injected:%20yes", "filename*0*=utf-8''..%2F; filename*1*=..%2Fmolink-escaped", "filename*=utf-8''%1B%5B2J", "filename==?utf-8?b?Li4vLi4vbW9saW5rLWVzY2FwZWQ=?="]
    return Session().mail(attached("names", said), "250")


def tls(cert, key):
    session = Session()
    session.say("EHLO x", "250")
    session.say("STARTTLS", "220")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(cert, key)
    session.socket = context.wrap_socket(session.socket)
    session.replies = session.socket.makefile("rb")
    session.say("EHLO x", "250")
    session.say("MAIL FROM:<x@moscow> MT-PRIORITY=6", "250")
    session.send(b"RCPT TO:<boss@elsewhere.example>\r\n")
    return session.reply()


def certificates():
    """Who has no pinned certificate may not have mail passed on; who has may, and hears only that nobody is there (no route leads out)."""
    told = [tls(more[name] + ".crt", more[name] + ".key") for name in ("wrong", "expired", "early", "pinned")]
    assert [reply[:9] for reply in told] == ["550 5.7.1"] * 3 + ["550 5.1.1"], told
    return "wrong, expired, early: 550 5.7.1; pinned: 550 5.1.1"


def slowly():
    """count= clients of one octet a second: in a command, and in a message. The server ends them, and meanwhile a good one is served."""
    sessions = []
    for n in range(int(more["count"])):
        session = Session(source=f"127.0.0.{2 + n % 8}")
        if n % 2:
            session.until_data()
        sessions.append(session)
    poll = select.poll()
    waiting = {session.socket.fileno(): session for session in sessions}
    for fileno in waiting:
        poll.register(fileno, select.POLLIN)
    ended, served = [], 0
    for n in range(60):
        if not waiting:
            break
        for session in waiting.values():
            session.send(b"N")
        if served < 3:
            more["id"] = f"meanwhile-{n}"
            good()
            served += 1
        for fileno, _ in poll.poll(1_000):
            poll.unregister(fileno)
            ended.append(waiting.pop(fileno).expect("421"))
        # poll() came back at once if somebody ended: one octet a second all the same
        select.select([], [], [], 1.0)
    assert not waiting, f"{len(waiting)} of {len(sessions)} were not ended"
    return f"{ended[0]} ({len(ended)} of them; {served} good mails meanwhile)"


def crowd():
    """count= connections from addresses=N addresses, kept open; then a good client from another address, good=250 or 421; then all go, and one more."""
    count, addresses = int(more["count"]), int(more["addresses"])
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 200), hard))
    poll, open_now, told, none = select.epoll(), {}, {}, 0
    for n in range(count):
        try:
            there = socket.create_connection((host, port), timeout=20, source_address=(f"127.0.2.{1 + n % addresses}", 0))
        except OSError:
            none += 1
            continue
        open_now[there.fileno()] = there
        poll.register(there, select.EPOLLIN)
        if n % 500 == 499:
            hear(poll, open_now, told, 0)
    while hear(poll, open_now, told, 2):
        pass
    result = "?"
    more["id"] = f"crowd-{count}-{addresses}"
    try:
        result = good()
    except smtplib.SMTPConnectError as refused:
        result = str(refused.smtp_code)
    assert result == more["good"], result
    silent = len(open_now) - sum(told.values())
    for there in open_now.values():
        there.close()
    more["id"] += "-after"
    for _ in range(600):  # until the server has seen that they went
        try:
            after = good()
            break
        except smtplib.SMTPConnectError:
            select.select([], [], [], 0.1)
    assert told.get("421", 0) + told.get("220", 0) + silent + none == count and told["220"] <= 100, (told, silent, none)
    return f"{count} connections: greeted {told['220']}, 421 {told.get('421', 0)}, silent {silent}, not connected {none}; a good client meanwhile: {result}, afterwards: {after}"


def hear(poll, open_now, told, timeout):
    heard = poll.poll(timeout)
    for fileno, _ in heard:
        poll.unregister(fileno)
        try:
            said = open_now[fileno].recv(200)[:3].decode()
        except ConnectionResetError:
            said = ""
        told[said] = told.get(said, 0) + 1
    return heard


def errors():
    """Commands that lead nowhere, until the server has enough."""
    ended = []
    for command in ("NOOP", "XYZZY"):
        session = Session()
        for _ in range(200):
            reply = session.say(command, "250", "500", "421")
            if reply.startswith("421"):
                break
        assert reply.startswith("421") and session.reply() == "closed", reply
        ended.append(reply)
    return " / ".join(ended)


def fill():
    """Mails of size= octets until the server has no room, or count= are taken; those with 250 are told."""
    taken = []
    for n in range(int(more["count"])):
        session = Session()
        session.until_data()
        ident = f"{more['id']}-{n}"
        body = (b"%060d\r\n" % n) * (int(more["size"]) // 62)
        session.send(head(ident) + b"\r\n" + body + b".\r\n")
        reply = session.reply()
        if reply.startswith("250"):
            taken.append(f"{ident}@mallory.example")
            continue
        assert reply.startswith(("451", "452")), reply
        return f"{reply}|{' '.join(taken)}"
    return f"250|{' '.join(taken)}"


print(globals()[what]() if what != "good" else good())
