"""Which extension hears of whom, and what peers are told of us (BEP 10)."""

from types import MappingProxyType

from twisted.trial.unittest import SynchronousTestCase

from tests.testing.extensions import FakeSwarm
from txtorrent.bencode import encode
from txtorrent.extension.extensions import CLIENT, MOST_HANDSHAKES, Extensions, merged
from txtorrent.extension.interfaces import Kind
from txtorrent.wire.extension import MAX_EXTENSIONS, ExtensionHandshake
from txtorrent.wire.stream import ProtocolError

ONE, TWO, THREE = b"x_one", b"x_two", b"x_three"


class Diary:
    """An extension that notes what it hears."""

    def __init__(self, swarm, name, more=None):
        self.name = name
        self.more = more or {}
        self.notes = []
        self.is_stopped = False
        self.on_joined = lambda link: None

    def greeting(self):
        return self.more

    def joined(self, link, handshake):
        self._note("joined", link)
        self.on_joined(link)

    def received(self, link, payload):
        self._note(payload, link)

    def left(self, link):
        self._note("left", link)

    def tick(self, now):
        self._note(now, None)

    def stop(self):
        self.is_stopped = True

    def _note(self, what, link):
        assert not self.is_stopped
        self.notes.append((what, link))


class ExtensionsCase(SynchronousTestCase):
    def setUp(self):
        self.swarm = FakeSwarm()
        self.on = {ONE, TWO, THREE}
        self.more = {}
        self.made = {ONE: [], TWO: [], THREE: []}
        self.told = []
        self.extensions = self.begin()

    def begin(self):
        kinds = [self.kind(name) for name in (ONE, TWO, THREE)]
        return Extensions(self.swarm, kinds, 500, lambda link, said: self.told.append((link, said)))

    def kind(self, name):
        def make(swarm):
            self.made[name].append(Diary(swarm, name, self.more.get(name)))
            return self.made[name][-1]

        return Kind(name, make, lambda swarm: name in self.on)

    def connect(self, number=1, is_greeted=True):
        link = self.swarm.connect(f"20.0.0.{number}")
        if is_greeted:
            self.extensions.greet(link)
        return link

    def shake(self, link, **keys):
        """The peer's extension handshake."""
        said = ExtensionHandshake(**keys)
        self.extensions.received(link, 0, said.encode())

    def heard(self, name, at=-1):
        return self.made[name][at].notes

    def said(self, link):
        """The last handshake that the peer got."""
        message = link.sent[-1]
        self.assertEqual(message.number, 0)
        return ExtensionHandshake.decode(message.payload)


class Greeting(ExtensionsCase):
    def test_contents(self):
        self.swarm.metadata = bytes(1234)
        link = self.connect()
        said = self.said(link)
        self.assertEqual(said.ids, {ONE: 1, TWO: 2, THREE: 3})
        self.assertEqual((said.port, said.client, said.your_host), (6881, CLIENT, "20.0.0.1"))
        self.assertEqual((said.reqq, said.metadata_size), (500, 1234))
        self.assertIsNone(said.upload_only)
        self.assertEqual(len(link.sent), 1)

    def test_while_the_metadata_is_not_known(self):
        self.swarm.metadata = None
        self.assertIsNone(self.said(self.connect()).metadata_size)

    def test_upload_only(self):
        self.swarm.upload_only = True
        self.assertTrue(self.said(self.connect()).upload_only)

    def test_what_extensions_add(self):
        self.more = {ONE: {b"e": 1}, TWO: {b"f": [b"x"], b"p": 1}}
        self.extensions = self.begin()
        said = self.said(self.connect())
        self.assertEqual((said.more[b"e"], said.more[b"f"], said.port), (1, [b"x"], 6881))

    def test_only_what_applies(self):
        self.on = {TWO}
        self.extensions = self.begin()
        self.assertEqual(self.said(self.connect()).ids, {TWO: 2})
        self.assertEqual((self.made[THREE][1:], self.extensions[THREE]), ([], None))
        self.assertIs(self.extensions[TWO], self.made[TWO][-1])

    def test_news_later(self):
        """We download nothing any more."""
        links = [self.connect(1), self.connect(2)]
        late = self.connect(3, is_greeted=False)
        self.swarm.upload_only = True
        self.extensions.tell()
        for link in links:
            self.assertEqual((self.said(link).ids, self.said(link).upload_only), ({}, True))
        self.assertEqual(late.sent, [])


