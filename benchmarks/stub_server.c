/* A server that costs next to nothing: the load clients are measured against it, not it against them.
 *
 *     stub_server PORT [HOLD_MICROSECONDS]
 *
 * HTTP/1.1 over plain TCP on 127.0.0.1, persistent connections, one thread. Each POST is answered with 200 and about
 * 200 bytes of JSON under the headers that SageMaker sends, once its body has come and HOLD_MICROSECONDS have passed.
 * Each answer has a request id of its own, as SageMaker's have, so that no client knows a head beforehand. Bodies are
 * thrown away inside the kernel, unread. No pipelining and no chunked requests: a client that tries either is
 * disconnected.
 *
 * On SIGTERM it writes one JSON object to its standard output: what it received, and how long it really held
 * requests, from the last byte in to the answer out.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    HEAD_BYTES = 8192,           /* longest head */
    DISCARD_BYTES = 1 << 22,     /* of a body, thrown away by one call */
    EVENTS = 256,                /* taken from the kernel at once */
    HOLDS_MICROSECONDS = 100000, /* longer holds are counted as this long */
};

static const char BODY[] =
    "{\"model_name\":\"resnet50\",\"model_version\":\"1\",\"outputs\":[{\"name\":\"output\",\"datatype\":\"FP32\","
    "\"shape\":[1,10],\"data\":[0.11,0.12,0.13,0.14,0.15,0.16,0.17,0.18,0.19,0.20]}],\"parameters\":{}}";

struct connection {
    int socket;
    size_t head_bytes;  /* received so far of the head, and of a body that came with it */
    size_t body_left;   /* to be thrown away */
    bool in_body;
    bool held;          /* its request is in the queue */
    bool gone;          /* the client hung up while it was */
    char head[HEAD_BYTES];
};

/* Requests that are held, in the order in which they are due: the hold is the same for all, so first in, first out. */
struct held {
    struct connection *connection;
    int64_t since;
    struct held *next;
};

static int events, listener;
static int64_t hold;
static struct held *first, *last;
static char answer[1024];
static size_t answer_bytes;
static char *request_id; /* within the answer */
static volatile sig_atomic_t asked_to_end;

static struct {
    long requests, signed_requests, body_bytes, connections;
    long holds[HOLDS_MICROSECONDS + 1]; /* how many were held this many microseconds */
} seen;

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void end(int signal) {
    (void)signal;
    asked_to_end = 1;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void write_answer(void) {
    answer_bytes = (size_t)snprintf(
        answer, sizeof answer,
        "HTTP/1.1 200 OK\r\n"
        "x-amzn-RequestId: 6f1e4d0c-8a53-4c7b-9a57-2f0f6f0d3b11\r\n"
        "x-Amzn-Invoked-Production-Variant: AllTraffic\r\n"
        "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
        "Content-Type: application/json\r\n"
        "Content-Length: %zu\r\n\r\n%s",
        sizeof BODY - 1, BODY);
    request_id = strstr(answer, "6f1e4d0c");
}

/* Another id for the next answer: eight digits of it count the requests. */
static void renew_request_id(void) {
    for (int digit = 0; digit < 8; digit++)
        request_id[digit] = "0123456789abcdef"[seen.requests >> 4 * (7 - digit) & 15];
}

static void hang_up(struct connection *connection) {
    close(connection->socket);
    if (connection->held)
        connection->gone = true; /* freed when its turn in the queue comes */
    else
        free(connection);
}

/* False where the connection is of no more use. An answer this small fits any socket buffer. */
static bool send_answer(struct connection *connection) {
    renew_request_id();
    return send(connection->socket, answer, answer_bytes, MSG_NOSIGNAL) == (ssize_t)answer_bytes;
}

static bool take_request(struct connection *connection) {
    seen.requests++;
    connection->in_body = false;
    connection->head_bytes = 0;
    if (hold == 0)
        return send_answer(connection);
    struct held *held = malloc(sizeof *held);
    if (held == NULL)
        fail("malloc");
    *held = (struct held){connection, now(), NULL};
    connection->held = true;
    if (first == NULL)
        first = held;
    else
        last->next = held;
    last = held;
    return true;
}

static void answer_what_is_due(void) {
    while (first != NULL && first->since + hold <= now()) {
        struct held *held = first;
        struct connection *connection = held->connection;
        first = held->next;
        connection->held = false;
        if (connection->gone) {
            free(connection);
        } else {
            int64_t microseconds = (now() - held->since) / 1000;
            seen.holds[microseconds < HOLDS_MICROSECONDS ? microseconds : HOLDS_MICROSECONDS]++;
            if (!send_answer(connection))
                hang_up(connection);
        }
        free(held);
    }
}

static char *next_line(char *line, char *end_of_head) {
    return (char *)memmem(line, (size_t)(end_of_head + 2 - line), "\r\n", 2) + 2;
}

/* Look at the head once it is whole; false where the connection is of no more use. */
static bool read_head(struct connection *connection) {
    char *end_of_head = memmem(connection->head, connection->head_bytes, "\r\n\r\n", 4);
    if (end_of_head == NULL)
        return connection->head_bytes < HEAD_BYTES;
    size_t length = 0;
    bool expects_continue = false;
    for (char *line = connection->head; line < end_of_head; line = next_line(line, end_of_head)) {
        switch (*line | 0x20) { /* lower case; most headers are told by their first letter */
        case 'a':
            seen.signed_requests += strncasecmp(line, "authorization: AWS4-HMAC-SHA256 ", 32) == 0;
            break;
        case 'c':
            if (strncasecmp(line, "content-length:", 15) == 0)
                length = strtoul(line + 15, NULL, 10);
            break;
        case 'e':
            expects_continue |= strncasecmp(line, "expect:", 7) == 0;
            break;
        }
    }
    size_t came_with_head = connection->head_bytes - (size_t)(end_of_head + 4 - connection->head);
    if (came_with_head > length)
        return false;
    seen.body_bytes += (long)length;
    connection->body_left = length - came_with_head;
    connection->in_body = true;
    if (expects_continue && came_with_head == 0)
        send(connection->socket, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL);
    return true;
}

static void read_from(struct connection *connection) {
    for (;;) {
        ssize_t received;
        if (connection->in_body) {
            size_t most = connection->body_left < DISCARD_BYTES ? connection->body_left : DISCARD_BYTES;
            received = recv(connection->socket, NULL, most, MSG_TRUNC);
        } else {
            received = recv(connection->socket, connection->head + connection->head_bytes,
                            HEAD_BYTES - connection->head_bytes, 0);
        }
        if (received < 0 && errno == EAGAIN)
            return;
        bool good = received > 0 && !connection->held;
        if (good && connection->in_body) {
            connection->body_left -= (size_t)received;
        } else if (good) {
            connection->head_bytes += (size_t)received;
            good = read_head(connection);
        }
        if (good && connection->in_body && connection->body_left == 0) {
            if (take_request(connection))
                return; /* nothing else comes before the answer; if it does, the next event says so */
            good = false;
        }
        if (!good) {
            hang_up(connection);
            return;
        }
    }
}

static void watch(int socket, struct connection *connection) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(events, EPOLL_CTL_ADD, socket, &event) != 0)
        fail("epoll_ctl");
}

