/* A telephone exchange for tests: primary rate ISDN by libpri, speech on every B-channel, at the far end of a simulated
 * span (docs/sim-line.md). It calls, is called, sends keys and noise, and records both directions of every call.
 *
 *   pri_exchange SOCKET net|user DIRECTORY
 *
 * Commands, one a line on standard input (ID is any word; calls received are named in1, in2, ...):
 *   call ID CALLED CALLING CHANNEL|any     set up a call ("-" as CALLING: no number)
 *   alert ID | answer ID | hangup ID CAUSE
 *   dtmf ID DIGITS                         80 ms on, 80 ms off, over whatever is played
 *   play ID FILE|noise:SEED|silence        FILE: octets as on the line; *.sln and *.wav: 16 bits, 8 kHz
 *   auto ACTION | policy PREFIX ACTION     what becomes of calls received: the longest PREFIX of the called number
 *                                          decides, else auto, which is manual at first. ACTION is one of
 *     manual                               only told: alert, answer, hangup by command
 *     answer MS [SOURCE|- [HANGUP_MS]]     alert, answer after MS, play SOURCE (as play; noise:called and
 *                                          noise:calling take the number as seed), hang up HANGUP_MS later
 *     ring                                 alert and never answer
 *     noanswer MS                          alert, hang up after MS with cause 19
 *     busy | unallocated | congestion      hang up with cause 17, 1 or 34
 *     cause N                              hang up with cause N
 *   restart [CHANNEL]                      RESTART one channel, or all in turn
 *   relink                                 set up the data link anew
 *   garbage N                              send N frames of chance octets on the D-channel
 *   alarm red|yellow|ais|none              what the line shows
 *   drop | connect                         vanish with all calls; come back knowing none, with call references from 1
 *                                          again: call only when the other side has found that out, or restart
 *   quit
 *
 * Events, one a line on standard output, each begins with the card's sample time:
 *   HELLO kind channels law pace span | DCHAN up|down | GONE (the card; all calls are cleared)
 *   CALLING id channel | PROCEEDING id channel | PROGRESS id | ALERTING id | ANSWERED id
 *   RING id called calling channel
 *   HANGUP id cause (the far end clears) | CLEARED id (the call is over, its files are complete)
 *   SENT id (all digits are out) | PLAYED id (the file is out) | RESTART channel | RESTARTED channel
 *   ALARMS bits | MISSED samples (the card's time jumped) | ERROR text
 *
 * In DIRECTORY: call-ID.rx and call-ID.tx, octets as on the line from the channel being known to the call being over;
 * call-ID.idx, a line "SAMPLE CHANNEL" for the first octet of both (again whenever the channel changes).
 *
 * Timers of calls run in card time, so that a slow test is still a right one; libpri's run by gettimeofday, as it wants.
 * The program is linked with libpri (GPL version 2): it is a test peer and no part of the product.
 * Limits: 128 calls at once; E1 or T1 with frames (mode 1); en-bloc sending only; libpri starts no T301, T302, T304, T310.
 */
#include <errno.h>
#include <libpri.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_CALLS 128
#define MAX_POLICIES 64
#define MAX_CHANNELS 31
#define MAX_FRAME 284
#define MAX_MESSAGE 1024
#define CHUNK 8
#define RATE_PER_MS 8
#define WORD 64
#define NUMBER 256
#define SOURCE_NAME 256
#define CONNECT_PATIENCE_MS 10000

enum message { M_HELLO = 1, M_TICK = 2, M_FRAME = 3, M_ALARMS = 4 };

enum action { A_MANUAL, A_ANSWER, A_RING, A_CAUSE };

struct policy {
	char prefix[WORD];
	enum action action;
	long after_ms; /* answer or hang up this long after alerting; -1: at once, without alerting */
	int cause;
	char source[SOURCE_NAME];
	long hangup_ms; /* after answering; -1: never */
};

/* What a call plays: a file in memory or noise. */
struct player {
	unsigned char *octets; /* of a file; NULL if none */
	size_t length, at;
	int noise; /* 1: noise from the seed */
	uint32_t state, burst;
	int32_t smooth;
	uint64_t n;
};

struct dtmf {
	char digits[WORD];
	size_t at;
	int sample; /* within the digit */
	int on;
};

