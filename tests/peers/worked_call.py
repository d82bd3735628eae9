#!/usr/bin/env python3
"""The worked call of docs/procedure.md against device.py: both were written apart, and must agree code for code.

usage: worked_call.py docs/procedure.md
"""
import os
import re
import sys
import tempfile
import types

import device


def main():
    sent, said, now = [], [], None
    for line in open(sys.argv[1], encoding="utf-8"):
        start = re.match(r"\+[\d.]+ (W>|M>|=|washington)", line)
        if start:
            now = {"W>": sent, "M>": said}.get(start[1])
        words = line.split()
        if now is not None and words and all(re.fullmatch("[0-9a-f]{2}", w) for w in words):
            now.extend(int(w, 16) for w in words)
    if len(sent) < 200 or len(said) < 50:
        sys.exit(f"{sys.argv[1]}: found only {len(sent)} and {len(said)} codes; has its form changed?")
    read, write = os.pipe()
    with tempfile.TemporaryDirectory() as folder:
        paper = os.path.join(folder, "paper.txt")
        machine = device.Device(write, types.SimpleNamespace(station="MOSCOW", paper=paper, wrong=False))
        for code in sent:
            machine.take(code)
        answered = list(os.read(read, 65536))
        if answered != said:
            sys.exit(f"the device answers {bytes(answered).hex(' ')}\nthe page says    {bytes(said).hex(' ')}")
        text = open(paper, encoding="ascii").read()
    if "THE QUICK BROWN FOX JUMPED OVER THE LAZY DOG'S BACK 1234567890" not in text:
        sys.exit(f"the device printed {text!r}")
    print(f"{len(sent)} codes heard, {len(said)} answered, as the page says")


if __name__ == "__main__":
    main()
