// SPDX-License-Identifier: GPL-2.0
/* The runner of comparisons; see compare.h */
#include <arpa/inet.h>
#include <err.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "compare.h"

#define RUN_SECONDS	30

static struct cmp_case *cases, **cases_end = &cases;
static struct ttp_wire wire;
static int next_port = 6000;
static bool verbose;

void cmp_add(struct cmp_case *c)
{
	if (c->n_diffs > CMP_DIFFS_MAX)
		errx(1, "%s: too many differences", c->name);
	*cases_end = c;
	cases_end = &c->next;
}

/* ---- running ---- */

static void ip_address(const struct ttp_node *node, uint32_t ip)
{
	struct ifreq q = { .ifr_name = "wire0" };
	struct sockaddr_in *in = (void *)&q.ifr_addr;
	int fd;

	ttp_enter(node);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(ip);
	if (fd < 0 || ioctl(fd, SIOCSIFADDR, &q))
		err(1, "SIOCSIFADDR");
	in->sin_addr.s_addr = htonl(0xffffff00);
	if (ioctl(fd, SIOCSIFNETMASK, &q))
		err(1, "SIOCSIFNETMASK");
	strcpy(q.ifr_name, "lo");
	q.ifr_flags = IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &q))
		err(1, "SIOCSIFFLAGS");
	close(fd);
}

static char *new_text(size_t **bytes)
{
	char *p = mmap(NULL, sizeof(size_t) + CMP_TEXT_MAX, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		err(1, "mmap");
	*bytes = (size_t *)p;
	return p + sizeof(size_t);
}

/* The whole group of a run that does not end goes with it */
static bool run_once(const struct cmp_case *c, struct cmp *r)
{
	long left = 1000L * RUN_SECONDS * ttp_slow();
	int status;
	pid_t pid;

	*r->bytes = 0;
	memset(r->text, 0, CMP_TEXT_MAX);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		at_dialer(r);
		c->run(r);
		_exit(0);
	}
	if (pid < 0)
		err(1, "fork");
	while (!waitpid(pid, &status, WNOHANG)) {
		ttp_sleep_ms(2);
		left -= 2;
		if (left > 0)
			continue;
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		notef(r, "no end after %d s", RUN_SECONDS * ttp_slow());
		kill(-pid, SIGKILL);
		return false;
	}
	kill(-pid, SIGKILL);
	if (WIFSIGNALED(status))
		notef(r, "killed by signal %d", WTERMSIG(status));
	/* Whoever was killed in the middle of a line has left a hole. */
	return strlen(r->text) == *r->bytes &&
	       (!WIFEXITED(status) || !WEXITSTATUS(status));
}

/* The line at *at, which is moved on; NULL: no more */
static char *next_line(char **at)
{
	char *line = *at, *end = strchr(line, '\n');

	if (!end)
		return NULL;
	*at = end + 1;
	return line;
}

static bool line_is(const char *line, const char *want)
{
	size_t n = want ? strlen(want) : 0;

	return line && want && !strncmp(line, want, n) && line[n] == '\n';
}

static bool lines_equal(const char *a, const char *b)
{
	size_t n = strcspn(a, "\n");

	return n == strcspn(b, "\n") && !memcmp(a, b, n);
}

static const struct cmp_diff *find_diff(const struct cmp_case *c, int on,
					const char *m, const char *t)
{
	const struct cmp_diff *d;

	for (d = c->diffs; d < c->diffs + c->n_diffs; d++)
		if ((!d->on || d->on == on) &&
		    (!d->model || line_is(m, d->model)) &&
		    (!d->ttp || line_is(t, d->ttp)))
			return d;
	return NULL;
}

static void say_line(const char *who, const char *line)
{
	printf("# %s %.*s\n", who, line ? (int)strcspn(line, "\n") : 14,
	       line ? line : "(nothing more)");
}

/* Compare the transcripts. Return: how many lines differ without a reason */
static int compare(const struct cmp_case *c, int on, char *m, char *t,
		   unsigned long *used)
{
	const struct cmp_diff *d;
	char *mline, *tline;
	int bad = 0;

	for (;;) {
		char *m_at = m, *t_at = t;

		mline = next_line(&m_at);
		tline = next_line(&t_at);
		if (!mline && !tline)
			return bad;
		d = NULL;
		if (!mline || !tline || !lines_equal(mline, tline)) {
			d = find_diff(c, on, mline, tline);
			if (d) {
				*used |= 1UL << (d - c->diffs);
			} else {
				bad++;
				say_line("model:", mline);
				say_line("  ttp:", tline);
			}
		}
		if (!d || d->model)
			m = m_at;
		if (!d || d->ttp)
			t = t_at;
	}
}