struct call {
	int used;
	char id[WORD], called[NUMBER], calling[NUMBER];
	q931_call *pri;
	int channel; /* 0: not known */
	int incoming, alerted, answered, clearing;
	const struct policy *policy;
	uint64_t due_answer, due_hangup; /* sample times; 0: none */
	int due_cause;
	char source[SOURCE_NAME]; /* to be played on answering */
	struct player player;
	struct dtmf dtmf;
	FILE *rx, *tx, *idx;
};

static int sock = -1, node, linear_law_mu;
static int channels, d_channel;
static uint64_t now; /* the card's sample time */
static int ticked;
static const char *path, *directory;
static struct pri *pri;
static struct call calls[MAX_CALLS];
static struct policy policies[MAX_POLICIES], automatic = { .action = A_MANUAL, .after_ms = -1, .hangup_ms = -1 };
static int policy_count, incoming_count, restarting;
static uint32_t garbage_state = 1;
static unsigned char in[1 << 16];
static size_t in_length;
static unsigned char frames[256][MAX_FRAME]; /* received, not yet taken by libpri */
static int frame_length[256];
static unsigned frame_head, frame_tail;

static void tell(const char *format, ...)
{
	va_list list;
	va_start(list, format);
	printf("%llu ", (unsigned long long)now);
	vprintf(format, list);
	putchar('\n');
	fflush(stdout);
	va_end(list);
}

/* ---- the line ---- */

static void vanish(void)
{
	if (sock >= 0)
		close(sock);
	sock = -1;
}

/* The card is gone: the main loop clears the calls. */
static void gone(void)
{
	if (sock >= 0)
		tell("GONE");
	vanish();
}

static void send_message(enum message type, const void *body, size_t length)
{
	unsigned char out[MAX_MESSAGE];
	size_t at = 0, total = length + 3;
	if (sock < 0 || total > sizeof out)
		return;
	out[0] = (length + 1) & 255;
	out[1] = (length + 1) >> 8;
	out[2] = type;
	memcpy(out + 3, body, length);
	while (at < total) {
		ssize_t sent = send(sock, out + at, total - at, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0) {
			gone();
			return;
		}
		at += sent;
	}
}

/* libpri wants two octets more in every frame than there are: the check sequence, which it does not look at. */
static int pri_read(struct pri *p, void *buffer, int length)
{
	(void)p;
	if (frame_head == frame_tail)
		return 0;
	unsigned slot = frame_tail++ % 256;
	int octets = frame_length[slot];
	if (octets + 2 > length)
		return 0;
	memcpy(buffer, frames[slot], octets);
	memset((char *)buffer + octets, 0, 2);
	return octets + 2;
}

static int pri_write(struct pri *p, void *buffer, int length)
{
	(void)p;
	if (length > 2 && length - 2 <= MAX_FRAME)
		send_message(M_FRAME, buffer, length - 2);
	return length;
}

static void pri_text(struct pri *p, char *text)
{
	(void)p;
	fputs(text, stderr);
}

/* ---- A-law and mu-law, ITU-T G.711 ---- */

static unsigned char encode(double value)
{
	int sample = (int)lrint(value < -32768 ? -32768 : value > 32767 ? 32767 : value);
	int positive = sample >= 0, segment = 0;
	int magnitude = positive ? sample : ~sample;
	if (linear_law_mu) {
		magnitude = (magnitude >> 2) + 33;
		if (magnitude > 0x1FFF)
			magnitude = 0x1FFF;
		while (magnitude >> (segment + 6))
			segment++;
		return (segment << 4 | ((magnitude >> (segment + 1)) & 15)) ^ (positive ? 0xFF : 0x7F);
	}
	magnitude >>= 4;
	while (magnitude >> (segment + 4))
		segment++;
	int interval = segment ? magnitude >> (segment - 1) & 15 : magnitude;
	return (segment << 4 | interval) ^ (positive ? 0xD5 : 0x55);
}

static unsigned char idle_octet(void)
{
	return linear_law_mu ? 0xFF : 0xD5;
}

/* ---- what calls play ---- */

static uint32_t chance(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state;
}

/* Bursts of 128 ms of low-passed noise at four loudnesses; whole numbers only, so that a test can make the same samples
 * (tandem-hw-tests, audio::Noise). Never silent, so that a gap is a gap. */
static int noise_sample(struct player *player)
{
	if (player->n++ % 1024 == 0)
		player->burst = 1 + (chance(&player->state) >> 30);
	int32_t white = (int32_t)chance(&player->state) >> 17;
	player->smooth += (white - player->smooth) >> 1;
	return player->smooth * (int32_t)player->burst / 4;
}

