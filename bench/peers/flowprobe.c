// Traffic through a switch, every frame that arrives written down, for bench/sdn.py.
//
//   flowprobe traffic FILE BAD GOOD GATEWAY BACKUP   frames until stdin ends, of and to
//                                                    namespaces
//
// Times are CLOCK_REALTIME, the clock of SO_TIMESTAMPNS, so that what the receiving
// kernel stamps and what a sender reads are one time.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RECORDS (1 << 23)
#define PORT 9000
#define PAYLOAD 200 // an order is longer than the one frame that a shut meter passes
#define BAD 1
#define GOOD 2
#define BACKUP 16 // where a frame came by the other way

// The file that bench/sdn.py maps: what it wants, and every frame that arrived.
struct record {
	uint64_t arrived_ns;
	uint32_t number;
	uint16_t port;
	uint16_t kind;
};

struct shared {
	volatile uint32_t gap_ns;
	volatile uint32_t sessions;
	volatile uint32_t generation;
	volatile uint32_t good_sent;
	volatile uint64_t count;
	volatile uint64_t bad_sent;
	struct record records[RECORDS];
};

static struct shared *shared;
static volatile int stopping;

static void fail(const char *what)
{
	fprintf(stderr, "flowprobe: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec at;

	clock_gettime(CLOCK_REALTIME, &at);
	return at.tv_sec * 1000000000ULL + at.tv_nsec;
}

static int socket_in(const char *name, int type, int protocol)
{
	char path[256];
	int space, found;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	space = open(path, O_RDONLY | O_CLOEXEC);
	if (space < 0 || setns(space, CLONE_NEWNET) < 0)
		fail(path);
	close(space);
	found = socket(AF_INET, type | SOCK_CLOEXEC, protocol);
	if (found < 0)
		fail("socket");
	return found;
}

struct frame {
	struct iphdr ip;
	struct udphdr udp;
	uint32_t number;
	uint32_t kind;
	char filler[PAYLOAD];
} __attribute__((packed));

static void prepare(struct frame *frame, const char *source, uint32_t kind)
{
	memset(frame, 0, sizeof(*frame));
	frame->ip.version = 4;
	frame->ip.ihl = 5;
	frame->ip.ttl = 64;
	frame->ip.protocol = IPPROTO_UDP;
	frame->ip.saddr = inet_addr(source);
	frame->ip.daddr = inet_addr("10.9.0.2");
	frame->udp.dest = htons(PORT);
	frame->udp.len = htons(sizeof(*frame) - sizeof(frame->ip));
	frame->kind = kind;
}

static void pace(uint64_t due_ns)
{
	struct timespec at = {due_ns / 1000000000ULL, due_ns % 1000000000ULL};

	clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &at, NULL);
}

struct senders {
	int bad;
	int good;
};

static void *send_frames(void *given)
{
	struct senders *senders = given;
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct frame bad, good;
	uint64_t due = now_ns();
	uint32_t turn = 0;

	prepare(&bad, "10.9.0.1", BAD);
	prepare(&good, "10.9.0.3", GOOD);
	good.udp.source = htons(40000);
	to.sin_addr.s_addr = bad.ip.daddr;
	while (!stopping) {
		uint32_t sessions = shared->sessions ? shared->sessions : 1;
		uint32_t port = shared->generation * sessions + turn % sessions;

		bad.udp.source = htons(1024 + port % 60000);
		bad.number = (uint32_t)shared->bad_sent++;
		sendto(senders->bad, &bad, sizeof(bad), 0, (void *)&to, sizeof(to));
		if (turn++ % 4 == 0) { // one frame in five is nobody's fault
			good.number = shared->good_sent;
			if (sendto(senders->good, &good, sizeof(good), 0, (void *)&to,
				   sizeof(to)) == sizeof(good))
				shared->good_sent++;
		}
		due += shared->gap_ns;
		if (due < now_ns()) // late: no burst, or the burst is what is measured
			due = now_ns();
		else
			pace(due);
	}
	return NULL;
}

static uint64_t stamp_of(struct msghdr *message)
{
	struct cmsghdr *each = CMSG_FIRSTHDR(message);
	struct timespec at;

	for (; each; each = CMSG_NXTHDR(message, each))
		if (each->cmsg_type == SCM_TIMESTAMPNS) {
			memcpy(&at, CMSG_DATA(each), sizeof(at));
			return at.tv_sec * 1000000000ULL + at.tv_nsec;
		}
	return now_ns();
}

static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;

struct receiver {
	int from;
	uint16_t place; // added to a frame's kind
};

static void *receive_frames(void *given)
{
	struct receiver *receiver = given;
	int from = receiver->from;
	uint32_t body[2 + PAYLOAD / 4];
	char control[128];
	struct sockaddr_in source;

	while (!stopping) {
		struct iovec part = {body, sizeof(body)};
		struct msghdr message = {
			.msg_name = &source,
			.msg_namelen = sizeof(source),
			.msg_iov = &part,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		uint64_t count;

		if (recvmsg(from, &message, 0) < 8)
			continue;
		pthread_mutex_lock(&writing);
		count = shared->count;
		shared->records[count % RECORDS] = (struct record){
			.arrived_ns = stamp_of(&message),
			.number = body[0],
			.port = ntohs(source.sin_port),
			.kind = body[1] + receiver->place,
		};
		__atomic_store_n(&shared->count, count + 1, __ATOMIC_RELEASE);
		pthread_mutex_unlock(&writing);
	}
	return NULL;
}

static struct receiver listening(const char *space, uint16_t place)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct receiver made = {socket_in(space, SOCK_DGRAM, 0), place};
	struct timeval wait = {0, 200000};
	int on = 1, room = 1 << 24;

	setsockopt(made.from, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	setsockopt(made.from, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	setsockopt(made.from, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (bind(made.from, (void *)&at, sizeof(at)) < 0)
		fail("bind");
	return made;
}

static void map(const char *path)
{
	int file = open(path, O_RDWR | O_CREAT, 0600);

	if (file < 0 || ftruncate(file, sizeof(*shared)) < 0)
		fail(path);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, file,
		      0);
	if (shared == MAP_FAILED)
		fail("mmap");
}

static int traffic(char **words)
{
	struct receiver receivers[2];
	struct senders senders;
	pthread_t threads[3];
	char byte;

	map(words[0]);
	senders.bad = socket_in(words[1], SOCK_RAW, IPPROTO_RAW);
	senders.good = socket_in(words[2], SOCK_RAW, IPPROTO_RAW);
	receivers[0] = listening(words[3], 0);
	receivers[1] = listening(words[4], BACKUP);
	pthread_create(&threads[0], NULL, receive_frames, &receivers[0]);
	pthread_create(&threads[1], NULL, receive_frames, &receivers[1]);
	pthread_create(&threads[2], NULL, send_frames, &senders);
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	stopping = 1;
	pthread_join(threads[2], NULL);
	usleep(300000);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	return 0;
}

int main(int count, char **words)
{
	if (count == 7 && !strcmp(words[1], "traffic"))
		return traffic(words + 2);
	fputs("usage: flowprobe traffic FILE NS NS NS NS \n", stderr);
	return 64;
}
