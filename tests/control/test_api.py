"""Answers in both dialects: envelopes, errors, batches, notifications."""

from twisted.internet.defer import Deferred

from tests.control.case import ControlCase, request
from txtorrent.errors import Code, RequestError

# (body, what is answered)
TABLE = [
    (
        {
            "jsonrpc": "2.0",
            "method": "torrent_get",
            "params": {"fields": ["id"], "ids": 1},
            "id": 5,
        },
        {"jsonrpc": "2.0", "result": {"torrents": [{"id": 1}]}, "id": 5},
    ),
    (
        {"jsonrpc": "2.0", "method": "torrent_stop", "params": {"ids": []}, "id": "x"},
        {"jsonrpc": "2.0", "result": {}, "id": "x"},
    ),
    (
        {
            "jsonrpc": "2.0",
            "method": "session_get",
            "params": {"fields": ["rpc_version"]},
            "id": None,
        },
        {"jsonrpc": "2.0", "result": {"rpc_version": 19}, "id": None},
    ),
    (
        {"method": "torrent-get", "arguments": {"fields": ["id"], "ids": 1}, "tag": 5},
        {"arguments": {"torrents": [{"id": 1}]}, "result": "success", "tag": 5},
    ),
    (
        {"method": "torrent-stop", "arguments": {"ids": []}},
        {"arguments": {}, "result": "success"},
    ),
    (
        {"method": "torrent-dance", "tag": 7},
        {"arguments": {}, "result": "no method name", "tag": 7},
    ),
    ({"method": 5}, {"arguments": {}, "result": "no method name"}),
    ({}, {"arguments": {}, "result": "no method name"}),
    (
        {"method": "torrent-add", "arguments": {}},
        {"arguments": {}, "result": "no filename or metainfo specified"},
    ),
    (
        {"jsonrpc": "2.0", "method": "torrent-get", "id": 1},
        {
            "jsonrpc": "2.0",
            "error": {
                "code": -32601,
                "message": "Method not found",
                "data": {"error_string": "there is no method 'torrent-get'"},
            },
            "id": 1,
        },
    ),
    (
        {"jsonrpc": "2.0", "method": "torrent_get", "params": {"fields": 5}, "id": 1},
        {
            "jsonrpc": "2.0",
            "error": {
                "code": -32602,
                "message": "Invalid params",
                "data": {"error_string": "fields: wants a list of at most 1000, not 5"},
            },
            "id": 1,
        },
    ),
    (
        {"jsonrpc": "2.0", "method": "torrent_get", "params": [], "id": 1},
        {
            "jsonrpc": "2.0",
            "error": {
                "code": -32602,
                "message": "Invalid params",
                "data": {"error_string": "params: an object, for they go by name"},
            },
            "id": 1,
        },
    ),
]


class Envelopes(ControlCase):
    def test_table(self):
        for body, expected in TABLE:
            answer = self.connect().ask(body=body)
            self.assertEqual((answer.status, answer.json), (200, expected))
            self.assertEqual(answer.headers["content-type"], "application/json; charset=utf-8")

    def test_no_json(self):
        answer = self.connect().ask(body=b"{")
        self.assertEqual(answer.status, 200)
        self.assertEqual((answer.json["error"]["code"], answer.json["id"]), (-32700, None))

    def test_a_notification(self):
        answer = self.connect().ask(body={"jsonrpc": "2.0", "method": "torrent_stop"})
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertEqual(self.session.calls, [("stop", [1, 2, 3])])

    def test_a_notification_that_fails(self):
        answer = self.connect().ask(body={"jsonrpc": "2.0", "method": "dance"})
        self.assertEqual((answer.status, answer.body), (204, b""))


class Batches(ControlCase):
    def test_in_order_without_notifications(self):
        answer = self.connect().ask(
            body=[
                {"jsonrpc": "2.0", "method": "group_set", "params": {"name": "a"}},
                {"jsonrpc": "2.0", "method": "group_get", "id": 1},
                {"jsonrpc": "2.0", "method": "dance", "id": 2},
                5,
                {"method": "group-get", "tag": 3},
            ]
        )
        first, second, third, fourth = answer.json
        self.assertEqual((first["id"], first["result"]["group"][0]["name"]), (1, "a"))
        self.assertEqual((second["id"], second["error"]["code"]), (2, -32601))
        self.assertEqual((third["id"], third["error"]["code"]), (None, -32600))
        self.assertEqual((fourth["tag"], fourth["result"]), (3, "success"))

    def test_notifications_only(self):
        answer = self.connect().ask(body=[{"jsonrpc": "2.0", "method": "torrent_stop"}] * 2)
        self.assertEqual((answer.status, answer.body), (204, b""))

    def test_of_one(self):
        answer = self.connect().ask(body=[{"jsonrpc": "2.0", "method": "group_get", "id": 1}])
        self.assertEqual(answer.json, [{"jsonrpc": "2.0", "result": {"group": []}, "id": 1}])

    def test_empty_or_too_long(self):
        for count in (0, 101):
            answer = self.connect().ask(body=[{"jsonrpc": "2.0", "method": "x"}] * count)
            self.assertEqual(answer.json["error"]["code"], -32600)

    def test_rows_in_a_batch(self):
        one = {"jsonrpc": "2.0", "method": "torrent_get", "params": {"fields": ["id"]}, "id": 1}
        answer = self.connect().ask(body=[one, one])
        self.assertEqual([len(each["result"]["torrents"]) for each in answer.json], [3, 3])


class Failures(ControlCase):
    def test_what_the_session_refuses(self):
        for code in Code:
            error = RequestError(code, "the reason")
            self.session.update_blocklist = _raises(error)
            self.assertEqual(self.error("blocklist_update"), (code, "the reason"))
            expected = "no method name" if code == Code.METHOD_NOT_FOUND else "the reason"
            self.assertEqual(self.legacy("blocklist-update")["result"], expected)

    def test_a_defect_of_ours(self):
        self.session.update_blocklist = _raises(ZeroDivisionError("secret"))
        code, text = self.error("blocklist_update")
        self.assertEqual(code, Code.INTERNAL_ERROR)
        self.assertNotIn("secret", text)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_an_answer_that_takes_its_time(self):
        waiting: Deferred[int] = Deferred()
        self.session.update_blocklist = lambda: waiting
        connection = self.connect()
        connection.send(request(body={"method": "blocklist-update"}))
        connection.turn()
        self.assertEqual(connection.transport.value(), b"")
        waiting.callback(5)
        self.assertEqual(connection.answer().json["arguments"], {"blocklist-size": 5})

    def test_nobody_waits_for_it_any_more(self):
        waiting: Deferred[int] = Deferred()
        self.session.update_blocklist = lambda: waiting
        connection = self.connect()
        connection.send(request(body={"method": "blocklist-update"}))
        connection.close()
        waiting.callback(5)
        self.assertEqual(connection.transport.value(), b"")


def _raises(error):
    def call():
        raise error

    return call
