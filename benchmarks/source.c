/* A seed that costs little: what shows how a downloader fares with many peers on few cores.
 *
 *   source CONTENT INFO_HASH_HEX PIECE_BYTES CONNECTIONS RATE
 *
 * Each connection, from an address of its own, has everything (BEP 6) and answers what it is asked
 * from the mapped file. RATE is bytes/s of each connection, 0 for as fast as it goes: with a rate
 * every block is sent alone, at even intervals, the connections one after the other. Lines
 * "EVENT SECONDS" (monotonic clock): ready, first (the first block is sent), lost (a connection
 * ended). On standard input "connect HOST PORT" comes first; "count" is answered by "counts SECONDS"
 * and each connection's bytes of payload sent so far; its end ends the process.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 16384, MOST = 256, QUEUE = 4096, TOGETHER = 16, HEAD = 13 };
enum { REQUEST = 6, SECOND = 1000000000 };

struct block { uint8_t head[HEAD]; uint32_t length; uint64_t offset; };

struct peer {
    int fd, greeted;
    uint8_t head[68]; /* the handshake, or the first 17 bytes of a message */
    size_t head_size;
    uint64_t skip; /* bytes of the message that are still to be discarded */
    struct block queue[QUEUE];
    uint64_t first, last; /* of the queue; they only grow */
    size_t begun; /* bytes of the first block that are sent, its head too */
    uint64_t sent; /* bytes of payload */
    int64_t due; /* when the next block may go; nanoseconds */
};

static uint8_t info_hash[20], room[1 << 16], *content;
static uint64_t total, piece_size, connections, rate;
static int began;
static struct peer peers[MOST];
static struct pollfd polled[MOST + 1];

static void die(const char *why) { fprintf(stderr, "source: %s\n", why); exit(1); }

static int64_t clock_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SECOND + now.tv_nsec;
}

static void say(const char *event) {
    int64_t now = clock_now() / 1000;
    printf("%s %lld.%06lld", event, (long long)now / 1000000, (long long)now % 1000000);
}

static void say_line(const char *event) { say(event), puts(""), fflush(stdout); }

static uint32_t number_at(const uint8_t *at) { uint32_t n; memcpy(&n, at, 4); return ntohl(n); }

static void lose(struct peer *p) {
    close(p->fd);
    p->fd = -1;
    say_line("lost");
}

static void send_all(struct peer *p, const void *data, size_t size) {
    if (send(p->fd, data, size, MSG_NOSIGNAL) != (ssize_t)size) lose(p); /* it is small: all goes at once */
}

static void on_request(struct peer *p) {
    struct block *b = &p->queue[p->last % QUEUE];
    uint32_t head = htonl(9 + number_at(p->head + 13));
    b->length = number_at(p->head + 13);
    b->offset = number_at(p->head + 5) * piece_size + number_at(p->head + 9);
    if (b->length > BLOCK || b->offset + b->length > total) die("a request beyond the content");
    if (p->last - p->first == QUEUE) die("too many requests");
    memcpy(b->head, &head, 4);
    b->head[4] = 7;
    memcpy(b->head + 5, p->head + 5, 8);
    p->last++;
}

/* Bytes that the head lacks before it says what comes; 0 when it is complete. */
static size_t head_lacks(const struct peer *p) {
    size_t wanted = 68;
    if (p->greeted) {
        wanted = 4;
        if (p->head_size >= 4 && number_at(p->head)) wanted = 5;
        if (p->head_size >= 5 && p->head[4] == REQUEST) wanted = 17;
    }
    return wanted - p->head_size;
}

static void on_head(struct peer *p) {
    if (!p->greeted) {
        p->greeted = 1;
        send_all(p, "\0\0\0\1\16\0\0\0\1\1", 10); /* have all, unchoke */
    } else if (number_at(p->head)) {
        p->skip = 4 + (uint64_t)number_at(p->head) - p->head_size;
        if (p->head[4] == REQUEST) on_request(p);
    }
    p->head_size = 0;
}