/* Differences that are announced and not there */
static int missing(const struct cmp_case *c, int on, unsigned long used)
{
	const struct cmp_diff *d;
	int bad = 0;

	for (d = c->diffs; d < c->diffs + c->n_diffs; d++) {
		if (d->some || (d->on && d->on != on) ||
		    used & (1UL << (d - c->diffs)))
			continue;
		printf("# not seen: \"%s\" in place of \"%s\"\n",
		       d->ttp ?: "", d->model ?: "");
		bad++;
	}
	return bad;
}

static void print_text(const char *who, char *text)
{
	char *line;

	while ((line = next_line(&text)))
		printf("# %s| %.*s\n", who, (int)strcspn(line, "\n"), line);
}

static bool run_case(const struct cmp_case *c, int on)
{
	bool stream = on == CMP_STREAM;
	struct cmp model = {
		.family = stream ? AF_INET : AF_UNIX,
		.type = stream ? SOCK_STREAM : SOCK_SEQPACKET,
		.on = on, .w = &wire, .ports = next_port,
	};
	static char *texts[2];
	static size_t *sizes[2];
	struct cmp ttp = model;
	unsigned long used = 0;
	bool ok;

	next_port += 100;
	if (!texts[0]) {
		texts[0] = new_text(&sizes[0]);
		texts[1] = new_text(&sizes[1]);
	}
	model.text = texts[0];
	model.bytes = sizes[0];
	ttp.family = AF_TTP;
	ttp.ttp = true;
	ttp.text = texts[1];
	ttp.bytes = sizes[1];
	ok = run_once(c, &model);
	ok = run_once(c, &ttp) && ok;
	if (!*model.bytes || !*ttp.bytes) {
		printf("# nothing was seen\n");
		ok = false;
	}
	ok = !compare(c, on, model.text, ttp.text, &used) && ok;
	ok = !missing(c, on, used) && ok;
	if (!ok || verbose) {
		print_text(stream ? "tcp " : "unix", model.text);
		print_text("ttp ", ttp.text);
	}
	return ok;
}

static bool chosen(const struct cmp_case *c)
{
	const char *only = getenv("TTP_ONLY");

	return !only || strstr(c->name, only);
}

static int run_all(void)
{
	static const int on[] = { CMP_STREAM, CMP_RECORD };
	int planned = 0, n = 0, failed = 0, i;
	const struct cmp_case *c;
	bool ok;

	for (c = cases; c; c = c->next)
		if (chosen(c))
			planned += !!(c->on & CMP_STREAM) +
				   !!(c->on & CMP_RECORD);
	printf("TAP version 13\n1..%d\n", planned);
	for (c = cases; c; c = c->next) {
		for (i = 0; i < 2 && chosen(c); i++) {
			if (!(c->on & on[i]))
				continue;
			ok = run_case(c, on[i]);
			failed += !ok;
			printf("%sok %d %s.%s\n", ok ? "" : "not ", ++n,
			       c->name, i ? "unix" : "tcp");
		}
	}
	printf("# %d passed, %d failed\n", n - failed, failed);
	return failed || !n;
}

static const char *reason(enum cmp_why why)
{
	static const char * const texts[WHY_MAX] = {
		"",
#define WHY(name, text) text,
#include "compare_why.h"
#undef WHY
	};

	return texts[why];
}

/* The reasons of this program's differences, each case with its own */
static int list(void)
{
	const struct cmp_diff *d;
	const struct cmp_case *c;

	for (c = cases; c; c = c->next)
		for (d = c->diffs; d < c->diffs + c->n_diffs; d++)
			printf("%s: \"%s\", not \"%s\": %s\n", c->name,
			       d->ttp ?: "", d->model ?: "", reason(d->why));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "-l"))
		return list();
	verbose = argc > 1 && !strcmp(argv[1], "-v");
	ttp_wire_up(&wire);
	ip_address(&wire.b, 0x0a630002);
	ip_address(&wire.a, 0x0a630001);
	return run_all();
}
