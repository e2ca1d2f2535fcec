/* Many peers that announce to a tracker: what shows how many it answers, and how soon.
 *
 *   announcers udp|http|kept HOST PORT HASHES_FILE PEERS < ORDERS
 *
 * HASHES_FILE has a line of 40 hex digits for each torrent. Peer n is of torrent n % torrents; it has
 * a port, a peer id and a key that no other of its torrent has, so that it is a peer of its own
 * however the tracker tells peers apart, and comes from one of SOURCES addresses. udp: connection
 * ids are renewed before a minute has passed (BEP 15). http: a connection for each announce, which
 * the tracker closes, as libtorrent asks for. kept: WINDOW connections that stay. BEP 3, BEP 23.
 *
 * An order is a line, and answered by one; at most WINDOW announces are under way:
 *   fill WINDOW                   every peer announces that it has started: "filled COUNT SECONDS LOST"
 *   announce WINDOW SECONDS RATE  peers announce by chance, RATE a second, or at RATE 0 as soon as the
 *                                 window has room: "announced COUNT SECONDS LOST P50 P99"
 * COUNT announces were answered, and LOST had no answer within a second. Latencies (seconds) count from
 * when the announce was due, be there room in the window or not; those of the lost are a second.
 * The first answer that is malformed, says an error, was not asked for or lacks peers ends it all.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SOURCES = 16, FIRST_SOURCE = 0x7f000301, FIRST_PORT = 1024 };
enum { SLOTS = 8192, ANSWER = 2048, BATCH = 64, EVENTS = 64, MOST_TORRENTS = 100000, MOST_TOOK = 1 << 24 };
enum { CONNECT, ANNOUNCE, SCRAPE, ERROR };
enum { NONE, COMPLETED, STARTED, STOPPED };
enum { WANTED = 50, REQUEST = 98, SEEDS_OF_TEN = 3, LEAST_SWARM = 10 };
#define SECOND 1000000000ull
#define PATIENCE SECOND            /* for an answer */
#define LOOK_EVERY (SECOND / 10)   /* for what is lost, and for connection ids that grow old */
#define RENEW_AFTER (50 * SECOND)  /* a connection id is good for a minute */

struct source { /* an address that peers are behind */
    int fd;     /* of udp */
    uint8_t connection[8];
    uint64_t valid_until, renew_at;
    struct mmsghdr out[BATCH];
    struct iovec parts[BATCH];
    uint8_t requests[BATCH][REQUEST];
    int waiting; /* of them, to be sent */
};

struct slot { /* an announce under way, and with http its connection */
    uint32_t peer, id, lost_id; /* id: what answers it; the slot's number, and above how often it was used */
    int event, fd, is_waiting, is_sent;
    uint64_t due;
    size_t got;
    char answer[ANSWER];
};

static enum { UDP, HTTP, KEPT } way;
static struct sockaddr_in there = {.sin_family = AF_INET};
static char host[80];
static uint8_t hashes[MOST_TORRENTS][20];
static char quoted[MOST_TORRENTS][61];
static uint32_t torrents, peers;
static struct source sources[SOURCES];
static struct slot *slots;
static uint16_t unused[SLOTS];
static uint32_t window, under_way, answered, lost, took_count, *took;
static uint64_t now, last_answer;
static int events_of, is_filling;

static void die(const char *why) { fprintf(stderr, "announcers: %s\n", why); exit(1); }