static void stop_player(struct player *player)
{
	free(player->octets);
	memset(player, 0, sizeof *player);
}

static int ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);
	return length >= tail && !strcmp(text + length - tail, end);
}

static int load_file(struct player *player, const char *name)
{
	FILE *file = fopen(name, "rb");
	if (!file)
		return 0;
	fseek(file, 0, SEEK_END);
	long length = ftell(file), header = ends_with(name, ".wav") ? 44 : 0;
	unsigned char *octets = length > header ? malloc(length) : NULL;
	rewind(file);
	if (!octets || fread(octets, 1, length, file) != (size_t)length) {
		free(octets);
		fclose(file);
		return 0;
	}
	fclose(file);
	if (header || ends_with(name, ".sln")) {
		long samples = (length - header) / 2;
		for (long n = 0; n < samples; n++) {
			const unsigned char *two = octets + header + 2 * n;
			octets[n] = encode((int16_t)(two[0] | two[1] << 8)); /* behind what is still to be read */
		}
		length = samples;
	}
	player->octets = octets;
	player->length = length;
	return 1;
}

static void play(struct call *call, const char *source)
{
	stop_player(&call->player);
	if (!strcmp(source, "silence") || !strcmp(source, "-"))
		return;
	if (strncmp(source, "noise:", 6)) {
		if (!load_file(&call->player, source))
			tell("ERROR call %s: cannot read %s", call->id, source);
		return;
	}
	const char *seed = source + 6;
	if (!strcmp(seed, "called"))
		seed = call->called;
	else if (!strcmp(seed, "calling"))
		seed = call->calling;
	call->player.noise = 1;
	call->player.state = (uint32_t)strtoull(seed, NULL, 10);
}

static double key_sample(struct dtmf *dtmf)
{
	static const char keys[] = "123A456B789C*0#D";
	static const double rows[] = { 697, 770, 852, 941 }, columns[] = { 1209, 1336, 1477, 1633 };
	const double row_amplitude = 22827 * pow(10, -9 / 20.0), column_amplitude = 22827 * pow(10, -7 / 20.0);
	const char *key = strchr(keys, dtmf->digits[dtmf->at]);
	int length = 80 * RATE_PER_MS, n = dtmf->sample++;
	if (dtmf->sample == 2 * length) {
		dtmf->sample = 0;
		dtmf->at++;
	}
	if (!key || n >= length)
		return 0;
	int k = key - keys;
	double t = 2 * M_PI * n / 8000;
	return row_amplitude * sin(t * rows[k / 4]) + column_amplitude * sin(t * columns[k % 4]);
}

static unsigned char next_octet(struct call *call)
{
	struct player *player = &call->player;
	unsigned char octet = idle_octet();
	if (player->noise) {
		octet = encode(noise_sample(player));
	} else if (player->octets) {
		octet = player->octets[player->at++];
		if (player->at == player->length) {
			stop_player(player);
			tell("PLAYED %s", call->id);
		}
	}
	if (call->dtmf.on) {
		octet = encode(key_sample(&call->dtmf));
		if (!call->dtmf.digits[call->dtmf.at]) {
			call->dtmf.on = 0;
			tell("SENT %s", call->id);
		}
	}
	return octet;
}

/* ---- calls ---- */

static struct call *find_id(const char *id)
{
	for (int i = 0; i < MAX_CALLS; i++)
		if (calls[i].used && !strcmp(calls[i].id, id))
			return &calls[i];
	return NULL;
}

static struct call *find_pri(q931_call *one)
{
	for (int i = 0; one && i < MAX_CALLS; i++)
		if (calls[i].used && calls[i].pri == one)
			return &calls[i];
	return NULL;
}

static struct call *find_channel(int channel)
{
	for (int i = 0; i < MAX_CALLS; i++)
		if (calls[i].used && calls[i].channel == channel)
			return &calls[i];
	return NULL;
}

static FILE *open_record(const struct call *call, const char *kind)
{
	char name[1024];
	snprintf(name, sizeof name, "%s/call-%s.%s", directory, call->id, kind);
	FILE *file = fopen(name, "wb");
	if (!file)
		tell("ERROR cannot write %s", name);
	return file;
}

static struct call *new_call(const char *id)
{
	for (int i = 0; i < MAX_CALLS; i++) {
		struct call *call = &calls[i];
		if (call->used)
			continue;
		memset(call, 0, sizeof *call);
		call->used = 1;
		snprintf(call->id, sizeof call->id, "%s", id);
		strcpy(call->source, "-");
		call->rx = open_record(call, "rx");
		call->tx = open_record(call, "tx");
		call->idx = open_record(call, "idx");
		return call;
	}
	tell("ERROR more than %d calls", MAX_CALLS);
	return NULL;
}

