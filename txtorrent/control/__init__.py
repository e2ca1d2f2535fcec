"""The way in: Transmission's RPC and what we add to it, over HTTP on local sockets."""
