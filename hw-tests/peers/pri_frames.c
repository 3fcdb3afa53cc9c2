/* One end of a primary rate D-channel, played by libpri (EuroISDN), driven by commands and reporting by lines.
 *
 * usage: pri_frames SOCKET net|cpe
 *
 * SOCKET   a Unix stream socket to connect to. It carries frames both ways: two octets length, most significant
 *          first, then the LAPD frame without flags and check sequence. libpri counts two octets of check sequence
 *          in every frame; they are taken off and put on here.
 * stdin    one command a line; N is the number of a call, chosen by whoever gives the command:
 *            call N NUMBER CHANNEL    SETUP, number complete, channel preferred (0: any)
 *            dial N NUMBER CHANNEL    SETUP, more digits follow
 *            digit N D                INFORMATION
 *            more N CHANNEL           SETUP ACKNOWLEDGE
 *            proceed N CHANNEL | ring N CHANNEL | answer N CHANNEL
 *            hangup N CAUSE           DISCONNECT, RELEASE or RELEASE COMPLETE, as the state asks
 *            restart CHANNEL          RESTART of a channel
 *            quit
 * stdout   one event a line, flushed; calls that come in are numbered from 100000:
 *            up | down | ring N NUMBER FROM CHANNEL COMPLETE | setup_ack N | proceeding N CHANNEL | ringing N |
 *            answer N CHANNEL | digits N NUMBER COMPLETE | hangup N CAUSE | hangup_req N CAUSE | hangup_ack N CAUSE |
 *            restart CHANNEL | restart_ack CHANNEL | other CODE
 *          hangup and hangup_req are answered here, so that a call ends by itself once either side wants it.
 *
 * Build: cc -O2 -o pri_frames pri_frames.c -lpri
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <libpri.h>

#define MAX_CALLS 4096
#define FIRST_INCOMING 100000
#define CHECK_OCTETS 2
#define CHANNEL_MASK 0xff

struct call {
	long number;
	q931_call *handle;
};

static struct call calls[MAX_CALLS];
static long next_incoming = FIRST_INCOMING;
static int socket_fd;
static unsigned char received[1 << 16];
static size_t received_len;
static char line[1 << 12];
static size_t line_len;

static size_t first_frame(void)
{
	size_t len;

	if (received_len < 2)
		return 0;
	len = (size_t)received[0] << 8 | received[1];
	return received_len < len + 2 ? 0 : len + 2;
}

static int read_frame(struct pri *pri, void *buffer, int size)
{
	size_t whole = first_frame();
	int len = (int)whole - 2;

	(void)pri;
	if (!whole)
		return 0;
	if (len > size - CHECK_OCTETS)
		len = size - CHECK_OCTETS;
	memcpy(buffer, received + 2, len);
	memset((char *)buffer + len, 0, CHECK_OCTETS);
	received_len -= whole;
	memmove(received, received + whole, received_len);
	return len + CHECK_OCTETS;
}

static int write_frame(struct pri *pri, void *buffer, int size)
{
	unsigned char out[2048];
	int len = size - CHECK_OCTETS;

	(void)pri;
	if (len < 0 || len > (int)sizeof out - 2)
		return -1;
	out[0] = len >> 8;
	out[1] = len;
	memcpy(out + 2, buffer, len);
	if (send(socket_fd, out, len + 2, MSG_NOSIGNAL) != len + 2)
		exit(0);
	return size;
}

static struct call *by_number(long number)
{
	for (int i = 0; i < MAX_CALLS; i++)
		if (calls[i].handle && calls[i].number == number)
			return &calls[i];
	return NULL;
}

static struct call *by_handle(q931_call *handle)
{
	for (int i = 0; i < MAX_CALLS; i++)
		if (handle && calls[i].handle == handle)
			return &calls[i];
	return NULL;
}

static void forget(q931_call *handle)
{
	struct call *call = by_handle(handle);

	if (call)
		call->handle = NULL;
}

/* A refused call ends without an event, and its handle may come back as another call's: the old one is dead then. */
static struct call *add(long number, q931_call *handle)
{
	forget(handle);
	for (int i = 0; i < MAX_CALLS; i++)
		if (!calls[i].handle) {
			calls[i].number = number;
			calls[i].handle = handle;
			return &calls[i];
		}
	fprintf(stderr, "too many calls\n");
	exit(3);
}

