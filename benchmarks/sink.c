/* A peer that only asks and discards: what shows the limit of a fast seeder on few cores.
 *
 *   sink INFO_HASH_HEX TOTAL_BYTES PIECE_BYTES CONNECTIONS < "connect HOST PORT"
 *
 * Each connection, from an address of its own, asks for every block once, beginning at its own
 * place in the content. It hashes nothing and writes nothing, but every block must have been
 * asked for and be of the right length; their numbers are summed up, which finds one that
 * came twice. Lines "EVENT SECONDS" (monotonic clock): ready, first, done. Plain BEP 3. On standard
 * input "connect HOST PORT" comes first; "count" is answered by "counts SECONDS" and each
 * connection's bytes of payload so far; its end ends the process.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 16384, WINDOW = 250, REFILL = WINDOW / 4, REQUEST = 17, MOST = 256 };
enum { CHOKE = 0, UNCHOKE = 1, PIECE = 7 };

struct peer {
    int fd, number, choked, greeted;
    uint64_t asked, got, sum;
    uint8_t head[68]; /* the handshake, or the first 13 bytes of a message */
    size_t head_size;
    uint64_t skip; /* bytes of the message that are still to be discarded */
};

static uint8_t info_hash[20], junk[1 << 20];
static uint64_t total, piece_size, blocks, connections;
static int began;
static struct pollfd polled[MOST + 1];
static struct peer peers[MOST];

static void die(const char *why) { fprintf(stderr, "sink: %s\n", why); exit(1); }

static void say(const char *event) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    printf("%s %lld.%06ld", event, (long long)now.tv_sec, now.tv_nsec / 1000);
}

static void say_line(const char *event) { say(event), puts(""), fflush(stdout); }

static uint32_t number_at(const uint8_t *at) { uint32_t n; memcpy(&n, at, 4); return ntohl(n); }
static void put_number(uint8_t *at, uint64_t n) { uint32_t big = htonl((uint32_t)n); memcpy(at, &big, 4); }

static void send_all(struct peer *p, const uint8_t *data, size_t size) {
    while (size) { /* requests are small: the kernel's buffer takes them at once */
        ssize_t sent = send(p->fd, data, size, MSG_NOSIGNAL);
        if (sent <= 0) die("the client closed the connection");
        data += sent;
        size -= (size_t)sent;
    }
}

static uint64_t block_size(uint64_t block) {
    uint64_t left = total - block * BLOCK;
    return left < BLOCK ? left : BLOCK;
}

static void ask_more(struct peer *p) {
    uint8_t out[WINDOW * REQUEST], *at = out;
    if (p->choked || WINDOW - (p->asked - p->got) < REFILL) return;
    for (; p->asked < blocks && p->asked - p->got < WINDOW; p->asked++, at += REQUEST) {
        uint64_t block = (p->asked + blocks / connections * (uint64_t)p->number) % blocks;
        put_number(at, 13);
        at[4] = 6;
        put_number(at + 5, block * BLOCK / piece_size);
        put_number(at + 9, block * BLOCK % piece_size);
        put_number(at + 13, block_size(block));
    }
    send_all(p, out, (size_t)(at - out));
}

static void on_piece(struct peer *p, uint32_t length) {
    uint64_t offset = number_at(p->head + 5) * piece_size + number_at(p->head + 9);
    uint64_t block = offset / BLOCK;
    if (block >= blocks || offset % BLOCK || length != 9 + block_size(block)) die("a block that nobody asked for");
    if (!began) began = 1, say_line("first");
    p->got++;
    p->sum += block;
}

static void on_message(struct peer *p, uint32_t length) {
    switch (p->head[4]) {
    case CHOKE: /* without BEP 6 the requests under way are gone; answers come in order */
        p->asked = p->got;
        p->choked = 1;
        break;
    case UNCHOKE: p->choked = 0; break;
    case PIECE: on_piece(p, length); break;
    }
}

/* Bytes that the head lacks before it says what comes; 0 when it is complete. */
static size_t head_lacks(const struct peer *p) {
    size_t wanted = 68;
    if (p->greeted) {
        wanted = 4;
        if (p->head_size >= 4 && number_at(p->head)) wanted = 5;
        if (p->head_size >= 5 && p->head[4] == PIECE) wanted = 13;
    }
    return wanted - p->head_size;
}