class Joined(ExtensionsCase):
    def test_who_speaks_it_joins_once(self):
        link = self.connect()
        self.assertEqual(self.heard(ONE), [])
        for _ in range(3):
            self.shake(link, ids={ONE: 7, b"else": 9})
        self.assertEqual(self.heard(ONE), [("joined", link)])
        self.assertEqual(self.heard(TWO), [])
        self.assertEqual(dict(link.extension_ids), {ONE: 7, b"else": 9})

    def test_a_later_handshake_adds_changes_and_takes_back(self):
        link = self.connect()
        self.shake(link, ids={ONE: 7, TWO: 8})
        self.shake(link, ids={TWO: 0, THREE: 1})
        self.shake(link, ids={ONE: 5})
        self.assertEqual(dict(link.extension_ids), {ONE: 5, THREE: 1})
        self.assertEqual(self.heard(TWO), [("joined", link)])
        self.assertEqual(self.heard(THREE), [("joined", link)])

    def test_taken_back_and_offered_again(self):
        link = self.connect()
        for number in (7, 0, 7):
            self.shake(link, ids={ONE: number})
        self.assertEqual(self.heard(ONE), [("joined", link)])

    def test_a_handshake_before_ours(self):
        link = self.connect(is_greeted=False)
        self.shake(link, ids={ONE: 7})
        self.assertEqual(self.heard(ONE), [])
        self.extensions.greet(link)
        self.assertEqual(self.heard(ONE), [("joined", link)])

    def test_greeted_anew_when_the_metadata_is_known(self):
        """The torrent begins anew, its connections go on."""
        link = self.connect()
        self.shake(link, ids={ONE: 7})
        before = self.made[ONE][-1]
        self.extensions.stop()
        self.assertTrue(before.is_stopped)
        self.extensions = self.begin()
        self.extensions.greet(link)
        self.assertEqual((self.heard(ONE), len(link.sent)), ([("joined", link)], 2))

    def test_everybody_above_hears_what_the_peer_says(self):
        link = self.connect()
        self.shake(link, ids={ONE: 7}, port=99, client="x")
        ((who, said),) = self.told
        self.assertEqual((who, said.port, said.client), (link, 99, "x"))

    def test_who_is_closed_by_what_it_says_does_not_join(self):
        self.told = type("Closer", (), {"append": lambda self, told: told[0].close("no")})()
        link = self.connect()
        self.shake(link, ids={ONE: 7})
        self.assertEqual(self.heard(ONE), [])

    def test_an_extension_that_ends_the_connection(self):
        """The others do not hear of it: they would hear of its end, or never of it."""
        for is_told in (False, True):
            link = self.connect()

            def end(link, is_told=is_told):
                link.close("no")
                if is_told:
                    self.extensions.left(link)

            self.made[ONE][-1].on_joined = end
            self.shake(link, ids={ONE: 1, TWO: 2})
            self.assertNotIn(("joined", link), self.heard(TWO))


