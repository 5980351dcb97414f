"""The other side of a FIX session, written from the standard and not from the initiator: for tests."""

from pipeline.live.fix.wire import Framer, encoded


class Acceptor:
    """Keeps what it sent, resends it when asked, and asks for what it misses."""

    def __init__(self):
        self.sent, self.expected, self.got, self.framer = [], 1, [], Framer()
        self.waiting, self.asked = [], 0

    def say(self, kind, *fields, deaf=False):
        """Say something; `deaf` loses it on the way."""
        header = [
            (35, kind),
            (34, str(len(self.sent) + 1)),
            (49, "THEM"),
            (56, "US"),
            (52, "20260101-00:00:00"),
        ]
        self.sent.append([*header, *fields])
        if not deaf:
            self.waiting.append(encoded(self.sent[-1]))

    def hear(self, content):
        for message in self.framer.feed(content):
            self._one(message)

    def taken(self):
        """Return the messages that are on their way to the initiator."""
        content, self.waiting = b"".join(self.waiting), []
        return Framer().feed(content)

    def _one(self, message):
        number, kind = int(message[34]), message[35]
        if kind == "4" and message.get(123) == "Y" and number == self.expected:
            self.expected = int(message[36])
            return
        if kind == "A":
            if message.get(141) == "Y":
                self.sent, self.expected = [], 1
            self.say("A", (98, "0"), (108, message[108]))
        if number > self.expected:
            if kind == "2":
                self._resend(int(message[7]), int(message[16]))
            if self.asked != self.expected:
                self.asked = self.expected
                self.say("2", (7, str(self.expected)), (16, "0"))
            return
        if number < self.expected:
            assert message.get(43) == "Y", f"number {number} again"
            return
        self.expected += 1
        self.got.append(message)
        if kind == "1":
            self.say("0", (112, message[112]))
        if kind == "2":
            self._resend(int(message[7]), int(message[16]))
        if kind == "5":
            self.say("5")

    def _resend(self, first, last):
        last = last or len(self.sent)
        for number in range(first, last + 1):
            fields = self.sent[number - 1]
            if dict(fields)[35] in "A01245":
                gap = [(35, "4"), *fields[1:5], (43, "Y"), (123, "Y"), (36, str(number + 1))]
                self.waiting.append(encoded(gap))
            else:
                self.waiting.append(encoded([*fields[:5], (43, "Y"), *fields[5:]]))
