"""Floor 1: everything that opens a socket. Outside of this package `Client`, `Reply` and `fetch` are of interest.

target.py      a URL as the origin to connect to and the path to ask for
head.py        the head of a request, as bytes
headers.py     the header fields of a reply
proxies.py     the HTTP proxy the environment names for an origin
guard.py       where a URL from outside may lead
dial.py        opening a connection: names, addresses, tunnels, TLS
connection.py  one HTTP/1.1 connection: one reply at a time
pool.py        connections that wait for their next request
inflate.py     gzip and deflate, piece by piece
reply.py       one reply as its reader sees it
client.py      all of it together
fetch.py       what a URL from outside leads to
"""
