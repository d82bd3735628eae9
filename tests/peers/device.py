#!/usr/bin/env python3
"""A device under test: receives messages by docs/procedure.md, written from that page alone, with nothing but Python.

usage: device.py PATH STATION [--paper FILE] [--messages N] [--wrong]

Opens PATH (a serial device or pty; one five-bit code a byte), answers call-ups to STATION, checks each message's
confirmation line, appends its text to FILE and answers with a receipt. Ends with exit code 0 after N messages.
--wrong: the receipt's check group is always wrong, so a sender must not believe it.
"""
import argparse
import hashlib
import os
import sys
import termios
import tty

LETTERS = "\0E\nA SIU\rDRJNFCKTZLWHYPQOBG\x0eMXV\x0f"
FIGURES = "\x003\n- '87\r\x054\x07,!:(5+)2$6019?&\x0e./=\x0f"
LTRS, FIGS, CR, LF, SP = 31, 27, 8, 2, 4
END = [LTRS, LTRS] + [12] * 4
CUT = [LTRS, LTRS] + [1] * 8
LONGEST = 600_000


def check(data):
    return "".join(chr(65 + b % 26) for b in hashlib.sha256(data).digest()[:5])


def encode(text):
    codes, shift = [], LTRS
    for c in text:
        if c == " ":
            codes.append(SP)
            shift = None if shift == FIGS else shift  # the far machine may fall back to letters here
            continue
        wanted, table = (LTRS, LETTERS) if c in LETTERS else (FIGS, FIGURES)
        if shift != wanted:
            codes.append(wanted)
            shift = wanted
        codes.append(table.index(c))
    return codes


def decode(codes):
    out, table = [], LETTERS
    for c in codes:
        if c in (LTRS, FIGS):
            table = LETTERS if c == LTRS else FIGURES
        elif c != CR:
            out.append(table[c])
    return "".join(out)


def service_line(codes):
    """The body of a service line that ends here, if its check group fits."""
    if codes[-3:] != [CR, CR, LF]:
        return None
    for start in range(len(codes) - 5, max(len(codes) - 200, -1), -1):
        if codes[start:start + 2] == [LTRS, LTRS]:
            body, _, group = decode(codes[start:-3]).rpartition(" ")
            return body if body and group == check(body.encode()) else None
    return None


class Device:
    def __init__(self, fd, args):
        self.fd, self.args = fd, args
        self.codes, self.call, self.caller, self.done, self.seen = [], None, None, 0, set()

    def say(self, body):
        print(f"{self.args.station} sends  {body}", flush=True)
        line = [CR, CR, LF, LTRS, LTRS] + encode(f"{body} {check(body.encode())}") + [CR, CR, LF]
        os.write(self.fd, bytes(line))

    def take(self, code):
        self.codes = self.codes[-LONGEST:] + [code] if len(self.codes) > LONGEST else self.codes
        self.codes.append(code)
        body = service_line(self.codes)
        if body is not None:
            self.codes = []
            return self.service(body.split(" "))
        if self.call is not None and self.codes[-len(END):] == END:
            self.message(self.codes)
        elif self.call is not None and self.codes[-len(CUT):] == CUT:
            print("cut off in mid-message", flush=True)
            self.call, self.codes = None, []

    def service(self, words):
        print(f"{self.args.station} hears  {' '.join(words)}", flush=True)
        if len(words) == 5 and words[1] == "DE" and words[3] == "CALL" and words[0] in (self.args.station, "CQ"):
            self.caller, self.call = words[2], words[4]
            self.say(f"{self.caller} DE {self.args.station} READY {self.call}")

    def message(self, codes):
        starts = [i for i in range(len(codes)) if codes[i:i + 5] == [LTRS] + encode("ZCZC")]
        call, self.call, self.codes = self.call, None, []
        if not starts:
            return self.say(f"NOT RECEIVED {call} HEADING")
        codes = codes[starts[0]:]
        # The confirmation line is the last one; it covers everything up to the T of the BT before it.
        lines = [i for i in range(len(codes)) if codes[i - 2:i + 1] == [CR, CR, LF]]
        confirmed = next((i for i in reversed(lines) if decode(codes[i + 1:]).startswith("CFM ")), None)
        if confirmed is None:
            return self.say(f"NOT RECEIVED {call} CHECK")
        covered = bytes(codes[:confirmed - 2])
        said = decode(codes[confirmed + 1:]).split()
        if said[:3] != ["CFM", str(len(covered)), check(covered)]:
            return self.say(f"NOT RECEIVED {call} CHECK")
        text = decode(covered).split("\n")
        identity = text[2]
        if identity not in self.seen:
            self.seen.add(identity)
            with open(self.args.paper, "a", encoding="ascii") as paper:
                paper.write("\n".join(text[text.index("BT") + 1:-1]) + "\n")
                paper.flush()
                os.fsync(paper.fileno())
            before = ""
        else:
            before = "BEFORE "
        group = "WRONG" if self.args.wrong else check(bytes(codes))
        self.say(f"RECEIVED {before}{identity} {len(codes)} {group}")
        self.done += 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("station", type=str.upper)
    parser.add_argument("--paper", default="paper.txt")
    parser.add_argument("--messages", type=int, default=1)
    parser.add_argument("--wrong", action="store_true")
    args = parser.parse_args()
    fd = os.open(args.path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(fd, termios.TCSANOW)
    device = Device(fd, args)
    print(f"{args.station} listens at {args.path}", flush=True)
    while device.done < args.messages:
        data = os.read(fd, 256)
        if not data:
            sys.exit("the line is gone")
        for byte in data:
            device.take(byte & 31)
    termios.tcdrain(fd)


if __name__ == "__main__":
    main()
