"""A UPnP router on this machine: answers searches on the loopback, and the HTTP that follows."""

import re
from xml.sax.saxutils import escape

from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.discovery.routers import SsdpRouter

SCHEMAS = "urn:schemas-upnp-org"
SERVICE = f"{SCHEMAS}:service:WANIPConnection:1"


def device(kind: str, service: str, control: str, inner: str = "") -> str:
    """A device of a description, with one service, and the devices in it."""
    devices = f"<deviceList>{inner}</deviceList>" if inner else ""
    return (
        f"<device><deviceType>{SCHEMAS}:device:{kind}:1</deviceType><friendlyName>{kind}"
        f"</friendlyName><UDN>uuid:{kind}</UDN><serviceList><service>"
        f"<serviceType>{SCHEMAS}:service:{service}:1</serviceType><serviceId>{service}</serviceId>"
        f"<SCPDURL>/scpd.xml</SCPDURL><controlURL>{control}</controlURL>"
        f"<eventSubURL>/events</eventSubURL></service></serviceList>{devices}</device>"
    )


class Igd(Resource):
    """A router at `address` with `mapped`: (external port, protocol) -> (host, port, lease)."""

    isLeaf = True
    outside = "203.0.113.5"
    only_for_good = False

    def __init__(self, reactor, address: str, control: str = "/control") -> None:
        super().__init__()
        self.control = control
        self.mapped: dict[tuple[str, str], tuple[str, str, str]] = {}
        self.http = reactor.listenTCP(0, Site(self), interface=address)
        url = f"http://{address}:{self.http.getHost().port}/desc.xml"
        self.ssdp = SsdpRouter(reactor, url, address)

    def render_GET(self, request) -> bytes:
        wan = device("WANConnectionDevice", "WANIPConnection", self.control)
        common = device("WANDevice", "WANCommonInterfaceConfig", "/common", wan)
        root = device("InternetGatewayDevice", "Layer3Forwarding", "/forward", common)
        head = '<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0">'
        version = "<specVersion><major>1</major><minor>0</minor></specVersion>"
        return f"{head}{version}{root}</root>".encode("ascii")

    def render_POST(self, request) -> bytes:
        action = request.getHeader("soapaction").strip('"').partition("#")[2]
        found = re.findall(r"<(New\w+)>([^<]*)</", request.content.read().decode("ascii"))
        fault, values = self.act(action, dict(found))
        if fault:
            request.setResponseCode(500)
            error = f"<UPnPError><errorCode>{fault}</errorCode></UPnPError>"
            body = f"<s:Fault><faultcode>s:Client</faultcode><detail>{error}</detail></s:Fault>"
        else:
            inner = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in values.items())
            body = f'<u:{action}Response xmlns:u="{SERVICE}">{inner}</u:{action}Response>'
        envelope = 'xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
        return (
            f'<?xml version="1.0"?><s:Envelope {envelope}><s:Body>{body}</s:Body></s:Envelope>'
        ).encode("ascii")

    def act(self, action: str, told: dict[str, str]) -> tuple[int, dict[str, str]]:
        """The code of a fault, or 0, and what is answered."""
        if action == "GetExternalIPAddress":
            return 0, {"NewExternalIPAddress": self.outside}
        key = (told["NewExternalPort"], told["NewProtocol"])
        if action == "DeletePortMapping":
            return (0 if self.mapped.pop(key, None) else 714), {}
        lease = told["NewLeaseDuration"]
        if self.only_for_good and lease != "0":
            return 725, {}
        self.mapped[key] = (told["NewInternalClient"], told["NewInternalPort"], lease)
        return 0, {}

    async def stop(self) -> None:
        await self.http.stopListening()
        await self.ssdp.stopListening()
