/* Datagrams that are no requests, from all over 127.0.0.0/8: what shows whom a tracker can be used against.
 *
 *   rubbish HOST PORT RATE SECONDS
 *
 * RATE datagrams a second, of four kinds in turn: random bytes, up to MOST of them; announces and
 * scrapes with a connection id that was never given out; and connects that are cut off. Each is
 * from an address of its own, which nobody need own. Then one line, in bytes of payload:
 * "rubbish PACKETS_SENT BYTES_SENT PACKETS_RECEIVED BYTES_RECEIVED". BEP 15.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { MOST = 1400, ANNOUNCE = 1, SCRAPE = 2, ANNOUNCE_SIZE = 98, CONNECT_SIZE = 16, MOST_SCRAPED = 60 };
static const double LINGER = 0.5; /* seconds in which answers may still come */

static int fd;
static struct sockaddr_in there = {.sin_family = AF_INET};
static unsigned long long sent, sent_bytes, received, received_bytes;

static void die(const char *why) { fprintf(stderr, "rubbish: %s\n", why); exit(1); }

static double seconds_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static uint32_t chance(uint32_t below) { /* xorshift64*: the same in every run */
    static uint64_t state = 0x9e3779b97f4a7c15;
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return (uint32_t)((state * 0x2545f4914f6cdd1d) >> 32) % below;
}

static size_t make(uint8_t *at) {
    static const uint8_t connect[CONNECT_SIZE] = {0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80};
    for (int i = 0; i < MOST; i++) at[i] = (uint8_t)chance(256);
    switch (sent % 4) {
    case 1: memcpy(at + 8, (uint8_t[]){0, 0, 0, ANNOUNCE}, 4); return ANNOUNCE_SIZE;
    case 2: memcpy(at + 8, (uint8_t[]){0, 0, 0, SCRAPE}, 4); return 16 + 20 * (1 + chance(MOST_SCRAPED));
    case 3: memcpy(at, connect, CONNECT_SIZE); return chance(CONNECT_SIZE);
    default: return chance(MOST + 1);
    }
}

/* From which address is said beside the datagram, so that one socket has them all, and gets what they are sent. */
static void send_one(void) {
    uint8_t data[MOST];
    union { struct cmsghdr head; char room[CMSG_SPACE(sizeof(struct in_pktinfo))]; } control = {0};
    struct iovec part = {data, make(data)};
    struct msghdr message = {&there, sizeof there, &part, 1, &control, sizeof control, 0};
    struct in_pktinfo from = {.ipi_spec_dst.s_addr = htonl(0x7f000000 | chance(255) << 16 | chance(256) << 8 | (1 + chance(254)))};
    control.head.cmsg_level = IPPROTO_IP, control.head.cmsg_type = IP_PKTINFO;
    control.head.cmsg_len = CMSG_LEN(sizeof from);
    memcpy(CMSG_DATA(&control.head), &from, sizeof from);
    if (sendmsg(fd, &message, 0) < 0) die("cannot send");
    sent++, sent_bytes += part.iov_len;
}

static void take_all(void) {
    uint8_t data[2048];
    ssize_t size;
    while ((size = recv(fd, data, sizeof data, MSG_DONTWAIT)) >= 0) received++, received_bytes += (size_t)size;
    if (errno != EAGAIN) die("the tracker has gone");
}

int main(int argc, char **argv) {
    if (argc != 5 || inet_pton(AF_INET, argv[1], &there.sin_addr) != 1) return 2;
    double rate = atof(argv[3]), seconds = atof(argv[4]), begin = seconds_now(), passed;
    there.sin_port = htons((uint16_t)atoi(argv[2]));
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    while ((passed = seconds_now() - begin) < seconds + LINGER) {
        while (passed < seconds && (double)sent < passed * rate) send_one();
        take_all();
        nanosleep(&(struct timespec){0, 500000}, NULL);
    }
    printf("rubbish %llu %llu %llu %llu\n", sent, sent_bytes, received, received_bytes);
}
