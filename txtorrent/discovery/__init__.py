"""The network next to us: peers on it (BEP 14), and the router to the Internet, which is asked to
let peers in (PCP, NAT-PMP, UPnP)."""