/* The channel of a call is known or has changed: recording goes on from the next tick. */
static void use_channel(struct call *call, int pri_channel)
{
	int channel = pri_channel & 0xFF;
	if (pri_channel < 0 || channel < 1 || channel > channels || channel == call->channel)
		return;
	call->channel = channel;
	if (call->idx) {
		fprintf(call->idx, "%llu %d\n", (unsigned long long)(now + (ticked ? CHUNK : 0)), channel);
		fflush(call->idx);
	}
}

static void end_call(struct call *call)
{
	if (call->rx)
		fclose(call->rx);
	if (call->tx)
		fclose(call->tx);
	if (call->idx)
		fclose(call->idx);
	stop_player(&call->player);
	call->used = 0;
	tell("CLEARED %s", call->id);
}

static void hang_up(struct call *call, int cause)
{
	call->due_answer = call->due_hangup = 0;
	if (call->clearing)
		return;
	call->clearing = 1;
	pri_hangup(pri, call->pri, cause);
}

static void alert(struct call *call)
{
	if (!call->alerted)
		pri_acknowledge(pri, call->pri, call->channel, 0);
	call->alerted = 1;
}

static void answer(struct call *call)
{
	call->due_answer = 0;
	if (call->answered || call->clearing)
		return;
	call->answered = 1;
	pri_answer(pri, call->pri, call->channel, 0);
	play(call, call->source);
	if (call->policy && call->policy->hangup_ms >= 0) {
		call->due_hangup = now + call->policy->hangup_ms * RATE_PER_MS + 1;
		call->due_cause = PRI_CAUSE_NORMAL_CLEARING;
	}
}

static const struct policy *policy_for(const char *called)
{
	const struct policy *best = &automatic;
	size_t longest = 0;
	for (int i = 0; i < policy_count; i++) {
		size_t length = strlen(policies[i].prefix);
		if (length >= longest && !strncmp(called, policies[i].prefix, length)) {
			best = &policies[i];
			longest = length;
		}
	}
	return best;
}

static void ring(pri_event_ring *event)
{
	char id[WORD];
	snprintf(id, sizeof id, "in%d", ++incoming_count);
	struct call *call = new_call(id);
	if (!call) {
		pri_hangup(pri, event->call, PRI_CAUSE_SWITCH_CONGESTION);
		return;
	}
	call->pri = event->call;
	call->incoming = 1;
	snprintf(call->called, sizeof call->called, "%s", event->callednum);
	snprintf(call->calling, sizeof call->calling, "%s", event->callingnum);
	use_channel(call, event->channel);
	tell("RING %s %s %s %d", call->id, *call->called ? call->called : "-", *call->calling ? call->calling : "-",
	     call->channel);
	const struct policy *policy = call->policy = policy_for(call->called);
	pri_proceeding(pri, call->pri, call->channel, 0);
	switch (policy->action) {
	case A_MANUAL:
		break;
	case A_ANSWER:
		snprintf(call->source, sizeof call->source, "%s", policy->source);
		alert(call);
		call->due_answer = now + policy->after_ms * RATE_PER_MS + 1;
		break;
	case A_RING:
		alert(call);
		break;
	case A_CAUSE:
		if (policy->after_ms < 0) {
			hang_up(call, policy->cause);
			break;
		}
		alert(call);
		call->due_hangup = now + policy->after_ms * RATE_PER_MS + 1;
		call->due_cause = policy->cause;
		break;
	}
}

static void restart_next(void)
{
	while (restarting && ++restarting <= channels)
		if (restarting != d_channel) {
			pri_reset(pri, restarting);
			return;
		}
	restarting = 0;
}