static void look_at_clock(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    now = (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static uint64_t chance(void) { /* xorshift64*: the same in every run */
    static uint64_t state = 0x9e3779b97f4a7c15;
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return state * 0x2545f4914f6cdd1d;
}

static uint32_t number_at(const uint8_t *at) { uint32_t n; memcpy(&n, at, 4); return ntohl(n); }
static void put_number(uint8_t *at, uint32_t n) { n = htonl(n), memcpy(at, &n, 4); }

/* What a peer is. */

static uint32_t place_of(uint32_t peer) { return peer / torrents; } /* in its swarm */
static struct source *source_of(uint32_t peer) { return &sources[place_of(peer) % SOURCES]; }
static uint16_t port_of(uint32_t peer) { return (uint16_t)(FIRST_PORT + place_of(peer)); }
static uint32_t key_of(uint32_t peer) { return (peer + 1) * 2654435761u; }
static uint32_t left_of(uint32_t peer) { return place_of(peer) % 10 < SEEDS_OF_TEN ? 0 : 1 << 20; }

static void put_id(char *at, uint32_t peer) { snprintf(at, 21, "-BM0003-%012u", peer); }

static int event_of(uint32_t peer) {
    uint64_t percent = chance() % 100;
    if (is_filling || percent == 0) return STARTED;
    if (percent == 1) return STOPPED;
    return percent == 2 && !left_of(peer) ? COMPLETED : NONE;
}

/* What is true of every answer. */

static void check_peers(const struct slot *s, const uint8_t *at, size_t size) {
    if (size % 6 || size > 6 * WANTED) die("an answer with peers of a wrong size");
    if (!size && !is_filling && s->event != STOPPED && peers / torrents >= LEAST_SWARM) die("an answer without peers");
    for (const uint8_t *end = at + size; at < end; at += 6) {
        uint32_t source = number_at(at) - FIRST_SOURCE, port = (uint32_t)(at[4] << 8 | at[5]) - FIRST_PORT;
        if (source >= SOURCES || port > place_of(peers - 1)) die("an answer with a peer that is none");
    }
}

static void free_slot(struct slot *s) { unused[--under_way] = (uint16_t)(s - slots); }

static void note(uint64_t nanoseconds) {
    if (is_filling) return;
    if (took_count == MOST_TOOK) die("too many announces for one order");
    took[took_count++] = (uint32_t)nanoseconds;
}

static void note_answer(struct slot *s) {
    s->is_waiting = 0;
    answered++;
    last_answer = now;
    note(now - s->due);
}

/* UDP. */

static void ask_for_connections(void) {
    for (struct source *s = sources; s < sources + SOURCES; s++) {
        uint8_t request[16] = {0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80};
        if (now < s->renew_at) continue;
        put_number(request + 12, (uint32_t)(s - sources));
        if (send(s->fd, request, sizeof request, 0) < 0) die("the tracker is not there");
        s->renew_at = now + PATIENCE;
    }
}

static void on_connection(struct source *s, const uint8_t *answer, size_t size) {
    if (size < 16 || number_at(answer + 4) != (uint32_t)(s - sources)) die("no answer to a connect");
    memcpy(s->connection, answer + 8, 8);
    s->renew_at = now + RENEW_AFTER;
    s->valid_until = s->renew_at + 2 * PATIENCE;
}

static void on_datagram(struct source *source, const uint8_t *answer, size_t size) {
    uint32_t action = size < 8 ? ERROR + 1u : number_at(answer), id = number_at(answer + 4);
    struct slot *s = &slots[id % SLOTS];
    if (action == CONNECT) { on_connection(source, answer, size); return; }
    if (action == ERROR) die("the tracker answers with an error");
    if (action != ANNOUNCE || size < 20) die("an answer that is none");
    if (id == s->lost_id) return; /* too late */
    if (!s->is_waiting || id != s->id || source != source_of(s->peer)) die("an answer to what nobody asked");
    if (!number_at(answer + 8)) die("an answer without an interval");
    check_peers(s, answer + 20, size - 20);
    note_answer(s);
    free_slot(s);
}

static void take_datagrams(struct source *s) {
    static uint8_t buffers[BATCH][ANSWER];
    struct mmsghdr in[BATCH];
    struct iovec parts[BATCH];
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){buffers[i], ANSWER};
        in[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
    }
    int count = recvmmsg(s->fd, in, BATCH, MSG_DONTWAIT, NULL);
    if (count < 0 && errno != EAGAIN) die("the tracker has gone");
    for (int i = 0; i < count; i++) on_datagram(s, buffers[i], in[i].msg_len);
}

static void send_waiting(struct source *s) {
    for (int sent = 0; sent < s->waiting;) {
        int some = sendmmsg(s->fd, s->out + sent, (unsigned)(s->waiting - sent), 0);
        if (some < 0) die("the tracker has gone");
        sent += some;
    }
    s->waiting = 0;
}

static void put_datagram(const struct slot *s) {
    struct source *source = source_of(s->peer);
    uint8_t *at = source->requests[source->waiting++];
    memcpy(at, source->connection, 8);
    put_number(at + 8, ANNOUNCE);
    put_number(at + 12, s->id);
    memcpy(at + 16, hashes[s->peer % torrents], 20);
    char id[21];
    put_id(id, s->peer);
    memcpy(at + 36, id, 20);
    memset(at + 56, 0, 32); /* downloaded, left, uploaded, event and IP address, which is the datagram's */
    put_number(at + 68, left_of(s->peer));
    put_number(at + 80, (uint32_t)s->event);
    put_number(at + 88, key_of(s->peer));
    put_number(at + 92, WANTED);
    at[96] = (uint8_t)(port_of(s->peer) >> 8), at[97] = (uint8_t)port_of(s->peer);
    if (source->waiting == BATCH) send_waiting(source);
}

static void open_sources(void) {
    for (uint32_t i = 0; i < SOURCES; i++) {
        struct source *s = &sources[i];
        struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(FIRST_SOURCE + i)};
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
        int room = 4 << 20;
        s->fd = socket(AF_INET, SOCK_DGRAM, 0);
        setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
        if (bind(s->fd, (void *)&here, sizeof here) || connect(s->fd, (void *)&there, sizeof there)) die("no socket");
        epoll_ctl(events_of, EPOLL_CTL_ADD, s->fd, &event);
        for (int j = 0; j < BATCH; j++) {
            s->parts[j] = (struct iovec){s->requests[j], REQUEST};
            s->out[j] = (struct mmsghdr){.msg_hdr = {.msg_iov = &s->parts[j], .msg_iovlen = 1}};
        }
    }
}