static long number_of(q931_call *handle)
{
	struct call *call = by_handle(handle);

	return call ? call->number : -1;
}

static const char *or_dash(const char *text)
{
	return *text ? text : "-";
}

static void report_ring(pri_event *event)
{
	struct call *call = add(next_incoming++, event->ring.call);

	printf("ring %ld %s %s %d %d\n", call->number, or_dash(event->ring.callednum), or_dash(event->ring.callingnum),
	       event->ring.channel & CHANNEL_MASK, event->ring.complete);
}

static void report_hangup(struct pri *pri, const char *name, pri_event *event)
{
	printf("%s %ld %d\n", name, number_of(event->hangup.call), event->hangup.cause);
	if (event->e != PRI_EVENT_HANGUP_REQ)
		forget(event->hangup.call);
	if (event->e != PRI_EVENT_HANGUP_ACK)
		pri_hangup(pri, event->hangup.call, event->hangup.cause);
}

static void report(struct pri *pri, pri_event *event)
{
	switch (event->e) {
	case PRI_EVENT_DCHAN_UP:
		printf("up\n");
		break;
	case PRI_EVENT_DCHAN_DOWN:
		printf("down\n");
		break;
	case PRI_EVENT_RING:
		report_ring(event);
		break;
	case PRI_EVENT_SETUP_ACK:
		printf("setup_ack %ld\n", number_of(event->setup_ack.call));
		break;
	case PRI_EVENT_PROCEEDING:
		printf("proceeding %ld %d\n", number_of(event->proceeding.call), event->proceeding.channel & CHANNEL_MASK);
		break;
	case PRI_EVENT_RINGING:
		printf("ringing %ld\n", number_of(event->ringing.call));
		break;
	case PRI_EVENT_ANSWER:
		printf("answer %ld %d\n", number_of(event->answer.call), event->answer.channel & CHANNEL_MASK);
		break;
	case PRI_EVENT_INFO_RECEIVED:
		printf("digits %ld %s %d\n", number_of(event->ring.call), or_dash(event->ring.callednum),
		       event->ring.complete);
		break;
	case PRI_EVENT_HANGUP:
		report_hangup(pri, "hangup", event);
		break;
	case PRI_EVENT_HANGUP_REQ:
		report_hangup(pri, "hangup_req", event);
		break;
	case PRI_EVENT_HANGUP_ACK:
		report_hangup(pri, "hangup_ack", event);
		break;
	case PRI_EVENT_RESTART:
		printf("restart %d\n", event->restart.channel < 0 ? -1 : event->restart.channel & CHANNEL_MASK);
		break;
	case PRI_EVENT_RESTART_ACK:
		printf("restart_ack %d\n", event->restartack.channel & CHANNEL_MASK);
		break;
	default:
		printf("other %d\n", event->e);
		break;
	}
	fflush(stdout);
}

static void start_call(struct pri *pri, long number, char *digits, int channel, int complete)
{
	q931_call *handle = pri_new_call(pri);
	struct pri_sr *setup = pri_sr_new();

	if (!handle || !setup) {
		fprintf(stderr, "no call\n");
		exit(3);
	}
	add(number, handle);
	if (channel)
		pri_sr_set_channel(setup, channel, 0, 0);
	pri_sr_set_bearer(setup, PRI_TRANS_CAP_3_1K_AUDIO, PRI_LAYER_1_ALAW);
	pri_sr_set_called(setup, digits, PRI_UNKNOWN, complete);
	pri_sr_set_caller(setup, "13900000000", NULL, PRI_NATIONAL_ISDN, PRES_ALLOWED_NETWORK_NUMBER);
	pri_setup(pri, handle, setup);
	pri_sr_free(setup);
}