static void handle_event(pri_event *event)
{
	struct call *call;
	switch (event->e) {
	case PRI_EVENT_DCHAN_UP:
		tell("DCHAN up");
		break;
	case PRI_EVENT_DCHAN_DOWN:
		tell("DCHAN down");
		break;
	case PRI_EVENT_RING:
		ring(&event->ring);
		break;
	case PRI_EVENT_PROCEEDING:
	case PRI_EVENT_PROGRESS:
		if ((call = find_pri(event->proceeding.call))) {
			use_channel(call, event->proceeding.channel);
			if (event->e == PRI_EVENT_PROCEEDING)
				tell("PROCEEDING %s %d", call->id, call->channel);
			else
				tell("PROGRESS %s", call->id);
		}
		break;
	case PRI_EVENT_SETUP_ACK:
		if ((call = find_pri(event->setup_ack.call))) {
			use_channel(call, event->setup_ack.channel);
			tell("SETUPACK %s %d", call->id, call->channel);
		}
		break;
	case PRI_EVENT_RINGING:
		if ((call = find_pri(event->ringing.call))) {
			use_channel(call, event->ringing.channel);
			tell("ALERTING %s", call->id);
		}
		break;
	case PRI_EVENT_ANSWER:
		if ((call = find_pri(event->answer.call))) {
			use_channel(call, event->answer.channel);
			call->answered = 1;
			tell("ANSWERED %s", call->id);
		}
		break;
	case PRI_EVENT_HANGUP_REQ: /* DISCONNECT: our pri_hangup sends RELEASE, HANGUP_ACK follows */
		if ((call = find_pri(event->hangup.call))) {
			tell("HANGUP %s %d", call->id, event->hangup.cause);
			call->clearing = 1;
			call->due_answer = call->due_hangup = 0;
		}
		pri_hangup(pri, event->hangup.call, event->hangup.cause);
		break;
	case PRI_EVENT_HANGUP: /* RELEASE or worse: our pri_hangup ends it */
	case PRI_EVENT_HANGUP_ACK:
		call = find_pri(event->hangup.call);
		if (call && !call->clearing)
			tell("HANGUP %s %d", call->id, event->hangup.cause);
		if (event->e == PRI_EVENT_HANGUP)
			pri_hangup(pri, event->hangup.call, event->hangup.cause);
		if (call)
			end_call(call);
		break;
	case PRI_EVENT_RESTART:
		tell("RESTART %d", event->restart.channel);
		for (int i = 0; i < MAX_CALLS; i++) {
			call = &calls[i];
			if (!call->used || (event->restart.channel >= 0 && call->channel != (event->restart.channel & 0xFF)))
				continue;
			pri_destroycall(pri, call->pri);
			end_call(call);
		}
		break;
	case PRI_EVENT_RESTART_ACK:
		tell("RESTARTED %d", event->restartack.channel);
		restart_next();
		break;
	case PRI_EVENT_CONFIG_ERR:
		tell("ERROR %s", event->err.err);
		break;
	default: /* information, facility, notify, service, hold: told by libpri's name, nothing is done */
		tell("OTHER %s", pri_event2str(event->e));
		break;
	}
}

/* ---- time ---- */

static void tick(const unsigned char *body, size_t length)
{
	unsigned char reply[8 + MAX_CHANNELS * CHUNK];
	uint64_t time = 0;
	if (length != 8 + (size_t)channels * CHUNK) {
		tell("ERROR a tick of %zu octets for %d channels", length, channels);
		return;
	}
	for (int i = 7; i >= 0; i--)
		time = time << 8 | body[i];
	uint64_t missed = ticked && time > now + CHUNK ? time - now - CHUNK : 0;
	if (missed)
		tell("MISSED %llu", (unsigned long long)missed);
	now = time;
	ticked = 1;
	memcpy(reply, body, 8);
	memset(reply + 8, idle_octet(), (size_t)channels * CHUNK);
	for (int i = 0; i < MAX_CALLS; i++) {
		struct call *call = &calls[i];
		if (!call->used || !call->channel)
			continue;
		const unsigned char *heard = body + 8 + (call->channel - 1) * CHUNK;
		unsigned char *said = reply + 8 + (call->channel - 1) * CHUNK;
		for (uint64_t n = 0; n < missed && n < 8000 * 60; n++) { /* recordings keep their time */
			if (call->rx)
				putc(idle_octet(), call->rx);
			if (call->tx)
				putc(idle_octet(), call->tx);
		}
		for (int n = 0; n < CHUNK; n++)
			said[n] = next_octet(call);
		if (call->rx)
			fwrite(heard, 1, CHUNK, call->rx);
		if (call->tx)
			fwrite(said, 1, CHUNK, call->tx);
	}
	send_message(M_TICK, reply, 8 + (size_t)channels * CHUNK);
	for (int i = 0; i < MAX_CALLS; i++) {
		struct call *call = &calls[i];
		if (call->used && call->due_answer && now >= call->due_answer)
			answer(call);
		if (call->used && call->due_hangup && now >= call->due_hangup)
			hang_up(call, call->due_cause);
	}
}