class Received(ExtensionsCase):
    def test_by_our_id(self):
        link = self.connect()
        self.shake(link, ids={TWO: 77})
        self.extensions.received(link, 2, b"payload")
        self.assertEqual(self.heard(TWO)[1:], [(b"payload", link)])
        self.assertEqual((self.heard(ONE), self.heard(THREE)), ([], []))

    def test_before_the_peers_handshake(self):
        link = self.connect()
        self.extensions.received(link, 1, b"early")
        self.assertEqual(self.heard(ONE), [(b"early", link)])

    def test_before_it_was_offered(self):
        link = self.connect(is_greeted=False)
        self.extensions.received(link, 1, b"early")
        self.assertEqual(self.heard(ONE), [])

    def test_numbers_of_nobody(self):
        link = self.connect()
        for number in (4, 5, 255):
            self.extensions.received(link, number, b"")
        self.assertEqual([self.heard(name) for name in (ONE, TWO, THREE)], [[], [], []])

    def test_malformed_handshakes(self):
        link = self.connect()
        for payload in (b"", b"le", b"d1:m"):
            with self.assertRaises(ProtocolError):
                self.extensions.received(link, 0, payload)
        self.assertEqual(self.told, [])

    def test_a_flood_of_handshakes(self):
        link = self.connect()
        for _ in range(MOST_HANDSHAKES):
            self.shake(link)
        with self.assertRaises(ProtocolError):
            self.shake(link)
        self.shake(self.connect(2))

    def test_ticks(self):
        self.extensions.tick(7.0)
        self.assertEqual([self.heard(n) for n in (ONE, TWO)], [[(7.0, None)]] * 2)


class Left(ExtensionsCase):
    def test_all_hear_of_it(self):
        """Those that the peer does not speak, too: it may have sent them something."""
        link, other = self.connect(1), self.connect(2)
        self.shake(link, ids={ONE: 7})
        self.extensions.left(link)
        self.extensions.left(link)
        self.assertEqual(self.heard(ONE), [("joined", link), ("left", link)])
        self.assertEqual(self.heard(TWO), [("left", link)])
        self.extensions.received(link, 1, b"late")
        self.extensions.tell()
        self.assertEqual((len(self.heard(ONE)), len(link.sent), len(other.sent)), (2, 1, 2))

    def test_who_was_not_greeted(self):
        link = self.connect(is_greeted=False)
        self.extensions.left(link)
        self.assertEqual(self.heard(ONE), [])

    def test_nothing_is_kept(self):
        for number in range(51):
            link = self.connect(number)
            self.shake(link, ids={ONE: 7, TWO: 8})
            self.on ^= {TWO}
            self.extensions.refresh()
            self.extensions.left(link)
        self.assertEqual(len(self.extensions._greeted), 0)
        self.assertNotIn(TWO, self.on)
        self.assertEqual(sum(map(len, self.extensions._joined.values())), 0)