/* HTTP. */

static void hang_up(struct slot *s) { close(s->fd), s->fd = -1; }

static void send_request(struct slot *s) {
    static const char *events[] = {"", "&event=completed", "&event=started", "&event=stopped"};
    char request[1024], id[21];
    put_id(id, s->peer);
    int size = snprintf(
        request, sizeof request,
        "GET /announce?info_hash=%s&peer_id=%s&port=%u&uploaded=0&downloaded=0&left=%u&corrupt=0&key=%08X%s"
        "&numwant=%d&compact=1&no_peer_id=1&supportcrypto=1&redundant=0 HTTP/1.1\r\nHost: %s\r\n"
        "User-Agent: libtorrent/2.1.1.0\r\nAccept-Encoding: gzip\r\n%s\r\n",
        quoted[s->peer % torrents], id, port_of(s->peer), left_of(s->peer), key_of(s->peer), events[s->event],
        WANTED, host, way == KEPT ? "" : "Connection: close\r\n");
    ssize_t sent = send(s->fd, request, (size_t)size, MSG_NOSIGNAL);
    s->is_sent = sent == size;
    if (!s->is_sent && (sent >= 0 || errno != EAGAIN)) die("the tracker closed a connection");
}

static void dial(struct slot *s) {
    struct sockaddr_in here = {.sin_family = AF_INET};
    struct epoll_event event = {.data.ptr = s};
    int on = 1;
    here.sin_addr.s_addr = htonl(FIRST_SOURCE + (uint32_t)(source_of(s->peer) - sources));
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (s->fd < 0) die("no more descriptors");
    setsockopt(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(s->fd, (void *)&here, sizeof here)) die("no more ports");
    if (connect(s->fd, (void *)&there, sizeof there) && errno != EINPROGRESS) die("cannot connect");
    send_request(s); /* on loopback it is connected by now, or else will be told */
    event.events = s->is_sent ? EPOLLIN : EPOLLOUT;
    epoll_ctl(events_of, EPOLL_CTL_ADD, s->fd, &event);
}

/* The string at *at, which is left behind it. */
static const char *string_at(const char **at, const char *end, size_t *size) {
    char *behind;
    *size = strtoul(*at, &behind, 10);
    if (behind == *at || *behind != ':' || *size > (size_t)(end - behind - 1)) die("a body that is not bencoded");
    *at = behind + 1 + *size;
    return behind + 1;
}