static void take_frame(const unsigned char *body, size_t length)
{
	if (length > MAX_FRAME || frame_head - frame_tail == 256) {
		tell("ERROR a frame of %zu octets is dropped", length);
		return;
	}
	unsigned slot = frame_head++ % 256;
	memcpy(frames[slot], body, length);
	frame_length[slot] = (int)length;
}

static void run_pri(void)
{
	while (pri && frame_head != frame_tail) {
		pri_event *event = pri_check_event(pri);
		if (event)
			handle_event(event);
	}
}

static void run_timers(void)
{
	struct timeval time, *next;
	while (pri && (next = pri_schedule_next(pri))) {
		gettimeofday(&time, NULL);
		if (next->tv_sec > time.tv_sec || (next->tv_sec == time.tv_sec && next->tv_usec > time.tv_usec))
			return;
		pri_event *event = pri_schedule_run(pri);
		if (event)
			handle_event(event);
	}
}

static int milliseconds_to_timer(void)
{
	struct timeval time, *next = pri ? pri_schedule_next(pri) : NULL;
	if (!next)
		return 1000;
	gettimeofday(&time, NULL);
	long wait = (next->tv_sec - time.tv_sec) * 1000 + (next->tv_usec - time.tv_usec) / 1000 + 1;
	return wait < 0 ? 0 : wait > 1000 ? 1000 : (int)wait;
}

static void hello(const unsigned char *body, size_t length)
{
	const unsigned char reply[2] = { 1, 1 };
	if (length != 8 || body[0] != 1 || body[1] > 1 || body[2] > MAX_CHANNELS || !body[5]) {
		tell("ERROR no E1 or T1 with a D-channel, version 1, is here");
		exit(3);
	}
	channels = body[2];
	linear_law_mu = body[3] == 1;
	d_channel = body[5];
	send_message(M_HELLO, reply, sizeof reply);
	tell("HELLO %s %d %s %s %d", body[1] ? "T1" : "E1", channels, linear_law_mu ? "mu" : "A",
	     body[4] == 0 ? "wall" : body[4] == 1 ? "lockstep" : "virtual", body[6] | body[7] << 8);
	pri = pri_new_cb(0, node, body[1] ? PRI_SWITCH_EUROISDN_T1 : PRI_SWITCH_EUROISDN_E1, pri_read, pri_write, NULL);
	if (!pri) {
		tell("ERROR libpri refuses");
		exit(3);
	}
	pri_hangup_fix_enable(pri, 1);
}

static void message(int type, const unsigned char *body, size_t length)
{
	switch (type) {
	case M_HELLO:
		hello(body, length);
		break;
	case M_TICK:
		tick(body, length);
		break;
	case M_FRAME:
		take_frame(body, length);
		break;
	case M_ALARMS:
		tell("ALARMS %d", length ? body[0] : 0);
		break;
	default: /* bits, hook, ring, polarity, slip mean nothing on this line */
		break;
	}
}

static void read_line_socket(void)
{
	ssize_t got = recv(sock, in + in_length, sizeof in - in_length, 0);
	if (got < 0 && errno == EINTR)
		return;
	if (got <= 0) {
		gone();
		return;
	}
	in_length += got;
	size_t at = 0;
	while (sock >= 0 && in_length - at >= 3) {
		size_t length = in[at] | in[at + 1] << 8;
		if (length == 0 || in_length - at < length + 2)
			break;
		message(in[at + 2], in + at + 3, length - 1);
		run_pri();
		at += length + 2;
	}
	memmove(in, in + at, in_length - at);
	in_length -= at;
}

static int attach(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof address.sun_path) {
		tell("ERROR the socket's path is too long");
		return 0;
	}
	strcpy(address.sun_path, path);
	for (int waited = 0; waited < CONNECT_PATIENCE_MS; waited += 20) { /* the card may start later than we */
		sock = socket(AF_UNIX, SOCK_STREAM, 0);
		if (sock >= 0 && connect(sock, (struct sockaddr *)&address, sizeof address) == 0)
			return 1;
		vanish();
		usleep(20000);
	}
	tell("ERROR cannot connect to %s", path);
	return 0;
}

/* libpri has no call to free a controller: a dropped one is left behind. */
static void drop(void)
{
	vanish();
	for (int i = 0; i < MAX_CALLS; i++)
		if (calls[i].used)
			end_call(&calls[i]);
	pri = NULL;
	in_length = 0;
	frame_head = frame_tail = 0;
	restarting = ticked = 0;
}