static void take(struct peer *p, const uint8_t *data, size_t size) {
    while (size && p->fd >= 0) {
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

static void receive(struct peer *p) {
    ssize_t size = recv(p->fd, room, sizeof room, MSG_DONTWAIT);
    if (size > 0) take(p, room, (size_t)size);
    else if (!size || errno != EAGAIN) lose(p);
}

/* Account for what the kernel took. */
static void advance(struct peer *p, size_t taken) {
    if (taken && !began) began = 1, say_line("first");
    while (taken) {
        struct block *b = &p->queue[p->first % QUEUE];
        size_t rest = HEAD + b->length - p->begun;
        if (taken < rest) {
            p->begun += taken;
            return;
        }
        taken -= rest, p->begun = 0, p->sent += b->length, p->first++;
    }
}

/* Send up to so many blocks; 0 when the kernel takes no more for now. */
static int send_blocks(struct peer *p, uint64_t most) {
    struct iovec parts[2 * TOGETHER];
    size_t count = 0, whole = 0;
    for (uint64_t i = p->first; i < p->last && i - p->first < most; i++) {
        struct block *b = &p->queue[i % QUEUE];
        parts[count++] = (struct iovec){b->head, HEAD};
        parts[count++] = (struct iovec){content + b->offset, b->length};
        whole += HEAD + b->length;
    }
    for (size_t skip = p->begun, i = 0; skip; i++) {
        size_t some = skip < parts[i].iov_len ? skip : parts[i].iov_len;
        parts[i].iov_base = (uint8_t *)parts[i].iov_base + some, parts[i].iov_len -= some, skip -= some;
    }
    whole -= p->begun;
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    ssize_t taken = sendmsg(p->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (taken < 0 && errno != EAGAIN) lose(p);
    if (taken > 0) advance(p, (size_t)taken);
    return taken == (ssize_t)whole;
}

/* Send what may go now; true when the kernel's word is wanted before more can go. */
static int serve(struct peer *p, int64_t now) {
    if (p->first == p->last) return 0;
    if (!rate) return !send_blocks(p, TOGETHER) || p->first < p->last;
    if (p->begun || p->due <= now) {
        int64_t next = p->due + (int64_t)(BLOCK * (double)SECOND / (double)rate);
        if (!p->begun) p->due = next > now ? next : now;
        return !send_blocks(p, 1);
    }
    return 0;
}

static void dial(struct peer *p, int number, const char *host, int port) {
    struct sockaddr_in here = {.sin_family = AF_INET}, there = {.sin_family = AF_INET};
    int on = 1;
    uint8_t hello[68] = "\x13" "BitTorrent protocol";
    here.sin_addr.s_addr = htonl(0x7f000201u + (uint32_t)number);
    there.sin_port = htons((uint16_t)port);
    inet_pton(AF_INET, host, &there.sin_addr);
    p->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(p->fd, (void *)&here, sizeof here) || connect(p->fd, (void *)&there, sizeof there)) die("cannot connect");
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    hello[27] = 4; /* BEP 6 */
    memcpy(hello + 28, info_hash, 20);
    snprintf((char *)hello + 48, 20, "-BM0001-%011d", number);
    hello[67] = '.';
    send_all(p, hello, sizeof hello);
}

static void map_content(const char *path) {
    struct stat found;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &found)) die("cannot open the content");
    total = (uint64_t)found.st_size;
    content = mmap(0, total, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (content == MAP_FAILED) die("cannot map the content");
}

static void obey(void) {
    char order[64];
    ssize_t size = read(0, order, sizeof order);
    if (size <= 0) exit(0);
    say("counts");
    for (uint64_t i = 0; i < connections; i++) printf(" %llu", (unsigned long long)peers[i].sent);
    puts(""), fflush(stdout);
}

/* How long until the next block is due; a second where nothing is. */
static struct timespec time_left(void) {
    int64_t now = clock_now(), next = now + SECOND - 1;
    for (uint64_t i = 0; rate && i < connections; i++)
        if (peers[i].fd >= 0 && !(polled[i].events & POLLOUT) && peers[i].first < peers[i].last && peers[i].due < next)
            next = peers[i].due;
    return (struct timespec){.tv_nsec = next > now ? next - now : 0};
}

int main(int argc, char **argv) {
    char order[128], host[64];
    int port;
    if (argc != 6 || strlen(argv[2]) != 40) return 2;
    for (int i = 0; i < 20; i++) {
        unsigned byte;
        sscanf(argv[2] + 2 * i, "%2x", &byte);
        info_hash[i] = (uint8_t)byte;
    }
    map_content(argv[1]);
    piece_size = strtoull(argv[3], 0, 10), connections = strtoull(argv[4], 0, 10), rate = strtoull(argv[5], 0, 10);
    if (!connections || connections > MOST) return 2;
    prctl(PR_SET_TIMERSLACK, 1000);
    say_line("ready");
    ssize_t size = read(0, order, sizeof order - 1); /* by read, as all that follows */
    order[size > 0 ? size : 0] = 0;
    if (sscanf(order, "connect %63s %d", host, &port) != 2) return 1;
    int64_t start = clock_now();
    for (uint64_t i = 0; i < connections; i++) {
        dial(&peers[i], (int)i, host, port);
        if (rate) peers[i].due = start + (int64_t)(BLOCK * (double)SECOND / (double)rate * (double)i / (double)connections);
    }
    polled[connections] = (struct pollfd){.fd = 0, .events = POLLIN};
    for (;;) {
        int64_t now = clock_now();
        for (uint64_t i = 0; i < connections; i++) {
            struct peer *p = &peers[i];
            polled[i].fd = p->fd;
            if (p->fd < 0) continue;
            if (polled[i].revents & ~POLLOUT) receive(p);
            int waits = p->fd >= 0 && (!(polled[i].events & POLLOUT) || polled[i].revents & POLLOUT)
                ? serve(p, now) : polled[i].events & POLLOUT;
            polled[i].events = (short)(POLLIN | (waits ? POLLOUT : 0));
            polled[i].fd = p->fd;
        }
        if (polled[connections].revents) obey();
        struct timespec left = time_left();
        ppoll(polled, connections + 1, &left, 0);
    }
}