/* A flat dict: integers and strings. */
static void check_body(const struct slot *s, const char *at, const char *end) {
    int has_peers = 0, has_interval = 0;
    if (*at++ != 'd') die("a body that is no dict");
    while (at < end && *at != 'e') {
        size_t key_size, size;
        const char *key = string_at(&at, end, &key_size), *value;
        if (*at == 'i') {
            char *behind;
            long number = strtol(at + 1, &behind, 10);
            if (*behind != 'e') die("a body that is not bencoded");
            if (key_size == 8 && !memcmp(key, "interval", 8)) has_interval = number > 0;
            at = behind + 1;
            continue;
        }
        value = string_at(&at, end, &size);
        if (key_size == 14 && !memcmp(key, "failure reason", 14)) die("the tracker answers with a failure");
        if (key_size == 5 && !memcmp(key, "peers", 5)) check_peers(s, (const uint8_t *)value, size), has_peers = 1;
    }
    if (at + 1 != end || !has_peers || !has_interval) die("a body that is no answer to an announce");
}

/* Whether the answer is there whole; it is right then. */
static int is_whole(struct slot *s) {
    s->answer[s->got] = 0;
    char *body = memmem(s->answer, s->got, "\r\n\r\n", 4), *length;
    if (!body) return 0;
    *body = 0, length = strcasestr(s->answer, "\r\nContent-Length:"), *body = '\r';
    if (strncmp(s->answer, "HTTP/1.", 7) || strncmp(s->answer + 8, " 200 ", 5)) die("a status that is not 200");
    if (!length) die("an answer of unknown length");
    size_t size = strtoul(length + 17, NULL, 10), there_is = (size_t)(s->answer + s->got - (body += 4));
    if (there_is > size) die("an answer that is too long");
    if (there_is < size) return 0;
    check_body(s, body, body + size);
    return 1;
}

static void on_end(struct slot *s) {
    int is_idle = way == KEPT;
    if (s->is_waiting) die(s->got ? "the tracker closed a connection amid an answer" : "the tracker closed a connection");
    hang_up(s);
    if (!is_idle) free_slot(s);
}

static void take_stream(struct slot *s) {
    for (;;) {
        ssize_t size = recv(s->fd, s->answer + s->got, ANSWER - 1 - s->got, 0);
        if (size < 0 && errno == EAGAIN) return;
        if (size <= 0) { on_end(s); return; }
        if (!s->is_waiting) die("more than was asked for");
        s->got += (size_t)size;
        if (!is_whole(s)) continue;
        note_answer(s);
        if (way == KEPT) { free_slot(s); return; } /* else the tracker hangs up */
    }
}

static void on_writable(struct slot *s) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
    send_request(s);
    if (!s->is_sent) die("cannot connect");
    epoll_ctl(events_of, EPOLL_CTL_MOD, s->fd, &event);
}

/* One order. */

static void ask(uint32_t peer, uint64_t due) {
    struct slot *s = &slots[unused[under_way++]];
    s->peer = peer, s->id += SLOTS, s->event = event_of(peer), s->due = due, s->got = 0, s->is_waiting = 1;
    if (way == UDP) put_datagram(s);
    else if (s->fd < 0) dial(s);
    else send_request(s);
}

static void give_up_lost(void) {
    for (struct slot *s = slots; s < slots + window; s++) {
        if (now < s->due + PATIENCE) continue;
        if (!s->is_waiting) {
            if (way == HTTP && s->fd >= 0 && now >= s->due + 2 * PATIENCE) die("the tracker does not hang up");
            continue;
        }
        s->is_waiting = 0, s->lost_id = s->id, lost++;
        note(PATIENCE);
        if (s->fd >= 0) hang_up(s);
        free_slot(s);
    }
}

static void wait_for_events(uint64_t until) {
    struct epoll_event events[EVENTS];
    uint64_t rest = until > now ? until - now : 0;
    struct timespec time = {(time_t)(rest / SECOND), (long)(rest % SECOND)};
    int count = epoll_pwait2(events_of, events, EVENTS, &time, NULL);
    look_at_clock();
    for (int i = 0; i < count; i++) {
        if (way == UDP) take_datagrams(events[i].data.ptr);
        else if (events[i].events == EPOLLOUT) on_writable(events[i].data.ptr);
        else take_stream(events[i].data.ptr);
    }
}

