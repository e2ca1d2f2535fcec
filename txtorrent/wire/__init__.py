"""Sans-I/O codecs: bytes to messages and back; nothing here sees a transport."""