static void on_head(struct peer *p) {
    if (!p->greeted) { /* not earlier: some clients ban who speaks before their handshake */
        p->greeted = 1;
        send_all(p, (const uint8_t *)"\0\0\0\1\2", 5); /* interested */
    } else if (number_at(p->head)) {
        uint32_t length = number_at(p->head);
        p->skip = 4 + (uint64_t)length - p->head_size;
        on_message(p, length);
    }
    p->head_size = 0;
}

static void take(struct peer *p, const uint8_t *data, size_t size) {
    while (size) {
        if (p->skip) {
            size_t eaten = p->skip < size ? (size_t)p->skip : size;
            p->skip -= eaten, data += eaten, size -= eaten;
            continue;
        }
        size_t lacks = head_lacks(p), some = lacks < size ? lacks : size;
        memcpy(p->head + p->head_size, data, some);
        p->head_size += some, data += some, size -= some;
        if (!head_lacks(p)) on_head(p);
    }
}

static void dial(struct peer *p, const char *host, int port) {
    struct sockaddr_in here = {.sin_family = AF_INET}, there = {.sin_family = AF_INET};
    int on = 1;
    uint8_t hello[68] = "\x13" "BitTorrent protocol";
    here.sin_addr.s_addr = htonl(0x7f000201u + (uint32_t)p->number);
    there.sin_port = htons((uint16_t)port);
    inet_pton(AF_INET, host, &there.sin_addr);
    p->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(p->fd, (void *)&here, sizeof here) || connect(p->fd, (void *)&there, sizeof there)) die("cannot connect");
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    memcpy(hello + 28, info_hash, 20);
    snprintf((char *)hello + 48, 20, "-BM0001-%011d", p->number);
    hello[67] = '.';
    send_all(p, hello, sizeof hello);
}

static int is_complete(struct peer *p) {
    if (p->got < blocks || p->skip) return 0;
    if (p->sum != blocks * (blocks - 1) / 2) die("blocks came twice");
    return 1;
}

static void obey(void) {
    char order[64];
    if (read(0, order, sizeof order) <= 0) exit(0);
    say("counts");
    for (uint64_t i = 0; i < connections; i++) printf(" %llu", (unsigned long long)peers[i].got * BLOCK);
    puts(""), fflush(stdout);
}

int main(int argc, char **argv) {
    char order[128], host[64];
    int port;
    if (argc != 5 || strlen(argv[1]) != 40) return 2;
    for (int i = 0; i < 20; i++) {
        unsigned byte;
        sscanf(argv[1] + 2 * i, "%2x", &byte);
        info_hash[i] = (uint8_t)byte;
    }
    total = strtoull(argv[2], 0, 10), piece_size = strtoull(argv[3], 0, 10), connections = strtoull(argv[4], 0, 10);
    blocks = (total + BLOCK - 1) / BLOCK;
    if (!connections || connections > MOST) return 2;
    say_line("ready");
    ssize_t told = read(0, order, sizeof order - 1); /* by read, as all that follows */
    order[told > 0 ? told : 0] = 0;
    if (sscanf(order, "connect %63s %d", host, &port) != 2) return 1;
    for (uint64_t i = 0; i < connections; i++) {
        peers[i].number = (int)i, peers[i].choked = 1;
        dial(&peers[i], host, port);
        polled[i] = (struct pollfd){.fd = peers[i].fd, .events = POLLIN};
    }
    polled[connections] = (struct pollfd){.fd = 0, .events = POLLIN};
    for (uint64_t left = connections; left;) {
        poll(polled, connections + 1, -1);
        if (polled[connections].revents) obey();
        for (uint64_t i = 0; i < connections; i++) {
            if (!polled[i].revents || polled[i].fd < 0) continue;
            ssize_t size = recv(peers[i].fd, junk, sizeof junk, 0);
            if (size <= 0) die("the client closed the connection");
            take(&peers[i], junk, (size_t)size);
            if (!is_complete(&peers[i])) {
                ask_more(&peers[i]);
                continue;
            }
            send_all(&peers[i], (const uint8_t *)"\0\0\0\1\3", 5); /* not interested: others may have the slot */
            polled[i].fd = -1, left--;
        }
    }
    say_line("done");
    for (;;) obey(); /* the connections stay until it is over: their end costs CPU */
}