static void connect_sources(void) {
    look_at_clock();
    uint64_t deadline = now + 5 * PATIENCE;
    for (struct source *s = sources; s < sources + SOURCES; s++) {
        while (s->valid_until <= now) {
            if (now > deadline) die("no answer to a connect");
            ask_for_connections();
            wait_for_events(now + LOOK_EVERY);
        }
    }
}

/* `most` announces, or as many as are due within `seconds`; returns when the first was. */
static uint64_t carry_out(uint64_t most, double seconds, double rate) {
    if (way == UDP) connect_sources();
    look_at_clock();
    uint64_t begin = now, end = begin + (uint64_t)(seconds * SECOND), look_at = now + LOOK_EVERY;
    answered = lost = took_count = 0, last_answer = begin;
    for (uint64_t asked = 0;;) {
        uint64_t due = begin;
        for (; asked < most && under_way < window; asked++) {
            due = rate > 0 ? begin + (uint64_t)((double)asked / rate * SECOND) : now;
            if (due > now || due >= end) break;
            ask(is_filling ? (uint32_t)asked : (uint32_t)(chance() % peers), due);
        }
        if (way == UDP) for (int i = 0; i < SOURCES; i++) send_waiting(&sources[i]);
        if (asked == most || due >= end) {
            if (!under_way) return begin;
            due = look_at;
        }
        wait_for_events(under_way == window || due > look_at ? look_at : due);
        if (now < look_at) continue;
        look_at = now + LOOK_EVERY;
        give_up_lost();
        if (way == UDP) ask_for_connections();
    }
}

static int by_size(const void *one, const void *other) {
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    return (a > b) - (a < b);
}

static double percentile(uint32_t percent) { return took_count ? took[(uint64_t)(took_count - 1) * percent / 100] / 1e9 : 0; }

static void obey(const char *order) {
    double seconds = 1e9, rate = 0;
    is_filling = sscanf(order, "fill %u", &window) == 1;
    if (!is_filling && sscanf(order, "announce %u %lf %lf", &window, &seconds, &rate) != 3) die("what order is this?");
    if (!window || window > SLOTS) die("a window of a wrong size");
    for (uint32_t i = 0; i < window; i++) unused[i] = (uint16_t)i;
    uint64_t begin = carry_out(is_filling ? peers : UINT64_MAX, seconds, rate);
    printf("%s %u %.6f %u", is_filling ? "filled" : "announced", answered, (double)(last_answer - begin) / 1e9, lost);
    qsort(took, took_count, sizeof *took, by_size);
    if (!is_filling) printf(" %.6f %.6f", percentile(50), percentile(99));
    puts(""), fflush(stdout);
}

static void read_hashes(const char *path) {
    FILE *file = fopen(path, "r");
    char line[64];
    if (!file) die("no such file of info-hashes");
    for (; torrents < MOST_TORRENTS && fgets(line, sizeof line, file); torrents++) {
        for (int i = 0; i < 20; i++) {
            sscanf(line + 2 * i, "%2hhx", &hashes[torrents][i]);
            snprintf(quoted[torrents] + 3 * i, 4, "%%%02x", hashes[torrents][i]);
        }
    }
    fclose(file);
}

int main(int argc, char **argv) {
    char order[80];
    if (argc != 6) return 2;
    way = !strcmp(argv[1], "udp") ? UDP : !strcmp(argv[1], "http") ? HTTP : KEPT;
    there.sin_port = htons((uint16_t)atoi(argv[3]));
    if (inet_pton(AF_INET, argv[2], &there.sin_addr) != 1) return 2;
    snprintf(host, sizeof host, "%s:%s", argv[2], argv[3]);
    read_hashes(argv[4]);
    peers = (uint32_t)strtoul(argv[5], NULL, 10);
    if (!torrents || !peers || FIRST_PORT + place_of(peers - 1) > UINT16_MAX) die("no such number of peers");
    slots = calloc(SLOTS, sizeof *slots);
    took = calloc(MOST_TOOK, sizeof *took);
    for (uint32_t i = 0; i < SLOTS; i++) slots[i] = (struct slot){.id = i, .lost_id = ~i, .fd = -1};
    events_of = epoll_create1(0);
    prctl(PR_SET_TIMERSLACK, 1);
    if (way == UDP) open_sources();
    puts("ready"), fflush(stdout);
    while (fgets(order, sizeof order, stdin)) obey(order);
}