static void accept_all(void) {
    for (;;) {
        int socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK), on = 1;
        if (socket < 0)
            return;
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct connection *connection = calloc(1, sizeof *connection);
        if (connection == NULL)
            fail("calloc");
        connection->socket = socket;
        seen.connections++;
        watch(socket, connection);
    }
}

static void listen_on(uint16_t port) {
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 1024) != 0)
        fail("listen");
    events = epoll_create1(0);
    watch(listener, NULL);
}

/* The hold, in microseconds, that this share of the requests did not exceed. */
static int hold_percentile(double share) {
    long all = 0, counted = 0;
    for (int at = 0; at <= HOLDS_MICROSECONDS; at++)
        all += seen.holds[at];
    for (int at = 0; at <= HOLDS_MICROSECONDS; at++)
        if ((counted += seen.holds[at]) >= share * all)
            return at;
    return HOLDS_MICROSECONDS;
}

int main(int count, char **arguments) {
    if (count < 2 || count > 3) {
        fprintf(stderr, "usage: stub_server PORT [HOLD_MICROSECONDS]\n");
        return 2;
    }
    hold = count > 2 ? atol(arguments[2]) * 1000 : 0;
    write_answer();
    prctl(PR_SET_TIMERSLACK, 1); /* wake when a request is due, not up to 50 microseconds later */
    /* SIGTERM is let through only while we wait, so that it cannot slip in between the look at it and the wait. */
    sigset_t blocked, waiting;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &waiting);
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = end}, NULL);
    listen_on((uint16_t)atoi(arguments[1]));

    struct epoll_event ready[EVENTS];
    while (!asked_to_end) {
        int64_t left = first == NULL ? 0 : first->since + hold - now();
        struct timespec wait = {0};
        if (left > 0)
            wait = (struct timespec){left / 1000000000, left % 1000000000};
        int number = epoll_pwait2(events, ready, EVENTS, first == NULL ? NULL : &wait, &waiting);
        for (int at = 0; at < number; at++) {
            struct connection *connection = ready[at].data.ptr;
            if (connection == NULL)
                accept_all();
            else
                read_from(connection);
        }
        answer_what_is_due();
    }
    printf("{\"requests\": %ld, \"signed\": %ld, \"body_bytes\": %ld, \"connections\": %ld, \"hold_p50_us\": %d, "
           "\"hold_p99_us\": %d}\n",
           seen.requests, seen.signed_requests, seen.body_bytes, seen.connections, hold_percentile(0.50),
           hold_percentile(0.99));
    return 0;
}