static void command(struct pri *pri, char *text)
{
	char verb[16], word[64] = "";
	long number = 0;
	int value = 0;
	struct call *call;

	if (sscanf(text, "%15s", verb) != 1)
		return;
	if (!strcmp(verb, "quit"))
		exit(0);
	if (!strcmp(verb, "call") || !strcmp(verb, "dial")) {
		if (sscanf(text, "%*s %ld %63s %d", &number, word, &value) == 3)
			start_call(pri, number, word, value, !strcmp(verb, "call"));
		return;
	}
	if (!strcmp(verb, "restart")) {
		if (sscanf(text, "%*s %d", &value) == 1)
			pri_reset(pri, value);
		return;
	}
	if (sscanf(text, "%*s %ld %63s", &number, word) != 2 || !(call = by_number(number)))
		return;
	value = atoi(word);
	if (!strcmp(verb, "digit"))
		pri_information(pri, call->handle, word[0]);
	else if (!strcmp(verb, "more"))
		pri_need_more_info(pri, call->handle, value, 0);
	else if (!strcmp(verb, "proceed"))
		pri_proceeding(pri, call->handle, value, 0);
	else if (!strcmp(verb, "ring"))
		pri_acknowledge(pri, call->handle, value, 0);
	else if (!strcmp(verb, "answer"))
		pri_answer(pri, call->handle, value, 0);
	else if (!strcmp(verb, "hangup"))
		pri_hangup(pri, call->handle, value);
}

static void read_commands(struct pri *pri)
{
	ssize_t got = read(0, line + line_len, sizeof line - 1 - line_len);
	char *end;

	if (got <= 0)
		exit(0);
	line_len += got;
	line[line_len] = 0;
	while ((end = strchr(line, '\n'))) {
		*end = 0;
		command(pri, line);
		line_len -= end + 1 - line;
		memmove(line, end + 1, line_len + 1);
	}
}

static void read_socket(void)
{
	ssize_t got = read(socket_fd, received + received_len, sizeof received - received_len);

	if (got <= 0)
		exit(0);
	received_len += got;
}

/* Milliseconds until libpri's next timer, at most a second. */
static int wait_ms(struct pri *pri)
{
	struct timeval *next = pri_schedule_next(pri), now;
	long ms = 1000;

	if (next) {
		gettimeofday(&now, NULL);
		ms = (next->tv_sec - now.tv_sec) * 1000 + (next->tv_usec - now.tv_usec) / 1000 + 1;
	}
	return ms < 0 ? 0 : ms > 1000 ? 1000 : (int)ms;
}

static void run(struct pri *pri)
{
	for (;;) {
		struct pollfd fds[2] = {{socket_fd, POLLIN, 0}, {0, POLLIN, 0}};
		pri_event *event;
		int ready;

		while (first_frame())
			if ((event = pri_check_event(pri)))
				report(pri, event);
		ready = poll(fds, 2, wait_ms(pri));
		if (ready < 0 && errno != EINTR)
			exit(3);
		if ((event = pri_schedule_run(pri)))
			report(pri, event);
		if (ready > 0 && fds[0].revents)
			read_socket();
		if (ready > 0 && fds[1].revents)
			read_commands(pri);
	}
}

static void complain(struct pri *pri, char *text)
{
	(void)pri;
	fputs(text, stderr);
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct pri *pri;

	if (argc != 3) {
		fprintf(stderr, "usage: pri_frames SOCKET net|cpe\n");
		return 2;
	}
	strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
	socket_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(socket_fd, (struct sockaddr *)&address, sizeof address)) {
		perror(argv[1]);
		return 1;
	}
	pri_set_message(complain);
	pri_set_error(complain);
	pri = pri_new_cb(socket_fd, !strcmp(argv[2], "net") ? PRI_NETWORK : PRI_CPE, PRI_SWITCH_EUROISDN_E1, read_frame,
			 write_frame, NULL);
	if (!pri)
		return 1;
	pri_set_overlapdial(pri, 1);
	run(pri);
}