class Refreshed(ExtensionsCase):
    def setUp(self):
        super().setUp()
        self.link = self.connect()
        self.shake(self.link, ids={ONE: 7, TWO: 8})

    def test_turned_off(self):
        self.on = {ONE, THREE}
        self.extensions.refresh()
        self.assertTrue(self.made[TWO][0].is_stopped)
        self.assertEqual(self.said(self.link).ids, {ONE: 1, TWO: 0, THREE: 3})
        self.extensions.received(self.link, 2, b"late")
        self.extensions.tick(1.0)
        self.extensions.left(self.link)
        self.assertEqual(self.made[TWO][0].notes, [("joined", self.link)])
        self.assertIsNone(self.extensions[TWO])

    def test_turned_on_again(self):
        """Another one begins, with the same id, and hears of all that speak it."""
        silent = self.connect(2)
        for on in ({ONE, THREE}, {ONE, TWO, THREE}):
            self.on = on
            self.extensions.refresh()
        self.assertEqual(len(self.made[TWO]), 2)
        self.assertEqual(self.said(silent).ids, {ONE: 1, TWO: 2, THREE: 3})
        self.assertEqual(self.heard(TWO), [("joined", self.link)])
        self.extensions.received(silent, 2, b"x")
        self.assertEqual(self.heard(TWO)[1:], [(b"x", silent)])

    def test_what_it_adds_to_the_greeting_is_told_then(self):
        self.on = {ONE}
        self.extensions.refresh()
        self.more = {TWO: {b"colour": b"red"}}
        self.on = {ONE, TWO}
        self.extensions.refresh()
        self.assertEqual(self.said(self.link).more[b"colour"], b"red")

    def test_the_others_notice_nothing(self):
        self.on = {ONE}
        self.extensions.refresh()
        self.assertEqual((len(self.made[ONE]), self.made[ONE][0].is_stopped), (1, False))
        self.assertEqual(self.heard(ONE), [("joined", self.link)])

    def test_nothing_has_changed(self):
        self.extensions.refresh()
        self.assertEqual(len(self.link.sent), 1)

    def test_ids_are_stable(self):
        """The place in the session's list, whatever applies."""
        for on in ({THREE}, {TWO, THREE}, {ONE, THREE}, {ONE, TWO, THREE}):
            self.on = on
            self.extensions.refresh()
            ids = {name: number for name, number in self.said(self.link).ids.items() if number}
            numbers = {ONE: 1, TWO: 2, THREE: 3}
            self.assertEqual(ids, {name: numbers[name] for name in on})

    def test_stopped(self):
        self.extensions.stop()
        self.assertTrue(all(made[0].is_stopped for made in self.made.values()))
        self.extensions.tick(1.0)
        self.extensions.received(self.link, 1, b"")
        self.extensions.left(self.link)
        self.extensions.tell()
        self.assertEqual((self.heard(ONE), len(self.link.sent)), ([("joined", self.link)], 1))
        self.assertIsNone(self.extensions[ONE])


class Private(SynchronousTestCase):
    def test_it_is_not_offered(self):
        """THREATS D8: not even its name."""
        swarm = FakeSwarm()
        swarm.is_private = True
        kinds = [
            Kind(ONE, lambda swarm: Diary(swarm, ONE), lambda swarm: not swarm.is_private),
            Kind(TWO, lambda swarm: Diary(swarm, TWO)),
        ]
        extensions = Extensions(swarm, kinds, 500, lambda link, said: None)
        link = swarm.connect("20.0.0.1")
        extensions.greet(link)
        self.assertEqual(ExtensionHandshake.decode(link.sent[0].payload).ids, {TWO: 2})
        extensions.received(link, 1, b"all the same")
        self.assertIsNone(extensions[ONE])


class Merged(SynchronousTestCase):
    def test_rows(self):
        for before, said, after in [
            ({}, {}, {}),
            ({}, {ONE: 1}, {ONE: 1}),
            ({ONE: 1}, {TWO: 2}, {ONE: 1, TWO: 2}),
            ({ONE: 1, TWO: 2}, {ONE: 0}, {TWO: 2}),
            ({ONE: 1}, {ONE: 3}, {ONE: 3}),
            ({}, {ONE: 0}, {}),
        ]:
            self.assertEqual(dict(merged(before, said)), after)

    def test_one_for_all_that_say_the_same(self):
        """Thousands of peers are of a few clients."""
        first, second = merged({}, {ONE: 1, TWO: 2}), merged({}, {ONE: 1, TWO: 2})
        self.assertIs(first, second)
        self.assertIsInstance(first, MappingProxyType)

    def test_bounded(self):
        """THREATS B10: other names in each handshake."""
        ids = {}
        for number in range(100):
            ids = merged(ids, {b"%d.%d" % (number, n): 1 for n in range(MAX_EXTENSIONS)})
        self.assertEqual(len(ids), MAX_EXTENSIONS)
        self.assertIn(b"0.0", ids)


class Strange(ExtensionsCase):
    def test_ids_that_are_none(self):
        link = self.connect()
        self.extensions.received(link, 0, encode({b"m": [1], b"p": b"x"}))
        self.assertEqual(dict(link.extension_ids), {})