/* ---- commands ---- */

static void command_call(const char *id, const char *called, const char *calling, const char *where)
{
	int any = !strcmp(where, "any"), channel = any ? 0 : atoi(where);
	for (int c = 1; any && c <= channels && !channel; c++) {
		int candidate = node == PRI_NETWORK ? c : channels + 1 - c; /* from opposite ends, against glare */
		if (candidate != d_channel && !find_channel(candidate))
			channel = candidate;
	}
	if (!pri || find_id(id) || channel < 1 || channel > channels || channel == d_channel) {
		tell("ERROR call %s: no line, the name is taken, or no such channel is free", id);
		return;
	}
	struct call *call = new_call(id);
	if (!call)
		return;
	snprintf(call->called, sizeof call->called, "%s", called);
	snprintf(call->calling, sizeof call->calling, "%s", strcmp(calling, "-") ? calling : "");
	call->pri = pri_new_call(pri);
	struct pri_sr *request = pri_sr_new();
	pri_sr_set_channel(request, channel, !any, 0);
	pri_sr_set_bearer(request, PRI_TRANS_CAP_3_1K_AUDIO, linear_law_mu ? PRI_LAYER_1_ULAW : PRI_LAYER_1_ALAW);
	pri_sr_set_called(request, call->called, PRI_UNKNOWN, 1);
	if (*call->calling)
		pri_sr_set_caller(request, call->calling, NULL, PRI_NATIONAL_ISDN, PRES_ALLOWED_NETWORK_NUMBER);
	int refused = !call->pri || pri_setup(pri, call->pri, request);
	pri_sr_free(request);
	if (refused) {
		tell("ERROR call %s: libpri refuses", id);
		end_call(call);
		return;
	}
	use_channel(call, channel);
	tell("CALLING %s %d", call->id, channel);
}

static int parse_action(struct policy *policy, char *action, char *rest)
{
	static const struct { const char *name; int cause; } causes[] = {
		{ "busy", PRI_CAUSE_USER_BUSY },
		{ "unallocated", PRI_CAUSE_UNALLOCATED },
		{ "congestion", PRI_CAUSE_NORMAL_CIRCUIT_CONGESTION },
	};
	policy->action = A_CAUSE;
	policy->after_ms = policy->hangup_ms = -1;
	strcpy(policy->source, "-");
	for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
		if (!strcmp(action, causes[i].name)) {
			policy->cause = causes[i].cause;
			return 1;
		}
	if (!strcmp(action, "cause"))
		return sscanf(rest, "%d", &policy->cause) == 1;
	if (!strcmp(action, "noanswer")) {
		policy->cause = PRI_CAUSE_NO_ANSWER;
		return sscanf(rest, "%ld", &policy->after_ms) == 1 && policy->after_ms >= 0;
	}
	policy->action = A_ANSWER;
	if (!strcmp(action, "answer"))
		return sscanf(rest, "%ld %255s %ld", &policy->after_ms, policy->source, &policy->hangup_ms) >= 1 &&
		       policy->after_ms >= 0;
	policy->action = A_RING;
	if (!strcmp(action, "ring"))
		return 1;
	policy->action = A_MANUAL;
	return !strcmp(action, "manual");
}

static void command_policy(const char *prefix, char *text)
{
	char action[WORD];
	int used = 0;
	struct policy policy = { .prefix = "" };
	if (sscanf(text, "%63s%n", action, &used) != 1 || !parse_action(&policy, action, text + used)) {
		tell("ERROR no such action: %s", text);
		return;
	}
	if (!prefix) {
		automatic = policy;
		return;
	}
	if (policy_count == MAX_POLICIES) {
		tell("ERROR more than %d policies", MAX_POLICIES);
		return;
	}
	snprintf(policy.prefix, sizeof policy.prefix, "%s", prefix);
	policies[policy_count++] = policy;
}

static void command_garbage(int count)
{
	unsigned char frame[64];
	for (int i = 0; i < count; i++) {
		size_t length = 1 + (chance(&garbage_state) >> 16) % sizeof frame;
		for (size_t n = 0; n < length; n++)
			frame[n] = chance(&garbage_state) >> 24;
		send_message(M_FRAME, frame, length);
	}
}

static void command_alarm(const char *name)
{
	static const char *const names[] = { "none", "red", "yellow", "", "ais" };
	for (unsigned char bits = 0; bits < 5; bits++)
		if (*names[bits] && !strcmp(name, names[bits])) {
			send_message(M_ALARMS, &bits, 1);
			return;
		}
	tell("ERROR no such alarm: %s", name);
}

