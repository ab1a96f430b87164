// A raw OpenFlow sender, the floor of bench/sdn.py: it listens for one switch, writes
// what it is given, waits for the barrier, and tells both times (CLOCK_REALTIME, ns).
//
//   rawflow PORT [KEY CERTIFICATE]    on stdin, of each write: its length in 4 bytes,
//                                     and the bytes, of which the last message is a
//                                     barrier; by TLS where a key is given
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static SSL *tls;

static void fail(const char *what)
{
	fprintf(stderr, "rawflow: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec at;

	clock_gettime(CLOCK_REALTIME, &at);
	return at.tv_sec * 1000000000ULL + at.tv_nsec;
}

static void whole(int from, void *into, size_t length)
{
	size_t have = 0;

	while (have < length) {
		ssize_t got = read(from, (char *)into + have, length - have);

		if (got <= 0)
			exit(0);
		have += got;
	}
}

static void hear(int peer, void *into, int length)
{
	int have = 0;

	if (!tls) {
		whole(peer, into, length);
		return;
	}
	while (have < length) {
		int got = SSL_read(tls, (char *)into + have, length - have);

		if (got <= 0)
			exit(0);
		have += got;
	}
}

static void say(int peer, const void *data, int length)
{
	ssize_t said = tls ? SSL_write(tls, data, length) : write(peer, data, length);

	if (said != length)
		fail("write");
}

// Read one OpenFlow message; answer echoes; return its type and xid.
static int take(int peer, uint32_t *xid, unsigned char *body)
{
	unsigned char head[8];
	uint32_t length;

	hear(peer, head, sizeof(head));
	length = head[2] << 8 | head[3];
	memcpy(xid, head + 4, 4);
	if (length > 8)
		hear(peer, body, length - 8);
	if (head[1] == 2) {
		head[1] = 3;
		memmove(body + 8, body, length - 8);
		memcpy(body, head, 8);
		say(peer, body, length);
	}
	return head[1];
}

static void until_barrier(int peer, uint32_t wanted)
{
	static unsigned char body[65536 + 8];
	uint32_t xid = 0;
	int kind;

	do {
		kind = take(peer, &xid, body);
		if (kind == 1)
			fprintf(stderr, "rawflow: refused %d/%d\n", body[1], body[3]);
	} while (kind != 21 || xid != wanted);
}

// Wait for something to write; answer the switch's echoes meanwhile, or it goes.
static void until_asked(int peer)
{
	static unsigned char body[65536 + 8];
	struct pollfd on[2] = {{.fd = 0, .events = POLLIN},
			       {.fd = peer, .events = POLLIN}};
	uint32_t xid;

	for (;;) {
		if (tls && SSL_pending(tls)) {
			take(peer, &xid, body);
			continue;
		}
		if (poll(on, 2, -1) < 0)
			fail("poll");
		if (on[0].revents)
			return;
		take(peer, &xid, body);
	}
}

// Speak TLS from now on.
static void seal(int peer, const char *key, const char *certificate)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	if (!context || SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
	    SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
		fail("key");
	tls = SSL_new(context);
	if (!tls || SSL_set_fd(tls, peer) != 1 || SSL_accept(tls) != 1)
		fail("tls");
}

int main(int count, char **words)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	static const unsigned char hello[8] = {4, 0, 0, 8};
	static unsigned char data[65536];
	int on = 1, listener, peer;
	uint64_t times[2];
	uint32_t length, xid;

	if (count != 2 && count != 4) {
		fputs("usage: rawflow PORT [KEY CERTIFICATE]\n", stderr);
		return 64;
	}
	at.sin_port = htons(atoi(words[1]));
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (void *)&at, sizeof(at)) < 0 || listen(listener, 1) < 0)
		fail("listen");
	puts("ready");
	fflush(stdout);
	peer = accept(listener, NULL, NULL);
	setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (count == 4)
		seal(peer, words[2], words[3]);
	say(peer, hello, sizeof(hello));
	for (;;) { // the last message of each write is a barrier: its xid stands at -4
		until_asked(peer);
		whole(0, &length, 4);
		whole(0, data, length);
		memcpy(&xid, data + length - 4, 4);
		times[0] = now_ns();
		say(peer, data, length);
		until_barrier(peer, xid);
		times[1] = now_ns();
		if (write(1, times, sizeof(times)) != sizeof(times))
			fail("tell");
	}
}
