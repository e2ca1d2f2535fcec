/* Many peers that only are there: what shows the cost of a connection.
 *
 *   crowd INFO_HASH_HEX PIECES CONNECTIONS < "connect HOST PORT"
 *
 * Each connection, from an address of its own, shakes hands with the fast extension, and behind
 * the client's handshake says what it has: one half nothing, the others every second piece. Then
 * it is silent. At most IN_FLIGHT have not had the client's answer, which is its handshake and
 * a whole message more. A connection that the client closes ends it all. Lines "EVENT SECONDS"
 * (monotonic clock): ready; first, the first connect; done, the last answer. BEP 3, BEP 6.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* In flight: below the backlog of every client, and the places it has for those who wait. */
enum { IN_FLIGHT = 100, HELLO = 68, HEAD = HELLO + 4, PER_NETWORK = 250, EVENTS = 256 };
enum { BITFIELD = 5 };

struct peer {
    int fd, is_greeted, is_answered;
    uint64_t got;
    uint8_t head[HEAD]; /* the client's handshake, and the length of its first message */
};

static uint8_t hello[HELLO] = "\x13" "BitTorrent protocol";
static uint8_t *has;
static size_t has_size;
static uint64_t connections, opened, answered;
static struct peer *peers;
static struct sockaddr_in there = {.sin_family = AF_INET};
static int events_of;

static void die(const char *why) { fprintf(stderr, "crowd: %s\n", why); exit(1); }

static void say(const char *event) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    printf("%s %lld.%06ld\n", event, (long long)now.tv_sec, now.tv_nsec / 1000);
    fflush(stdout);
}

static uint32_t number_at(const uint8_t *at) { uint32_t n; memcpy(&n, at, 4); return ntohl(n); }

static void send_all(const struct peer *p, const uint8_t *data, size_t size) {
    if (send(p->fd, data, size, MSG_NOSIGNAL) != (ssize_t)size) die("the client closed a connection");
}

static void dial(uint64_t number) {
    struct peer *p = &peers[number];
    struct sockaddr_in here = {.sin_family = AF_INET};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = p};
    int on = 1;
    here.sin_addr.s_addr = htonl(0x7f020001u + (uint32_t)(number / PER_NETWORK * 256 + number % PER_NETWORK));
    p->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (p->fd < 0) die("no more descriptors");
    setsockopt(p->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(p->fd, (void *)&here, sizeof here) || connect(p->fd, (void *)&there, sizeof there)) die("cannot connect");
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    snprintf((char *)hello + 48, 20, "-BM0002-%011u", (unsigned)number);
    hello[67] = '.';
    send_all(p, hello, HELLO);
    if (epoll_ctl(events_of, EPOLL_CTL_ADD, p->fd, &event)) die("cannot watch a connection");
}

static void greet(struct peer *p) {
    if (memcmp(p->head, hello, 20) || memcmp(p->head + 28, hello + 28, 20)) die("this is no answer to a handshake");
    p->is_greeted = 1;
    if ((p - peers) % 2) send_all(p, has, has_size);
    else if (p->head[27] & 4) send_all(p, (const uint8_t *)"\0\0\0\1\17", 5);
}

static void take(struct peer *p) {
    uint8_t data[4096];
    ssize_t size = recv(p->fd, data, sizeof data, 0);
    if (size <= 0) die("the client closed a connection");
    if (p->got < HEAD) {
        size_t room = HEAD - (size_t)p->got, some = room < (size_t)size ? room : (size_t)size;
        memcpy(p->head + p->got, data, some);
    }
    p->got += (uint64_t)size;
    if (!p->is_greeted && p->got >= HELLO) greet(p);
    if (!p->is_answered && p->got >= HEAD && p->got >= HEAD + (uint64_t)number_at(p->head + HELLO)) {
        p->is_answered = 1;
        if (++answered == connections) say("done");
    }
}

static void make_bitfield(uint64_t pieces) {
    size_t bytes = (size_t)(pieces + 7) / 8;
    uint32_t length = htonl((uint32_t)bytes + 1);
    has = malloc(has_size = bytes + 5);
    memcpy(has, &length, 4);
    has[4] = BITFIELD;
    memset(has + 5, 0xaa, bytes);
    if (pieces % 8) has[4 + bytes] &= (uint8_t)(0xff00 >> (pieces % 8));
}

int main(int argc, char **argv) {
    char host[64];
    int port;
    struct rlimit limit;
    struct epoll_event events[EVENTS], input = {.events = EPOLLIN};
    if (argc != 4 || strlen(argv[1]) != 40) return 2;
    for (int i = 0; i < 20; i++) {
        unsigned byte;
        sscanf(argv[1] + 2 * i, "%2x", &byte);
        hello[28 + i] = (uint8_t)byte;
    }
    hello[27] = 4; /* the fast extension */
    make_bitfield(strtoull(argv[2], 0, 10));
    connections = strtoull(argv[3], 0, 10);
    if (!connections) return 2;
    peers = calloc(connections, sizeof *peers);
    events_of = epoll_create1(0);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    say("ready");
    if (scanf("connect %63s %d", host, &port) != 2) return 1;
    there.sin_port = htons((uint16_t)port);
    inet_pton(AF_INET, host, &there.sin_addr);
    epoll_ctl(events_of, EPOLL_CTL_ADD, STDIN_FILENO, &input);
    say("first");
    for (;;) {
        while (opened < connections && opened - answered < IN_FLIGHT) dial(opened++);
        int count = epoll_wait(events_of, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr) take(events[i].data.ptr);
            else if (read(STDIN_FILENO, host, sizeof host) <= 0) return 0;
        }
    }
}