static void command_restart(const char *channel)
{
	if (!pri)
		return;
	if (*channel) {
		pri_reset(pri, atoi(channel));
		return;
	}
	restarting = 1;
	if (d_channel != 1)
		pri_reset(pri, 1);
	else
		restart_next();
}

/* Commands that name a call. Returns 0 if there is no such command. */
static int call_command(const char *verb, struct call *call, const char *argument)
{
	if (!strcmp(verb, "hangup")) {
		hang_up(call, *argument ? atoi(argument) : PRI_CAUSE_NORMAL_CLEARING);
	} else if (!strcmp(verb, "answer")) {
		answer(call);
	} else if (!strcmp(verb, "alert")) {
		alert(call);
	} else if (!strcmp(verb, "play")) {
		play(call, argument);
	} else if (!strcmp(verb, "dtmf")) {
		memset(&call->dtmf, 0, sizeof call->dtmf);
		snprintf(call->dtmf.digits, sizeof call->dtmf.digits, "%s", argument);
		call->dtmf.on = *call->dtmf.digits != 0;
	} else {
		return 0;
	}
	return 1;
}

static void command(char *line)
{
	char verb[WORD] = "", a[WORD] = "", b[SOURCE_NAME] = "", c[WORD] = "", d[WORD] = "";
	int after_verb = 0, after_a = 0;
	sscanf(line, "%63s%n %63s%n %255s %63s %63s", verb, &after_verb, a, &after_a, b, c, d);
	struct call *call = find_id(a);
	if (!*verb)
		return;
	if (!strcmp(verb, "quit")) {
		drop();
		exit(0);
	} else if (!strcmp(verb, "call") && *d) {
		command_call(a, b, c, d);
	} else if (!strcmp(verb, "auto") && *a) {
		command_policy(NULL, line + after_verb);
	} else if (!strcmp(verb, "policy") && *b) {
		command_policy(a, line + after_a);
	} else if (!strcmp(verb, "restart")) {
		command_restart(a);
	} else if (!strcmp(verb, "relink")) {
		if (pri)
			pri_restart(pri);
	} else if (!strcmp(verb, "garbage")) {
		command_garbage(atoi(a));
	} else if (!strcmp(verb, "alarm")) {
		command_alarm(a);
	} else if (!strcmp(verb, "drop")) {
		drop();
	} else if (!strcmp(verb, "connect")) {
		if (sock < 0)
			attach();
	} else if (!call || !pri || !call_command(verb, call, b)) {
		tell("ERROR not understood or no such call: %s", line);
	}
}

/* Reads what there is on standard input and obeys each whole line; at its end the exchange ends. */
static void read_commands(void)
{
	static char text[4096];
	static size_t length;
	ssize_t got = read(0, text + length, sizeof text - length - 1);
	if (got < 0 && errno == EINTR)
		return;
	if (got <= 0) {
		drop();
		exit(0);
	}
	length += got;
	text[length] = 0;
	char *start = text, *end;
	while ((end = strchr(start, '\n'))) {
		*end = 0;
		command(start);
		start = end + 1;
	}
	length -= start - text;
	memmove(text, start, length);
	if (length == sizeof text - 1)
		length = 0; /* no command is that long */
}

int main(int count, char **arguments)
{
	if (count != 4 || (strcmp(arguments[2], "net") && strcmp(arguments[2], "user"))) {
		fprintf(stderr, "usage: pri_exchange SOCKET net|user DIRECTORY\n");
		return 2;
	}
	path = arguments[1];
	node = strcmp(arguments[2], "net") ? PRI_CPE : PRI_NETWORK;
	directory = arguments[3];
	signal(SIGPIPE, SIG_IGN);
	pri_set_message(pri_text);
	pri_set_error(pri_text);
	if (!attach())
		return 1;
	for (;;) {
		struct pollfd ready[2] = { { .fd = 0, .events = POLLIN }, { .fd = sock, .events = POLLIN } };
		int waited = poll(ready, sock < 0 ? 1 : 2, milliseconds_to_timer());
		if (waited < 0 && errno != EINTR)
			return 1;
		if (waited > 0 && sock >= 0 && ready[1].revents)
			read_line_socket();
		if (waited > 0 && ready[0].revents)
			read_commands();
		if (sock < 0 && pri)
			drop();
		run_timers();
	}
}
